const FIRST_SLOTS = 8;

/**
 * A bounded first-in first-out queue: a ring that grows by doubling up to `capacity` messages, so an idle actor costs
 * eight slots and a busy one allocates nothing. Full is an answer (`push` gives false), never growth.
 */
export class Mailbox<M> {
  readonly capacity: number;
  #ring: (M | undefined)[] = [];
  #head = 0;
  #length = 0;

  constructor(capacity: number) {
    if (!Number.isInteger(capacity) || capacity < 1) {
      throw new RangeError(`mailbox capacity must be a whole number of at least 1, not ${capacity}`);
    }
    this.capacity = capacity;
  }

  get length(): number {
    return this.#length;
  }

  /** False: full, and the message is not in. */
  push(message: M): boolean {
    if (this.#length === this.capacity) return false;
    if (this.#length === this.#ring.length) this.#grow();
    // The ring's size is a power of two, so a mask wraps the index.
    this.#ring[(this.#head + this.#length) & (this.#ring.length - 1)] = message;
    this.#length++;
    return true;
  }

  /** The oldest message. Only when `length` is above zero: an empty mailbox throws. */
  shift(): M {
    if (this.#length === 0) throw new RangeError('shift of an empty mailbox');
    const message = this.#ring[this.#head] as M;
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#length--;
    return message;
  }

  #grow(): void {
    const ring = this.#ring;
    const size = Math.max(FIRST_SLOTS, ring.length * 2);
    const bigger = [...ring.slice(this.#head), ...ring.slice(0, this.#head)];
    while (bigger.length < size) bigger.push(undefined);
    this.#ring = bigger;
    this.#head = 0;
  }
}
