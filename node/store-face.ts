import type { MessageStore } from '../actors/ports.ts';
import { StripedStore } from '../actors/store/striped-store.ts';
import type { RedisStore } from '../adapters/store-redis/redis-store.ts';

/** The stripes of one worker, as they come and go, for one who claims from them. */
export class StoreFace {
  readonly store: StripedStore;
  readonly #own = new Map<number, MessageStore>();
  readonly #ends = new Map<number, () => void>();

  /** As `StripedStore` has it. */
  constructor(elsewhere: 'waits' | 'refused', ready?: (destinations: readonly string[]) => void) {
    this.store = new StripedStore(this.#own, elsewhere, ready);
  }

  add(stripe: number, engine: RedisStore): void {
    const claimant = engine.claimant();
    this.#own.set(stripe, claimant.store);
    this.#ends.set(stripe, () => claimant.end());
    this.store.moved();
  }

  remove(stripe: number): void {
    this.#own.delete(stripe);
    this.#ends.delete(stripe);
    this.store.moved();
  }

  /** Whoever claims is gone: its claims have lapsed. */
  end(): void {
    for (const end of this.#ends.values()) end();
    this.#own.clear();
    this.#ends.clear();
  }
}
