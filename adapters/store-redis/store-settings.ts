import type { LineSettings } from '../../runtime/redis/connection-options.ts';
import type { Durability } from './redis-settings.ts';
import type { OwnerSettings, StripeLostError } from './stripe-owner.ts';

export interface RedisStoreSettings extends LineSettings, OwnerSettings {
  /** Of the cluster: several may share a Redis. */
  readonly name: string;
  readonly durability: Durability;
  /** How long a stripe that another has is waited for, and a Redis that cannot be reached, ms. */
  readonly patienceMs: number;
  /** Most messages queued before new ones are refused. */
  readonly maxQueued: number;
  /** Most messages that are settled and wait for the archive before new ones are refused. */
  readonly maxOutbox: number;
  /** How long a settled batch waits for receipts before its rows go to the archive without them, ms. */
  readonly lingerMs: number;
}

export interface RedisStoreDeps {
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
  /** Monotonic clock, ms: when things are due. */
  readonly monotonic: () => number;
  /** The clock the lease runs on, monotonic, ms: nothing but the machine moves it. */
  readonly leaseClock: () => number;
  /** Something is damaged, refused or gone: one line that names it. */
  readonly alarm: (line: string) => void;
  /** These queues have something ready that nobody was granted. */
  readonly ready: (destinations: readonly string[]) => void;
  /** The stripe is another's. Nothing of this store counts any more; to go on, close it and open it anew. */
  readonly lost: (error: StripeLostError) => void;
}
