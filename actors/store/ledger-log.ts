import { DamagedBatchError } from '../message/batch.ts';
import type { MessageId } from '../message/id.ts';
import { L, nextEntry, What, type Fate } from '../message/ledger.ts';
import { checksum } from './keys.ts';

/**
 * The value under a ledger key: what one group commit recorded about one batch. Version 1: must never change.
 *
 *     0 u32 CRC-32 of key and 4 … end    4 u8 version    5 parts: u8 octets and destination, u32 octets and entries
 */
const VERSION = 1;
const HEAD = 5;

export interface LedgerPart {
  readonly destination: string;
  readonly entries: Buffer;
}

export function encodeLedger(key: Buffer, parts: readonly LedgerPart[]): Buffer {
  let length = HEAD;
  for (const part of parts) length += 5 + Buffer.byteLength(part.destination) + part.entries.length;
  const out = Buffer.allocUnsafe(length);
  out[4] = VERSION;
  let at = HEAD;
  for (const { destination, entries } of parts) {
    out[at] = Buffer.byteLength(destination);
    at += 1 + out.write(destination, at + 1);
    at = out.writeUInt32LE(entries.length, at);
    at += entries.copy(out, at);
  }
  out.writeUInt32LE(checksum(key, out), 0);
  return out;
}

/** @throws DamagedBatchError naming what is wrong */
export function decodeLedger(key: Buffer, value: Buffer | undefined): LedgerPart[] {
  if (!value) throw new DamagedBatchError('ledger: a value is missing');
  if (value.length < HEAD) throw new DamagedBatchError(`ledger: expected ${HEAD} octets or more, got ${value.length}`);
  if (checksum(key, value) !== value.readUInt32LE(0)) throw new DamagedBatchError('ledger: checksum does not match');
  if (value[4] !== VERSION) throw new DamagedBatchError(`ledger: unknown version ${value[4]}`);
  const parts: LedgerPart[] = [];
  for (let at = HEAD; at < value.length;) {
    const nameEnd = at + 1 + value[at]!;
    const entriesAt = nameEnd + 4;
    const end = entriesAt + value.readUInt32LE(nameEnd);
    parts.push({ destination: value.toString('utf8', at + 1, nameEnd), entries: value.subarray(entriesAt, end) });
    at = end;
  }
  return parts;
}

/** Calls `entry(at)` for each entry of a frame. */
export function eachEntry(entries: Buffer, entry: (at: number) => void): void {
  for (let at = 0; at + L.head <= entries.length; at = nextEntry(entries, at)) entry(at);
}

/** What the store itself records when it settles a message. @param at ms since 1970 */
export function settledEntry(id: MessageId, fate: Fate, at: number): Buffer {
  const entry = Buffer.alloc(L.head);
  entry.writeDoubleLE(id, L.id);
  entry[L.what] = What.settled;
  entry[L.fate] = fate;
  entry.writeDoubleLE(at, L.at);
  return entry;
}

/** The carrier's id of the entry at `at`; for `rerouted` the destination's name. */
export function carrierIdAt(entries: Buffer, at: number): string {
  return entries.latin1Slice(at + L.head, at + L.head + entries[at + L.carrierIdLength]!);
}
