import { runChaos } from '../../test/cluster/chaos.ts';
import { lastLeftAfterMs, longestSilenceMs } from '../../test/cluster/checker/verdict.ts';
import { Cluster } from '../../test/cluster/cluster.ts';
import { lengthMs, makeSchedule, scheduleText, type Step } from '../../test/cluster/schedule.ts';
import { shown } from '../harness/stats.ts';
import type { Bench, Scenario } from '../scenario.ts';

const NODES = 3;
const DOWN_MS = 10_000;
const QUIET_MS = 5000;
const AFTER_MS = 5000;
const SETTLE_SECONDS = 90;
const US = 1000;

/** What one kill did. */
interface Kill {
  readonly movedMs: number;
  readonly detail: string;
}

export const scenario: Scenario = {
  title: 'kill -9 of one node of three under load: until the last message has left that waited in it',
  runs: 3,
  count: 310_000,
  doesNotSay: [
    'what three machines do: nodes, Redis with its replica, Postgres, generator and carrier share these cores',
    'how long applications wait that were bound to it: they bind again, which this generator does at once',
  ],
  run: async bench => {
    const kills: Kill[] = [];
    const problems: string[] = [];
    await using cluster = await Cluster.make({ nodes: NODES, redis: 'sentinel', postgres: true });
    await cluster.start();
    for (let seed = bench.seed; seed < bench.seed + bench.runs; seed++) {
      try {
        kills.push(await killed(bench, cluster, seed));
      } catch (error) {
        bench.note((error as Error).message);
        problems.push(`seed ${seed}: ${(error as Error).message.split('\n')[0]!}`);
        break;
      }
      await cluster.mend();
    }
    const row = {
      goal: 'P12' as const,
      values: kills.map(({ movedMs }) => movedMs),
      details: kills.map(({ detail }) => detail),
      problems,
    };
    return { rows: [row], checks: [], facts: [], raw: kills, warnings: [] };
  },
};

/** @throws when anything is lost, refused after all, without its receipt, or twice beyond the windows */
async function killed(bench: Bench, cluster: Cluster, seed: number): Promise<Kill> {
  const shape = { nodes: NODES, faults: ['kill'], lastsMs: { default: DOWN_MS }, quietMs: QUIET_MS } as const;
  const steps: readonly Step[] = makeSchedule(seed, shape);
  const rate = Math.round((bench.count / (lengthMs(steps) + AFTER_MS)) * 1000);
  bench.note(`${scheduleText(seed, steps)}, ${shown(rate)}/s`);
  const run = await runChaos(cluster, steps, { rate, afterMs: AFTER_MS, settleSeconds: SETTLE_SECONDS });
  const { verdict, entries, doneAt } = run;
  const end = entries.reduce((last, { sentAt }) => Math.max(last, sentAt), 0);
  return {
    movedMs: lastLeftAfterMs(entries, doneAt[0]! * US),
    detail:
      `at ${shown(rate)}/s; acked ${shown(verdict.acked)}, lost ${verdict.lost}, twice ${verdict.duplicates}, ` +
      `no receipt ${verdict.withoutReceipt}; longest without an acknowledgement ${shown(longestSilenceMs(entries, 0, end))} ms`,
  };
}
