import { parseRedisAddress } from '../../../runtime/redis/address.ts';
import { RedisStore } from '../../../adapters/store-redis/redis-store.ts';
import type { RedisStoreSettings } from '../../../adapters/store-redis/store-settings.ts';
import type { StripeLostError } from '../../../adapters/store-redis/stripe-owner.ts';
import { expect } from 'vitest';
import { batchNumberOf, STRIPE_LIMIT } from '../../../actors/message/id.ts';
import type { MessageStore } from '../../../actors/ports.ts';
import { appendAs, claimed, sent, textsOf } from '../../contract/engine.ts';
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

/** Appends one message after the other until `enough`; returns the texts that were acknowledged. */
export async function appending({ port }: OpenStripe, acknowledged: string[], enough: () => boolean): Promise<void> {
  let next = 0;
  let end = 0;
  while (!enough()) {
    if (next === end) {
      next = await port.allocate(256);
      end = next + 256 * STRIPE_LIMIT;
    }
    const text = `m${next}`;
    const outcome = await append(port, text, next);
    next += STRIPE_LIMIT;
    if (outcome.type !== 'done') throw new Error(`refused: ${outcome.reason}`);
    acknowledged.push(text);
  }
}

/** Nothing acknowledged is lost, nothing is there twice, nothing else is there. */
export async function expectAll(stripe: OpenStripe, acknowledged: readonly string[]): Promise<void> {
  const got = await claimed(stripe.port, 'sink', 1_000_000);
  expect(textsOf(got)).toEqual(acknowledged);
  expect(new Set(got.map(({ id }) => batchNumberOf(id))).size).toBe(got.length);
}
