/** How old the answer may be, ms. */
const FRESH_MS = 250;
/** The most that congestion_state says (SMPP v5.0 §4.8.4.18). */
const FULL = 99;

/**
 * congestion_state from how full the queues are: what it says leads to ESME_RMSGQFUL at its end. Looked up while somebody
 * asks, four times a second; nobody waits for it.
 */
export class Congestion {
  readonly #fill: () => Promise<number>;
  readonly #monotonic: () => number;
  #state = 0;
  #askedAt = -Infinity;

  /** @param fill 0 empty to 1 full */
  constructor(fill: () => Promise<number>, monotonic: () => number) {
    this.#fill = fill;
    this.#monotonic = monotonic;
  }

  get state(): number {
    const now = this.#monotonic();
    if (now - this.#askedAt >= FRESH_MS) {
      this.#askedAt = now;
      this.#fill().then(
        fill => (this.#state = Math.min(FULL, Math.floor(fill * (FULL + 1)))),
        // A store that does not answer is as good as full.
        () => (this.#state = FULL),
      );
    }
    return this.#state;
  }
}
