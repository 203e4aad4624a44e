import {
  REDIS_PASSWORD,
  startRedis,
  startRedisCluster,
  startReplica,
  startSentinel,
  type TestRedis,
} from '../support/test-redis.ts';
import { waitUntil } from '../support/wait-until.ts';
import type { SeenLease } from './checker/leases.ts';
import type { Host, Network } from './network.ts';

/** One server; master and replica with a Sentinel; Redis Cluster of three masters, or three with a replica each. */
export type RedisKind = 'standalone' | 'sentinel' | 'cluster-3' | 'cluster-3+3';

/** As `performance.md` P12 needs it: a failover is over within 6 s. */
const DOWN_AFTER_MS = 1500;
/** A master that is cut off from its replicas takes nothing (reliability R5). */
const CAREFUL = ['--min-replicas-to-write', '1', '--min-replicas-max-lag', '1'];

/** The Redis of a cluster, on hosts of its own. */
export class RedisHosts implements AsyncDisposable {
  /** What nodes are told. */
  readonly url: string;
  /** Replicas that a commit waits for. */
  readonly replicas: number;
  /** Those that hold data, the master first as they were started, and the hosts they are on. */
  readonly servers: readonly TestRedis[];
  readonly hosts: readonly Host[];
  readonly #sentinel: TestRedis | undefined;

  private constructor(servers: readonly TestRedis[], hosts: readonly Host[], sentinel?: TestRedis) {
    this.servers = servers;
    this.hosts = hosts;
    this.#sentinel = sentinel;
    this.replicas = sentinel === undefined && servers.length !== 6 ? 0 : 1;
    const [first] = servers;
    const secret = first!.url.includes('@') ? `:${REDIS_PASSWORD}@` : '';
    const places = servers.map(({ address, port }) => `${address}:${port}`).join(',');
    if (sentinel !== undefined) {
      const own = secret === '' ? '' : `?sentinel_password=${REDIS_PASSWORD}`;
      this.url = `redis+sentinel://${secret}${sentinel.address}:${sentinel.port}/mymaster${own}`;
    } else this.url = servers.length > 1 ? `redis+cluster://${secret}${places}` : first!.url;
  }

  static async start(kind: RedisKind, network: Network): Promise<RedisHosts> {
    const hosts = (count: number): Host[] =>
      Array.from({ length: count }, (_, i) => network.host(count === 1 ? 'redis' : `redis${i + 1}`));
    if (kind === 'standalone') {
      const places = hosts(1);
      return new RedisHosts([await startRedis([], places[0])], places);
    }
    if (kind === 'sentinel') {
      const places = hosts(2);
      const master = await startRedis(CAREFUL, places[0]);
      const replica = await startReplica(master, CAREFUL, places[1]);
      await waitUntil('the replica has the whole of it', () => isConnected(master), 30_000);
      const sentinel = await startSentinel(master, DOWN_AFTER_MS, 1, network.host('sentinel'));
      await waitUntil('the Sentinel knows a good replica', () => knowsReplica(sentinel), 30_000);
      return new RedisHosts([master, replica], places, sentinel);
    }
    const replicasOf = kind === 'cluster-3' ? [] : [0, 1, 2];
    const places = hosts(3 + replicasOf.length);
    const servers = await startRedisCluster(3, replicasOf, places);
    if (replicasOf.length > 0) {
      for (const { client } of servers) await client.config('SET', 'min-replicas-to-write', '1');
    }
    return new RedisHosts(servers, places);
  }

  /** A server's host. */
  hostOf(server: TestRedis): Host {
    return this.hosts[this.servers.indexOf(server)]!;
  }

  /** Of those that live: the masters. */
  async masters(): Promise<TestRedis[]> {
    const roles = await Promise.all(this.servers.map(async server => (await quickly(server.client.role()))?.[0]));
    return this.servers.filter((_, i) => roles[i] === 'master');
  }

  /** Asks for a planned failover, and waits until there is another master. With a Sentinel only. */
  async failover(): Promise<void> {
    const [before] = await this.masters();
    await this.#sentinel!.client.call('SENTINEL', 'FAILOVER', 'mymaster');
    await waitUntil(
      'there is another master',
      async () => {
        const masters = await this.masters();
        return masters.length === 1 && masters[0] !== before;
      },
      30_000,
    );
  }

  /** Another writer takes what this key says who holds it: its epoch goes up, its owner is nobody that lives. */
  async faultLease(key: string): Promise<void> {
    const server = await this.#serverOf(key);
    await server.client.multi().hincrby(key, 'epoch', 1).hset(key, 'owner', 'somebody-else').exec();
  }

  /** Every lease and every stripe's ownership there is, by key. Undefined when a master cannot be asked just now. */
  async leases(cluster: string): Promise<ReadonlyMap<string, SeenLease> | undefined> {
    const found = new Map<string, SeenLease>();
    const masters = await this.masters();
    if (masters.length === 0) return undefined;
    for (const { client } of masters) {
      const keys = await quickly(client.keys(`{heliograph:${cluster}:*`));
      if (keys === undefined) return undefined;
      for (const key of keys.filter(name => name.includes(':lease:') || name.endsWith(':meta'))) {
        const values = await quickly(client.hmget(key, 'owner', 'epoch'));
        if (values?.[1]) found.set(key, { owner: values[0] ?? '', epoch: Number(values[1]) });
      }
    }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#sentinel === undefined ? this.servers : [this.#sentinel, ...this.servers]) {
      await server.remove();
    }
  }

  async #serverOf(key: string): Promise<TestRedis> {
    for (const server of await this.masters()) {
      if ((await server.client.exists(key).catch(() => 0)) === 1) return server;
    }
    throw new Error(`no Redis has the key ${key}`);
  }
}

/** It has the whole of it, and has said so. */
const isConnected = async ({ client }: TestRedis): Promise<boolean> =>
  (await client.info('replication')).includes('min_slaves_good_slaves:1');

async function knowsReplica({ client }: TestRedis): Promise<boolean> {
  const known = (await client.call('SENTINEL', 'REPLICAS', 'mymaster')) as string[][];
  const fields = known[0] ?? [];
  const valueOf = (name: string): string | undefined => fields[fields.indexOf(name) + 1];
  return valueOf('master-link-status') === 'ok' && valueOf('flags') === 'slave';
}

/** Undefined when it fails or takes longer than a poll may. */
function quickly<Value>(value: Promise<Value>): Promise<Value | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), 250);
  return Promise.race([value.catch(() => undefined), promise]).finally(() => clearTimeout(timer));
}
