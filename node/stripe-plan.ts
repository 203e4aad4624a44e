import { STRIPE_LIMIT } from '../actors/message/id.ts';

/** A node that lives, and how many workers of it want a stripe of their own; 0: it takes none any more. */
export interface PlannedNode {
  readonly node: string;
  readonly workers: number;
}

export interface StripePlan {
  /** Stripes that are free, or whose owner is dead, and that this node takes. */
  readonly take: readonly number[];
  /** How many of its own it gives away, to nodes that have too few. */
  readonly give: number;
}

interface Holder {
  readonly node: string;
  readonly workers: number;
  /** What it must have. */
  readonly quota: number;
  count: number;
}

/**
 * Who is to have which stripe, as one node sees it. Every node plans by itself from what all see alike, and the leases
 * decide where two differ. Whoever has a stripe keeps it, unless a worker elsewhere has none: moving a stripe costs
 * more than having an uneven number of them, since only the first of a worker takes what comes in.
 *
 * @param owners by stripe: the node that has it, '' where nobody who lives has
 */
export function planStripes(nodes: readonly PlannedNode[], owners: readonly string[], me: string): StripePlan {
  const holders = holdersOf(nodes, owners);
  const take: number[] = [];
  owners.forEach((owner, stripe) => {
    if (owner !== '') return;
    const taker = neediest(holders);
    if (!taker) return;
    taker.count++;
    if (taker.node === me) take.push(stripe);
  });
  let give = 0;
  const lacking = holders.reduce((sum, { quota, count }) => sum + Math.max(0, quota - count), 0);
  for (let i = 0; i < lacking; i++) {
    const [richest] = holders.toSorted((a, b) => b.count - b.quota - (a.count - a.quota) || compare(a, b));
    if (!richest || richest.count <= richest.quota) break;
    richest.count--;
    if (richest.node === me) give++;
  }
  return { take, give };
}

function holdersOf(nodes: readonly PlannedNode[], owners: readonly string[]): Holder[] {
  let left = STRIPE_LIMIT;
  const sorted = [...nodes].sort(compare);
  return sorted.map(({ node, workers }) => {
    const quota = Math.min(workers, left);
    left -= quota;
    return { node, workers, quota, count: owners.filter(owner => owner === node).length };
  });
}

/** Whoever lacks most; where nobody lacks any, whoever has fewest for its workers. */
function neediest(holders: readonly Holder[]): Holder | undefined {
  const [first] = holders
    .filter(({ workers }) => workers > 0)
    .toSorted(
      (a, b) =>
        Math.max(0, b.quota - b.count) - Math.max(0, a.quota - a.count) ||
        a.count / a.workers - b.count / b.workers ||
        compare(a, b),
    );
  return first;
}

const compare = (a: { readonly node: string }, b: { readonly node: string }): number => (a.node < b.node ? -1 : 1);

/**
 * The same within the node: which of its workers is to have which of its stripes.
 *
 * @param before by stripe: the worker that has it, in the order in which it got them
 * @param mine the stripes that this node has or takes
 * @param give how many of them go to other nodes; never a worker's only one
 */
export function shareOut(
  before: ReadonlyMap<number, number>,
  mine: readonly number[],
  workers: number,
  give: number,
): Map<number, number> {
  const shares: number[][] = Array.from({ length: workers }, () => []);
  for (const [stripe, worker] of before) if (mine.includes(stripe)) shares[worker]!.push(stripe);
  for (const stripe of mine) {
    if (before.has(stripe)) continue;
    byCount(shares)[0]!.push(stripe);
  }
  for (let i = 0; i < give; i++) {
    const richest = byCount(shares).at(-1)!;
    if (richest.length > 1) richest.pop();
  }
  for (const poor of shares) {
    if (poor.length > 0) continue;
    const richest = byCount(shares).at(-1)!;
    if (richest.length > 1) poor.push(richest.pop()!);
  }
  return new Map(shares.flatMap((stripes, worker) => stripes.map(stripe => [stripe, worker] as const)));
}

const byCount = (shares: readonly number[][]): number[][] => shares.toSorted((a, b) => a.length - b.length);
