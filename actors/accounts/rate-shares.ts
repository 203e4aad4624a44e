/**
 * How an account's rate is divided over the worker threads: by the sessions it has there that may submit, so that all
 * of them together have the whole of it wherever the kernel put them. Pure: whoever keeps it tells it what has happened.
 */
export class RateShares {
  readonly #workers: number;
  /** Sessions by worker. */
  readonly #sessions = new Map<string, number[]>();
  /** In a cluster: sessions on other nodes, of accounts that have some there. */
  readonly #elsewhere = new Map<string, number>();
  /** Nodes that there are, this one included. */
  nodes = 1;

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

  /** So many sessions of the account are on other nodes. Returns whether they were others before. */
  changedElsewhere(account: string, sessions: number): boolean {
    if ((this.#elsewhere.get(account) ?? 0) === sessions) return false;
    if (sessions === 0) this.#elsewhere.delete(account);
    else this.#elsewhere.set(account, sessions);
    return true;
  }

  /** Accounts with a session here. */
  get accounts(): string[] {
    return [...this.#sessions.keys()];
  }

  /**
   * A worker's part of a rate. One without a session of the account has an even part: nothing uses it until a session
   * comes, and that changes the shares.
   */
  shareOf(account: string, worker: number, rate: number): number {
    const counts = this.#sessions.get(account);
    const here = counts?.[worker] ?? 0;
    if (!counts || here === 0) return rate / (this.#workers * this.nodes);
    const all = counts.reduce((sum, count) => sum + count, this.#elsewhere.get(account) ?? 0);
    return (rate * here) / all;
  }
}
