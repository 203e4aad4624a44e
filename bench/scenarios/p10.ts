import { BAD_PEERS, badPeers } from '../harness/bad-peers.ts';
import { NodePlace } from '../harness/node-process.ts';
import { loadNode, type NodeRun } from '../harness/node-run.ts';
import { othersText, warningsOf } from '../harness/pairs.ts';
import { shown } from '../harness/stats.ts';
import type { Bench, Scenario } from '../scenario.ts';

interface BadRun extends NodeRun {
  /** How the peers were seen at the end; absent in the run without them. */
  readonly peers?: { readonly deafSubmitted: number; readonly muteReceipts: number; readonly thrownOut: number };
}

export const scenario: Scenario = {
  title: 'the load beside one ESME that never reads and one that never answers, against the load alone',
  runs: 3,
  count: 200_000,
  doesNotSay: [
    'what happens while such peers come and go by the hundred: these two are in their state before the load begins',
    'what the two cost each other: they are not measured',
  ],
  run: async bench => {
    const pairs: { alone: BadRun; beside: BadRun }[] = [];
    for (let run = 0; run < bench.runs; run++) {
      bench.note(`run ${run + 1} of ${bench.runs}: with and without bad peers, ${bench.count} messages each`);
      const first = await loaded(bench, run % 2 === 1);
      const second = await loaded(bench, run % 2 === 0);
      pairs.push(run % 2 === 0 ? { alone: first, beside: second } : { alone: second, beside: first });
    }
    const all = pairs.flatMap(({ alone, beside }) => [alone, beside]);
    const row = {
      goal: 'P10' as const,
      values: pairs.map(({ alone, beside }) => beside.load.dlr_per_s / alone.load.dlr_per_s),
      details: pairs.map(
        ({ alone, beside }) =>
          `${shown(beside.load.dlr_per_s)}/s of ${shown(alone.load.dlr_per_s)}/s; the deaf one had submitted ${shown(beside.peers!.deafSubmitted)}, ` +
          `the mute one had ${shown(beside.peers!.muteReceipts)} receipts, ${beside.peers!.thrownOut} times thrown out${othersText(beside, alone)}`,
      ),
      problems: all.flatMap(run => run.problems),
    };
    return { rows: [row], checks: [], facts: [], raw: pairs, warnings: warningsOf(all) };
  },
};

async function loaded(bench: Bench, beside: boolean): Promise<BadRun> {
  using place = await NodePlace.make(bench, BAD_PEERS);
  await using node = place.start();
  await node.up({ archive: true });
  const offer = { count: bench.count };
  if (!beside) return await loadNode(node, place, offer, { archived: false });
  const { deaf, mute } = await badPeers(place.port);
  using _deaf = deaf;
  using _mute = mute;
  const run = await loadNode(node, place, offer, { archived: false });
  const thrownOut = deaf.thrownOut + mute.thrownOut;
  return { ...run, peers: { deafSubmitted: deaf.submitted, muteReceipts: mute.receipts, thrownOut } };
}
