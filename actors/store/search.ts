import { messageId } from '../message/id.ts';
import { destOf, R, sourceOf } from '../message/record.ts';
import type { FoundMessage, Match } from '../ports.ts';
import type { BatchShelf } from './batch-shelf.ts';
import { groupIndexOf, Standing, type BatchState } from './batch-state.ts';
import { find } from './lookups.ts';
import type { Standings } from './standings.ts';

/** Time one slice of a search takes from everybody else. */
const SLICE_MS = 2;

/** Does work that reads a batch, when the batch can be read. It may be tried more than once. */
export type Reading = <T>(state: BatchState, work: () => T) => T | Promise<T>;

/**
 * Looks through all that waits, newest first. There is no index of addresses, since it would cost every message something
 * for what few accounts ever ask: a batch of 256 takes some 20 µs when it is in memory, some 200 µs from the disk.
 */
export async function search(
  standings: Standings,
  shelf: BatchShelf,
  monotonic: () => number,
  account: string,
  match: Match,
  limit: number,
  reading: Reading = (_, work) => work(),
): Promise<FoundMessage[]> {
  const found: FoundMessage[] = [];
  let until = monotonic() + SLICE_MS;
  for (const number of standings.numbers().toReversed()) {
    if (found.length >= limit) break;
    if (monotonic() >= until) {
      await new Promise(resolve => setImmediate(resolve));
      until = monotonic() + SLICE_MS;
    }
    const state = standings.get(number);
    if (!state || !mayWait(state, account)) continue;
    const more = reading(state, () => inBatch(standings, shelf, state, account, match, limit - found.length));
    found.push(...(more instanceof Promise ? await more : more));
  }
  return found;
}

function mayWait(state: BatchState, account: string): boolean {
  if (state.receipts || !state.groups.some(({ group }) => group.account === account)) return false;
  return state.groups.some(({ ready }) => ready > 0) || state.standing.includes(Standing.parked);
}

function inBatch(
  standings: Standings,
  shelf: BatchShelf,
  state: BatchState,
  account: string,
  { source, dest, serviceType }: Match,
  limit: number,
): FoundMessage[] {
  const found: FoundMessage[] = [];
  const batch = shelf.read(state);
  if (!batch) return found;
  const { buffer, offsets } = batch;
  for (let i = state.count - 1; i >= 0 && found.length < limit; i--) {
    const standing = state.standing[i];
    if (standing !== Standing.ready && standing !== Standing.parked) continue;
    if (state.groups[groupIndexOf(state, i)]!.group.account !== account) continue;
    const at = offsets[i]!;
    if (destOf(buffer, at) !== dest || sourceOf(buffer, at) !== source) continue;
    if (serviceType !== undefined && serviceTypeOf(buffer, at) !== serviceType) continue;
    const message = find(standings, shelf, messageId(state.number, i));
    if (message) found.push(message);
  }
  return found;
}

function serviceTypeOf(buffer: Buffer, at: number): string {
  const from = at + R.head + buffer[at + R.sourceLength]! + buffer[at + R.destLength]!;
  return buffer.latin1Slice(from, from + buffer[at + R.serviceTypeLength]!);
}
