import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { clusterKey } from '../../../adapters/cluster-redis/keys.ts';
import { LeaseTable, type TablePoll } from '../../../adapters/cluster-redis/lease-table.ts';
import { parseRedisAddress } from '../../../runtime/redis/address.ts';
import { RedisLine } from '../../../runtime/redis/line.ts';
import { CuttingProxy } from '../../support/cutting-proxy.ts';
import { startRedis, type TestRedis } from '../../support/test-redis.ts';
import { waitUntil } from '../../support/wait-until.ts';

const LEASE_MS = 1000;
const now = (): number => performance.now();

let redis: TestRedis;
let proxy: CuttingProxy;
let run = 0;
let key: string;
const lines: RedisLine[] = [];

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.remove());
beforeEach(async () => {
  key = clusterKey(`table-${++run}`, 'slots');
  proxy = await CuttingProxy.to(redis.port);
});
afterEach(async () => {
  for (const line of lines.splice(0)) line.close();
  await proxy.close();
});

async function table(node: string, options: { url?: string; leaseMs?: number; replicas?: number } = {}) {
  const { url = redis.url, leaseMs = LEASE_MS, replicas = 0 } = options;
  const line = new RedisLine(parseRedisAddress(url), { deadlineMs: 300, insecure: false }, key);
  lines.push(line);
  expect(await line.up(5000)).toBe(true);
  return new LeaseTable(
    { line, cluster: `table-${run}`, node, leaseMs, replicas, clock: now, wall: () => Date.now() },
    'slots',
  );
}

const free =
  (...wanted: string[]) =>
  (owners: ReadonlyMap<string, string>): string[] =>
    wanted.filter(name => (owners.get(name) ?? '') === '');

/** Polls, also where Redis does not answer. */
async function pollOf(leases: LeaseTable, ...wanted: string[]): Promise<TablePoll | undefined> {
  return leases.poll(free(...wanted)).catch(() => undefined);
}

const holds = (leases: LeaseTable, name: string): boolean => (leases.held.get(name)?.until ?? 0) > now();

test('each has one holder; what is given up others take at once, under another epoch', async () => {
  const [a, b] = [await table('a', { leaseMs: 60_000 }), await table('b', { leaseMs: 60_000 })];
  expect(await a.poll(free('x', 'y'))).toEqual({ gained: ['x', 'y'], lost: [] });
  expect(await b.poll(free('x', 'y', 'z'))).toEqual({ gained: ['z'], lost: [] });
  a.release('x', false);
  expect([...a.held.keys()]).toEqual(['y']);
  // Nobody has been told yet, and we do not take back what we are giving up.
  expect(await a.poll(free('x', 'y'))).toEqual({ gained: [], lost: [] });
  expect(await b.poll(free('x', 'y', 'z'))).toEqual({ gained: ['x'], lost: [] });
  expect(b.held.get('x')!.epoch).toBe(2);
  await a.poll(free());
  expect(Object.fromEntries(a.owners)).toEqual({ x: 'b', y: 'a', z: 'b' });
});

test('what nobody will want any more leaves no row', async () => {
  const a = await table('a');
  await a.poll(free('x', 'y'));
  a.release('x', true);
  await a.poll(free());
  expect(Object.keys(await redis.client.hgetall(key))).toEqual(['y']);
});

test('two at the same moment: one gets it', async () => {
  const [a, b] = [await table('a'), await table('b')];
  await Promise.all([a.poll(free('x', 'y')), b.poll(free('x', 'y'))]);
  for (const name of ['x', 'y']) expect([holds(a, name), holds(b, name)].filter(Boolean)).toHaveLength(1);
});

test('a holder that renews keeps it for as long as it does', async () => {
  const [a, b] = [await table('a'), await table('b')];
  await a.poll(free('x'));
  const end = now() + LEASE_MS * 3;
  await waitUntil('three lease times are over', async () => {
    expect(await a.poll(free('x'))).toEqual({ gained: [], lost: [] });
    expect(await b.poll(free('x'))).toEqual({ gained: [], lost: [] });
    return now() > end;
  });
  expect(a.held.get('x')!.epoch).toBe(1);
});

test('a holder that is cut off has stopped before another takes it, and learns that it has lost it', async () => {
  const [a, b] = [await table('a', { url: `redis://127.0.0.1:${proxy.port}` }), await table('b')];
  await pollOf(a, 'x');
  expect(holds(a, 'x')).toBe(true);
  proxy.set('silence');
  await waitUntil('b has it', async () => {
    await pollOf(b, 'x');
    expect(holds(a, 'x') && holds(b, 'x')).toBe(false);
    return holds(b, 'x');
  });
  proxy.set('none');
  await waitUntil('a is told', async () => (await pollOf(a, 'x'))?.lost.join() === 'x');
  await pollOf(b, 'x');
  expect(holds(b, 'x')).toBe(true);
});

test('a holder that was cut off for less than it takes to lose it goes on under its epoch', async () => {
  const a = await table('a', { url: `redis://127.0.0.1:${proxy.port}` });
  await pollOf(a, 'x');
  proxy.set('silence');
  await waitUntil('its lease is over', () => !holds(a, 'x'));
  proxy.set('none');
  await waitUntil('it is renewed', async () => {
    await pollOf(a, 'x');
    return holds(a, 'x');
  });
  expect(a.held.get('x')!.epoch).toBe(1);
});

test('a taking whose answer was lost is one taking', async () => {
  const a = await table('a', { url: `redis://127.0.0.1:${proxy.port}` });
  // Redis knows the script from here on: looking is one request, acting the next.
  await a.poll(free('w'));
  proxy.set('cut-reply', 1);
  expect(await pollOf(a, 'x')).toBeUndefined();
  expect(proxy.cuts).toBe(1);
  expect(await redis.client.hget(key, 'x')).toMatch(/^1\|1\|1\|a\|/);
  await waitUntil('it is told', async () => (await pollOf(a, 'x'))?.gained.join() === 'x');
  expect(a.held.get('x')!.epoch).toBe(1);
});

test('its next life takes at once what a node has left behind', async () => {
  const before = await table('a', { leaseMs: 60_000 });
  await before.poll(free('x'));
  const after = await table('a', { leaseMs: 60_000 });
  expect(await after.poll(free('x'))).toEqual({ gained: ['x'], lost: [] });
  expect(await before.poll(free())).toEqual({ gained: [], lost: ['x'] });
});

test('it does not count before enough replicas know', async () => {
  const lonely = await table('e', { replicas: 1 });
  await pollOf(lonely, 'x');
  expect(holds(lonely, 'x')).toBe(false);
});

test('a row of a later release is somebody’s until it stands still', async () => {
  const a = await table('a');
  await redis.client.hset(key, 'x', '2|…');
  expect(await a.poll(free('x'))).toEqual({ gained: [], lost: [] });
  expect(a.owners.get('x')).toBe('?');
  await waitUntil('it has stood still', async () => (await pollOf(a, 'x'))?.gained.join() === 'x');
});
