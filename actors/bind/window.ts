/** Sequence numbers run from 1 to this, then from 1 again (SMPP v3.4 §5.1.4). */
const LAST_SEQUENCE = 0x7fffffff;

const Slot = { free: 0, sent: 1, answered: 2 } as const;

/**
 * The send window of a session: which requests wait for an answer, and which answers wait for their settle to be flushed.
 * Only then is a slot free, so what a crash may send twice is bounded by the window.
 *
 * A request's slot is `sequence & mask`; a sequence number whose slot is taken is passed over. So finding a request costs
 * one look, and nothing is allocated for it.
 */
export class Window {
  #capacity: number;
  /** What it is to become when nothing is under way: the slots that are taken cannot move. */
  #wanted: number;
  #mask: number;
  #used = 0;
  #waiting = 0;
  #sequence = 0;
  // Made when the first message leaves: most of ten thousand idle sessions never send one.
  #states: Uint8Array = NO_STATES;
  #sequences: Uint32Array = NO_SEQUENCES;
  #places: Uint32Array = NO_SEQUENCES;
  #indexes: Uint8Array = NO_STATES;
  #sentAt: Float64Array = NO_TIMES;

  /** @param capacity 1 to 65,535 requests */
  constructor(capacity: number) {
    this.#capacity = this.#wanted = capacity;
    this.#mask = maskFor(capacity);
  }

  get capacity(): number {
    return this.#capacity;
  }

  /** Slots that are free. */
  get room(): number {
    return Math.max(0, this.#capacity - this.#used);
  }

  /**
   * Another capacity: a smaller one, and one that fits twice the first, from here on; a larger one, that far at once, and
   * whole when nothing is under way.
   */
  resize(capacity: number): void {
    this.#wanted = capacity;
    if (this.#used === 0) this.#grow();
    else this.#capacity = Math.min(capacity, this.#mask);
  }

  /** Requests whose answer has not come. */
  get waiting(): number {
    return this.#waiting;
  }

  get used(): number {
    return this.#used;
  }

  /** A sequence number for a request that takes no slot (enquire_link, unbind). */
  nextSequence(): number {
    this.#sequence = this.#sequence === LAST_SEQUENCE ? 1 : this.#sequence + 1;
    return this.#sequence;
  }

  /** Takes a slot for message `index` of the delivery at `place`; there must be room. Returns the sequence number. */
  take(place: number, index: number, nowMs: number): number {
    if (this.#states.length === 0) this.#allocate();
    let sequence = this.nextSequence();
    while (this.#states[sequence & this.#mask] !== Slot.free) sequence = this.nextSequence();
    const slot = sequence & this.#mask;
    this.#states[slot] = Slot.sent;
    this.#sequences[slot] = sequence;
    this.#places[slot] = place;
    this.#indexes[slot] = index;
    this.#sentAt[slot] = nowMs;
    this.#used++;
    this.#waiting++;
    return sequence;
  }

  /** An answer has come. Returns the slot, -1 when no request waits under that number. */
  answered(sequence: number): number {
    const slot = sequence & this.#mask;
    if (this.#states[slot] !== Slot.sent || this.#sequences[slot] !== sequence) return -1;
    this.#states[slot] = Slot.answered;
    this.#waiting--;
    return slot;
  }

  placeOf(slot: number): number {
    return this.#places[slot]!;
  }

  indexOf(slot: number): number {
    return this.#indexes[slot]!;
  }

  sentAt(slot: number): number {
    return this.#sentAt[slot]!;
  }

  /** The settle of an answered request is flushed. */
  release(slot: number): void {
    if (this.#states[slot] !== Slot.answered) return;
    this.#states[slot] = Slot.free;
    this.#used--;
    if (this.#used === 0 && this.#capacity !== this.#wanted) this.#grow();
  }

  /** Marks every request sent before `sentBefore` (Infinity: all) as answered and gives its slot to `each`. */
  expire(sentBefore: number, each: (slot: number) => void): void {
    if (this.#waiting === 0) return;
    for (let slot = 0; slot < this.#states.length; slot++) {
      if (this.#states[slot] !== Slot.sent || this.#sentAt[slot]! >= sentBefore) continue;
      this.#states[slot] = Slot.answered;
      this.#waiting--;
      each(slot);
    }
  }

  #grow(): void {
    this.#capacity = this.#wanted;
    const mask = maskFor(this.#capacity);
    if (mask <= this.#mask) return;
    this.#mask = mask;
    if (this.#states.length > 0) this.#allocate();
  }

  #allocate(): void {
    const size = this.#mask + 1;
    this.#states = new Uint8Array(size);
    this.#sequences = new Uint32Array(size);
    this.#places = new Uint32Array(size);
    this.#indexes = new Uint8Array(size);
    this.#sentAt = new Float64Array(size);
  }
}

/** Slots for twice the capacity, so that a free one is near. */
const maskFor = (capacity: number): number => 2 ** Math.ceil(Math.log2(capacity * 2)) - 1;

const NO_STATES = new Uint8Array(0);
const NO_SEQUENCES = new Uint32Array(0);
const NO_TIMES = new Float64Array(0);
