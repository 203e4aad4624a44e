import { cpuRow, runPairs, secondStartRow, throughputRow, warningsOf } from '../harness/pairs.ts';
import { median } from '../harness/stats.ts';
import { together, type Outcome, type Scenario } from '../scenario.ts';
import { latencyAt } from './p2.ts';
import { scenario as p10 } from './p10.ts';
import { scenario as p15 } from './p15.ts';

export const scenario: Scenario = {
  title: 'every figure of one node that has a goal, with the bare relay beside it',
  runs: 3,
  count: 200_000,
  doesNotSay: ['what each of them alone does not say: bench/README.md'],
  run: async bench => {
    const pairs = await runPairs(bench);
    const first: Outcome = {
      rows: [
        throughputRow(pairs),
        cpuRow(pairs),
        secondStartRow(
          pairs.map(pair => pair.secondStartMs),
          [],
        ),
      ],
      checks: [],
      facts: [],
      raw: pairs,
      warnings: warningsOf(pairs.flatMap(({ node, relay }) => [node, relay])),
    };
    const latency = await latencyAt(bench, median(pairs.map(({ node }) => node.load.dlr_per_s)) / 2);
    const badPeers = await p10.run(bench);
    const held = await p15.run({ ...bench, runs: p15.runs, count: p15.count });
    const all = together([first, latency, badPeers, held]);
    return { ...all, rows: all.rows.toSorted((a, b) => order(a.goal) - order(b.goal)) };
  },
};

const order = (goal: string): number => Number(goal.slice(1));
