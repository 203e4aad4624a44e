/**
 * Which messages were taken lately, in memory that all workers of a node share: by a hash of 64 bits, when, until when it
 * counts, and the id. Places are in sets of WAYS: where one is full, the entry goes that would be over first, so memory is
 * bounded and the newest are known.
 */

/** Octets of an entry: two words of the hash, until, since, id. */
const ENTRY = 32;
const WAYS = 8;
/** 32-bit words, and 64-bit ones, of an entry. */
const WORDS = ENTRY / 4;
const FIGURES = ENTRY / 8;
const UNTIL = 1;
const SINCE = 2;
const ID = 3;
/** Words before the locks: two seeds of the hash, so that nobody outside can tell what collides. */
const HEAD = 2;
/**
 * Tries for a set's lock, then waits of a millisecond. Whoever has it needs less than a microsecond, unless the system lets
 * others run first; a thread that was ended in the middle keeps it for ever, and then it is taken from it.
 */
const TRIES = 1000;
const WAITS = 50;
/** What is not committed by then never will be: its worker has ended. ms */
const PENDING_MS = 10_000;

/** Room for about so many messages. Pages that nobody has written take no memory. */
export function duplicateMemory(messages: number, random: () => number): SharedArrayBuffer {
  const sets = Math.ceil(messages / WAYS);
  const memory = new SharedArrayBuffer(headOctets(sets) + sets * WAYS * ENTRY);
  const head = new Int32Array(memory, 0, HEAD);
  for (let i = 0; i < HEAD; i++) head[i] = random() * 0x1_0000_0000;
  return memory;
}

/** Head and locks, in whole 64-bit words. */
const headOctets = (sets: number): number => Math.ceil((HEAD + sets) / 2) * 8;

/** A worker's view. One lookup at a time: what it found is in its fields until the next. */
export class DuplicateTable {
  readonly seeds: readonly [number, number];
  readonly #locks: Int32Array;
  readonly #words: Int32Array;
  readonly #figures: Float64Array;
  readonly #sets: number;
  /** Where the message is; to `commit` or `forget` if it was new. */
  place = 0;
  /** Id of the message that it repeats; 0: that is not committed yet. */
  id = 0;
  /** When that was taken, ms since 1970. */
  since = 0;

  constructor(memory: SharedArrayBuffer) {
    // Octets of a set and of its lock.
    this.#sets = Math.floor((memory.byteLength - HEAD * 4) / (WAYS * ENTRY + 4));
    const from = headOctets(this.#sets);
    const [first = 0, second = 0] = new Int32Array(memory, 0, HEAD);
    this.seeds = [first, second];
    this.#locks = new Int32Array(memory, HEAD * 4, this.#sets);
    this.#words = new Int32Array(memory, from, this.#sets * WAYS * WORDS);
    this.#figures = new Float64Array(memory, from, this.#sets * WAYS * FIGURES);
  }

  /**
   * Enters a message unless it is there.
   *
   * @param windowMs how long it counts from now on
   * @returns true when it was new
   */
  enter(first: number, second: number, windowMs: number, now: number): boolean {
    const set = (first >>> 0) % this.#sets;
    this.#lock(set);
    const isNew = this.#enter(set, first, second, windowMs, now);
    Atomics.store(this.#locks, set, 0);
    return isNew;
  }

  /** The message is on disk under this id. */
  commit(place: number, first: number, second: number, since: number, id: number): void {
    this.#settle(place, first, second, since, id);
  }

  /** It was not taken after all. */
  forget(place: number, first: number, second: number, since: number): void {
    this.#settle(place, first, second, since, -1);
  }

  /** How often it has come so within `windowMs` of the time before, this time counted. */
  count(first: number, second: number, windowMs: number, now: number): number {
    const set = (first >>> 0) % this.#sets;
    this.#lock(set);
    const isNew = this.#enter(set, first, second, windowMs, now);
    const times = isNew ? 1 : this.id + 1;
    const at = this.place * FIGURES;
    this.#figures[at + ID] = times;
    this.#figures[at + UNTIL] = now + windowMs;
    Atomics.store(this.#locks, set, 0);
    return times;
  }

  /** One time less: that one was not taken after all. */
  uncount(place: number, first: number, second: number): void {
    const set = Math.floor(place / WAYS);
    this.#lock(set);
    const isThere = this.#words[place * WORDS] === first && this.#words[place * WORDS + 1] === second;
    if (isThere && this.#figures[place * FIGURES + ID]! > 0) this.#figures[place * FIGURES + ID]! -= 1;
    Atomics.store(this.#locks, set, 0);
  }

  #enter(set: number, first: number, second: number, windowMs: number, now: number): boolean {
    const words = this.#words;
    const figures = this.#figures;
    let place = -1;
    let soonest = Infinity;
    for (let at = set * WAYS; at < (set + 1) * WAYS; at++) {
      const until = figures[at * FIGURES + UNTIL]!;
      if (until > now && words[at * WORDS] === first && words[at * WORDS + 1] === second) {
        const since = figures[at * FIGURES + SINCE]!;
        const id = figures[at * FIGURES + ID]!;
        if (id !== 0 || now - since < PENDING_MS) {
          this.place = at;
          this.id = id;
          this.since = since;
          return false;
        }
        place = at;
        break;
      }
      if (until < soonest) {
        soonest = until;
        place = at;
      }
    }
    words[place * WORDS] = first;
    words[place * WORDS + 1] = second;
    figures[place * FIGURES + UNTIL] = now + windowMs;
    figures[place * FIGURES + SINCE] = now;
    figures[place * FIGURES + ID] = 0;
    this.place = place;
    return true;
  }

  /** If it is still there. @param id -1: it goes */
  #settle(place: number, first: number, second: number, since: number, id: number): void {
    const set = Math.floor(place / WAYS);
    this.#lock(set);
    const isThere =
      this.#words[place * WORDS] === first &&
      this.#words[place * WORDS + 1] === second &&
      this.#figures[place * FIGURES + SINCE] === since &&
      this.#figures[place * FIGURES + ID] === 0;
    if (isThere && id > 0) this.#figures[place * FIGURES + ID] = id;
    else if (isThere) this.#figures[place * FIGURES + UNTIL] = 0;
    Atomics.store(this.#locks, set, 0);
  }

  #lock(set: number): void {
    const locks = this.#locks;
    for (let tries = 0; tries < TRIES; tries++) if (Atomics.compareExchange(locks, set, 0, 1) === 0) return;
    for (let waits = 0; waits < WAITS; waits++) {
      Atomics.wait(locks, set, 1, 1);
      if (Atomics.compareExchange(locks, set, 0, 1) === 0) return;
    }
  }
}
