/**
 * How an account's rate is divided over the worker threads: by the sessions it has there that may submit, so that all
 * of them together have the whole of it wherever the kernel put them. Pure: whoever keeps it tells it what has happened.
 */
export class RateShares {
  readonly #workers: number;
  /** Sessions by worker. */
  readonly #sessions = new Map<string, number[]>();

  /** @param workers how many there are, at least 1 */
  constructor(workers: number) {
    this.#workers = workers;
  }

  /** A session of the account has been bound in a worker (`by` 1), or has ended (-1). */
  changed(account: string, worker: number, by: 1 | -1): void {
    let counts = this.#sessions.get(account);
    if (!counts) this.#sessions.set(account, (counts = Array.from({ length: this.#workers }, () => 0)));
    counts[worker]! += by;
    if (counts.every(count => count === 0)) this.#sessions.delete(account);
  }

  /**
   * A worker's part of a rate. One without a session of the account has an even part: nothing uses it until a session
   * comes, and that changes the shares.
   */
  shareOf(account: string, worker: number, rate: number): number {
    const counts = this.#sessions.get(account);
    const here = counts?.[worker] ?? 0;
    if (!counts || here === 0) return rate / this.#workers;
    return (rate * here) / counts.reduce((sum, count) => sum + count, 0);
  }
}
