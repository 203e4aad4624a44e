import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { messageId } from '../../../actors/message/id.ts';
import { claimed, frame, SENT } from '../../contract/engine.ts';
import { startRedis, type TestRedis } from '../../support/test-redis.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { append, openStripe } from './support.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.remove());

const set = (name: string, value: string): Promise<unknown> => redis.client.config('SET', name, value);

describe('start refuses a Redis whose settings break the promise, naming the setting', () => {
  test.each([
    ['maxmemory-policy', 'allkeys-lru', 'noeviction', /maxmemory-policy is allkeys-lru, and must be noeviction/],
    ['appendonly', 'no', 'yes', /appendonly is no, and must be yes/],
    ['appendfsync', 'everysec', 'always', /appendfsync is everysec, and must be always \(durability is `disk`/],
  ])('%s %s', async (name, bad, good, message) => {
    await set(name, bad);
    await expect(openStripe(redis.url, { name: 'settings' })).rejects.toThrow(message);
    await set(name, good);
    await (await openStripe(redis.url, { name: 'settings' })).store.close();
  });

  test('all of them at once', async () => {
    await set('maxmemory-policy', 'volatile-ttl');
    await set('appendfsync', 'no');
    await expect(openStripe(redis.url, { name: 'settings', durability: 'process', replicas: 1 })).rejects.toThrow(
      /maxmemory-policy is volatile-ttl.*appendfsync is no.*connected replicas is 0, and must be 1 or more.*min-replicas-to-write is 0/,
    );
    await set('maxmemory-policy', 'noeviction');
    await set('appendfsync', 'everysec');
    await (await openStripe(redis.url, { name: 'settings', durability: 'process' })).store.close();
    await set('appendfsync', 'always');
  });

  test('a Redis that nobody waits for the replicas of', async () => {
    const replica = await startRedis(['--replicaof', '127.0.0.1', String(redis.port)]);
    try {
      await waitUntil('it is connected', async () =>
        (await redis.client.info('replication')).includes('connected_slaves:1'),
      );
      await expect(openStripe(redis.url, { name: 'settings' })).rejects.toThrow(/the number of replicas waited for/);
      await expect(openStripe(redis.url, { name: 'settings', replicas: 1 })).rejects.toThrow(/min-replicas-to-write/);
      await set('min-replicas-to-write', '1');
      await (await openStripe(redis.url, { name: 'settings', replicas: 1 })).store.close();
    } finally {
      await set('min-replicas-to-write', '0');
      await replica.remove();
    }
  });

  test('a user who may not see the settings', async () => {
    await redis.client.call('ACL', 'SETUSER', 'blind', 'on', '>pw', '~*', '+@all', '-config');
    const url = `redis://blind:pw@127.0.0.1:${redis.port}`;
    await expect(openStripe(url, { name: 'settings' })).rejects.toThrow(/allow its user CONFIG GET/);
  });

  test('nothing, when its user may do what decision 0009 names and no more', async () => {
    const allowed = 'hmget hget hset hdel hincrby hkeys hscan eval evalsha wait info ping hello client config|get';
    const acl = allowed.split(' ').map(command => `+${command}`);
    await redis.client.call('ACL', 'SETUSER', 'modest', 'on', '>pw', '~{heliograph:settings:*', '-@all', ...acl);
    const stripe = await openStripe(`redis://modest:pw@127.0.0.1:${redis.port}`, { name: 'settings' });
    expect((await append(stripe.port, 'one')).type).toBe('done');
    expect(await claimed(stripe.port, 'sink')).toHaveLength(1);
    await stripe.store.close();
    expect(stripe.alarms).toEqual([]);
  });

  test('a Redis that is not there', async () => {
    const gone = await startRedis();
    await gone.remove();
    const opened = openStripe(gone.url, { name: 'settings', patienceMs: 300 });
    await expect(opened).rejects.toThrow(new RegExp(`Redis at 127.0.0.1:${gone.port}: .*ECONNREFUSED`));
  });
});

test('at 80 % of its memory new messages are refused, receipts and settles pass, and room is taken again', async () => {
  const stripe = await openStripe(redis.url, { name: 'full' });
  const number = await stripe.port.allocate(1);
  await append(stripe.port, 'queued', number);
  const [message] = await claimed(stripe.port, 'sink');
  const used = Number(/used_memory:(\d+)/.exec(await redis.client.info('memory'))![1]);
  // Above all of it: Redis itself refuses what does not say that it may.
  await set('maxmemory', String(Math.floor(used / 2)));
  await waitUntil('it is seen', async () => (await stripe.port.stats()).refusing === 'disk-full');
  await expect(redis.client.set('x', '1')).rejects.toThrow(/OOM/);
  expect(await append(stripe.port, 'new')).toEqual({ type: 'refused', reason: 'disk-full' });
  await stripe.port.settle([frame('sink', [[message!.id, SENT]])]);
  expect(await stripe.port.find(messageId(number, 0))).toMatchObject({ claimed: false, attempts: 1 });
  await set('maxmemory', '0');
  await waitUntil('it is seen', async () => (await stripe.port.stats()).refusing === '');
  expect((await append(stripe.port, 'new')).type).toBe('done');
  await stripe.store.close();
});
