import type { Bench, Row } from '../scenario.ts';
import { firstBind } from './bind-probe.ts';
import { NodePlace } from './node-process.ts';
import { loadNode, type NodeRun } from './node-run.ts';
import { runRelay, type RelayRun } from './relay.ts';
import { shown } from './stats.ts';

/** One run of each, next to each other in time. */
export interface Pair {
  readonly node: NodeRun;
  readonly relay: RelayRun;
  /** From the second start's spawn to the first accepted bind, ms. */
  readonly secondStartMs: number;
}

/** The load of P1 through a node and through the bare relay, `runs` times, each from nothing; who is first alternates. */
export async function runPairs(bench: Bench): Promise<Pair[]> {
  const pairs: Pair[] = [];
  for (let run = 0; run < bench.runs; run++) {
    bench.note(`run ${run + 1} of ${bench.runs}: node and bare relay, ${bench.count} messages each`);
    const relayFirst = run % 2 === 0 ? await runRelay(bench.count) : undefined;
    const node = await runNode(bench);
    const relay = relayFirst ?? (await runRelay(bench.count));
    pairs.push({ ...node, relay });
  }
  return pairs;
}

/** A fresh node with the load of P1, and its second start. */
export async function runNode(bench: Bench): Promise<Omit<Pair, 'relay'>> {
  using place = await NodePlace.make(bench);
  const node = await measure(bench, place);
  return { node, secondStartMs: await secondStart(place) };
}

async function measure(bench: Bench, place: NodePlace): Promise<NodeRun> {
  await using node = place.start();
  await node.up({ archive: true });
  const run = await loadNode(node, place, { count: bench.count }, { archived: true });
  await node.stop();
  return run;
}

/** Starts a node on a folder that has been used. @returns ms until it accepts a bind */
export async function secondStart(place: NodePlace): Promise<number> {
  await using node = place.start();
  const took = (await firstBind(place.port, 60_000)) - node.startedAt;
  await node.up({ archive: false });
  await node.stop();
  return took;
}

const problemsOfBoth = (pairs: readonly Pair[]): string[] =>
  pairs.flatMap(({ node, relay }) => [...node.problems, ...relay.problems]);

export function throughputRow(pairs: readonly Pair[]): Row {
  return {
    goal: 'P1',
    values: pairs.map(({ node, relay }) => node.load.dlr_per_s / relay.load.dlr_per_s),
    details: pairs.map(
      ({ node, relay }) =>
        `${shown(node.load.dlr_per_s)}/s of ${shown(relay.load.dlr_per_s)}/s${othersText(node, relay)}`,
    ),
    problems: problemsOfBoth(pairs),
  };
}

/** What a message costs until it is archived; the database's own processes apart. */
export function cpuRow(pairs: readonly Pair[]): Row {
  return {
    goal: 'P13',
    values: pairs.map(({ node, relay }) => node.cpuUsPerMessage / relay.cpuUsPerMessage),
    details: pairs.map(
      ({ node, relay }) =>
        `${shown(node.cpuUsPerMessage)} µs (${shown(node.cpuUsInRun)} until the last receipt) of ` +
        `${shown(relay.cpuUsPerMessage)} µs; database ${shown(node.databaseUsPerMessage)} µs${othersText(node, relay)}`,
    ),
    problems: problemsOfBoth(pairs),
  };
}

export function secondStartRow(startsMs: readonly number[], problems: readonly string[]): Row {
  return { goal: 'P11', values: startsMs, details: startsMs.map(ms => `${shown(ms)} ms`), problems };
}

/** A run, and the share of the machine that other programs took meanwhile. */
interface Disturbed {
  readonly kind: string;
  readonly elsewhere: number;
}

/** Of a machine that is not used otherwise it is below this. */
const QUIET = 0.03;

/** How busy other programs were in each of these runs; nothing on a quiet machine. */
export function othersText(...runs: readonly Disturbed[]): string {
  if (runs.every(run => run.elsewhere <= QUIET)) return '';
  return `; other programs ${runs.map(run => `${Math.round(run.elsewhere * 100)} %`).join(', ')}`;
}

/** Other programs make figures worse, and by how much is not known. */
export function warningsOf(runs: readonly Disturbed[]): string[] {
  const busy = runs.filter(run => run.elsewhere > QUIET);
  if (busy.length === 0) return [];
  const most = Math.round(Math.max(...busy.map(run => run.elsewhere)) * 100);
  return [
    `other programs took up to ${most} % of the machine in ${busy.length} of ${runs.length} runs: figures are too low`,
  ];
}
