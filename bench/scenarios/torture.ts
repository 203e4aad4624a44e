import { runChaos } from '../../test/cluster/chaos.ts';
import { Cluster } from '../../test/cluster/cluster.ts';
import { noCuts } from '../../test/cluster/network.ts';
import type { RedisKind } from '../../test/cluster/redis-hosts.ts';
import { lengthMs, makeSchedule, scheduleText, type Fault } from '../../test/cluster/schedule.ts';
import { runText } from '../../test/cluster/shows.ts';
import type { Bench, Check, Scenario } from '../scenario.ts';

/** What befalls a cluster in one run: each fault once, in the seed's order. */
interface Kind {
  readonly name: string;
  readonly redis: RedisKind;
  readonly faults: readonly Fault[];
}

const KINDS: readonly Kind[] = [
  { name: 'nodes', redis: 'sentinel', faults: ['kill', 'freeze', 'cut', 'restart'] },
  { name: 'redis', redis: 'sentinel', faults: ['redis-kill', 'redis-freeze', 'redis-failover', 'fault-stripe'] },
  { name: 'redis cluster', redis: 'cluster-3+3', faults: ['redis-kill', 'redis-freeze', 'kill'] },
  { name: 'one redis', redis: 'standalone', faults: ['redis-kill', 'redis-freeze', 'fault-slot'] },
  { name: 'partitions', redis: 'sentinel', faults: ['cut', 'cut-in', 'cut-out', 'cut-from-redis', 'redis-cut'] },
  { name: 'postgres', redis: 'sentinel', faults: ['postgres-stop', 'postgres-kill', 'restart', 'kill'] },
];
/** ms: as issue 4's runs have it. */
const LASTS = { default: 8000, freeze: 15_000, 'redis-kill': 12_000, 'postgres-stop': 20_000, restart: 2000 } as const;
const QUIET_MS = 5000;

export const scenario: Scenario = {
  title: 'three nodes, their Redis and their Postgres are killed, frozen, cut off and restarted: nothing is lost',
  runs: 10,
  count: 60_000,
  doesNotSay: [
    'how fast a cluster is: nodes, Redis, Postgres, generator and carrier share this machine',
    'what hardware does that loses what it said it had flushed',
  ],
  run: async bench => {
    const checks: Check[] = [];
    for (let seed = 1; seed <= bench.runs; seed++) {
      for (const kind of KINDS) checks.push(await tortured(bench, seed, kind));
    }
    return { rows: [], checks, facts: [], raw: checks, warnings: [noCuts() ?? []].flat() };
  },
};

async function tortured(bench: Bench, seed: number, { name, redis, faults }: Kind): Promise<Check> {
  const possible = noCuts() === undefined ? faults : faults.filter(fault => !fault.includes('cut'));
  const steps = makeSchedule(seed, { nodes: 3, faults: possible, lastsMs: LASTS, quietMs: QUIET_MS });
  const title = `${name}, seed ${seed}`;
  bench.note(`${name}: ${scheduleText(seed, steps)}`);
  try {
    await using cluster = await Cluster.make({ nodes: 3, redis, postgres: true });
    await cluster.start();
    const rate = Math.round((bench.count / lengthMs(steps)) * 1000);
    const run = await runChaos(cluster, steps, { rate, settleSeconds: 90 });
    return { name: title, ok: true, detail: runText(steps, run) };
  } catch (error) {
    bench.note((error as Error).message);
    return { name: title, ok: false, detail: (error as Error).message.split('\n')[0]! };
  }
}
