import { BATCH_LIMIT } from '../message/id.ts';
import { DamagedBatchError, groupSize, readGroup, writeGroup, type Batch, type Group } from '../message/batch.ts';
import { R, RecordFlag, Kind } from '../message/record.ts';
import { checksum, numberKey, Tag } from './keys.ts';
import type { LedgerPart } from './ledger-log.ts';

/** Where one message stands. Values are on disk: must never change. */
export const Standing = {
  ready: 0,
  /** Waits for its time: a retry or a scheduled delivery. */
  parked: 1,
  /** Left; its receipt has not come. Not in the archive yet. */
  awaiting: 2,
  /** Its fate is known. Not in the archive yet. */
  final: 3,
  /** Nothing left to do. */
  done: 4,
  /** Its row is in the archive, its receipt has not come. */
  awaitingArchived: 5,
  /** Its row is in the archive, the receipt that came later is not. */
  receiptDue: 6,
  /** As awaiting, and all of it is kept for the next route; the archive gets it with its last fate. */
  holding: 8,
  // Only in memory; on disk these are ready.
  /** Poison: to be claimed by whoever settles it as undeliverable. */
  condemned: 7,
  /** Between the two entries that send it elsewhere after a receipt of failure. */
  returned: 9,
  /** Claimed by claimant n as 16 + n. */
  claimed: 16,
} as const;
export type Standing = (typeof Standing)[keyof typeof Standing];

/** Claimants at once: a standing is one octet. */
export const CLAIMANT_LIMIT = 256 - Standing.claimed;

/** One destination's, lane's and account's share of a batch. */
export interface GroupState {
  readonly group: Group;
  /** Messages that are ready and unclaimed. */
  ready: number;
  /** True while it stands in its queue. */
  queued: boolean;
}

/** A batch as the store keeps it in memory: about 600 octets, whatever its messages weigh. */
export interface BatchState {
  readonly number: number;
  readonly createdAt: number;
  readonly count: number;
  /** True when its records are receipts: they have no row of their own in the archive. */
  readonly receipts: boolean;
  readonly groups: GroupState[];
  /** By index: which group. Undefined while all are in the first. */
  groupIndex: Uint8Array | undefined;
  /** By index: a Standing. */
  readonly standing: Uint8Array;
  /** By index, undefined while all are 0. */
  attempts: Uint8Array | undefined;
  /** By index: when a parked one is due, ms since 1970. */
  dueAt: Float64Array | undefined;
  /** Ledger values on disk. */
  ledgerCount: number;
  /** The earliest end of validity among its messages, ms since 1970. */
  expiresAt: number;

  // In memory only.
  pendingLedger: LedgerPart[];
  /** To be written under the batch key by the next commit. */
  pendingBatch: Buffer | undefined;
  /** The standings when the outbox gave it out, undefined when it did not. */
  handedOut: Uint8Array | undefined;
  /** Which claimant it was given to. */
  handedTo: number;
  /** When its first message was settled, monotonic ms; 0 = none is. */
  settledAt: number;
  dirty: boolean;
  /** True when damage of its ledger has been named. */
  alarmed: boolean;
  /** True from the moment its last group commit is flushed: only then can it be claimed. */
  durable: boolean;
}

/** The state of a batch that is being accepted, or of one whose state is lost. */
export function newBatchState(batch: Batch): BatchState {
  const state: BatchState = {
    number: batch.number,
    createdAt: batch.createdAt,
    count: batch.count,
    receipts: batch.count > 0 && batch.buffer[batch.offsets[0]! + R.kind] === Kind.receipt,
    groups: batch.groups.map(group => ({ group, ready: 0, queued: false })),
    groupIndex: undefined,
    standing: new Uint8Array(batch.count),
    attempts: undefined,
    dueAt: undefined,
    ledgerCount: 0,
    expiresAt: Infinity,
    ...memoryOnly(),
  };
  const b = batch.buffer;
  if (batch.groups.length > 1) state.groupIndex = new Uint8Array(batch.count);
  for (let i = 0; i < batch.count; i++) {
    const at = batch.offsets[i]!;
    if (at === 0) {
      state.standing[i] = Standing.done;
      continue;
    }
    const group = b[at + R.group]!;
    if (state.groupIndex) state.groupIndex[i] = group;
    const expiresAt = b.readDoubleLE(at + R.expiresAt);
    if (expiresAt < state.expiresAt) state.expiresAt = expiresAt;
    const deliverAfter = b.readDoubleLE(at + R.deliverAfter);
    if ((b.readUInt16LE(at + R.flags) & RecordFlag.stub) !== 0) {
      state.standing[i] = Standing.awaitingArchived;
    } else if (b[at + R.fateAtBirth] !== 0) {
      state.standing[i] = state.receipts ? Standing.done : Standing.final;
    } else if (deliverAfter > batch.createdAt) {
      state.standing[i] = Standing.parked;
      (state.dueAt ??= new Float64Array(batch.count))[i] = deliverAfter;
    } else {
      state.groups[group]!.ready++;
    }
  }
  return state;
}

const memoryOnly = (): Pick<
  BatchState,
  'pendingLedger' | 'pendingBatch' | 'handedOut' | 'handedTo' | 'settledAt' | 'dirty' | 'alarmed' | 'durable'
> => ({
  pendingLedger: [],
  pendingBatch: undefined,
  handedOut: undefined,
  handedTo: 0,
  settledAt: 0,
  dirty: false,
  alarmed: false,
  durable: false,
});

/** Neither claimed nor settled. */
export function isWaiting(standing: number): boolean {
  return standing === Standing.ready || standing === Standing.parked || standing === Standing.condemned;
}

/**
 * Where a message that has left stands when its last receipt has come; -1: none is awaited.
 *
 * @param isHeldBack it is to go elsewhere: -1 also when that cannot be
 */
export function standingAfterReceipt(state: BatchState, index: number, isHeldBack: boolean): Standing | -1 {
  const standing = state.standing[index];
  // One that only awaits its receipt is whole until the archive is given it.
  const isWhole =
    standing === Standing.holding || (standing === Standing.awaiting && state.handedOut?.[index] !== Standing.awaiting);
  if (isHeldBack) return isWhole ? Standing.returned : -1;
  if (isWhole || standing === Standing.awaiting) return Standing.final;
  return standing === Standing.awaitingArchived ? Standing.receiptDue : -1;
}

/** Returns whether that is another number than before. */
export function setAttempts(state: BatchState, index: number, attempts: number): boolean {
  if (attempts === (state.attempts?.[index] ?? 0)) return false;
  (state.attempts ??= new Uint8Array(state.count))[index] = attempts;
  return true;
}

export const groupIndexOf = (state: BatchState, index: number): number => state.groupIndex?.[index] ?? 0;

/** The group of a message that is routed anew to `destination`, made when the batch has none. */
export function groupFor(state: BatchState, index: number, destination: string): number {
  const like = state.groups[groupIndexOf(state, index)]!.group;
  const found = state.groups.findIndex(
    g => g.group.destination === destination && g.group.account === like.account && g.group.lane === like.lane,
  );
  if (found >= 0) return found;
  const place = state.groups.length < BATCH_LIMIT ? state.groups.length : emptyGroup(state, index);
  // A new object: entries of the old one that still stand in a queue are dead.
  state.groups[place] = { group: { ...like, destination, count: 0 }, ready: 0, queued: false };
  return place;
}

/** A group without messages but the one that moves: where there are most groups, each has one message or none. */
function emptyGroup(state: BatchState, moving: number): number {
  const used = new Uint8Array(state.groups.length);
  for (let i = 0; i < state.count; i++) {
    if (i !== moving && state.standing[i] !== Standing.done) used[groupIndexOf(state, i)] = 1;
  }
  return used.indexOf(0);
}

/**
 * The value under a state key. Little-endian, version 1: must never change.
 *
 *     0 u32 CRC-32 of key and 4 … end   4 u8 version   5 u8 flags: 1 receipts, 2 group index, 4 attempts, 8 due times
 *     6 u16 messages  8 u16 groups  10 u16 0  12 u32 ledger values  16 f64 accepted  24 f64 expires
 *     32 groups, standings, then what the flags say
 */
const VERSION = 1;
const HEAD = 32;
const HAS = { receipts: 1, groupIndex: 2, attempts: 4, dueAt: 8 } as const;

export function encodeState(state: BatchState): Buffer {
  const { count } = state;
  let length = HEAD + count;
  for (const g of state.groups) length += groupSize(g.group);
  if (state.groupIndex) length += count;
  if (state.attempts) length += count;
  if (state.dueAt) length += count * 8;
  const out = Buffer.allocUnsafe(length);
  out[4] = VERSION;
  out[5] =
    (state.receipts ? HAS.receipts : 0) |
    (state.groupIndex ? HAS.groupIndex : 0) |
    (state.attempts ? HAS.attempts : 0) |
    (state.dueAt ? HAS.dueAt : 0);
  out.writeUInt16LE(count, 6);
  out.writeUInt16LE(state.groups.length, 8);
  out.writeUInt16LE(0, 10);
  out.writeUInt32LE(state.ledgerCount, 12);
  out.writeDoubleLE(state.createdAt, 16);
  out.writeDoubleLE(state.expiresAt, 24);
  let at = HEAD;
  for (const g of state.groups) at = writeGroup(out, at, g.group);
  for (let i = 0; i < count; i++) {
    const standing = state.standing[i]!;
    out[at++] = standing === Standing.holding || standing < Standing.condemned ? standing : Standing.ready;
  }
  if (state.groupIndex) at = copyBytes(state.groupIndex, out, at);
  if (state.attempts) at = copyBytes(state.attempts, out, at);
  if (state.dueAt) for (let i = 0; i < count; i++) at = out.writeDoubleLE(state.dueAt[i]!, at);
  out.writeUInt32LE(checksum(numberKey(Tag.state, state.number), out), 0);
  return out;
}

/** @throws DamagedBatchError naming what is wrong */
export function decodeState(number: number, value: Buffer): BatchState {
  if (value.length < HEAD) throw new DamagedBatchError(`state: expected ${HEAD} octets or more, got ${value.length}`);
  if (checksum(numberKey(Tag.state, number), value) !== value.readUInt32LE(0))
    throw new DamagedBatchError('state: checksum does not match');
  if (value[4] !== VERSION) throw new DamagedBatchError(`state: unknown version ${value[4]}`);
  const flags = value[5]!;
  const count = value.readUInt16LE(6);
  const groupCount = value.readUInt16LE(8);
  const groups: Group[] = [];
  let at = HEAD;
  for (let i = 0; i < groupCount; i++) at = readGroup(value, at, groups);
  const bytes = (): Uint8Array => Uint8Array.from(value.subarray(at, (at += count)));
  const state: BatchState = {
    number,
    createdAt: value.readDoubleLE(16),
    count,
    receipts: (flags & HAS.receipts) !== 0,
    groups: groups.map(group => ({ group, ready: 0, queued: false })),
    standing: bytes(),
    groupIndex: flags & HAS.groupIndex ? bytes() : undefined,
    attempts: flags & HAS.attempts ? bytes() : undefined,
    dueAt: undefined,
    ledgerCount: value.readUInt32LE(12),
    expiresAt: value.readDoubleLE(24),
    ...memoryOnly(),
  };
  if (flags & HAS.dueAt) {
    state.dueAt = new Float64Array(count);
    for (let i = 0; i < count; i++, at += 8) state.dueAt[i] = value.readDoubleLE(at);
  }
  for (let i = 0; i < count; i++) {
    if (state.standing[i] === Standing.ready) state.groups[groupIndexOf(state, i)]!.ready++;
  }
  return state;
}

function copyBytes(from: Uint8Array, out: Buffer, at: number): number {
  out.set(from, at);
  return at + from.length;
}
