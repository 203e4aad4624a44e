import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { BindTable } from '../../../adapters/cluster-redis/bind-table.ts';
import { clusterKey } from '../../../adapters/cluster-redis/keys.ts';
import { Members, membersKey } from '../../../adapters/cluster-redis/members.ts';
import { parseRedisAddress } from '../../../runtime/redis/address.ts';
import { RedisLine } from '../../../runtime/redis/line.ts';
import { CuttingProxy } from '../../support/cutting-proxy.ts';
import { startRedis, type TestRedis } from '../../support/test-redis.ts';
import { waitUntil } from '../../support/wait-until.ts';

const LEASE_MS = 800;

interface TestNode {
  readonly members: Members;
  readonly binds: BindTable;
  readonly line: RedisLine;
}

let redis: TestRedis;
let proxy: CuttingProxy;
let run = 0;
const nodes: TestNode[] = [];

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.remove());
beforeEach(async () => {
  run++;
  proxy = await CuttingProxy.to(redis.port);
});
afterEach(async () => {
  for (const { members, line } of nodes.splice(0)) {
    await members.leave();
    line.close();
  }
  await proxy.close();
});

async function join(node: string, url = redis.url): Promise<TestNode> {
  const cluster = `binds-${run}`;
  const line = new RedisLine(parseRedisAddress(url), { deadlineMs: 300, insecure: false }, membersKey(cluster));
  const [clock, wall] = [() => performance.now(), () => Date.now()];
  const quiet = { about: () => ({}), changed: () => undefined, alarm: () => undefined };
  const members = new Members({ line, cluster, node, leaseMs: LEASE_MS, clock, wall, ...quiet });
  expect(await line.up(5000)).toBe(true);
  await members.join();
  const { incarnation } = members;
  const binds = new BindTable({ line, cluster, node, incarnation, late: () => members.late });
  const joined = { members, binds, line };
  nodes.push(joined);
  return joined;
}

const rows = async (): Promise<number> => redis.client.hlen(clusterKey(`binds-${run}`, 'binds:shop'));

async function bind({ binds }: TestNode, number: number, total = 2, type: 'receiver' | 'transceiver' = 'transceiver') {
  return (await binds.bind(number, 'shop', type, { total, byType: { receiver: 1 } })).answer;
}

test('an account has as many sessions as it may over all nodes, also where many come at once', async () => {
  const [a, b] = [await join('a'), await join('b')];
  const answers = await Promise.all([1, 2, 3, 4].flatMap(number => [bind(a, number, 3), bind(b, number, 3)]));
  expect(answers.filter(answer => answer === 'bound')).toHaveLength(3);
  expect(await rows()).toBe(3);
});

test('of one type as many as it may have of that', async () => {
  const [a, b] = [await join('a'), await join('b')];
  expect(await bind(a, 1, 5, 'receiver')).toBe('bound');
  expect(await bind(b, 1, 5, 'receiver')).toBe('too-many');
  expect(await bind(b, 2, 5)).toBe('bound');
});

test('a session that ends makes room; one that is bound is bound when it is asked for again', async () => {
  const [a, b] = [await join('a'), await join('b')];
  expect(await bind(a, 1, 1)).toBe('bound');
  expect(await bind(a, 1, 1)).toBe('bound');
  expect(await bind(b, 1, 1)).toBe('too-many');
  a.binds.unbind(1);
  await waitUntil('its row is gone', async () => (await rows()) === 0);
  expect(await bind(b, 1, 1)).toBe('bound');
});

test('sessions of a node that died, or started again, count no more', async () => {
  const [a, b] = [await join('a'), await join('b')];
  expect(await bind(a, 1, 1)).toBe('bound');
  // Killed: it leaves everything behind.
  a.line.close();
  expect(await bind(b, 1, 1)).toBe('too-many');
  const again = await join('a');
  expect(await bind(again, 1, 1)).toBe('bound');
  again.line.close();
  await waitUntil('its heartbeat is late', () => b.members.late.includes('a'));
  expect(await bind(b, 2, 1)).toBe('bound');
  await waitUntil('it is given up', () => b.members.list.length === 1);
  b.binds.unbind(2);
  expect(await bind(b, 3, 1)).toBe('bound');
  await waitUntil('its row goes with the next bind', async () => {
    await bind(b, 3, 1);
    return (await rows()) === 1;
  });
});

test('how many are elsewhere, for each node, receivers left out', async () => {
  const [a, b] = [await join('a'), await join('b')];
  await bind(a, 1, 9);
  await bind(a, 2, 9);
  await bind(b, 1, 9, 'receiver');
  const { elsewhere } = await b.binds.bind(2, 'shop', 'transmitter', { total: 9 });
  expect(elsewhere).toBe(2);
  expect([...(await a.binds.elsewhere(['shop', 'other']))]).toEqual([
    ['shop', 1],
    ['other', 0],
  ]);
});

test('a node that was cut off says again what it has, and removes what has ended meanwhile', async () => {
  const [a, b] = [await join('a', `redis://127.0.0.1:${proxy.port}`), await join('b')];
  await bind(a, 1, 3);
  await bind(a, 2, 3);
  proxy.set('silence');
  await expect(bind(a, 3, 3)).rejects.toMatchObject({ name: 'NoReplyError' });
  a.binds.unbind(2);
  await waitUntil('a is given up', () => b.members.list.length === 1);
  expect(await bind(b, 1, 1)).toBe('bound');
  expect(await rows()).toBe(1);
  proxy.set('none');
  await waitUntil('a is back', () => a.members.isHere && b.members.list.length === 2);
  a.binds.doubt();
  await waitUntil('it has said so', async () => {
    await a.binds.tidy();
    return (await rows()) === 2;
  });
  expect((await b.binds.elsewhere(['shop'])).get('shop')).toBe(1);
});
