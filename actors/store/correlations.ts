import { carrierSeed, HASH_WORDS, hashCarrierId } from '../message/correlation-key.ts';
import type { MessageId } from '../message/id.ts';
import { CARRIER_ID_LIMIT, L } from '../message/ledger.ts';

/**
 * (carrier, the id it gave) → our id, for messages whose receipt has not come: open addressing over typed arrays,
 * 20 octets an entry (a 96-bit hash and the id). Rebuilt at start from the ledger. Ids are compared without their case and
 * leading zeros (features B11); of one above CARRIER_ID_LIMIT octets only those count.
 */
export class Correlations {
  #capacity: number;
  #hashes: Uint32Array;
  #ids: Float64Array;
  #size = 0;
  /** Slots that are not empty: entries and graves. */
  #used = 0;
  readonly #key = new Uint32Array(HASH_WORDS);
  readonly #text = Buffer.alloc(CARRIER_ID_LIMIT);
  #carrier = '';
  #seed = carrierSeed('');

  constructor(capacity = 1024) {
    this.#capacity = capacity;
    this.#hashes = new Uint32Array(capacity * HASH_WORDS);
    this.#ids = new Float64Array(capacity);
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Remembers; the newest message wins where a carrier gives an id a second time.
   *
   * @param at where the ledger's entry is that has the id
   */
  set(carrier: string, entries: Buffer, at: number, message: MessageId): void {
    this.#hash(carrier, entries, at + L.head, entries[at + L.carrierIdLength]!);
    this.#set(message);
  }

  /** The same for an id as text. */
  setText(carrier: string, id: string, message: MessageId): void {
    this.#hashText(carrier, id);
    this.#set(message);
  }

  get(carrier: string, id: string): MessageId | undefined {
    this.#hashText(carrier, id);
    const found = this.#ids[this.#find(false)]!;
    return found > 0 ? found : undefined;
  }

  /** Forgets the id, if it still means `message`. */
  delete(carrier: string, entries: Buffer, at: number, message: MessageId): void {
    this.#hash(carrier, entries, at + L.head, entries[at + L.carrierIdLength]!);
    const slot = this.#find(false);
    if (this.#ids[slot] !== message) return;
    this.#ids[slot] = GRAVE;
    this.#size--;
  }

  #set(message: MessageId): void {
    if ((this.#used + 1) * 2 > this.#capacity) this.#rehash();
    const slot = this.#find(true);
    if (this.#ids[slot]! <= 0) {
      if (this.#ids[slot] === EMPTY) this.#used++;
      this.#size++;
    }
    this.#hashes.set(this.#key, slot * HASH_WORDS);
    this.#ids[slot] = message;
  }

  #hashText(carrier: string, id: string): void {
    this.#hash(carrier, this.#text, 0, this.#text.latin1Write(id, 0));
  }

  #hash(carrier: string, id: Buffer, idAt: number, idLength: number): void {
    if (carrier !== this.#carrier) {
      this.#carrier = carrier;
      this.#seed = carrierSeed(carrier);
    }
    hashCarrierId(this.#seed, id, idAt, idLength, this.#key, 0);
  }

  /** The slot of the key; where it is absent the slot to write to (`forWrite`: a grave on the way if there is one). */
  #find(forWrite: boolean): number {
    const [a, b, c] = this.#key as unknown as [number, number, number];
    const mask = this.#capacity - 1;
    let grave = -1;
    for (let slot = a & mask; ; slot = (slot + 1) & mask) {
      const id = this.#ids[slot]!;
      if (id === EMPTY) return grave >= 0 ? grave : slot;
      if (id === GRAVE) {
        if (forWrite && grave < 0) grave = slot;
        continue;
      }
      const at = slot * HASH_WORDS;
      if (this.#hashes[at] === a && this.#hashes[at + 1] === b && this.#hashes[at + 2] === c) return slot;
    }
  }

  #rehash(): void {
    const hashes = this.#hashes;
    const ids = this.#ids;
    while (this.#capacity < this.#size * 4) this.#capacity *= 2;
    this.#hashes = new Uint32Array(this.#capacity * HASH_WORDS);
    this.#ids = new Float64Array(this.#capacity);
    this.#used = this.#size;
    const mask = this.#capacity - 1;
    for (let i = 0; i < ids.length; i++) {
      if (ids[i]! <= 0) continue;
      let slot = hashes[i * HASH_WORDS]! & mask;
      while (this.#ids[slot] !== EMPTY) slot = (slot + 1) & mask;
      this.#hashes.set(hashes.subarray(i * HASH_WORDS, (i + 1) * HASH_WORDS), slot * HASH_WORDS);
      this.#ids[slot] = ids[i]!;
    }
  }
}

const EMPTY = 0;
const GRAVE = -1;
