import { groupIndexOf, Standing, type BatchState } from './batch-state.ts';
import { BATCH_LIMIT } from '../message/id.ts';
import type { QueueStats } from '../ports.ts';

/** Messages one account may take in a row while others of its lane wait (deficit round robin, Shreedhar and Varghese). */
const QUANTUM = 64;
const LANES = 4;

/** A stretch of one account's queue: the ready messages of one group of one batch. */
interface Entry {
  readonly state: BatchState;
  readonly group: number;
}

interface AccountQueue {
  /** Oldest batch first, from `head` on. */
  entries: Entry[];
  head: number;
  /** Messages it may still take in this turn. */
  deficit: number;
}

interface Lane {
  readonly accounts: Map<string, AccountQueue>;
  /** Accounts with something ready, in turn. */
  turn: string[];
}

interface Queue {
  readonly lanes: readonly Lane[];
  ready: number;
  claimed: number;
  parked: number;
}

/** What a claim took: a batch, and by index 1 for each message. */
export interface Taken {
  readonly state: BatchState;
  readonly keep: Uint8Array;
  count: number;
}

/**
 * The queues of all destinations, by batch: lanes are strict, accounts inside a lane share by deficit round robin. It
 * holds a few words a batch and nothing a message; the messages themselves are in the store.
 */
export class Queues {
  readonly #queues = new Map<string, Queue>();

  /** Messages of `group` have become ready: puts the group into its queue, by age, if it is not there. */
  offer(state: BatchState, group: number): void {
    const g = state.groups[group]!;
    if (g.queued || g.ready === 0) return;
    g.queued = true;
    const lane = this.#queue(g.group.destination).lanes[g.group.lane]!;
    let account = lane.accounts.get(g.group.account);
    if (!account) {
      account = { entries: [], head: 0, deficit: 0 };
      lane.accounts.set(g.group.account, account);
      lane.turn.push(g.group.account);
    }
    insertByAge(account, { state, group });
  }

  count(destination: string, ready: number, claimed: number, parked: number): void {
    const queue = this.#queue(destination);
    queue.ready += ready;
    queue.claimed += claimed;
    queue.parked += parked;
  }

  /** Ready messages of a destination. */
  ready(destination: string): number {
    return this.#queues.get(destination)?.ready ?? 0;
  }

  /** Takes up to `max` ready messages for a worker, marking them claimed. */
  take(destination: string, max: number, owner: number): Taken[] {
    const queue = this.#queues.get(destination);
    if (!queue || queue.ready === 0) return [];
    const taken = new Map<BatchState, Taken>();
    let left = max;
    for (let lane = LANES - 1; lane >= 0 && left > 0; lane--)
      left = takeFromLane(queue.lanes[lane]!, left, owner, taken);
    queue.ready -= max - left;
    queue.claimed += max - left;
    return [...taken.values()];
  }

  /**
   * Takes, for a worker, `max` ready messages or somewhat more: all of one batch after the other, the oldest above `after`
   * first. What it leaves behind in the queues is passed over by whoever comes there.
   */
  takeAfter(destination: string, max: number, after: number, owner: number): Taken[] {
    const queue = this.#queues.get(destination);
    if (!queue || queue.ready === 0) return [];
    const lines: { readonly entries: readonly Entry[]; at: number }[] = [];
    for (const { accounts } of queue.lanes) {
      for (const { entries, head } of accounts.values()) lines.push({ entries, at: placeAbove(entries, head, after) });
    }
    const taken = new Map<BatchState, Taken>();
    for (let got = 0; got < max;) {
      let oldest: BatchState | undefined;
      for (const line of lines) {
        while (line.at < line.entries.length && !hasReady(line.entries[line.at]!, destination)) line.at++;
        const state = line.entries[line.at]?.state;
        if (state && (!oldest || state.number < oldest.number)) oldest = state;
      }
      if (!oldest) break;
      for (const line of lines) {
        for (; line.entries[line.at]?.state === oldest; line.at++) {
          const entry = line.entries[line.at]!;
          if (hasReady(entry, destination)) got += takeFromGroup(oldest, entry.group, BATCH_LIMIT, owner, taken);
        }
      }
    }
    let count = 0;
    for (const entry of taken.values()) count += entry.count;
    queue.ready -= count;
    queue.claimed += count;
    return [...taken.values()];
  }

  /** The destinations that have something ready. */
  *waiting(): Iterable<string> {
    for (const [destination, queue] of this.#queues) if (queue.ready > 0) yield destination;
  }

  stats(): QueueStats[] {
    const stats: QueueStats[] = [];
    for (const [destination, q] of this.#queues) {
      if (destination === '') continue;
      let oldestAt = 0;
      for (const lane of q.lanes) {
        for (const account of lane.accounts.values()) {
          const first = account.entries[account.head];
          if (first && (oldestAt === 0 || first.state.createdAt < oldestAt)) oldestAt = first.state.createdAt;
        }
      }
      stats.push({ destination, ready: q.ready, claimed: q.claimed, parked: q.parked, oldestAt });
    }
    return stats;
  }

  /** The batches with something ready in a queue, by age. */
  *batches(destination: string): Iterable<BatchState> {
    const seen = new Set<BatchState>();
    for (const lane of this.#queues.get(destination)?.lanes ?? []) {
      for (const account of lane.accounts.values()) {
        for (let i = account.head; i < account.entries.length; i++) seen.add(account.entries[i]!.state);
      }
    }
    yield* [...seen].sort((a, b) => a.number - b.number);
  }

  #queue(destination: string): Queue {
    let queue = this.#queues.get(destination);
    if (!queue) {
      const lanes = Array.from({ length: LANES }, (): Lane => ({ accounts: new Map(), turn: [] }));
      queue = { lanes, ready: 0, claimed: 0, parked: 0 };
      this.#queues.set(destination, queue);
    }
    return queue;
  }
}

function takeFromLane(lane: Lane, max: number, owner: number, taken: Map<BatchState, Taken>): number {
  let left = max;
  while (left > 0 && lane.turn.length > 0) {
    const name = lane.turn[0]!;
    const account = lane.accounts.get(name)!;
    if (account.deficit <= 0) account.deficit += QUANTUM;
    const got = takeFromAccount(account, Math.min(left, account.deficit), owner, taken);
    account.deficit -= got;
    left -= got;
    if (account.head === account.entries.length) {
      lane.accounts.delete(name);
      lane.turn.shift();
    } else if (account.deficit <= 0) {
      lane.turn.push(lane.turn.shift()!);
    }
  }
  return left;
}

function takeFromAccount(account: AccountQueue, max: number, owner: number, taken: Map<BatchState, Taken>): number {
  let got = 0;
  while (got < max && account.head < account.entries.length) {
    const { state, group } = account.entries[account.head]!;
    got += takeFromGroup(state, group, max - got, owner, taken);
    const g = state.groups[group]!;
    if (g.ready > 0) continue;
    g.queued = false;
    account.head++;
    if (account.head >= 1024 && account.head * 2 >= account.entries.length) {
      account.entries = account.entries.slice(account.head);
      account.head = 0;
    }
  }
  return got;
}

function takeFromGroup(
  state: BatchState,
  group: number,
  max: number,
  owner: number,
  taken: Map<BatchState, Taken>,
): number {
  const g = state.groups[group]!;
  if (g.ready === 0) return 0;
  let entry = taken.get(state);
  if (!entry) taken.set(state, (entry = { state, keep: new Uint8Array(state.count), count: 0 }));
  let got = 0;
  for (let i = 0; i < state.count && got < max && g.ready > 0; i++) {
    if (state.standing[i] !== Standing.ready || groupIndexOf(state, i) !== group) continue;
    state.standing[i] = Standing.claimed + owner;
    entry.keep[i] = 1;
    g.ready--;
    got++;
  }
  entry.count += got;
  return got;
}

/** False where all were taken, or where its group has become another destination's since. */
function hasReady({ state, group }: Entry, destination: string): boolean {
  const g = state.groups[group]!;
  return g.ready > 0 && g.group.destination === destination;
}

/** The place, from `head` on, of the first entry with a batch number above `after`. */
function placeAbove(entries: readonly Entry[], head: number, after: number): number {
  let low = head;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (entries[middle]!.state.number <= after) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Usually the newest, at the end; what comes back (retry, lapsed claim) goes to where its age puts it. */
function insertByAge(account: AccountQueue, entry: Entry): void {
  const { entries } = account;
  const last = entries.at(-1);
  if (account.head === entries.length || (last && last.state.number <= entry.state.number)) {
    entries.push(entry);
    return;
  }
  const low = placeAbove(entries, account.head, entry.state.number);
  entries.splice(low, 0, entry);
}
