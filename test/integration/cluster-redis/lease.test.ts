import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { Lease, leaseKey } from '../../../adapters/cluster-redis/lease.ts';
import { parseRedisAddress } from '../../../runtime/redis/address.ts';
import { RedisLine } from '../../../runtime/redis/line.ts';
import { CuttingProxy } from '../../support/cutting-proxy.ts';
import { startRedis, type TestRedis } from '../../support/test-redis.ts';
import { waitUntil } from '../../support/wait-until.ts';

const LEASE_MS = 1000;

let redis: TestRedis;
let proxy: CuttingProxy;
let run = 0;
let a: Lease;
let b: Lease;
const lines: RedisLine[] = [];

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.remove());
beforeEach(async () => {
  run++;
  proxy = await CuttingProxy.to(redis.port);
  a = await lease('a', `redis://127.0.0.1:${proxy.port}`);
  b = await lease('b', redis.url);
});
afterEach(async () => {
  for (const line of lines.splice(0)) line.close();
  await proxy.close();
});

async function lease(node: string, url: string, leaseMs = LEASE_MS, replicas = 0): Promise<Lease> {
  const cluster = `leases-${run}`;
  const line = new RedisLine(parseRedisAddress(url), { deadlineMs: 300, insecure: false }, leaseKey(cluster, 'slot'));
  lines.push(line);
  expect(await line.up(5000)).toBe(true);
  return new Lease({ line, cluster, node, leaseMs, replicas, clock: () => performance.now() }, 'slot');
}

test('one has it at a time; who gives it up leaves it to others at once, under another epoch', async () => {
  const [mine, theirs] = [await lease('c', redis.url, 60_000), await lease('d', redis.url, 60_000)];
  expect(await mine.poll()).toBe(true);
  expect(await theirs.poll()).toBe(false);
  expect(await mine.poll()).toBe(true);
  expect(mine.epoch).toBe(1);
  await mine.release();
  expect(mine.holds).toBe(false);
  expect(await theirs.poll()).toBe(true);
  expect(theirs.epoch).toBe(2);
  await theirs.release();
  expect(await mine.poll()).toBe(true);
  expect(mine.epoch).toBe(3);
});

test('a holder that renews keeps it for as long as it does', async () => {
  expect(await a.poll()).toBe(true);
  const until = performance.now() + LEASE_MS * 3;
  await waitUntil('three lease times are over', async () => {
    expect(await a.poll()).toBe(true);
    expect(await b.poll()).toBe(false);
    return performance.now() > until;
  });
  expect(a.epoch).toBe(1);
});

test('a holder that is cut off has stopped before another takes it, and learns that it has lost it', async () => {
  expect(await a.poll()).toBe(true);
  proxy.set('silence');
  await waitUntil('b has it', async () => {
    const taken = await b.poll();
    expect(a.holds && b.holds).toBe(false);
    return taken;
  });
  expect(a.holds).toBe(false);
  expect(b.epoch).toBe(2);
  proxy.set('none');
  await b.poll();
  expect(await a.poll()).toBe(false);
  expect(await b.poll()).toBe(true);
});

test('a holder that was cut off for less than it takes to lose it goes on under its epoch', async () => {
  expect(await a.poll()).toBe(true);
  proxy.set('silence');
  await waitUntil('its lease is over', () => !a.holds);
  proxy.set('none');
  await waitUntil('it is renewed', () => a.poll());
  expect(a.epoch).toBe(1);
});

test('a taking whose answer was lost is one taking', async () => {
  // Redis knows the script from here on: looking is one request, taking the next.
  await (await lease('c', redis.url)).poll();
  await redis.client.del(leaseKey(`leases-${run}`, 'slot'));
  proxy.set('cut-reply', 1);
  expect(await a.poll()).toBe(false);
  expect(proxy.cuts).toBe(1);
  expect(await redis.client.hget(leaseKey(`leases-${run}`, 'slot'), 'owner')).toBe('a');
  await waitUntil('it is told', () => a.poll());
  expect(a.epoch).toBe(1);
  expect(await b.poll()).toBe(false);
});

test('it does not count before enough replicas know', async () => {
  const lonely = await lease('e', redis.url, LEASE_MS, 1);
  expect(await lonely.poll()).toBe(false);
  expect(lonely.holds).toBe(false);
});
