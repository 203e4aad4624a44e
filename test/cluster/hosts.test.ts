import { describe, expect, test } from 'vitest';
import { connect } from '../../drizzle/connect.ts';
import { startPostgresServer } from '../support/postgres-server.ts';
import { waitUntil } from '../support/wait-until.ts';
import { makeNetwork } from './network.ts';
import { RedisHosts } from './redis-hosts.ts';

/** What nodes lean on, without nodes. */
describe('a Redis on hosts of its own', () => {
  test('master and replica: when the master is killed the Sentinel makes the replica master', async () => {
    using network = makeNetwork();
    await using redis = await RedisHosts.start('sentinel', network);
    const [master, replica] = redis.servers;
    expect(await redis.masters()).toEqual([master]);
    await master!.client.set('k', 'v');
    expect(await master!.client.wait(1, 2000)).toBe(1);
    await master!.kill();
    await waitUntil('the replica is master', async () => (await redis.masters()).includes(replica!), 15_000);
    expect(await replica!.client.get('k')).toBe('v');
  });

  test('Redis Cluster: leases are found whichever master has them, and can be taken by somebody else', async () => {
    using network = makeNetwork();
    await using redis = await RedisHosts.start('cluster-3', network);
    const keys = ['a', 'b', 'c', 'd', 'e', 'f'].map(name => `{heliograph:test:${name}}:meta`);
    const table = '{heliograph:test:cluster}:carrier-slots';
    for (const key of keys) {
      for (const { client } of redis.servers) {
        await client.hset(key, 'owner', 'node1', 'epoch', '4').catch(() => undefined);
      }
    }
    for (const { client } of redis.servers) await client.hset(table, 'sink/1', '1|7|99|node2|n').catch(() => undefined);
    const leases = await redis.leases('test');
    expect(new Set(leases?.keys())).toEqual(new Set([...keys, `${table}#sink/1`]));
    expect(leases?.get(`${table}#sink/1`)).toEqual({ owner: 'node2', epoch: 7 });
    await redis.faultLease(keys[2]!);
    expect((await redis.leases('test'))?.get(keys[2]!)).toEqual({ owner: 'somebody-else', epoch: 5 });
    await redis.faultLease(`${table}#sink/1`);
    expect((await redis.leases('test'))?.get(`${table}#sink/1`)).toEqual({ owner: 'somebody-else', epoch: 8 });
  });
});

describe('a Postgres on a host of its own', () => {
  test('stopped, killed and started again it has what was committed', async () => {
    using network = makeNetwork();
    await using postgres = await startPostgresServer(network.host('postgres'));
    const sql = connect(postgres.url, { max: 1, applicationName: 'test', statementTimeoutMs: 5000 });
    try {
      // A client whose machine is gone holds its locks for 25 s at most, in the middle of a COPY too.
      const [idle, interval, count] = await Promise.all([
        sql`SHOW tcp_keepalives_idle`,
        sql`SHOW tcp_keepalives_interval`,
        sql`SHOW tcp_keepalives_count`,
      ]);
      expect([...idle, ...interval, ...count].map(row => Object.values(row)[0])).toEqual(['10', '5', '3']);
      await sql`CREATE TABLE t (n int)`;
      await sql`INSERT INTO t VALUES (1)`;
      await postgres.stop();
      await expect(sql`SELECT 1`).rejects.toThrow();
      await postgres.start();
      await sql`INSERT INTO t VALUES (2)`;
      await postgres.kill();
      await postgres.start();
      await waitUntil('it answers', () =>
        sql`SELECT 1`.then(
          () => true,
          () => false,
        ),
      );
      expect((await sql`SELECT n FROM t ORDER BY n`).map(row => row['n'])).toEqual([1, 2]);
    } finally {
      await sql.end();
    }
  });
});
