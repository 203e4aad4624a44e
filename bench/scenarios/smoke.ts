import { archiveRows, type ArchiveRows } from '../harness/archive-rows.ts';
import { NodePlace } from '../harness/node-process.ts';
import { loadNode, type NodeRun } from '../harness/node-run.ts';
import { secondStart } from '../harness/pairs.ts';
import { shown } from '../harness/stats.ts';
import { GOALS } from '../goals.ts';
import type { NodeStatus } from '../../actors/node-control.ts';
import type { Bench, Check, Scenario } from '../scenario.ts';

export const scenario: Scenario = {
  title: 'nothing is lost, everything is archived, a second start is quick',
  runs: 1,
  count: 20_000,
  doesNotSay: ['how fast the node is: too few messages, and no bare relay beside it'],
  run: async bench => {
    using place = await NodePlace.make(bench);
    const life = await firstLife(bench, place);
    const startMs = await secondStart(place);
    const { load, cpuUsPerMessage, memoryMb } = life.run;
    const facts = [`${shown(load.dlr_per_s)}/s, ${shown(cpuUsPerMessage)} µs of CPU a message, ${memoryMb} MB`];
    return { rows: [], checks: checksOf(bench, life, startMs), facts, raw: [{ ...life, startMs }], warnings: [] };
  },
};

interface Life {
  readonly run: NodeRun;
  readonly rows: ArchiveRows;
  readonly status: NodeStatus;
}

async function firstLife(bench: Bench, place: NodePlace): Promise<Life> {
  await using node = place.start();
  await node.up({ archive: true });
  bench.note(`${bench.count} messages with receipts`);
  const run = await loadNode(node, place, { count: bench.count }, { archived: true });
  const rows = await archiveRows(place.dataDir);
  const status = await node.status();
  await node.stop();
  return { run, rows, status };
}

function check(name: string, found: number, expected: number): Check {
  return {
    name,
    ok: found === expected,
    detail: found === expected ? String(found) : `${found}, expected ${expected}`,
  };
}

function checksOf({ count }: Bench, { run, rows, status }: Life, startMs: number): Check[] {
  const { load } = run;
  const limitMs = GOALS.P11.floor;
  return [
    check('acknowledged', load.acked, count),
    check('delivered', load.delivered, count),
    check('receipts', load.dlr, count),
    check('duplicates, messages and receipts', load.duplicates + load.dlr_dup, 0),
    check('receipts with an unknown id', load.dlr_unknown, 0),
    check('damaged or refused', load.bad_text + load.proto_errors + load.rejected, 0),
    check('rows in the archive', rows.rows, count),
    check('rows that say delivered', rows.delivered, count),
    check(
      'messages still queued',
      status.queues.reduce((sum, queue) => sum + queue.ready + queue.inFlight + queue.parked, 0),
      0,
    ),
    check('alarms', status.alarms.filter(alarm => !alarm.startsWith('carrier sink has no session')).length, 0),
    {
      name: `second start to the first accepted bind, at most ${limitMs} ms`,
      ok: startMs <= limitMs,
      detail: `${shown(startMs)} ms`,
    },
  ];
}
