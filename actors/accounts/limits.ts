/**
 * A rate of messages: a bucket that fills at the rate and holds one second of it, so that an idle account may send that
 * much at once. Pure but for its own state: the time comes in (monotonic ms; a step back adds nothing).
 */
export class Throughput {
  #ratePerSecond: number;
  #tokens: number;
  #filledAt: number;

  /** @param ratePerSecond fractions allowed (0.2 is one message in five seconds); 0: no limit */
  constructor(ratePerSecond: number, nowMs: number) {
    this.#ratePerSecond = ratePerSecond;
    this.#tokens = this.#burst;
    this.#filledAt = nowMs;
  }

  get ratePerSecond(): number {
    return this.#ratePerSecond;
  }

  /** Takes up to `n` messages and returns how many are allowed now. */
  take(n: number, nowMs: number): number {
    if (this.#ratePerSecond === 0) return n;
    this.#fill(nowMs);
    const allowed = Math.min(n, Math.floor(this.#tokens + ROUNDING));
    this.#tokens -= allowed;
    return allowed;
  }

  /** Gives back what was taken and not used after all. */
  giveBack(n: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + n);
  }

  /** How long until `take(1)` allows one, ms; 0: now. */
  waitMs(nowMs: number): number {
    if (this.#ratePerSecond === 0) return 0;
    this.#fill(nowMs);
    const missing = 1 - ROUNDING - this.#tokens;
    return missing <= 0 ? 0 : Math.ceil((missing / this.#ratePerSecond) * 1000);
  }

  /** Another rate from now on: what has been saved up stays, as far as the new bucket holds it. */
  setRate(ratePerSecond: number, nowMs: number): void {
    this.#fill(nowMs);
    const unlimited = this.#ratePerSecond === 0;
    this.#ratePerSecond = ratePerSecond;
    this.#tokens = unlimited ? this.#burst : Math.min(this.#tokens, this.#burst);
  }

  /** One second of the rate; never less than one message, or a slow rate would allow none at all. */
  get #burst(): number {
    return Math.max(1, this.#ratePerSecond);
  }

  #fill(nowMs: number): void {
    const elapsedMs = nowMs - this.#filledAt;
    this.#filledAt = nowMs;
    if (elapsedMs > 0) this.#tokens = Math.min(this.#burst, this.#tokens + (elapsedMs * this.#ratePerSecond) / 1000);
  }
}

/** What sums of fractions may be off: 3 x 1/3 message is one. */
const ROUNDING = 1e-9;
