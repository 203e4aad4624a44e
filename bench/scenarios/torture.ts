import { runChaos, type Run } from '../../test/cluster/chaos.ts';
import { firstAckAfterMs, lastLeftAfterMs, longestSilenceMs } from '../../test/cluster/checker/verdict.ts';
import { Cluster } from '../../test/cluster/cluster.ts';
import { noCuts } from '../../test/cluster/network.ts';
import type { RedisKind } from '../../test/cluster/redis-hosts.ts';
import {
  lengthMs,
  makeSchedule,
  scheduleText,
  type Fault,
  type Shape,
  type Step,
} from '../../test/cluster/schedule.ts';
import type { Bench, Check, Scenario } from '../scenario.ts';

/** What befalls a cluster in one run: each fault once, in the seed's order. */
interface Kind {
  readonly name: string;
  readonly redis: RedisKind;
  readonly faults: readonly Fault[];
  /** How long they last, where it is not as `LASTS` says, ms. */
  readonly lastsMs?: Partial<Shape['lastsMs']>;
  readonly clocks?: true;
  /** Nothing may be refused, or come twice: no session is hit. */
  readonly unharmed?: true;
  /** From the end of the last fault to the next acknowledgement, at most, ms. */
  readonly resumesMs?: number;
}

const KINDS: readonly Kind[] = [
  { name: 'nodes', redis: 'sentinel', faults: ['kill', 'freeze', 'cut', 'restart'] },
  // reliability.md C5; 15 s are among `nodes`.
  {
    name: 'freezes',
    redis: 'sentinel',
    faults: ['freeze-short', 'freeze', 'freeze-long'],
    lastsMs: { 'freeze-short': 1000, freeze: 6000, 'freeze-long': 60_000 },
  },
  { name: 'redis', redis: 'sentinel', faults: ['redis-kill', 'redis-failover', 'fault-stripe'] },
  // reliability.md C9 and C10: of two replicas a commit waits for one, or for both.
  { name: 'replicas', redis: 'sentinel-2', faults: ['redis-kill', 'redis-freeze', 'redis-failover'] },
  { name: 'double', redis: 'sentinel-2-all', faults: ['redis-double-kill'] },
  {
    name: 'redis-cluster',
    redis: 'cluster-3+3',
    faults: ['redis-kill-1', 'redis-kill-2', 'redis-kill-3', 'redis-move-slot', 'redis-freeze', 'kill'],
  },
  { name: 'one-redis', redis: 'standalone', faults: ['redis-kill', 'redis-freeze', 'fault-slot'] },
  {
    name: 'partitions',
    redis: 'sentinel',
    faults: ['cut', 'cut-in', 'cut-out', 'cut-from-redis', 'redis-cut', 'partition', 'partition-one-way'],
  },
  { name: 'flapping', redis: 'sentinel', faults: ['flap'], lastsMs: { flap: 60_000 } },
  { name: 'clocks', redis: 'standalone', faults: ['clock-hour', 'clock-years', 'clock-redis'], clocks: true },
  {
    name: 'postgres',
    redis: 'sentinel',
    faults: ['postgres-stop', 'postgres-kill', 'postgres-kill-copying', 'restart', 'kill'],
  },
  // What issue 4 asks for by name.
  {
    name: 'redis-gone',
    redis: 'standalone',
    faults: ['redis-kill'],
    lastsMs: { 'redis-kill': 30_000 },
    resumesMs: 5000,
  },
  {
    name: 'postgres-gone',
    redis: 'sentinel',
    faults: ['postgres-stop'],
    lastsMs: { 'postgres-stop': 60_000 },
    unharmed: true,
  },
];
/** ms. */
const LASTS = { default: 8000, freeze: 15_000, 'redis-kill': 12_000, 'postgres-stop': 20_000, restart: 2000 } as const;
const QUIET_MS = 5000;
const AFTER_MS = 5000;
const SETTLE_SECONDS = 90;
const US = 1000;

export const scenario: Scenario = {
  title: 'three nodes, their Redis and their Postgres are killed, frozen, cut off and restarted: nothing is lost',
  runs: 10,
  count: 60_000,
  doesNotSay: [
    'how fast a cluster is: nodes, Redis, Postgres, generator and carrier share this machine',
    'what hardware does that loses what it said it had flushed',
  ],
  run: async bench => {
    const kinds = KINDS.filter(({ name }) => bench.only === undefined || bench.only === name);
    if (kinds.length === 0) throw new Error(`--only: expected one of ${KINDS.map(({ name }) => name).join(', ')}`);
    const checks: Check[] = [];
    const table: string[][] = [COLUMNS];
    for (const kind of kinds) checks.push(...(await tortured(bench, kind, table)));
    return { rows: [], checks, facts: aligned(table), raw: checks, warnings: [noCuts() ?? []].flat() };
  },
};

/** All seeds of a kind, on one cluster as long as all is well. */
async function tortured(bench: Bench, kind: Kind, table: string[][]): Promise<Check[]> {
  const checks: Check[] = [];
  let cluster: Cluster | undefined;
  const discard = async (): Promise<void> => {
    await cluster?.[Symbol.asyncDispose]();
    cluster = undefined;
  };
  try {
    for (let seed = bench.seed; seed < bench.seed + bench.runs; seed++) {
      const title = `${kind.name}, seed ${seed}`;
      const steps = stepsOf(seed, kind);
      bench.note(`${kind.name}: ${scheduleText(seed, steps)}`);
      try {
        if (cluster) await cluster.mend();
        else {
          cluster = await Cluster.make({
            nodes: 3,
            redis: kind.redis,
            postgres: true,
            ...(kind.clocks ? { clocks: true } : {}),
          });
          await cluster.start();
        }
        const rate = Math.round((bench.count / (lengthMs(steps) + AFTER_MS)) * 1000);
        const run = await runChaos(cluster, steps, { rate, afterMs: AFTER_MS, settleSeconds: SETTLE_SECONDS });
        const row = rowOf(title, rate, steps, run);
        table.push(row);
        bench.note(row.map((cell, i) => `${COLUMNS[i]!} ${cell}`).join(', '));
        const problems = problemsOf(kind, run);
        checks.push({ name: title, ok: problems.length === 0, detail: problems.join('; ') || 'nothing lost' });
      } catch (error) {
        bench.note((error as Error).message);
        checks.push({ name: title, ok: false, detail: (error as Error).message.split('\n')[0]! });
        await discard();
      }
    }
  } finally {
    await discard();
  }
  return checks;
}

function stepsOf(seed: number, { faults, lastsMs }: Kind): readonly Step[] {
  const possible = noCuts() === undefined ? faults : faults.filter(fault => !/cut|partition|flap/.test(fault));
  return makeSchedule(seed, { nodes: 3, faults: possible, lastsMs: { ...LASTS, ...lastsMs }, quietMs: QUIET_MS });
}

/** What the checker does not know of: it has thrown for everything else. */
function problemsOf({ unharmed, resumesMs }: Kind, { verdict, result, entries, doneAt }: Run): string[] {
  const problems: string[] = [];
  if (unharmed && result.rejected + verdict.duplicates > 0) {
    problems.push(`${result.rejected} refused, ${verdict.duplicates} came twice, expected none`);
  }
  const after = firstAckAfterMs(entries, doneAt.at(-1)! * US);
  if (resumesMs !== undefined && after > resumesMs)
    problems.push(`first acknowledged ${Math.round(after)} ms after it`);
  return problems;
}

const COLUMNS = [
  'run',
  'rate/s',
  'sent',
  'acked',
  'refused',
  'lost',
  'twice',
  'no receipt',
  'sessions',
  'silence ms',
  'moved ms',
  'resumed ms',
];

const ms = (value: number): string => String(Math.round(value));

/**
 * `sessions`: most that the carrier had at once, those of nodes that stood still counted; `silence`: the longest time without
 * an acknowledgement; `moved`: until all had left that waited when a node was killed; `resumed`: from the last step to the
 * next acknowledgement.
 */
function rowOf(
  title: string,
  rate: number,
  steps: readonly Step[],
  { verdict, result, entries, doneAt }: Run,
): string[] {
  const end = entries.reduce((last, { sentAt }) => Math.max(last, sentAt), 0);
  const moved = steps.flatMap((step, i) => (step.do === 'kill' ? [lastLeftAfterMs(entries, doneAt[i]! * US)] : []));
  return [
    title,
    String(rate),
    String(result.sent),
    String(verdict.acked),
    String(result.rejected),
    String(verdict.lost),
    String(verdict.duplicates),
    String(verdict.withoutReceipt),
    String(result.sessions_max),
    ms(longestSilenceMs(entries, 0, end)),
    moved.map(ms).join(' ') || '-',
    ms(firstAckAfterMs(entries, doneAt.at(-1)! * US)),
  ];
}

function aligned(table: readonly (readonly string[])[]): string[] {
  const widths = COLUMNS.map((_, i) => Math.max(...table.map(row => row[i]!.length)));
  return table.map(row =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '),
  );
}
