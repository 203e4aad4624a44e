import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { stripeKeys } from '../../../adapters/store-redis/stripe-keys.ts';
import { messageId } from '../../../actors/message/id.ts';
import { CommitInDoubtError } from '../../../actors/ports.ts';
import { claimed, frame, SENT, textsOf } from '../../contract/engine.ts';
import { CuttingProxy } from '../../support/cutting-proxy.ts';
import { startRedis, type TestRedis } from '../../support/test-redis.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { append, openStripe, type OpenStripe } from './support.ts';

/** Two nodes and one stripe: at most one of them writes, claims or answers, whatever the line does. */

const LEASE_MS = 600;

let redis: TestRedis;
let proxy: CuttingProxy;
let a: OpenStripe;
let b: OpenStripe | undefined;
let run = 0;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.remove());
beforeEach(async () => {
  proxy = await CuttingProxy.to(redis.port);
  a = await openStripe(`redis://127.0.0.1:${proxy.port}`, {
    name: `fence-${++run}`,
    node: 'a',
    leaseMs: LEASE_MS,
    deadlineMs: 300,
    patienceMs: 500,
  });
  b = undefined;
});
afterEach(async () => {
  await a.store.close();
  await b?.store.close();
  await proxy.close();
});

const openB = (patienceMs: number): Promise<OpenStripe> =>
  openStripe(redis.url, { name: `fence-${run}`, node: 'b', leaseMs: LEASE_MS, patienceMs });

test('a stripe whose owner lives is not given to another, who is told the owner’s name', async () => {
  await expect(openB(LEASE_MS * 4)).rejects.toThrow(/fence-\d+:0\}:meta: a has it, and lives/);
  expect(a.store.holds).toBe(true);
  expect((await append(a.port, 'still ours')).type).toBe('done');
});

test('a stripe that was given up is another’s at once, with all that is in it', async () => {
  await append(a.port, 'one');
  await claimed(a.port, 'sink');
  await a.store.close();
  // If it waited for a lease, that would be longer than it may.
  b = await openStripe(redis.url, { name: `fence-${run}`, node: 'b', leaseMs: 60_000, patienceMs: 20_000 });
  expect(textsOf(await claimed(b.port, 'sink'))).toEqual(['one']);
});

test('an owner that cannot reach Redis claims nothing when its lease is over, and goes on when it can', async () => {
  const number = await a.port.allocate(2);
  await append(a.port, 'one', number);
  proxy.set('silence');
  await waitUntil('the lease is over', () => !a.store.holds);
  expect(await claimed(a.port, 'sink')).toEqual([]);
  const answered = append(a.port, 'two', number + 16);
  proxy.set('none');
  expect((await answered).type).toBe('done');
  expect(a.lost).toEqual([]);
  await waitUntil('the lease is renewed', () => a.store.holds);
  expect(textsOf(await claimed(a.port, 'sink'))).toEqual(['one', 'two']);
});

test('after a takeover the old owner’s commit is refused: it learns that it is not written, and stops', async () => {
  const number = await a.port.allocate(1);
  await append(a.port, 'safe', number);
  await claimed(a.port, 'sink');
  proxy.set('silence');
  const late = append(a.port, 'late', number + 16);
  const settled = a.port.settle([frame('sink', [[messageId(number, 0), SENT]])]);
  const settling = expect(settled).rejects.toThrow(/another owner since epoch/);
  b = await openB(20_000);
  expect(a.store.holds).toBe(false);
  expect(textsOf(await claimed(b.port, 'sink'))).toEqual(['safe']);
  proxy.set('none');
  expect(await late).toEqual({ type: 'refused', reason: 'stopping' });
  await settling;
  expect(a.lost).toHaveLength(1);
  expect(await claimed(a.port, 'sink')).toEqual([]);
  expect(await append(a.port, 'later', number + 32)).toEqual({ type: 'refused', reason: 'stopping' });
  expect(await b.port.find(messageId(number + 16, 0))).toBeUndefined();
  expect((await append(b.port, 'new')).type).toBe('done');
});

test('a commit that was written before the takeover, its answer lost, is told as done', async () => {
  const number = await a.port.allocate(1);
  const meta = stripeKeys(`fence-${run}`, 0).meta;
  const before = Number(await redis.client.hget(meta, 'commit'));
  proxy.set('cut-reply');
  const outcome = append(a.port, 'written', number);
  await waitUntil('it is written', async () => Number(await redis.client.hget(meta, 'commit')) === before + 1);
  proxy.set('silence');
  b = await openB(20_000);
  proxy.set('none');
  expect(await outcome).toEqual({ type: 'done', granted: [] });
  expect(a.lost).toHaveLength(1);
  expect(textsOf(await claimed(b.port, 'sink'))).toEqual(['written']);
});

test('a store that is closed while nobody answers says that it does not know', async () => {
  const number = await a.port.allocate(1);
  proxy.set('silence');
  const outcome = append(a.port, 'who knows', number);
  const doubted = expect(outcome).rejects.toThrow(CommitInDoubtError);
  await a.store.close();
  await doubted;
});

test('a Redis that has gone back to an earlier day is named, and the stripe is loaded anew', async () => {
  const number = await a.port.allocate(1);
  await append(a.port, 'one', number);
  const { meta } = stripeKeys(`fence-${run}`, 0);
  await redis.client.hset(meta, 'commit', Number(await redis.client.hget(meta, 'commit')) - 1);
  const outcome = append(a.port, 'two', number + 16);
  await expect(outcome).rejects.toThrow(CommitInDoubtError);
  expect(a.alarms.join()).toMatch(/Redis has commit \d+ where \d+ was confirmed/);
  expect(a.lost).toHaveLength(1);
  b = await openStripe(redis.url, { name: `fence-${run}`, node: 'a' });
  expect(textsOf(await claimed(b.port, 'sink'))).toEqual(['one']);
});
