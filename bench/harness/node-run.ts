import type { NodeProcess, NodePlace } from './node-process.ts';
import { Elsewhere } from './processes.ts';
import { problemsOf, startLoad, type Load, type LoadResult } from './smppload.ts';

export interface NodeRun {
  readonly kind: 'node';
  readonly load: LoadResult;
  /** µs of the node's threads a message, from before the first to after the last receipt. */
  readonly cpuUsInRun: number;
  /** The same until the last message is archived: all that a message costs. NaN when that was not waited for. */
  readonly cpuUsPerMessage: number;
  /** µs of the database's processes a message, until the last is archived. */
  readonly databaseUsPerMessage: number;
  /** Anonymous memory after the load, MB. */
  readonly memoryMb: number;
  /** Share of the machine that other programs took during the load. */
  readonly elsewhere: number;
  readonly problems: readonly string[];
}

type Offer = Pick<Load, 'count' | 'rate' | 'ledger'>;

/** How long the archive may take for what is left. */
const DRAIN_LIMIT_MS = 120_000;

/**
 * The load through a node that is up. The CPU of its start is not counted, nor what the generator takes.
 * @param archived wait until everything is archived
 */
export async function loadNode(
  node: NodeProcess,
  place: NodePlace,
  offer: Offer,
  { archived }: { readonly archived: boolean },
): Promise<NodeRun> {
  const before = { node: node.cpuUs(), database: node.databaseCpuUs() };
  const elsewhere = new Elsewhere([node.pid]);
  const { port, carrierPort } = place;
  const load = await startLoad({ ...offer, port, carrierPort, timeoutSeconds: timeoutOf(offer) }).result;
  node.assertAlive();
  const share = elsewhere.share();
  const inRunUs = node.cpuUs() - before.node;
  const memoryMb = node.anonymousMb();
  const problems = problemsOf(load, offer.count);
  const left = archived ? await node.drained(DRAIN_LIMIT_MS) : '';
  if (left !== '') problems.push(`${DRAIN_LIMIT_MS / 1000} s after the load: ${left}`);
  const each = (us: number): number => (archived ? us / load.sent : NaN);
  return {
    kind: 'node',
    load,
    cpuUsInRun: inRunUs / load.sent,
    cpuUsPerMessage: each(node.cpuUs() - before.node),
    databaseUsPerMessage: each(node.databaseCpuUs() - before.database),
    memoryMb,
    elsewhere: share,
    problems: problems.map(problem => `node: ${problem}`),
  };
}

/** Slower than 2,000/s is as good as standing still. */
function timeoutOf({ count, rate }: Offer): number {
  return count / (rate ?? 2000) + 60;
}
