const FREE = 0;
const WAITING = 1;
const ANSWERED = 2;

const FIRST_SEQUENCE = 1;
const LAST_SEQUENCE = 0x7fffffff;
const SMALLEST_TABLE = 32;

/**
 * The requests of one session that wait for their response, keyed by the sequence_number we gave them (v3.4 §5.1.4:
 * 1 to 0x7FFFFFFF, then 1 again), with two numbers of the caller for each. No allocation per message.
 *
 *     take ──▶ WAITING ──answered──▶ ANSWERED ──release──▶ FREE
 *                 └────────────────release────────────────▶┘   (no answer came)
 *
 * An entry holds its place until `release`, which the caller calls when the message's settle is *flushed*, not when the
 * response came: that bounds what a crash can send twice by the capacity of the window.
 *
 * The table has at least twice as many places as entries, a power of two; a request lives at place
 * `sequence & (places - 1)`. A sequence number whose place is still taken is skipped, so numbers grow but may have
 * gaps. As one round over the table uses each place once and half of them at least are free, a `take` looks at two
 * places on average, however the answers come. It starts empty and grows with use: ten thousand idle sessions of a
 * capacity of 1,000 would otherwise hold 600 MB.
 */
export class SendWindow {
  readonly capacity: number;
  #size = 0;
  #waiting = 0;
  #next: number;
  #mask = -1;
  #stage = new Uint8Array(0);
  #sequence = new Int32Array(0);
  #a = new Float64Array(0);
  #b = new Float64Array(0);
  #sentAtMs = new Float64Array(0);

  /**
   * @param capacity most entries, 1 to 1,000,000
   * @param firstSequence 1, as v5.0 §2.6.3 recommends for every session
   */
  constructor(capacity: number, firstSequence = FIRST_SEQUENCE) {
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > 1_000_000) {
      throw new RangeError(`a window holds 1 to 1000000 requests, not ${capacity}`);
    }
    this.capacity = capacity;
    this.#next = firstSequence;
  }

  /** Entries that hold a place: waiting for a response, or for their release. */
  get size(): number {
    return this.#size;
  }

  /** Entries whose response has not come. */
  get waitingCount(): number {
    return this.#waiting;
  }

  get isFull(): boolean {
    return this.#size >= this.capacity;
  }

  /** The next number for a request that needs no entry (enquire_link, unbind). */
  nextSequence(): number {
    const sequence = this.#next;
    this.#next = sequence === LAST_SEQUENCE ? FIRST_SEQUENCE : sequence + 1;
    return sequence;
  }

  /** Enters a request. Returns its sequence_number, or 0 when the window is full. */
  take(a: number, b: number, nowMs: number): number {
    if (this.#size >= this.capacity) return 0;
    if ((this.#size + 1) * 2 > this.#mask + 1) this.#grow();
    let sequence = this.nextSequence();
    let place = sequence & this.#mask;
    while (this.#stage[place] !== FREE) {
      sequence = this.nextSequence();
      place = sequence & this.#mask;
    }
    this.#stage[place] = WAITING;
    this.#sequence[place] = sequence;
    this.#a[place] = a;
    this.#b[place] = b;
    this.#sentAtMs[place] = nowMs;
    this.#size++;
    this.#waiting++;
    return sequence;
  }

  /**
   * Notes that the response came. Returns the entry's place, good for `a`, `b` and `sentAtMs` until the next `take`;
   * -1 for a number we are not waiting for: never given, released, or answered before.
   */
  answered(sequence: number): number {
    const place = sequence & this.#mask;
    if (this.#sequence[place] !== sequence || this.#stage[place] !== WAITING) return -1;
    this.#stage[place] = ANSWERED;
    this.#waiting--;
    return place;
  }

  /** Gives the place free. False when that sequence number holds none. */
  release(sequence: number): boolean {
    const place = sequence & this.#mask;
    const stage = this.#stage[place];
    if (this.#sequence[place] !== sequence || stage === FREE) return false;
    if (stage === WAITING) this.#waiting--;
    this.#stage[place] = FREE;
    this.#size--;
    return true;
  }

  /**
   * The places whose request waits since `sentBeforeMs` or earlier, one call each, in no order; -1 after the last.
   * The visitor may release what it finds.
   *
   *     for (let p = w.waiting(0, t); p >= 0; p = w.waiting(p + 1, t)) …
   */
  waiting(fromPlace: number, sentBeforeMs = Infinity): number {
    if (this.#waiting === 0) return -1;
    for (let place = fromPlace; place <= this.#mask; place++) {
      if (this.#stage[place] === WAITING && this.#sentAtMs[place]! <= sentBeforeMs) return place;
    }
    return -1;
  }

  sequenceAt(place: number): number {
    return this.#sequence[place]!;
  }

  a(place: number): number {
    return this.#a[place]!;
  }

  b(place: number): number {
    return this.#b[place]!;
  }

  sentAtMs(place: number): number {
    return this.#sentAtMs[place]!;
  }

  #grow(): void {
    const places = Math.max(SMALLEST_TABLE, (this.#mask + 1) * 2);
    const mask = places - 1;
    const stage = new Uint8Array(places);
    const sequence = new Int32Array(places);
    const a = new Float64Array(places);
    const b = new Float64Array(places);
    const sentAtMs = new Float64Array(places);
    for (let from = 0; from <= this.#mask; from++) {
      if (this.#stage[from] === FREE) continue;
      // Two numbers that differed in the shorter mask differ in the longer one.
      const to = this.#sequence[from]! & mask;
      stage[to] = this.#stage[from]!;
      sequence[to] = this.#sequence[from]!;
      a[to] = this.#a[from]!;
      b[to] = this.#b[from]!;
      sentAtMs[to] = this.#sentAtMs[from]!;
    }
    this.#mask = mask;
    this.#stage = stage;
    this.#sequence = sequence;
    this.#a = a;
    this.#b = b;
    this.#sentAtMs = sentAtMs;
  }
}
