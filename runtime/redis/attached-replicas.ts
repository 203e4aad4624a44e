/** A replica that has left its master is waited for at least so long, ms: a failover has been told of by then. */
export const LEFT_FOR_MS = 3000;

/**
 * How many replicas must have a write before it counts: the fewest that were asked for, and all that are attached to the
 * master. A replica that has left may have been promoted, by Sentinels or by hand, while the others still follow the old
 * master and confirm what it writes: what they confirm then is lost. So it is missed until it has been away for long
 * enough and those who would promote it have said that the master is still the master.
 */
export class AttachedReplicas {
  /** Which master: its replication id. */
  #master = '';
  /** Attached when it was looked last. */
  #attached = 0;
  /** Attached, or missed. */
  #missed = 0;
  #fewerSince: number | undefined;

  /** Attached when it was looked last: no more can confirm. */
  get attached(): number {
    return this.#attached;
  }

  /** How many must have a write. @param least the fewest that were asked for */
  needed(least: number): number {
    return Math.max(least, this.#missed);
  }

  /**
   * @param master its replication id
   * @param now monotonic, ms
   * @returns whether it is time to ask if this is still the master, and then to call `confirmed`
   */
  seen(master: string, attached: number, now: number): boolean {
    if (master !== this.#master) this.#missed = 0;
    this.#master = master;
    this.#attached = attached;
    if (attached >= this.#missed) {
      this.#missed = attached;
      this.#fewerSince = undefined;
      return false;
    }
    this.#fewerSince ??= now;
    return now - this.#fewerSince >= LEFT_FOR_MS;
  }

  /** This master is still the master: what has left it is not missed any more. */
  confirmed(master: string): void {
    if (master !== this.#master) return;
    this.#missed = this.#attached;
    this.#fewerSince = undefined;
  }
}
