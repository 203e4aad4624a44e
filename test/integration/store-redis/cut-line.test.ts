import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { stripeKeys } from '../../../adapters/store-redis/stripe-keys.ts';
import { messageId } from '../../../actors/message/id.ts';
import { Fate } from '../../../actors/message/ledger.ts';
import { claimed, frame, SENT, textsOf } from '../../contract/engine.ts';
import { CuttingProxy, type Fault } from '../../support/cutting-proxy.ts';
import { startRedis, type TestRedis } from '../../support/test-redis.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { append, openStripe, type OpenStripe } from './support.ts';

/** A commit whose answer is lost is asked back by its number: done once, whatever was lost. */

let redis: TestRedis;
let proxy: CuttingProxy;
let stripe: OpenStripe;
let name = 0;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.remove());
beforeEach(async () => {
  proxy = await CuttingProxy.to(redis.port);
  // No sign of life in between: the fault meets the commit. The lease outlasts the black hole.
  stripe = await openStripe(`redis://127.0.0.1:${proxy.port}`, {
    name: `cut-${++name}`,
    leaseMs: 60_000,
    deadlineMs: 500,
    node: 'a',
  });
});
afterEach(async () => {
  await stripe.store.close();
  await proxy.close();
});

const inRedis = async (field: string): Promise<number> =>
  Number(await redis.client.hget(stripeKeys(`cut-${name}`, 0).meta, field));

describe.each<Fault>(['cut-reply', 'cut-request', 'silence'])('%s', fault => {
  test('an append is answered when it is known, and is there once', async () => {
    const number = await stripe.port.allocate(1);
    const before = await inRedis('commit');
    proxy.set(fault);
    const outcome = append(stripe.port, 'one', number);
    if (fault === 'silence') {
      await waitUntil('it is asked in vain', () => stripe.store.askedBack > 0);
      proxy.set('none');
    }
    expect(await outcome).toEqual({ type: 'done', granted: [] });
    expect(await inRedis('commit')).toBe(before + 1);
    expect(stripe.store.askedBack).toBeGreaterThan(0);
    expect(textsOf(await claimed(stripe.port, 'sink'))).toEqual(['one']);
    expect(await claimed(stripe.port, 'sink')).toEqual([]);
    expect((await stripe.port.stats()).messages).toBe(1);
  });

  test('a settle too, and what it told is told once', async () => {
    const number = await stripe.port.allocate(1);
    await append(stripe.port, 'one', number);
    await claimed(stripe.port, 'sink');
    const before = await inRedis('commit');
    proxy.set(fault);
    const settled = stripe.port.settle([frame('sink', [[messageId(number, 0), SENT]])]);
    if (fault === 'silence') {
      await waitUntil('it is asked in vain', () => stripe.store.askedBack > 0);
      proxy.set('none');
    }
    await settled;
    expect(await inRedis('commit')).toBe(before + 1);
    const found = await stripe.port.find(messageId(number, 0));
    expect(found).toMatchObject({ fate: Fate.sent, attempts: 1, claimed: false });
    // One entry of the ledger: 28 octets.
    expect(found!.ledger).toHaveLength(28);
  });
});

test('many cuts in a run of commits: each is there once, in order', async () => {
  const texts: string[] = [];
  for (let i = 0; i < 60; i++) {
    if (i % 3 === 0) proxy.set(i % 2 === 0 ? 'cut-reply' : 'cut-request');
    const text = `m${i}`;
    expect((await append(stripe.port, text)).type).toBe('done');
    texts.push(text);
  }
  expect(proxy.cuts).toBeGreaterThanOrEqual(20);
  expect(textsOf(await claimed(stripe.port, 'sink'))).toEqual(texts);
});

test('what is read waits for the line', async () => {
  const number = await stripe.port.allocate(1);
  await append(stripe.port, 'kept', number);
  const again = await openStripe(`redis://127.0.0.1:${proxy.port}`, {
    name: `cut-${name}`,
    node: 'a',
    deadlineMs: 500,
  });
  proxy.set('cut-request');
  expect(textsOf(await claimed(again.port, 'sink'))).toEqual(['kept']);
  await again.store.close();
});
