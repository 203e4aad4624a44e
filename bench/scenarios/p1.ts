import { runPairs, throughputRow, warningsOf } from '../harness/pairs.ts';
import type { Scenario } from '../scenario.ts';

export const scenario: Scenario = {
  title: 'MT end to end with receipts, flushed to disk and archived, against the bare relay',
  runs: 3,
  count: 200_000,
  doesNotSay: [
    'how long it can be held: the archive may lag behind during the run (p15 says)',
    'how fast a message is: 2,000 are always under way, so the generator waits for the node (p2 says)',
  ],
  run: async bench => {
    const pairs = await runPairs(bench);
    const warnings = warningsOf(pairs.flatMap(({ node, relay }) => [node, relay]));
    return { rows: [throughputRow(pairs)], checks: [], facts: [], raw: pairs, warnings };
  },
};
