import { closeSync, fdatasyncSync, fstatSync, fsyncSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';

/** One key and its value; undefined removes it. */
export type KeyValue = readonly [key: Buffer, value: Buffer | undefined];

/** Where a value stands: one number, for there are tens of thousands of them. */
export type Place = number;
export const REMOVED: Place = -1;

/**
 * Block 0 of a segment says whose records follow; each record is what one group commit wrote, on blocks of its own, so that
 * a later one never touches what is durable. Little-endian, version 1: must never change.
 *
 *     block 0:  0 u32 'HGJ1'   4 u32 CRC-32 of 8 … 20   8 f64 life: a random number   16 u32 generation, 0 = void
 *     record:   0 u32 'HGR1'   4 u32 CRC-32 of 8 … payload   8 f64 life   16 u32 generation   20 u32 its number, from 0
 *               24 u32 entries   28 u32 octets of the payload   32 u32 CRC-32 of the payload   36 u32 0
 *               40 entries: u16 octets of the key, u32 octets of the value, 0xffffffff = removed
 *               payload: key and value of each entry
 */
const SEGMENT_MAGIC = 0x314a4748;
const SEGMENT_HEAD = 20;
const MAGIC = 0x31524748;
const HEAD = 40;
const ENTRY = 6;
const NO_VALUE = 0xffffffff;
/** Records begin at multiples of it, octets: what a disk writes at once. */
export const BLOCK = 4096;
/** Segments, and so values, are smaller: a Place holds both, exactly. */
export const SEGMENT_LIMIT = 2 ** 24;

const ZEROS = Buffer.alloc(64 * BLOCK);

export const placeOf = (at: number, length: number): Place => at * SEGMENT_LIMIT + length;
export const lengthAt = (place: Place): number => place % SEGMENT_LIMIT;
const startOf = (place: Place): number => Math.floor(place / SEGMENT_LIMIT);

/** What a segment says at start. */
export interface SegmentContent {
  /** 0: nothing in it is of use. */
  readonly generation: number;
  /** In the order they were committed. */
  readonly writes: readonly KeyValue[];
  /** Lines that name what is damaged. */
  readonly damage: readonly string[];
}

/** One preallocated file that commits are appended to. Only for the thread that owns the store. */
export class JournalSegment {
  readonly path: string;
  readonly capacity: number;
  readonly #fd: number;
  #life = 0;
  #generation = 0;
  #records = 0;
  #at = 0;
  /** By key (latin1): where its newest value of this segment is. */
  places = new Map<string, Place>();

  private constructor(path: string, fd: number, capacity: number) {
    this.path = path;
    this.#fd = fd;
    this.capacity = capacity;
  }

  /**
   * Opens the file as it is, or makes it of `octets` zeros that the file system has allocated.
   * @returns undefined when the disk has no room for a new one
   * @throws the system's error for any other reason
   */
  static open(path: string, octets: number): JournalSegment | undefined {
    closeSync(openSync(path, 'a', 0o600));
    const fd = openSync(path, 'r+');
    const found = fstatSync(fd).size;
    try {
      let size = found;
      if (found === 0) {
        while (size < octets) size += writeSync(fd, ZEROS, 0, Math.min(ZEROS.length, octets - size), size);
        fsyncSync(fd);
      }
      const capacity = Math.min(size, SEGMENT_LIMIT - 1);
      return new JournalSegment(path, fd, capacity - (capacity % BLOCK));
    } catch (error) {
      closeSync(fd);
      if (found === 0) rmSync(path, { force: true });
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error;
      return undefined;
    }
  }

  /** Octets that a record of these writes takes. */
  static sizeOf(writes: readonly KeyValue[]): number {
    let octets = HEAD + writes.length * ENTRY;
    for (const [key, value] of writes) octets += key.length + (value?.length ?? 0);
    return Math.ceil(octets / BLOCK) * BLOCK;
  }

  get generation(): number {
    return this.#generation;
  }

  /**
   * Begins anew, flushed: what was in it is void, the next record is the first.
   * @param generation 0: nothing will follow
   * @throws the system's error
   */
  begin(life: number, generation: number): void {
    const block = Buffer.alloc(BLOCK);
    block.writeUInt32LE(SEGMENT_MAGIC, 0);
    block.writeDoubleLE(life, 8);
    block.writeUInt32LE(generation, 16);
    block.writeUInt32LE(crc32(block.subarray(8, SEGMENT_HEAD)), 4);
    this.#write(block, BLOCK, 0);
    this.#life = life;
    this.#generation = generation;
    this.#records = 0;
    this.#at = BLOCK;
    this.places = new Map();
  }

  /** The share that is used. */
  get fullness(): number {
    return this.#at / this.capacity;
  }

  hasRoom(octets: number): boolean {
    return this.#at + octets <= this.capacity;
  }

  /**
   * Writes one record and flushes it; `placed` is told where each entry stands, in order.
   * @param scratch `JournalSegment.sizeOf(writes)` octets or more
   * @throws the system's error: it may or may not be on the disk
   */
  append(writes: readonly KeyValue[], scratch: Buffer, placed: (index: number, place: Place) => void): void {
    const payloadAt = HEAD + writes.length * ENTRY;
    let at = payloadAt;
    for (let i = 0; i < writes.length; i++) {
      const [key, value] = writes[i]!;
      const entry = HEAD + i * ENTRY;
      scratch.writeUInt16LE(key.length, entry);
      scratch.writeUInt32LE(value === undefined ? NO_VALUE : value.length, entry + 2);
      scratch.set(key, at);
      at += key.length;
      if (value === undefined) {
        placed(i, REMOVED);
        continue;
      }
      scratch.set(value, at);
      placed(i, placeOf(this.#at + at, value.length));
      at += value.length;
    }
    const size = Math.ceil(at / BLOCK) * BLOCK;
    scratch.fill(0, at, size);
    scratch.writeUInt32LE(MAGIC, 0);
    scratch.writeDoubleLE(this.#life, 8);
    scratch.writeUInt32LE(this.#generation, 16);
    scratch.writeUInt32LE(this.#records++, 20);
    scratch.writeUInt32LE(writes.length, 24);
    scratch.writeUInt32LE(at - payloadAt, 28);
    scratch.writeUInt32LE(crc32(scratch.subarray(payloadAt, at)), 32);
    scratch.writeUInt32LE(0, 36);
    scratch.writeUInt32LE(crc32(scratch.subarray(8, payloadAt)), 4);
    this.#write(scratch, size, this.#at);
    this.#at += size;
  }

  /** The value at a place. */
  read(place: Place): Buffer {
    const value = Buffer.allocUnsafeSlow(lengthAt(place));
    this.#readAt(value, startOf(place));
    return value;
  }

  /** All that is committed in the file, for a start. */
  content(): SegmentContent {
    const writes: KeyValue[] = [];
    const damage: string[] = [];
    const said = this.#saysWhose();
    if (said?.generation === 0) return { generation: 0, writes, damage };
    const records = this.#recordsOf(said);
    if (records.length === 0) return { generation: said?.generation ?? 0, writes, damage };
    if (!said) damage.push('its first block is damaged');
    let expected = 0;
    for (const [i, header] of records.entries()) {
      if (header.record > expected) {
        damage.push(`${header.record - expected} commits before octet ${header.at} are damaged`);
      }
      expected = header.record + 1;
      const isSound = crc32(this.#bytes(header.payloadAt, header.payload)) === header.checksum;
      // The last one, torn by a power cut, was never told to anybody.
      if (!isSound && i === records.length - 1) break;
      // Every value has a checksum of its own: what is damaged is found when it is used.
      if (!isSound) damage.push(`a value of the commit at octet ${header.at} is damaged`);
      for (const write of this.#entries(header)) writes.push(write);
    }
    return { generation: records[0]!.generation, writes, damage };
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** Undefined: block 0 cannot be read. */
  #saysWhose(): { life: number; generation: number } | undefined {
    const head = this.#bytes(0, SEGMENT_HEAD);
    if (head.readUInt32LE(0) !== SEGMENT_MAGIC || crc32(head.subarray(8)) !== head.readUInt32LE(4)) return undefined;
    return { life: head.readDoubleLE(8), generation: head.readUInt32LE(16) };
  }

  /** The records of one life and generation, by number: those that block 0 names, or the newest there are. */
  #recordsOf(said: { life: number; generation: number } | undefined): Header[] {
    const head = Buffer.alloc(HEAD);
    let records: Header[] = [];
    let whose = said;
    for (let at = BLOCK; at + HEAD <= this.capacity;) {
      const header = this.#headerAt(at, head);
      at = header?.end ?? at + BLOCK;
      if (!header) continue;
      if (!said && (!whose || header.generation > whose.generation)) {
        whose = header;
        records = [];
      }
      if (header.life === whose?.life && header.generation === whose.generation) records.push(header);
    }
    return records;
  }

  #headerAt(at: number, head: Buffer): Header | undefined {
    if (this.#readAt(head, at) < HEAD || head.readUInt32LE(0) !== MAGIC) return undefined;
    const entries = head.readUInt32LE(24);
    const payload = head.readUInt32LE(28);
    const payloadAt = at + HEAD + entries * ENTRY;
    if (payloadAt + payload > this.capacity) return undefined;
    const covered = this.#bytes(at + 8, HEAD - 8 + entries * ENTRY);
    if (crc32(covered) !== head.readUInt32LE(4)) return undefined;
    return {
      at,
      life: head.readDoubleLE(8),
      generation: head.readUInt32LE(16),
      record: head.readUInt32LE(20),
      entries,
      payload,
      payloadAt,
      checksum: head.readUInt32LE(32),
      end: Math.ceil((payloadAt + payload) / BLOCK) * BLOCK,
    };
  }

  #entries({ at, entries, payload, payloadAt }: Header): KeyValue[] {
    const directory = this.#bytes(at + HEAD, entries * ENTRY);
    const bytes = this.#bytes(payloadAt, payload);
    const writes: KeyValue[] = [];
    for (let i = 0, from = 0; i < entries; i++) {
      const keyEnd = from + directory.readUInt16LE(i * ENTRY);
      const length = directory.readUInt32LE(i * ENTRY + 2);
      const key = bytes.subarray(from, keyEnd);
      from = keyEnd + (length === NO_VALUE ? 0 : length);
      writes.push([key, length === NO_VALUE ? undefined : bytes.subarray(keyEnd, from)]);
    }
    return writes;
  }

  /** Writes and flushes. */
  #write(bytes: Buffer, length: number, at: number): void {
    for (let done = 0; done < length;) done += writeSync(this.#fd, bytes, done, length - done, at + done);
    fdatasyncSync(this.#fd);
  }

  #bytes(at: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafeSlow(length);
    this.#readAt(bytes, at);
    return bytes;
  }

  #readAt(into: Buffer, at: number): number {
    let done = 0;
    while (done < into.length) {
      const got = readSync(this.#fd, into, done, into.length - done, at + done);
      if (got === 0) break;
      done += got;
    }
    return done;
  }
}

interface Header {
  readonly at: number;
  readonly life: number;
  readonly generation: number;
  readonly record: number;
  readonly entries: number;
  readonly payload: number;
  readonly payloadAt: number;
  readonly checksum: number;
  readonly end: number;
}
