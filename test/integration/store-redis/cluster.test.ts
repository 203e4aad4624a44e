import { afterEach, expect, test } from 'vitest';
import { stripeKeys } from '../../../adapters/store-redis/stripe-keys.ts';
import { nodeIdOf, startRedisCluster, type TestRedis } from '../../support/test-redis.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { appending, expectAll, openStripe, type OpenStripe } from './support.ts';

let nodes: TestRedis[] = [];
let stripe: OpenStripe | undefined;
afterEach(async () => {
  await stripe?.store.close();
  await Promise.all(nodes.map(node => node.remove()));
});

/** Any node tells the way to the others. */
const urlOf = (node: TestRedis): string => `redis+cluster://127.0.0.1:${node.port}`;

/** A cluster's name whose stripe 0 lies on the node at `place` of three. */
async function nameOn(place: number): Promise<{ readonly name: string; readonly slot: number }> {
  const share = Math.ceil(16_384 / 3);
  for (let i = 0; ; i++) {
    const slot = Number(await nodes[0]!.client.call('CLUSTER', 'KEYSLOT', stripeKeys(`c${i}`, 0).meta));
    if (Math.floor(slot / share) === place) return { name: `c${i}`, slot };
  }
}

test('all keys of a stripe lie in one slot', async () => {
  nodes = await startRedisCluster(3);
  const { all } = stripeKeys('any', 7);
  const slots = await Promise.all(all.map(key => nodes[0]!.client.call('CLUSTER', 'KEYSLOT', key)));
  expect(new Set(slots).size).toBe(1);
});

test('a slot that moves to another node in a run of commits: they wait, and go on there', async () => {
  nodes = await startRedisCluster(3);
  const { name, slot } = await nameOn(0);
  const [from, to, third] = nodes as [TestRedis, TestRedis, TestRedis];
  stripe = await openStripe(urlOf(third), { name, leaseMs: 5000 });
  const acknowledged: string[] = [];
  let after = Infinity;
  const lane = appending(stripe, acknowledged, () => acknowledged.length > after);
  await waitUntil('it runs', () => acknowledged.length > 20);
  const [fromId, toId] = [await nodeIdOf(from), await nodeIdOf(to)];
  await to.client.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
  await from.client.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
  for (;;) {
    // One by one: in between, some are here and some are there.
    const [key] = (await from.client.call('CLUSTER', 'GETKEYSINSLOT', slot, 1)) as string[];
    if (key === undefined) break;
    await from.client.call('MIGRATE', '127.0.0.1', to.port, key, 0, 5000);
  }
  for (const { client } of [to, from, third]) await client.call('CLUSTER', 'SETSLOT', slot, 'NODE', toId);
  after = acknowledged.length + 20;
  await lane;
  expect(stripe.lost).toEqual([]);
  expect(await to.client.exists(stripeKeys(name, 0).meta)).toBe(1);
  await expectAll(stripe, acknowledged);
});

test('the death of the master that has the slot: a replica takes over, nothing acknowledged is lost', async () => {
  nodes = await startRedisCluster(3, [0, 0]);
  for (const node of [nodes[0]!, nodes[3]!, nodes[4]!]) await node.client.config('SET', 'min-replicas-to-write', '1');
  const { name } = await nameOn(0);
  stripe = await openStripe(urlOf(nodes[1]!), { name, replicas: 1, leaseMs: 5000 });
  const acknowledged: string[] = [];
  let after = Infinity;
  const lane = appending(stripe, acknowledged, () => acknowledged.length > after);
  await waitUntil('it runs', () => acknowledged.length > 20);
  await nodes[0]!.kill();
  after = acknowledged.length + 20;
  await lane;
  expect(stripe.lost).toEqual([]);
  await expectAll(stripe, acknowledged);
});
