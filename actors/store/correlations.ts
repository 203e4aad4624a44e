import type { MessageId } from '../message/id.ts';

/**
 * (carrier, the id it gave) → our id, for messages whose receipt has not come: open addressing over typed arrays,
 * 20 octets an entry (a 96-bit hash and the id). Rebuilt at start from the ledger.
 */
export class Correlations {
  #capacity: number;
  #hash: Uint32Array;
  #ids: Float64Array;
  #size = 0;
  /** Slots that are not empty: entries and graves. */
  #used = 0;
  readonly #key = new Uint32Array(3);

  constructor(capacity = 1024) {
    this.#capacity = capacity;
    this.#hash = new Uint32Array(capacity * 3);
    this.#ids = new Float64Array(capacity);
  }

  get size(): number {
    return this.#size;
  }

  /** Remembers; the newest message wins where a carrier gives an id a second time. */
  set(carrier: string, id: string, message: MessageId): void {
    if ((this.#used + 1) * 2 > this.#capacity) this.#rehash();
    hash(carrier, id, this.#key);
    const slot = this.#find(true);
    if (this.#ids[slot]! <= 0) {
      if (this.#ids[slot] === EMPTY) this.#used++;
      this.#size++;
    }
    this.#hash.set(this.#key, slot * 3);
    this.#ids[slot] = message;
  }

  get(carrier: string, id: string): MessageId | undefined {
    hash(carrier, id, this.#key);
    const found = this.#ids[this.#find(false)]!;
    return found > 0 ? found : undefined;
  }

  /** Forgets the id, if it still means `message`. */
  delete(carrier: string, id: string, message: MessageId): void {
    hash(carrier, id, this.#key);
    const slot = this.#find(false);
    if (this.#ids[slot] !== message) return;
    this.#ids[slot] = GRAVE;
    this.#size--;
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
      const at = slot * 3;
      if (this.#hash[at] === a && this.#hash[at + 1] === b && this.#hash[at + 2] === c) return slot;
    }
  }

  #rehash(): void {
    const hashes = this.#hash;
    const ids = this.#ids;
    while (this.#capacity < this.#size * 4) this.#capacity *= 2;
    this.#hash = new Uint32Array(this.#capacity * 3);
    this.#ids = new Float64Array(this.#capacity);
    this.#used = this.#size;
    const mask = this.#capacity - 1;
    for (let i = 0; i < ids.length; i++) {
      if (ids[i]! <= 0) continue;
      let slot = hashes[i * 3]! & mask;
      while (this.#ids[slot] !== EMPTY) slot = (slot + 1) & mask;
      this.#hash.set(hashes.subarray(i * 3, i * 3 + 3), slot * 3);
      this.#ids[slot] = ids[i]!;
    }
  }
}

const EMPTY = 0;
const GRAVE = -1;

/**
 * 96 bits over the carrier's name and the id as it is compared: case and leading zeros do not count (features B11).
 * Three multiplicative hashes with different seeds: carriers count up, so nobody chooses ids to collide.
 */
function hash(carrier: string, id: string, out: Uint32Array): void {
  let a = 0x811c9dc5 ^ carrier.length;
  let b = 0x9e3779b9;
  let c = 0x85ebca6b;
  for (let i = 0; i < carrier.length; i++) {
    const code = carrier.charCodeAt(i);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b + code, 0xcc9e2d51);
    c = Math.imul(c ^ (code << 8), 0x1b873593);
  }
  let start = 0;
  while (start < id.length - 1 && id.charCodeAt(start) === 0x30) start++;
  for (let i = start; i < id.length; i++) {
    let code = id.charCodeAt(i);
    if (code >= 0x61 && code <= 0x7a) code -= 0x20;
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul((b << 13) | (b >>> 19), 5) + Math.imul(code + 1, 0xcc9e2d51);
    c = Math.imul(c + code, 0x1b873593) ^ (c >>> 15);
  }
  out[0] = mix(a ^ (id.length - start));
  out[1] = mix(b + a);
  out[2] = mix(c ^ b);
}

function mix(x: number): number {
  let h = x ^ (x >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
