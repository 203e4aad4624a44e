/**
 * Keys of the LMDB engine: one byte for what it is, then the batch number big-endian, so that a range scan runs in the
 * order of acceptance. Must never change without a migration.
 */
export const Tag = {
  /** The batch itself (`actors/message/batch.ts`). */
  batch: 0x42,
  /** What happened to its messages: key ends in a counter, value is `ledger-log.ts`'s. */
  ledger: 0x44,
  /** Where each of its messages stands (`batch-state.ts`). */
  state: 0x53,
  /** A damaged or poisonous batch, kept for a person to look at. */
  quarantine: 0x51,
  /** Configuration values: the rest of the key is the name. */
  config: 0x43,
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
  const key = Buffer.allocUnsafe(NUMBER_KEY + 2);
  numberKey(Tag.ledger, batchNumber).copy(key);
  key.writeUInt16BE(index, NUMBER_KEY);
  return key;
}

export const configKey = (name: string): Buffer => Buffer.concat([Buffer.of(Tag.config), Buffer.from(name, 'utf8')]);

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
