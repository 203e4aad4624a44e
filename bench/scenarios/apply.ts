import { join } from 'node:path';
import { NodePlace, type NodeProcess } from '../harness/node-process.ts';
import { loadNode, type NodeRun } from '../harness/node-run.ts';
import { warningsOf } from '../harness/pairs.ts';
import { gapsIn } from '../harness/smppload.ts';
import { median, shown } from '../harness/stats.ts';
import type { Bench, Check, Scenario } from '../scenario.ts';

const TABLES = 20;
const ROUTES = 10_000;
/** Longest pause that traffic may see. */
const PAUSE_MS = 100;

interface ApplyRun extends NodeRun {
  /** ms without an acknowledgement, and without a delivery, at the longest. */
  readonly gaps: ReturnType<typeof gapsIn>;
  /** Tables that became active while messages came. */
  readonly applied: number;
}

export const scenario: Scenario = {
  title: 'tables of 10,000 routes that replace each other under the load of P1',
  runs: 3,
  count: 400_000,
  doesNotSay: [
    'how long the longest pause would be without tables: that is shown beside it, and is no part of it',
    'what a pause costs a single message: under this load each waits for the windows anyway',
  ],
  run: async bench => {
    const runs: { without: ApplyRun; under: ApplyRun }[] = [];
    for (let run = 0; run < bench.runs; run++) {
      bench.note(`run ${run + 1} of ${bench.runs}: without and with tables, ${bench.count} messages each`);
      runs.push({ without: await loaded(bench, 0), under: await loaded(bench, TABLES) });
    }
    const all = runs.flatMap(({ without, under }) => [without, under]);
    const problems = all.flatMap(run => run.problems);
    const checks: Check[] = [
      { name: 'nothing lost, nothing twice', ok: problems.length === 0, detail: problems.join('; ') || 'nothing' },
      {
        name: `tables applied during the load, ${TABLES} in each`,
        ok: runs.every(({ under }) => under.applied === TABLES),
        detail: runs.map(({ under }) => under.applied).join(', '),
      },
      pauseCheck('acknowledgement', runs, gaps => gaps.acknowledged),
      pauseCheck('delivery', runs, gaps => gaps.delivered),
    ];
    const facts = runs.map(
      ({ without, under }) =>
        `${shown(under.load.dlr_per_s)}/s with tables, ${shown(without.load.dlr_per_s)}/s without; without them the longest ` +
        `pause was ${shown(without.gaps.acknowledged)} ms, ${shown(without.gaps.delivered)} ms between deliveries`,
    );
    return { rows: [], checks, facts, raw: runs, warnings: warningsOf(all) };
  },
};

function pauseCheck(
  what: string,
  runs: readonly { readonly under: ApplyRun }[],
  of: (gaps: ApplyRun['gaps']) => number,
): Check {
  const longest = runs.map(({ under }) => of(under.gaps));
  return {
    name: `longest time without ${what === 'delivery' ? 'a' : 'an'} ${what}, at most ${PAUSE_MS} ms`,
    ok: median(longest) <= PAUSE_MS,
    detail: `${shown(median(longest))} ms (${longest.map(shown).join(', ')})`,
  };
}

async function loaded(bench: Bench, tables: number): Promise<ApplyRun> {
  using place = await NodePlace.make(bench);
  await using node = place.start();
  await node.up({ archive: true });
  await node.apply({ routes: tableOf(0) });
  const ledger = join(place.folder, 'ledger');
  const offer = { count: bench.count, ledger };
  const [run, applied] = await Promise.all([
    loadNode(node, place, offer, { archived: false }),
    applyUnder(node, tables, bench.count),
  ]);
  return { ...run, gaps: gapsIn(ledger), applied };
}

/** One table after the other from when messages come in. @returns how many became active before the last message was in */
async function applyUnder(node: NodeProcess, tables: number, count: number): Promise<number> {
  let applied = 0;
  if (tables === 0) return applied;
  while ((await node.status()).messages.accepted === 0);
  for (let table = 1; table <= tables; table++) {
    await node.apply({ routes: tableOf(table) });
    if ((await node.status()).receipts.received < count) applied++;
  }
  return applied;
}

/** Rules of which only one fits the load's numbers, each time in another place. */
function tableOf(table: number): object[] {
  const place = (table * 487) % ROUTES;
  return Array.from({ length: ROUTES }, (_, i) => ({
    called_prefix: i === place ? '44' : `9${String(i).padStart(6, '0')}`,
    dest_smsc: 'sink',
    description: `rule ${i + 1} of table ${table}`,
  }));
}
