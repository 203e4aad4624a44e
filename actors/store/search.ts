import { batchNumberOf, messageId } from '../message/id.ts';
import { Fate } from '../message/ledger.ts';
import type { Group } from '../message/batch.ts';
import { destOf, Kind, R, sourceOf } from '../message/record.ts';
import type { FoundMessage, Match, Searched } from '../ports.ts';
import type { BatchShelf } from './batch-shelf.ts';
import { groupIndexOf, Standing, type BatchState } from './batch-state.ts';
import { find } from './lookups.ts';
import { endOf, placeOf } from './place.ts';
import type { Standings } from './standings.ts';

/** Time one slice of a search takes from everybody else. */
const SLICE_MS = 2;
/** Batches whose states are looked at between two looks at the clock: some 5 µs. */
const STATES_AT_ONCE = 64;
/** Most batches that one search reads; of these it reads no more when it has found so many octets. */
const MOST_BATCHES = 4096;
const MOST_OCTETS = 1024 * 1024;

/** Does work that reads a batch, when the batch can be read. It may be tried more than once. */
export type Reading = <T>(state: BatchState, work: () => T) => T | Promise<T>;

/**
 * Looks through batches, newest first. There is no index of addresses, since it would cost every message something for what
 * few ever ask: a batch of 256 takes some 20 µs when it is in memory, some 200 µs from the disk, and nothing when its state
 * says that it has none that match.
 */
export async function search(
  standings: Standings,
  shelf: BatchShelf,
  monotonic: () => number,
  match: Match,
  limit: number,
  reading: Reading = (_, work) => work(),
): Promise<Searched> {
  const slices = new Slices(monotonic);
  const { states, isAll } = await newest(standings, match, slices);
  const found: FoundMessage[] = [];
  let octets = 0;
  for (const state of states) {
    if (slices.isOver) await slices.next();
    if (standings.get(state.number) !== state) continue;
    const indexes = candidates(state, match);
    if (indexes.length === 0) continue;
    const room = { messages: limit - found.length, octets: MOST_OCTETS - octets };
    const more = reading(state, () => inBatch(standings, shelf, state, indexes, match, room));
    for (const one of more instanceof Promise ? await more : more) {
      found.push(one);
      octets += one.record.length;
    }
    if (found.length >= limit || octets >= MOST_OCTETS) return { found, until: placeOf(found.at(-1)!) };
  }
  return { found, until: isAll ? undefined : endOf(states.at(-1)!) };
}

/** The newest batches that may have some that match, MOST_BATCHES of them, or all. */
async function newest(
  standings: Standings,
  match: Match,
  slices: Slices,
): Promise<{ readonly states: readonly BatchState[]; readonly isAll: boolean }> {
  const states: BatchState[] = [];
  let oldest: BatchState | undefined;
  let isAll = true;
  const cut = (): void => {
    states.sort(newestBatchFirst);
    if (states.length <= MOST_BATCHES) return;
    states.length = MOST_BATCHES;
    oldest = states.at(-1)!;
    isAll = false;
  };
  let looks = 0;
  // What comes meanwhile is not asked for.
  let left = standings.batches;
  for (const state of standings.states()) {
    if (left-- === 0) break;
    if (++looks % STATES_AT_ONCE === 0 && slices.isOver) await slices.next();
    if (!mayHave(state, match)) continue;
    if (oldest && newestBatchFirst(oldest, state) < 0) continue;
    states.push(state);
    if (states.length === 2 * MOST_BATCHES) cut();
  }
  cut();
  return { states, isAll };
}

/** What the state alone says. */
function mayHave(state: BatchState, match: Match): boolean {
  const { from, before, waiting } = match;
  const { createdAt, number } = state;
  if (!state.durable || state.receipts || (from !== undefined && createdAt < from)) return false;
  if (before && (createdAt > before.at || (createdAt === before.at && number > batchNumberOf(before.id)))) return false;
  if (!state.groups.some(({ group }) => fits(group, match))) return false;
  return waiting !== true || state.groups.some(({ ready }) => ready > 0) || state.standing.includes(Standing.parked);
}

function fits({ account, destination }: Group, match: Match): boolean {
  if (match.account !== undefined && account !== match.account) return false;
  if (match.destination !== undefined && destination !== match.destination) return false;
  const { visibleTo } = match;
  return visibleTo === undefined || account === visibleTo || destination === visibleTo;
}

/** Indexes of messages that may match, the newest first: what is known without reading the batch. */
function candidates(state: BatchState, match: Match): number[] {
  const { before } = match;
  const fitting = state.groups.map(({ group }) => fits(group, match));
  const indexes: number[] = [];
  for (let i = state.count - 1; i >= 0; i--) {
    if (!fitting[groupIndexOf(state, i)] || !stands(state.standing[i]!, match)) continue;
    if (before && state.createdAt === before.at && messageId(state.number, i) >= before.id) continue;
    indexes.push(i);
  }
  return indexes;
}

function stands(standing: number, { waiting, fate }: Match): boolean {
  const waits = standing === Standing.ready || standing === Standing.parked;
  if (waiting === true && !waits) return false;
  if (fate === undefined || standing === Standing.returned) return true;
  const isQueued = waits || standing === Standing.condemned || standing >= Standing.claimed;
  return isQueued === (fate === Fate.queued);
}

function inBatch(
  standings: Standings,
  shelf: BatchShelf,
  state: BatchState,
  indexes: readonly number[],
  { source, dest, serviceType, fate }: Match,
  room: { readonly messages: number; readonly octets: number },
): FoundMessage[] {
  const found: FoundMessage[] = [];
  const batch = shelf.read(state);
  if (!batch) return found;
  const { buffer, offsets } = batch;
  let octets = 0;
  for (const i of indexes) {
    const at = offsets[i]!;
    if (at === 0 || buffer[at + R.kind] === Kind.receipt) continue;
    if (dest !== undefined && destOf(buffer, at) !== dest) continue;
    if (source !== undefined && sourceOf(buffer, at) !== source) continue;
    if (serviceType !== undefined && serviceTypeOf(buffer, at) !== serviceType) continue;
    const message = find(standings, shelf, messageId(state.number, i));
    if (!message || (fate !== undefined && message.fate !== fate)) continue;
    found.push(message);
    octets += message.record.length;
    if (found.length >= room.messages || octets >= room.octets) break;
  }
  return found;
}

function serviceTypeOf(buffer: Buffer, at: number): string {
  const from = at + R.head + buffer[at + R.sourceLength]! + buffer[at + R.destLength]!;
  return buffer.latin1Slice(from, from + buffer[at + R.serviceTypeLength]!);
}

const newestBatchFirst = (a: BatchState, b: BatchState): number => b.createdAt - a.createdAt || b.number - a.number;

/** Lets everybody else have their turn after each slice of work. */
class Slices {
  readonly #monotonic: () => number;
  #until: number;

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
    this.#until = monotonic() + SLICE_MS;
  }

  get isOver(): boolean {
    return this.#monotonic() >= this.#until;
  }

  async next(): Promise<void> {
    await new Promise(resolve => setImmediate(resolve));
    this.#until = this.#monotonic() + SLICE_MS;
  }
}
