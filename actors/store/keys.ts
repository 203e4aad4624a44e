import { crc32 } from 'node:zlib';

/**
 * Keys of a stripe: one byte for what it is, then the batch number big-endian, so that a range scan runs in the
 * order of acceptance. Must never change without a migration.
 */
export const Tag = {
  /** The batch itself (`actors/message/batch.ts`). */
  batch: 0x42,
  /** What happened to its messages: key ends in a counter, value is `ledger-log.ts`'s. */
  ledger: 0x44,
  /** Where each of its messages stands (`batch-state.ts`). */
  state: 0x53,
  /** A damaged batch, kept for a person to look at; with an index at the key's end one message, poison. */
  quarantine: 0x51,
  /** A message that is claimed alone: the key ends in its index, the value is a `Probe`. */
  probe: 0x50,
  /** Configuration values: the rest of the key is the name. */
  config: 0x43,
  /** The same once more, far away in the file: nothing else could replace them. */
  configCopy: 0x63,
} as const;

const NUMBER_KEY = 9;

export function numberKey(tag: number, batchNumber: number): Buffer {
  const key = Buffer.allocUnsafe(NUMBER_KEY);
  key[0] = tag;
  key.writeUInt32BE(Math.floor(batchNumber / 2 ** 32), 1);
  key.writeUInt32BE(batchNumber % 2 ** 32, 5);
  return key;
}

export function ledgerKey(batchNumber: number, index: number): Buffer {
  const key = Buffer.allocUnsafe(NUMBER_KEY + 4);
  numberKey(Tag.ledger, batchNumber).copy(key);
  key.writeUInt32BE(index, NUMBER_KEY);
  return key;
}

/** Of one message. */
export const messageKey = (tag: number, batchNumber: number, index: number): Buffer =>
  Buffer.concat([numberKey(tag, batchNumber), Buffer.of(index)]);

export const configKey = (tag: number, name: string): Buffer =>
  Buffer.concat([Buffer.of(tag), Buffer.from(name, 'utf8')]);

/**
 * CRC-32 of the key and of a value without its first four octets, where it stands: so a value that turns up under a
 * damaged key is found out.
 */
export const checksum = (key: Buffer, value: Buffer): number => crc32(value.subarray(4), crc32(key));

/** The batch number in a key of any of the numbered kinds. */
export const numberIn = (key: Uint8Array): number => {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  return view.getUint32(1) * 2 ** 32 + view.getUint32(5);
};

/** The range that holds all keys of a kind. */
export const rangeOf = (tag: number): { start: Buffer; end: Buffer } => ({
  start: Buffer.of(tag),
  end: Buffer.of(tag + 1),
});
