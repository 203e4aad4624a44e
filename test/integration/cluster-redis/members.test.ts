import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Members, membersKey, type About, type Member } from '../../../adapters/cluster-redis/members.ts';
import { parseRedisAddress } from '../../../runtime/redis/address.ts';
import { RedisLine } from '../../../runtime/redis/line.ts';
import { CuttingProxy } from '../../support/cutting-proxy.ts';
import { startRedis, type TestRedis } from '../../support/test-redis.ts';
import { waitUntil } from '../../support/wait-until.ts';

const LEASE_MS = 600;

interface TestNode {
  readonly members: Members;
  readonly line: RedisLine;
  readonly alarms: string[];
  readonly changes: (readonly Member[])[];
}

let redis: TestRedis;
let run = 0;
const nodes: TestNode[] = [];
const proxies: CuttingProxy[] = [];

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.remove());
afterEach(async () => {
  run++;
  for (const { members, line } of nodes.splice(0)) {
    await members.leave();
    line.close();
  }
  for (const proxy of proxies.splice(0)) await proxy.close();
});

async function join(node: string, about: () => About = () => ({}), url = redis.url): Promise<TestNode> {
  const cluster = `members-${run}`;
  const line = new RedisLine(parseRedisAddress(url), { deadlineMs: 300, insecure: false }, membersKey(cluster));
  const alarms: string[] = [];
  const changes: (readonly Member[])[] = [];
  const members = new Members({
    line,
    cluster,
    node,
    about,
    leaseMs: LEASE_MS,
    clock: () => performance.now(),
    wall: () => Date.now(),
    changed: now => changes.push(now),
    alarm: said => alarms.push(said),
  });
  const joined = { members, line, alarms, changes };
  nodes.push(joined);
  expect(await line.up(5000)).toBe(true);
  await members.join();
  return joined;
}

const namesOf = ({ members }: TestNode): string[] => members.list.map(({ node }) => node);

test('a node that starts while Redis has too few replicas joins when it has enough', async () => {
  await redis.client.config('SET', 'min-replicas-to-write', '1');
  let isHere = false;
  const joining = join('a').then(node => ((isHere = true), node));
  try {
    await waitUntil('it was refused', async () => (await redis.client.info('errorstats')).includes('NOREPLICAS'));
    expect(isHere).toBe(false);
  } finally {
    await redis.client.config('SET', 'min-replicas-to-write', '0');
  }
  const a = await joining;
  expect([namesOf(a), a.alarms]).toEqual([['a'], []]);
});

test('nodes see one another come, tell, and leave', async () => {
  const a = await join('a');
  let table = 1;
  const b = await join('b', () => ({ table }));
  await waitUntil('a sees b', () => namesOf(a).join() === 'a,b');
  expect(namesOf(b)).toEqual(['a', 'b']);
  expect(a.members.list[1]!.about).toEqual({ table: 1 });
  table = 2;
  await b.members.tell();
  await waitUntil('a is told', () => a.members.list[1]!.about['table'] === 2);
  await b.members.leave();
  await waitUntil('a sees it go', () => namesOf(a).join() === 'a');
  expect(a.changes.map(now => now.map(({ node }) => node).join())).toEqual(['a', 'a,b', 'a,b', 'a']);
});

test('a node that is cut off knows it within its lease, is given up by the others, and comes back', async () => {
  const proxy = await CuttingProxy.to(redis.port);
  proxies.push(proxy);
  const a = await join('a');
  const b = await join('b', undefined, `redis://127.0.0.1:${proxy.port}`);
  await waitUntil('both are there', () => namesOf(a).join() === 'a,b');
  proxy.set('silence');
  await waitUntil('a gives b up', () => namesOf(a).join() === 'a');
  // It knew before the others: it holds nothing that they may take.
  expect(b.members.isHere).toBe(false);
  await waitUntil('its row is gone', async () => (await redis.client.hlen(membersKey(`members-${run}`))) === 1);
  proxy.set('none');
  await waitUntil('b is back', () => b.members.isHere && namesOf(a).join() === 'a,b');
  expect(b.members.list.map(({ node }) => node)).toEqual(['a', 'b']);
});

test('a node that starts again is the same node in another incarnation, and no alarm', async () => {
  const a = await join('a');
  const first = await join('b');
  await waitUntil('b is there', () => namesOf(a).join() === 'a,b');
  const before = a.members.list[1]!.incarnation;
  // Killed: it leaves its row behind.
  first.line.close();
  const again = await join('b');
  await waitUntil('a sees the other one', () => a.members.list[1]!.incarnation !== before);
  expect(again.alarms).toEqual([]);
});

test('two processes of one name are told', async () => {
  const first = await join('b');
  const second = await join('b');
  await waitUntil('both say so', () => first.alarms.length + second.alarms.length >= 2);
  expect([...first.alarms, ...second.alarms].every(said => said.includes('calls itself b'))).toBe(true);
});

test('a row of a later release is a node about which nothing is known', async () => {
  const a = await join('a');
  await redis.client.hset(membersKey(`members-${run}`), 'z', '\u0002binary');
  await waitUntil('it is seen', () => namesOf(a).join() === 'a,z');
  expect(a.members.list[1]).toEqual({ node: 'z', incarnation: '', about: {} });
  await waitUntil('and given up', () => namesOf(a).join() === 'a');
});
