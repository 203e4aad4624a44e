import { cpuRow, runPairs, warningsOf } from '../harness/pairs.ts';
import type { Scenario } from '../scenario.ts';

export const scenario: Scenario = {
  title: 'CPU time a message, all threads of the node until it is archived, against the bare relay',
  runs: 3,
  count: 200_000,
  doesNotSay: [
    'what the database takes for it: that is shown beside, and not in the ratio',
    'what the generator takes: it is no part of either',
  ],
  run: async bench => {
    const pairs = await runPairs(bench);
    const warnings = warningsOf(pairs.flatMap(({ node, relay }) => [node, relay]));
    return { rows: [cpuRow(pairs)], checks: [], facts: [], raw: pairs, warnings };
  },
};
