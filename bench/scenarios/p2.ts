import { NodePlace } from '../harness/node-process.ts';
import { loadNode, type NodeRun } from '../harness/node-run.ts';
import { othersText, warningsOf } from '../harness/pairs.ts';
import { shown } from '../harness/stats.ts';
import type { Bench, Outcome, Scenario } from '../scenario.ts';

/** How long the rate is held, at most. */
const SECONDS = 10;
/** Offered and really sent may differ by so much. */
const NEAR = 0.97;

export const scenario: Scenario = {
  title: 'submit_sm to submit_sm_resp, flushed, at half the rate that P1 reaches here',
  runs: 3,
  count: 200_000,
  doesNotSay: [
    'how long a message waits when more than 2,000 are unanswered: the generator stops then, and with it its clock',
    'how soon a message reaches the carrier, or its receipt the sender (--json has the former)',
  ],
  run: async bench => {
    bench.note('the rate that the node reaches');
    const full = await fullRate(bench);
    const outcome = await latencyAt(bench, full.load.dlr_per_s / 2);
    return { ...outcome, raw: [full, ...outcome.raw] };
  },
};

async function fullRate(bench: Bench): Promise<NodeRun> {
  using place = await NodePlace.make(bench);
  await using node = place.start();
  await node.up({ archive: true });
  return await loadNode(node, place, { count: bench.count }, { archived: false });
}

/** One run, of a fresh node. @param rate messages/s offered */
export async function latencyRun(bench: Bench, rate: number): Promise<NodeRun> {
  using place = await NodePlace.make(bench);
  await using node = place.start();
  await node.up({ archive: true });
  return await loadNode(node, place, { count: bench.count, rate }, { archived: false });
}

/** @param rate messages/s offered */
export async function latencyAt(bench: Bench, rate: number): Promise<Outcome> {
  const runs: NodeRun[] = [];
  const count = Math.min(bench.count, Math.ceil(rate * SECONDS));
  for (let run = 0; run < bench.runs; run++) {
    bench.note(`run ${run + 1} of ${bench.runs}: ${count} messages at ${shown(rate)}/s`);
    runs.push(await latencyRun({ ...bench, count }, rate));
  }
  const warnings = warningsOf(runs);
  const slow = runs.filter(({ load }) => load.ack_per_s < rate * NEAR);
  if (slow.length > 0)
    warnings.push(`the rate of ${shown(rate)}/s was not reached in ${slow.length} of ${runs.length} runs`);
  const row = {
    goal: 'P2' as const,
    values: runs.map(({ load }) => load.ack_ms.p99),
    details: runs.map(run => {
      const { ack_ms, ack_per_s } = run.load;
      return `p50 ${shown(ack_ms.p50)} ms, max ${shown(ack_ms.max)} ms at ${shown(ack_per_s)}/s${othersText(run)}`;
    }),
    problems: runs.flatMap(run => run.problems),
  };
  return { rows: [row], checks: [], facts: [], raw: runs, warnings };
}
