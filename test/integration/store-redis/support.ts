import { parseRedisAddress } from '../../../adapters/store-redis/address.ts';
import { RedisStore } from '../../../adapters/store-redis/redis-store.ts';
import type { RedisStoreSettings } from '../../../adapters/store-redis/store-settings.ts';
import type { StripeLostError } from '../../../adapters/store-redis/stripe-owner.ts';
import type { MessageStore } from '../../../actors/ports.ts';
import { appendAs, sent } from '../../contract/engine.ts';
import { REDIS_TEST_SETTINGS } from '../../contract/fixtures/redis-engine.ts';

/** A stripe, opened by one node, and what it has said. */
export interface OpenStripe {
  readonly store: RedisStore;
  readonly port: MessageStore;
  readonly alarms: string[];
  readonly lost: StripeLostError[];
}

export async function openStripe(url: string, settings: Partial<RedisStoreSettings> = {}): Promise<OpenStripe> {
  const alarms: string[] = [];
  const lost: StripeLostError[] = [];
  const store = await RedisStore.open(
    parseRedisAddress(url),
    0,
    { ...REDIS_TEST_SETTINGS, ...settings },
    {
      now: () => Date.now(),
      monotonic: () => performance.now(),
      leaseClock: () => performance.now(),
      alarm: line => alarms.push(line),
      ready: () => undefined,
      lost: error => lost.push(error),
    },
  );
  return { store, port: store.claimant().store, alarms, lost };
}

/** Commits one message of this text. */
export async function append(
  port: MessageStore,
  text: string,
  number?: number,
): Promise<Awaited<ReturnType<typeof appendAs>>> {
  return appendAs(port, number ?? (await port.allocate(1)), Date.now(), [sent(text)]);
}
