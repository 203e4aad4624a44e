import { STRIPE_LIMIT } from '../../actors/message/id.ts';
import type { RedisAddress } from '../../runtime/redis/address.ts';
import type { LineSettings } from '../../runtime/redis/connection-options.ts';
import { RedisLine } from '../../runtime/redis/line.ts';
import { stripeKeys } from './stripe-keys.ts';
import type { WatchedLease } from './stripe-owner.ts';

export interface StripeWatchDeps {
  readonly address: RedisAddress;
  readonly settings: LineSettings;
  /** Of the cluster: several may share a Redis. */
  readonly name: string;
  readonly leaseMs: number;
  /** Monotonic, ms. */
  readonly clock: () => number;
}

export interface SeenStripe {
  readonly stripe: number;
  /** '' = free. */
  readonly owner: string;
  readonly lease: WatchedLease;
}

/** Looks at who has the stripes of a cluster, and for how long each of their leases has stood still. Takes nothing. */
export class StripeWatch {
  readonly #deps: StripeWatchDeps;
  /** One for all, but for Redis Cluster, where stripes lie on different nodes. */
  readonly #lines: readonly RedisLine[];
  #seen: readonly SeenStripe[] = [];
  #lookedAt = -Infinity;

  constructor(deps: StripeWatchDeps) {
    const { address, settings, name } = deps;
    this.#deps = deps;
    const count = address.mode === 'cluster' ? STRIPE_LIMIT : 1;
    this.#lines = Array.from({ length: count }, (_, i) => new RedisLine(address, settings, stripeKeys(name, i).meta));
  }

  /** All stripes, by number. @throws RuntimeError when Redis cannot be asked */
  async look(): Promise<readonly SeenStripe[]> {
    const { clock, leaseMs } = this.#deps;
    // Redis was away, or we were: the owners could not show a sign of life either, or we have not seen it.
    if (clock() - this.#lookedAt > leaseMs / 2) this.#seen = [];
    this.#seen = await Promise.all(Array.from({ length: STRIPE_LIMIT }, (_, stripe) => this.#lookAt(stripe)));
    this.#lookedAt = clock();
    return this.#seen;
  }

  close(): void {
    for (const line of this.#lines) line.close();
  }

  async #lookAt(stripe: number): Promise<SeenStripe> {
    const { name, clock } = this.#deps;
    const line = this.#lines[stripe % this.#lines.length]!;
    const { meta } = stripeKeys(name, stripe);
    const values = (await line.command('HMGET', meta, 'owner', 'epoch', 'renewals')) as (Buffer | null)[];
    const [owner, epoch, renewals] = values.map(value => value?.toString() ?? '') as [string, string, string];
    const before = this.#seen[stripe]?.lease;
    const same = before?.epoch === epoch && before.renewals === renewals;
    return { stripe, owner, lease: same ? before : { epoch, renewals, since: clock() } };
  }
}
