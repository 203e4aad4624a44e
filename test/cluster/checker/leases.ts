/** A lease as it lies in Redis: fields of its hash. */
export interface SeenLease {
  readonly owner: string;
  readonly epoch: number;
}

/**
 * Watches leases from outside: an epoch has one owner and never goes back. Where a holder writes only under its epoch, two
 * holders at once would show here as one epoch with two names.
 */
export class LeaseWatch {
  readonly violations: string[] = [];
  readonly #seen = new Map<string, SeenLease>();

  see(name: string, lease: SeenLease): void {
    const before = this.#seen.get(name);
    if (before !== undefined && lease.epoch < before.epoch) {
      this.violations.push(`${name}: its epoch went back from ${before.epoch} to ${lease.epoch}`);
    }
    const sameEpoch = before !== undefined && lease.epoch === before.epoch;
    if (sameEpoch && before.owner !== '' && lease.owner !== '' && lease.owner !== before.owner) {
      this.violations.push(`${name}: epoch ${lease.epoch} had owner ${before.owner}, now ${lease.owner}`);
    }
    this.#seen.set(name, lease);
  }

  /** Who holds what, as last seen. */
  get held(): ReadonlyMap<string, SeenLease> {
    return this.#seen;
  }
}
