/** One write: a key and its value, undefined to remove it. */
export type Write = (key: Buffer, value: Buffer | undefined) => void;

/** Reads the values of one stripe by the keys of `keys.ts`; ranges are `[start, end)` in the order of the keys' octets. */
export interface Values {
  get(key: Buffer): Buffer | undefined;
  getKeys(range: KeyRange): Iterable<Buffer>;
  getKeysCount(range: KeyRange): number;
  getRange(range: KeyRange): Iterable<{ readonly key: Buffer; readonly value: Buffer }>;
}

export interface KeyRange {
  readonly start: Buffer;
  readonly end: Buffer;
}
