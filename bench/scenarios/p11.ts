import { NodePlace } from '../harness/node-process.ts';
import { loadNode } from '../harness/node-run.ts';
import { secondStart, secondStartRow } from '../harness/pairs.ts';
import type { Scenario } from '../scenario.ts';

export const scenario: Scenario = {
  title: 'second start to the first accepted bind',
  runs: 3,
  count: 20_000,
  doesNotSay: [
    'how long a start takes with millions of messages queued',
    'anything of the first start, which makes the database',
  ],
  run: async bench => {
    using place = await NodePlace.make(bench);
    bench.note(`first start, and ${bench.count} messages`);
    const run = await firstLife(place, bench.count);
    const startsMs: number[] = [];
    for (let i = 0; i < bench.runs; i++) startsMs.push(await secondStart(place));
    return {
      rows: [secondStartRow(startsMs, run.problems)],
      checks: [],
      facts: [],
      raw: [{ ...run, startsMs }],
      warnings: [],
    };
  },
};

async function firstLife(place: NodePlace, count: number): ReturnType<typeof loadNode> {
  await using node = place.start();
  await node.up({ archive: true });
  const run = await loadNode(node, place, { count }, { archived: true });
  await node.stop();
  return run;
}
