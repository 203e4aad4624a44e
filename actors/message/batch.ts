import { crc32 } from 'node:zlib';
import { BATCH_LIMIT } from './id.ts';
import { RECEIPT_TEXT } from './receipt.ts';
import { copyStub, R, RecordFlag, recordSize, stubLength, writeRecord, type RecordDecisions } from './record.ts';
import type { MessageDraft } from './draft.ts';

/**
 * Up to 256 messages that are committed together. Little-endian, version 1: must never change (a new layout takes a new
 * magic, and readers keep the old one for a release).
 *
 *     0  u32 magic "HGB\x01"        16 f64 batch number          36 u32 offset of the trailer
 *     4  u32 CRC-32 of 8 … end      24 f64 committed, ms         40 records, one after the other (`record.ts`)
 *     8  u32 length of all          32 u32 routing table version
 *     12 u16 messages, 14 u16 groups
 *     trailer: u32 offset of each record (0 = not here any more), then the groups
 *     group: u8 lane, u8 0, u16 messages, u8 octets and destination, u8 octets and account
 *
 * A group is what shares destination, lane and account: one entry in a queue.
 */
const MAGIC = 0x01424748;
const HEAD = 40;
/** Where a batch has its number. */
export const BATCH_NUMBER_AT = 16;
const CREATED_AT = 24;

export interface Group {
  /** Where the queue leads: a carrier, an account, a frontend. '' for messages settled at birth. */
  readonly destination: string;
  /** Whose share of the queue this is. */
  readonly account: string;
  /** 0 to 3; higher goes first. */
  readonly lane: number;
  readonly count: number;
}

/** A batch as read: offsets into `buffer`, which must not be written again. */
export interface Batch {
  readonly buffer: Buffer;
  readonly number: number;
  /** ms since 1970. */
  readonly createdAt: number;
  readonly tableVersion: number;
  readonly count: number;
  /** Offset of each record in `buffer`. */
  readonly offsets: Uint32Array;
  readonly groups: readonly Group[];
}

export class DamagedBatchError extends Error {
  readonly code = 'DAMAGED_BATCH';
}

/** Builds one batch after another in a buffer of its own. */
export class BatchBuilder {
  #buffer = Buffer.allocUnsafeSlow(64 * 1024);
  #end = HEAD;
  readonly #offsets = new Uint32Array(BATCH_LIMIT);
  #count = 0;
  #groups: { destination: string; account: string; lane: number; count: number }[] = [];

  get count(): number {
    return this.#count;
  }
  get full(): boolean {
    return this.#count === BATCH_LIMIT;
  }
  get octets(): number {
    return this.#end;
  }

  /** The group for (destination, account, lane), made when there is none. Few in number, so a scan is the fastest map. */
  group(destination: string, account: string, lane: number): number {
    const groups = this.#groups;
    for (let i = 0; i < groups.length; i++) {
      const g = groups[i]!;
      if (g.destination === destination && g.account === account && g.lane === lane) return i;
    }
    groups.push({ destination, account, lane, count: 0 });
    return groups.length - 1;
  }

  /** Copies a message in and returns its index. The batch must not be full. */
  add(m: MessageDraft, decisions: RecordDecisions): number {
    const need = recordSize(m);
    if (this.#end + need > this.#buffer.length) this.#grow(need);
    this.#offsets[this.#count] = this.#end;
    this.#end = writeRecord(this.#buffer, this.#end, m, decisions);
    this.#groups[decisions.group]!.count++;
    return this.#count++;
  }

  /** Closes the batch and starts the next: the result is a buffer of its own (transferable). */
  close(number: number, createdAt: number, tableVersion: number): Buffer<ArrayBuffer> {
    let trailer = this.#count * 4;
    for (const g of this.#groups) trailer += 6 + Buffer.byteLength(g.destination) + Buffer.byteLength(g.account);
    const length = this.#end + trailer;
    const out = Buffer.allocUnsafeSlow(length);
    this.#buffer.copy(out, 0, 0, this.#end);
    out.writeUInt32LE(MAGIC, 0);
    out.writeUInt32LE(length, 8);
    out.writeUInt16LE(this.#count, 12);
    out.writeUInt16LE(this.#groups.length, 14);
    out.writeDoubleLE(number, 16);
    out.writeDoubleLE(createdAt, CREATED_AT);
    out.writeUInt32LE(tableVersion, 32);
    out.writeUInt32LE(this.#end, 36);
    let to = this.#end;
    for (let i = 0; i < this.#count; i++) to = out.writeUInt32LE(this.#offsets[i]!, to);
    for (const g of this.#groups) to = writeGroup(out, to, g);
    out.writeUInt32LE(crc32(out.subarray(8)), 4);
    this.#end = HEAD;
    this.#count = 0;
    this.#groups = [];
    return out;
  }

  #grow(need: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.#end + need));
    this.#buffer.copy(larger, 0, 0, this.#end);
    this.#buffer = larger;
  }
}

/** When a batch was committed, ms since 1970, without a look at the rest; NaN where it is too short to say. */
export function createdAtOf({ buffer, byteOffset, byteLength }: Uint8Array): number {
  return byteLength < HEAD ? NaN : new DataView(buffer, byteOffset, byteLength).getFloat64(CREATED_AT, true);
}

/**
 * Reads a batch. `check`: verify the CRC (whenever it comes from a disk or another machine).
 * @throws DamagedBatchError naming what is wrong
 */
export function readBatch(bytes: Uint8Array, check: boolean): Batch {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < HEAD) throw new DamagedBatchError(`expected ${HEAD} octets or more, got ${buffer.length}`);
  if (buffer.readUInt32LE(0) !== MAGIC)
    throw new DamagedBatchError(`unknown version ${buffer.subarray(0, 4).toString('hex')}`);
  const length = buffer.readUInt32LE(8);
  if (length !== buffer.length) throw new DamagedBatchError(`announces ${length} octets, has ${buffer.length}`);
  if (check) {
    const crc = crc32(buffer.subarray(8));
    if (crc !== buffer.readUInt32LE(4)) throw new DamagedBatchError('checksum does not match');
  }
  const count = buffer.readUInt16LE(12);
  const groupCount = buffer.readUInt16LE(14);
  let at = buffer.readUInt32LE(36);
  if (count > BATCH_LIMIT || groupCount > BATCH_LIMIT || at + count * 4 > length) {
    throw new DamagedBatchError(`impossible counts: ${count} messages, ${groupCount} groups`);
  }
  const offsets = new Uint32Array(count);
  for (let i = 0; i < count; i++, at += 4) offsets[i] = buffer.readUInt32LE(at);
  const groups: Group[] = [];
  for (let i = 0; i < groupCount; i++) at = readGroup(buffer, at, groups);
  return {
    buffer,
    number: buffer.readDoubleLE(16),
    createdAt: buffer.readDoubleLE(CREATED_AT),
    tableVersion: buffer.readUInt32LE(32),
    count,
    offsets,
    groups,
  };
}

/** The group that message `index` belongs to. */
export function groupOf(batch: Batch, index: number): Group {
  return batch.groups[batch.buffer[batch.offsets[index]! + R.group]!]!;
}

/** Octets `writeGroup` will write. */
export const groupSize = (g: Group): number => 6 + Buffer.byteLength(g.destination) + Buffer.byteLength(g.account);

export function writeGroup(out: Buffer, at: number, g: Group): number {
  out[at] = g.lane;
  out[at + 1] = 0;
  out.writeUInt16LE(g.count, at + 2);
  let to = at + 4;
  out[to] = Buffer.byteLength(g.destination);
  to += 1 + out.write(g.destination, to + 1);
  out[to] = Buffer.byteLength(g.account);
  return to + 1 + out.write(g.account, to + 1);
}

export function readGroup(buffer: Buffer, at: number, into: Group[]): number {
  const lane = buffer[at]!;
  const count = buffer.readUInt16LE(at + 2);
  let next = at + 4;
  const destination = buffer.toString('utf8', next + 1, next + 1 + buffer[next]!);
  next += 1 + buffer[next]!;
  const account = buffer.toString('utf8', next + 1, next + 1 + buffer[next]!);
  into.push({ destination, account, lane, count });
  return next + 1 + buffer[next]!;
}

/** Which records `subsetOf` takes over. */
export const Keep = {
  no: 0,
  whole: 1,
  /** Only its receipt is awaited: of its text what that repeats, of its TLVs what says whom to tell. */
  stub: 2,
} as const;

/**
 * The same batch with only some of its records, under the same ids: absent ones have offset 0. So one slow message
 * never pins 255 others, and a claim carries what was claimed.
 *
 * @param keep a `Keep` by index
 * @param groups the groups as they are now (a message may have been routed anew) and, by index, whose each message is;
 *   without them those of the batch
 */
export function subsetOf(
  batch: Batch,
  keep: Uint8Array,
  groups: readonly Group[] = batch.groups,
  groupIndex?: Uint8Array,
): Buffer<ArrayBuffer> {
  let records = 0;
  for (let i = 0; i < batch.count; i++) records += keptLength(batch, i, keep[i]!);
  const groupsLength = groups.reduce((sum, g) => sum + groupSize(g), 0);
  const out = Buffer.allocUnsafeSlow(HEAD + records + batch.count * 4 + groupsLength);
  batch.buffer.copy(out, 0, 0, HEAD);
  const trailer = HEAD + records;
  let to = HEAD;
  for (let i = 0; i < batch.count; i++) {
    const at = batch.offsets[i]!;
    const length = keptLength(batch, i, keep[i]!);
    out.writeUInt32LE(length === 0 ? 0 : to, trailer + i * 4);
    if (length === 0) continue;
    if (keep[i] !== Keep.stub) batch.buffer.copy(out, to, at, at + length);
    else {
      copyStub(out, to, batch.buffer, at, RECEIPT_TEXT);
      out.writeUInt16LE(out.readUInt16LE(to + R.flags) | RecordFlag.stub, to + R.flags);
    }
    if (groupIndex) out[to + R.group] = groupIndex[i]!;
    to += length;
  }
  let at = trailer + batch.count * 4;
  for (const g of groups) at = writeGroup(out, at, g);
  out.writeUInt16LE(groups.length, 14);
  out.writeUInt32LE(out.length, 8);
  out.writeUInt32LE(trailer, 36);
  out.writeUInt32LE(crc32(out.subarray(8)), 4);
  return out;
}

/** The same batch with another record for message `index`: its kind, group and fate at birth stay as they are. */
export function withRecord(batch: Batch, index: number, record: Uint8Array): Buffer<ArrayBuffer> {
  const from = batch.buffer;
  const at = batch.offsets[index]!;
  const end = at + from.readUInt32LE(at);
  const grown = record.length - (end - at);
  const out = Buffer.allocUnsafeSlow(from.length + grown);
  from.copy(out, 0, 0, at);
  out.set(record, at);
  from.copy(out, at + record.length, end);
  for (const fixed of [R.kind, R.group, R.fateAtBirth]) out[at + fixed] = from[at + fixed]!;
  const trailer = from.readUInt32LE(36) + grown;
  for (let i = 0; i < batch.count; i++) {
    const offset = batch.offsets[i]!;
    out.writeUInt32LE(offset > at ? offset + grown : offset, trailer + i * 4);
  }
  out.writeUInt32LE(out.length, 8);
  out.writeUInt32LE(trailer, 36);
  out.writeUInt32LE(crc32(out.subarray(8)), 4);
  return out;
}

function keptLength(batch: Batch, index: number, keep: number): number {
  const at = batch.offsets[index]!;
  if (at === 0 || keep === Keep.no) return 0;
  return keep === Keep.whole ? batch.buffer.readUInt32LE(at) : stubLength(batch.buffer, at, RECEIPT_TEXT);
}
