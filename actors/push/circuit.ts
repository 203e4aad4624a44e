/** Failures in a row after which a receiver is left alone for a while. */
const LIMIT = 3;
const FIRST_MS = 1000;
const LONGEST_MS = 60_000;

/**
 * Whether a receiver that fails is tried. Pure: time comes in. After some failures in a row there is a pause, then one request
 * alone; it fails too, and the pause is twice as long; it does not, and all is as ever.
 */
export class Circuit {
  #failures = 0;
  #until = 0;

  /** How many requests may be under way at once. @param most while all is well @param nowMs monotonic */
  most(most: number, nowMs: number): number {
    if (this.#failures < LIMIT) return most;
    return nowMs >= this.#until ? 1 : 0;
  }

  get isOpen(): boolean {
    return this.#failures >= LIMIT;
  }

  /** @returns true when it was left alone before */
  succeeded(): boolean {
    const was = this.isOpen;
    this.#failures = 0;
    return was;
  }

  /** @returns for how long it is left alone now, ms; 0: it is not. Those that were under way with the first count as one. */
  failed(nowMs: number): number {
    if (this.isOpen && nowMs < this.#until) return 0;
    this.#failures++;
    if (!this.isOpen) return 0;
    const pause = Math.min(LONGEST_MS, FIRST_MS * 2 ** (this.#failures - LIMIT));
    this.#until = nowMs + pause;
    return pause;
  }
}
