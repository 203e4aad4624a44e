/**
 * Message ids. Inside the system an id is an address: `batchNumber * 256 + index`, so that finding a message needs one
 * index entry per batch. Batch numbers never repeat (see `MessageStore.allocate`) and stay below 2^44, ids below 2^52.
 *
 * Customers see the id through a keyed permutation of the 52-bit numbers (`PublicIds`): sequential ids would tell each of
 * them how many messages all the others send. It is a bijection, so both forms are unique and neither is stored twice.
 */

/** An internal id: `batchNumber * 256 + index`. */
export type MessageId = number;

/** Most messages in one batch. Part of the id format: must never change. */
export const BATCH_LIMIT = 256;

/**
 * Stripes that a store may have. A batch and all it touches lie in one stripe, which is its number modulo this: so an id
 * tells where to look. Part of the id format: must never change.
 */
export const STRIPE_LIMIT = 16;

export const stripeOf = (batchNumber: number): number => batchNumber % STRIPE_LIMIT;

/** Exclusive upper bound of batch numbers. */
export const BATCH_NUMBER_LIMIT = 2 ** 44;

export const messageId = (batchNumber: number, index: number): MessageId => batchNumber * BATCH_LIMIT + index;
export const batchNumberOf = (id: MessageId): number => Math.floor(id / BATCH_LIMIT);
export const indexOf = (id: MessageId): number => id % BATCH_LIMIT;

/** Wall clock at which the clock-derived floor of batch numbers is 0: 2025-01-01T00:00:00Z. Must never change. */
const FLOOR_EPOCH_MS = 1_735_689_600_000;

/**
 * The lowest number a stripe may hand out at `nowMs` after a start, failover or restore, counted within the stripe: one a
 * millisecond since the epoch. Whatever the store has forgotten (a restored backup, a lost replica) was handed out
 * before now, hence below it, as long as a stripe commits less than 1,000 batches a second on the average of its life.
 */
export function clockFloor(nowMs: number): number {
  return Math.max(1, Math.floor(nowMs - FLOOR_EPOCH_MS));
}

/**
 * Before this time (ms since 1970) a batch number was not handed out, if its stripe kept to the rate above: a hint of
 * where to search first, no more.
 */
export const notBefore = (batchNumber: number): number => FLOOR_EPOCH_MS + Math.floor(batchNumber / STRIPE_LIMIT);

const HALF = 2 ** 26;
const MASK = HALF - 1;
const ROUNDS = 4;

/** A keyed permutation of 0 … 2^52-1: four Feistel rounds over two 26-bit halves. Hides volume; it is not encryption. */
export class PublicIds {
  readonly #key: Int32Array;

  /** @param key 16 bytes, kept with the configuration: another key gives other public ids for the same messages */
  constructor(key: Uint8Array) {
    if (key.length !== 16) throw new RangeError(`id key: expected 16 bytes, got ${key.length}`);
    const view = new DataView(key.buffer, key.byteOffset, 16);
    this.#key = Int32Array.of(view.getInt32(0), view.getInt32(4), view.getInt32(8), view.getInt32(12));
  }

  toPublic(id: MessageId): number {
    let left = Math.floor(id / HALF);
    let right = id % HALF;
    for (let round = 0; round < ROUNDS; round++) {
      const next = left ^ scramble(right, this.#key[round]!);
      left = right;
      right = next;
    }
    return left * HALF + right;
  }

  /** The internal id of a public one. Any whole number from 0 to 2^52-1 has one; whether it was ever given out is the store's to say. */
  fromPublic(publicId: number): MessageId {
    let left = Math.floor(publicId / HALF);
    let right = publicId % HALF;
    for (let round = ROUNDS - 1; round >= 0; round--) {
      const previous = right ^ scramble(left, this.#key[round]!);
      right = left;
      left = previous;
    }
    return left * HALF + right;
  }

  /** Reads a decimal public id as peers and API callers give it; undefined when it cannot be one. */
  parse(text: string): MessageId | undefined {
    if (!/^\d{1,16}$/.test(text)) return undefined;
    const value = Number(text);
    return value < 2 ** 52 ? this.fromPublic(value) : undefined;
  }
}

function scramble(half: number, key: number): number {
  let x = Math.imul(half ^ key, 0x9e3779b1);
  x = Math.imul(x ^ (x >>> 15), 0x85ebca77);
  return (x ^ (x >>> 13)) & MASK;
}
