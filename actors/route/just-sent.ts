import { carrierSeed, HASH_WORDS, hashCarrierId } from '../message/correlation-key.ts';
import type { Delivery } from './delivery.ts';

/**
 * The messages that carriers have just taken, whose settles have gathered and are not the store's yet: by the id that the
 * carrier gave. A receipt that comes right behind its response finds its message here and shares the response's commit.
 * Between two commits a crash would lose it, with a carrier that never repeats a receipt.
 *
 * Open addressing over typed arrays: nothing is allocated for a message.
 */
export class JustSent {
  #count = 0;
  #deliveries: Delivery[] = [];
  #indexes = new Uint8Array(FIRST);
  #hashes = new Uint32Array(FIRST * HASH_WORDS);
  /** 1 = its final fate has been told: what comes after that is the store's to judge. */
  #told = new Uint8Array(FIRST);
  /** Place + 1 by hash; 0 = empty. Twice as long as the columns. */
  #table = new Uint16Array(FIRST * 2);
  readonly #key = new Uint32Array(HASH_WORDS);
  #carrier = '';
  #seed = carrierSeed('');

  get count(): number {
    return this.#count;
  }

  /** Remembers; beyond LIMIT it does not: a receipt of those finds its message in the store. */
  add(carrier: string, delivery: Delivery, index: number, id: Buffer, idAt: number, idLength: number): void {
    if (this.#count === LIMIT) return;
    if (this.#count === this.#indexes.length) this.#grow();
    this.#hash(carrier, id, idAt, idLength);
    const place = this.#count++;
    this.#deliveries.push(delivery);
    this.#indexes[place] = index;
    this.#told[place] = 0;
    this.#hashes.set(this.#key, place * HASH_WORDS);
    // The newest wins where a carrier gives an id twice.
    this.#table[this.#slot()] = place + 1;
  }

  /** The place of the message that `carrier` gave this id to; -1 when there is none, or its fate has been told. */
  find(carrier: string, id: Buffer, idAt: number, idLength: number): number {
    if (this.#count === 0) return -1;
    this.#hash(carrier, id, idAt, idLength);
    const place = this.#table[this.#slot()]! - 1;
    return place < 0 || this.#told[place] === 1 ? -1 : place;
  }

  deliveryOf(place: number): Delivery {
    return this.#deliveries[place]!;
  }

  indexOf(place: number): number {
    return this.#indexes[place]!;
  }

  /** A receipt has told the final fate of the message at `place`. */
  tell(place: number): void {
    this.#told[place] = 1;
  }

  clear(): void {
    if (this.#count === 0) return;
    this.#count = 0;
    this.#deliveries = [];
    this.#table.fill(0);
  }

  #hash(carrier: string, id: Buffer, idAt: number, idLength: number): void {
    if (carrier !== this.#carrier) {
      this.#carrier = carrier;
      this.#seed = carrierSeed(carrier);
    }
    hashCarrierId(this.#seed, id, idAt, idLength, this.#key, 0);
  }

  /** The slot of the key, or the empty one where it would be. */
  #slot(): number {
    const [a, b, c] = this.#key as unknown as [number, number, number];
    const mask = this.#table.length - 1;
    for (let slot = a & mask; ; slot = (slot + 1) & mask) {
      const place = this.#table[slot]! - 1;
      if (place < 0) return slot;
      const at = place * HASH_WORDS;
      if (this.#hashes[at] === a && this.#hashes[at + 1] === b && this.#hashes[at + 2] === c) return slot;
    }
  }

  #grow(): void {
    const length = this.#indexes.length * 2;
    const indexes = new Uint8Array(length);
    const hashes = new Uint32Array(length * HASH_WORDS);
    const told = new Uint8Array(length);
    indexes.set(this.#indexes);
    hashes.set(this.#hashes);
    told.set(this.#told);
    this.#indexes = indexes;
    this.#hashes = hashes;
    this.#told = told;
    this.#table = new Uint16Array(length * 2);
    for (let place = 0; place < this.#count; place++) {
      this.#key.set(hashes.subarray(place * HASH_WORDS, (place + 1) * HASH_WORDS));
      this.#table[this.#slot()] = place + 1;
    }
  }
}

const FIRST = 512;
/** More responses do not gather in one turn. */
const LIMIT = 32_768;
