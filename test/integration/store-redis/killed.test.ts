import { afterEach, expect, test } from 'vitest';
import { LEFT_FOR_MS } from '../../../runtime/redis/attached-replicas.ts';
import { startRedis, startSentinel, type TestRedis } from '../../support/test-redis.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { appending, expectAll, openStripe, type OpenStripe } from './support.ts';

/** Replicas are looked at so often. */
const LOOK_MS = 500;

const servers: TestRedis[] = [];
const stripes: OpenStripe[] = [];
afterEach(async () => {
  await Promise.all(stripes.splice(0).map(({ store }) => store.close()));
  await Promise.all(servers.splice(0).map(server => server.remove()));
});

/** A master, two replicas of which one must have what is acknowledged, and a Sentinel. */
async function twoReplicas(): Promise<{
  readonly first: TestRedis;
  readonly replicas: readonly TestRedis[];
  readonly sentinel: TestRedis;
  readonly url: string;
}> {
  const first = await startRedis(['--min-replicas-to-write', '0', '--repl-diskless-sync-delay', '0']);
  servers.push(first);
  const second = await startRedis(['--replicaof', '127.0.0.1', String(first.port), '--min-replicas-to-write', '0']);
  const third = await startRedis(['--replicaof', '127.0.0.1', String(first.port), '--min-replicas-to-write', '0']);
  servers.push(second, third);
  await waitUntil(
    'both replicas have all that the master has',
    async () => (await first.client.info('replication')).split('state=online').length === 3,
    30_000,
  );
  for (const { client } of [first, second, third]) await client.config('SET', 'min-replicas-to-write', '1');
  const sentinel = await startSentinel(first, 1000);
  servers.push(sentinel);
  await waitUntil(
    'the Sentinel knows the replicas',
    async () => String(await sentinel.client.call('SENTINEL', 'MASTER', 'mymaster')).includes('num-slaves,2'),
    30_000,
  );
  return { first, replicas: [second, third], sentinel, url: `redis+sentinel://127.0.0.1:${sentinel.port}/mymaster` };
}

/** A stripe under load until `endsWell`: nothing that was acknowledged is lost. */
async function loaded(
  url: string,
  name: string,
): Promise<{ goesOn(more: number): Promise<void>; endsWell(): Promise<void> }> {
  const stripe = await openStripe(url, { name, replicas: 1, leaseMs: 5000 });
  stripes.push(stripe);
  const acknowledged: string[] = [];
  let isOver = false;
  const lane = appending(stripe, acknowledged, () => isOver);
  return {
    goesOn: more => {
      const before = acknowledged.length;
      return waitUntil('it goes on', () => acknowledged.length > before + more);
    },
    endsWell: async () => {
      isOver = true;
      await lane;
      expect(stripe.lost).toEqual([]);
      await expectAll(stripe, acknowledged);
    },
  };
}

test('kill -9 of Redis, five times in a run of commits: acks wait, nothing is lost, nothing is there twice', async () => {
  const redis = await startRedis();
  servers.push(redis);
  const stripe = await openStripe(redis.url, { name: 'killed', leaseMs: 5000 });
  stripes.push(stripe);
  const acknowledged: string[] = [];
  let kills = 0;
  const lane = appending(stripe, acknowledged, () => kills === 5);
  for (let i = 0; i < 5; i++) {
    const before = acknowledged.length;
    await waitUntil('it goes on', () => acknowledged.length > before + 20);
    await redis.kill();
    await redis.restart();
    kills = i + 1;
  }
  await lane;
  expect(stripe.lost).toEqual([]);
  await expectAll(stripe, acknowledged);
});

test('a failover by Sentinel under WAIT 1: nothing acknowledged is lost, and acks come again by themselves', async () => {
  const { first, replicas, sentinel, url } = await twoReplicas();
  const stripe = await openStripe(url, { name: 'sentinel', replicas: 1, leaseMs: 5000 });
  stripes.push(stripe);
  const acknowledged: string[] = [];
  let after = Infinity;
  const lane = appending(stripe, acknowledged, () => acknowledged.length > after);
  await waitUntil('it runs', () => acknowledged.length > 20);
  await first.kill();
  after = acknowledged.length + 20;
  await lane;
  expect(stripe.lost).toEqual([]);
  await expectAll(stripe, acknowledged);
  const promoted = String(await sentinel.client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'mymaster'));
  expect(replicas.some(({ port }) => promoted.includes(String(port)))).toBe(true);
}, 90_000);

test('planned failovers while the other replica still follows the old master: nothing acknowledged is lost', async () => {
  const { sentinel, url } = await twoReplicas();
  const load = await loaded(url, 'planned');
  for (let i = 0; i < 3; i++) {
    await load.goesOn(20);
    const master = String(await sentinel.client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'mymaster'));
    await waitUntil(
      'the Sentinel agrees to it',
      () =>
        sentinel.client.call('SENTINEL', 'FAILOVER', 'mymaster').then(
          () => true,
          () => false,
        ),
      30_000,
    );
    await waitUntil(
      'there is another master',
      async () => String(await sentinel.client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'mymaster')) !== master,
      30_000,
    );
  }
  await load.endsWell();
}, 120_000);

test('nothing is acknowledged when a replica has been promoted by hand, until it is known who is master', async () => {
  const { replicas, url } = await twoReplicas();
  const load = await loaded(url, 'by-hand');
  await load.goesOn(20);
  await replicas[0]!.client.call('REPLICAOF', 'NO', 'ONE');
  const at = performance.now();
  await load.goesOn(20);
  expect(performance.now() - at).toBeGreaterThan(LEFT_FOR_MS - LOOK_MS);
  await load.endsWell();
}, 60_000);

test('a replica that has gone for good is not waited for for ever', async () => {
  const { replicas, url } = await twoReplicas();
  const load = await loaded(url, 'gone');
  await load.goesOn(20);
  await replicas[0]!.kill();
  await load.goesOn(200);
  await load.endsWell();
}, 60_000);

test('a Sentinel that takes too long to see a dead master is refused, naming its setting', async () => {
  const redis = await startRedis();
  const sentinel = await startSentinel(redis, 30_000);
  servers.push(redis, sentinel);
  const opened = openStripe(`redis+sentinel://127.0.0.1:${sentinel.port}/mymaster`, { name: 'slow' });
  await expect(opened).rejects.toThrow(/down-after-milliseconds is 30000, and must be 5000 or less/);
});
