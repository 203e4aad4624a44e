import { crc32 } from 'node:zlib';
import { RuntimeError } from '../../runtime/errors.ts';
import type { Values } from './values.ts';
import { configKey, Tag } from './keys.ts';
import type { PendingWrites } from './pending-writes.ts';

/**
 * Small values, each kept twice: what they say stands nowhere else. A value is a row of blocks with a checksum each, so
 * that it can be put together from two copies that are both damaged, in different places. Version 1: must never change.
 *
 *     block 0: u32 checksum, u8 version, u32 octets of the value
 *     blocks 1 …: u32 checksum, up to BLOCK octets
 *     checksum: CRC-32 of the value's name, the block's number as u32, and the block
 */
const VERSION = 1;
const BLOCK = 128;
const CRC = 4;
const HEAD = CRC + 5;

export class ConfigValues {
  readonly #db: Pick<Values, 'get'>;
  readonly #writes: PendingWrites;
  readonly #alarm: (line: string) => void;

  constructor(db: Pick<Values, 'get'>, writes: PendingWrites, alarm: (line: string) => void) {
    this.#db = db;
    this.#writes = writes;
    this.#alarm = alarm;
  }

  /** Written by the next commit; undefined removes it. */
  put(name: string, value: Uint8Array | undefined): void {
    const encoded = value && encode(name, value);
    for (const tag of [Tag.config, Tag.configCopy]) this.#writes.put(configKey(tag, name), encoded);
  }

  /** @throws RuntimeError CONFIG_DAMAGED when a part of it is damaged in both copies */
  get(name: string): Buffer | undefined {
    const copies = [Tag.config, Tag.configCopy].map(tag => this.#db.get(configKey(tag, name)));
    if (copies.every(copy => copy === undefined)) return undefined;
    const { value, isSound } = decode(name, copies);
    if (!value) {
      throw new RuntimeError(
        'CONFIG_DAMAGED',
        `configuration value ${name} is damaged in the store, in both its copies`,
      );
    }
    if (!isSound) {
      this.#alarm(`configuration value ${name} was damaged in the store: it is mended from its second copy`);
      this.put(name, value);
    }
    return value;
  }
}

function encode(name: string, value: Uint8Array): Buffer {
  const blocks = Math.ceil(value.length / BLOCK);
  const out = Buffer.allocUnsafe(HEAD + value.length + blocks * CRC);
  out[CRC] = VERSION;
  out.writeUInt32LE(value.length, CRC + 1);
  out.writeUInt32LE(checksumOf(name, 0, out.subarray(CRC, HEAD)), 0);
  for (let i = 0, to = HEAD; i < blocks; i++) {
    const block = value.subarray(i * BLOCK, (i + 1) * BLOCK);
    to = out.writeUInt32LE(checksumOf(name, i + 1, block), to);
    out.set(block, to);
    to += block.length;
  }
  return out;
}

function decode(name: string, copies: readonly (Buffer | undefined)[]): { value?: Buffer; isSound: boolean } {
  let isSound = true;
  /** The block from the first copy in which it is good. */
  const block = (number: number, at: number, length: number): Buffer | undefined => {
    let good: Buffer | undefined;
    for (const copy of copies) {
      const bytes = copy?.subarray(at + CRC, at + CRC + length);
      const isGood = bytes?.length === length && checksumOf(name, number, bytes) === copy!.readUInt32LE(at);
      if (isGood) good ??= bytes;
      else isSound = false;
    }
    return good;
  };
  const head = block(0, 0, HEAD - CRC);
  if (!head || head[0] !== VERSION) return { isSound: false };
  const value = Buffer.alloc(head.readUInt32LE(1));
  for (let from = 0, number = 1, at = HEAD; from < value.length; from += BLOCK, number++, at += CRC + BLOCK) {
    const bytes = block(number, at, Math.min(BLOCK, value.length - from));
    if (!bytes) return { isSound: false };
    bytes.copy(value, from);
  }
  return { value, isSound };
}

function checksumOf(name: string, number: number, block: Uint8Array): number {
  const place = Buffer.alloc(4);
  place.writeUInt32LE(number);
  return crc32(block, crc32(place, crc32(Buffer.from(name, 'utf8'))));
}
