import { Tag } from '../../actors/store/keys.ts';

/**
 * The Redis keys of one stripe: all with one hash tag, so that in Redis Cluster they lie in one slot and a commit is one
 * script. The values are those of `actors/store` under the same keys as everywhere, as fields of four hashes by kind, so
 * that a kind can be listed without reading the others. Must never change without a migration.
 */
export interface StripeKeys {
  readonly meta: string;
  readonly epochs: string;
  /** By place: `placeOf`. */
  readonly hashes: readonly [batch: string, state: string, ledger: string, other: string];
  /** Every key, as COMMIT wants them. */
  readonly all: readonly string[];
}

/** @param name of the cluster: several may share a Redis. Without braces */
export function stripeKeys(name: string, stripe: number): StripeKeys {
  const tag = `{heliograph:${name}:${stripe}}`;
  const meta = `${tag}:meta`;
  const epochs = `${tag}:epochs`;
  const hashes = [`${tag}:batch`, `${tag}:state`, `${tag}:ledger`, `${tag}:other`] as const;
  return { meta, epochs, hashes, all: [meta, epochs, ...hashes] };
}

export const Place = { batch: 0, state: 1, ledger: 2, other: 3 } as const;
export const PLACES = 4;

/** Which of the hashes a value lies in. */
export function placeOf(key: Buffer): number {
  const tag = key[0];
  if (tag === Tag.batch) return Place.batch;
  if (tag === Tag.state) return Place.state;
  return tag === Tag.ledger ? Place.ledger : Place.other;
}
