import {
  REDIS_PASSWORD,
  startRedis,
  startRedisCluster,
  startReplica,
  startSentinel,
  type TestRedis,
} from '../support/test-redis.ts';
import { waitUntil } from '../support/wait-until.ts';
import type { WallClock } from '../support/wall-clock.ts';
import type { SeenLease } from './checker/leases.ts';
import type { Host, Network } from './network.ts';
import { errorsOf, moveSlot, type SlotMove, type SlotOf } from './redis-slots.ts';

/**
 * One server; a master with a replica and a Sentinel, or with two, of which a commit waits for one or for all; Redis Cluster of
 * three masters, or three with a replica each.
 */
export type RedisKind = 'standalone' | 'sentinel' | 'sentinel-2' | 'sentinel-2-all' | 'cluster-3' | 'cluster-3+3';
/** One of its servers; `third-1` of Redis Cluster: the master that has the first third of the slots just then. */
export type RedisServer = number | 'master' | 'replica' | `third-${1 | 2 | 3}`;
/** Replicas there are, and of these that a commit waits for. */
const SENTINELS: Readonly<Partial<Record<RedisKind, readonly [replicas: number, waits: number]>>> = {
  sentinel: [1, 1],
  'sentinel-2': [2, 1],
  'sentinel-2-all': [2, 2],
};

/** Slots that each of three masters begins with. */
const A_THIRD = Math.ceil(16_384 / 3);

/** As `performance.md` P12 needs it: a failover is over within 6 s. */
const DOWN_AFTER_MS = 1500;
/** A master that is cut off from its replicas takes nothing (reliability R5). */
const careful = (replicas: number): readonly string[] => [
  '--min-replicas-to-write',
  String(replicas),
  '--min-replicas-max-lag',
  '1',
  '--repl-diskless-sync-delay',
  '0',
];

/** The Redis of a cluster, on hosts of its own. */
export class RedisHosts implements AsyncDisposable {
  /** What nodes are told. */
  readonly url: string;
  /** Replicas that a commit waits for. */
  readonly replicas: number;
  /** Those that hold data, the master first as they were started, and the hosts they are on. */
  readonly servers: readonly TestRedis[];
  readonly hosts: readonly Host[];
  /** Slots that were moved, and what those that asked meanwhile were told. */
  readonly moves: SlotMove[] = [];
  readonly sentinelHost: Host | undefined;
  readonly #sentinel: TestRedis | undefined;

  private constructor(
    servers: readonly TestRedis[],
    hosts: readonly Host[],
    replicas: number,
    watch?: { readonly sentinel: TestRedis; readonly host: Host },
  ) {
    const sentinel = watch?.sentinel;
    this.sentinelHost = watch?.host;
    this.servers = servers;
    this.hosts = hosts;
    this.#sentinel = sentinel;
    this.replicas = replicas;
    const [first] = servers;
    const secret = first!.url.includes('@') ? `:${REDIS_PASSWORD}@` : '';
    const places = servers.map(({ address, port }) => `${address}:${port}`).join(',');
    if (sentinel !== undefined) {
      const own = secret === '' ? '' : `?sentinel_password=${REDIS_PASSWORD}`;
      this.url = `redis+sentinel://${secret}${sentinel.address}:${sentinel.port}/mymaster${own}`;
    } else this.url = servers.length > 1 ? `redis+cluster://${secret}${places}` : first!.url;
  }

  /** @param clock that of its hosts, where it can be set */
  static async start(kind: RedisKind, network: Network, clock?: WallClock): Promise<RedisHosts> {
    const hosts = (count: number): Host[] =>
      Array.from({ length: count }, (_, i) => {
        const host = network.host(count === 1 ? 'redis' : `redis${i + 1}`);
        return clock ? clock.on(host) : host;
      });
    if (kind === 'standalone') {
      const places = hosts(1);
      return new RedisHosts([await startRedis([], places[0])], places, 0);
    }
    const watched = SENTINELS[kind];
    if (watched) {
      const [count, waits] = watched;
      const places = hosts(1 + count);
      const master = await startRedis(careful(waits), places[0]);
      const replicas = await Promise.all(places.slice(1).map(place => startReplica(master, careful(waits), place)));
      await waitUntil('the replicas have the whole of it', () => isConnected(master, count), 30_000);
      const host = network.host('sentinel');
      const sentinel = await startSentinel(master, DOWN_AFTER_MS, 1, host);
      await waitUntil('the Sentinel knows good replicas', () => knowsReplicas(sentinel, count), 30_000);
      return new RedisHosts([master, ...replicas], places, waits, { sentinel, host });
    }
    const replicasOf = kind === 'cluster-3' ? [] : [0, 1, 2];
    const places = hosts(3 + replicasOf.length);
    const servers = await startRedisCluster(3, replicasOf, places);
    if (replicasOf.length > 0) {
      for (const { client } of servers) await client.config('SET', 'min-replicas-to-write', '1');
      for (const master of servers.slice(0, 3)) {
        await waitUntil('its replica has the whole of it', () => isConnected(master, 1), 30_000);
      }
    }
    return new RedisHosts(servers, places, replicasOf.length > 0 ? 1 : 0);
  }

  /** A server's host. */
  hostOf(server: TestRedis): Host {
    return this.hosts[this.servers.indexOf(server)]!;
  }

  /** By its place, from 1; or the first that is a master now, or the first that lives and is none. */
  async find(which: RedisServer): Promise<TestRedis | undefined> {
    if (typeof which === 'number') return this.servers[which - 1];
    if (which !== 'master' && which !== 'replica') return this.#ownerOf((Number(which.at(-1)) - 1) * A_THIRD);
    return (await this.#roles()).find(([role]) => role === (which === 'master' ? 'master' : 'slave'))?.[1];
  }

  /** Of those that live: the masters. */
  async masters(): Promise<TestRedis[]> {
    return (await this.#roles()).flatMap(([role, server]) => (role === 'master' ? [server] : []));
  }

  #roles(): Promise<(readonly [role: unknown, server: TestRedis])[]> {
    const roleOf = async (server: TestRedis): Promise<unknown> => (await quickly(server.client.role()))?.[0];
    return Promise.all(this.servers.map(async server => [await roleOf(server), server] as const));
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

  /** As `deploy/redis/start-redis` does it: as a replica of the master that the Sentinel knows, unless it is that itself. */
  async restart(server: TestRedis): Promise<void> {
    const known = await this.#sentinel?.client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'mymaster');
    const [address, port] = (known as string[] | undefined) ?? [server.address, String(server.port)];
    const isMaster = address === server.address && port === String(server.port);
    await server.restart(...(isMaster ? [] : ['--replicaof', address!, port!]));
  }

  /** Another writer takes what this lease says who holds it: its epoch goes up, its owner is nobody that lives. */
  async faultLease(lease: string): Promise<void> {
    const [key, row] = lease.split('#') as [string, string?];
    const server = await this.#serverOf(key);
    if (row === undefined) {
      await server.client.multi().hincrby(key, 'epoch', 1).hset(key, 'owner', 'somebody-else').exec();
      return;
    }
    const was = leaseIn(await server.client.hget(key, row));
    await server.client.hset(key, row, `1|${(was?.epoch ?? 0) + 1}|1|somebody-else|a-nonce`);
  }

  /**
   * Every stripe's ownership there is, by key, and every carrier slot's, by key and name with a # between. Undefined when a
   * master cannot be asked just now.
   */
  async leases(cluster: string): Promise<ReadonlyMap<string, SeenLease> | undefined> {
    const found = new Map<string, SeenLease>();
    const masters = await this.masters();
    if (masters.length === 0) return undefined;
    for (const { client } of masters) {
      const keys = await quickly(client.keys(`{heliograph:${cluster}:*`));
      if (keys === undefined) return undefined;
      for (const key of keys.filter(name => name.endsWith(':meta'))) {
        const values = await quickly(client.hmget(key, 'owner', 'epoch'));
        if (values?.[1]) found.set(key, { owner: values[0] ?? '', epoch: Number(values[1]) });
      }
      for (const key of keys.filter(name => name.endsWith(':carrier-slots'))) {
        for (const [name, row] of Object.entries((await quickly(client.hgetall(key))) ?? {})) {
          const lease = leaseIn(row);
          if (lease) found.set(`${key}#${name}`, lease);
        }
      }
    }
    return found;
  }

  /** The slot of these keys of a cluster goes to another master. */
  async moveSlot(cluster: string, of: SlotOf): Promise<void> {
    await waitUntil('Redis Cluster is whole', () => this.#isWhole(), 30_000);
    const masters = await this.masters();
    const key = of === 'stripe' ? await busiestStripe(masters, cluster) : `{heliograph:${cluster}:${of}}`;
    const slot = await masters[0]!.client.cluster('KEYSLOT', key);
    const from = await this.#ownerOf(slot);
    const to = masters.find(master => master !== from);
    if (!from || !to) throw new Error(`slot ${slot} has no master, or there is no other: ${masters.length} live`);
    this.moves.push(await moveSlot(slot, from, to, masters));
  }

  /** Errors that servers which live have answered with since they started, by their first word. */
  async errors(): Promise<ReadonlyMap<string, number>> {
    const sums = new Map<string, number>();
    for (const server of this.servers) {
      for (const [word, count] of await errorsOf(server)) sums.set(word, (sums.get(word) ?? 0) + count);
    }
    return sums;
  }

  /** Of Redis Cluster: all that live say that every slot has a master, and no server is gone. */
  async #isWhole(): Promise<boolean> {
    const states = await Promise.all(this.servers.map(({ client }) => quickly(client.call('CLUSTER', 'INFO'))));
    return states.every(state => String(state).includes('cluster_state:ok'));
  }

  /** Of Redis Cluster: the master that has a slot, as one that lives says. */
  async #ownerOf(slot: number): Promise<TestRedis | undefined> {
    for (const { client } of await this.masters()) {
      const ranges = (await quickly(client.cluster('SLOTS'))) as unknown as
        [number, number, [string, number]][] | undefined;
      const owner = ranges?.find(([first, last]) => first <= slot && slot <= last)?.[2];
      const found = this.servers.find(({ address, port }) => owner?.[0] === address && owner[1] === port);
      if (found) return found;
    }
    return undefined;
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

/** What a row of a table of leases says: `1|epoch|renewals|owner|nonce`. */
function leaseIn(row: string | null): SeenLease | undefined {
  const [version, epoch, , owner] = row?.split('|') ?? [];
  return version === '1' && owner !== undefined ? { owner, epoch: Number(epoch) } : undefined;
}

/** It has the whole of it, and has said so. */
const isConnected = async ({ client }: TestRedis, count: number): Promise<boolean> =>
  (await client.info('replication')).includes(`min_slaves_good_slaves:${count}`);

const valueOf = (fields: string[], name: string): string | undefined => fields[fields.indexOf(name) + 1];

async function knowsReplicas({ client }: TestRedis, count: number): Promise<boolean> {
  const known = (await client.call('SENTINEL', 'REPLICAS', 'mymaster')) as string[][];
  const good = known.filter(
    fields => valueOf(fields, 'master-link-status') === 'ok' && valueOf(fields, 'flags') === 'slave',
  );
  return good.length === count;
}

/** Undefined when it fails or takes longer than a poll may. */
function quickly<Value>(value: Promise<Value>): Promise<Value | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), 250);
  return Promise.race([value.catch(() => undefined), promise]).finally(() => clearTimeout(timer));
}

/** A key of the stripe that has seen most commits. */
async function busiestStripe(masters: readonly TestRedis[], cluster: string): Promise<string> {
  let busiest: readonly [key: string, commits: number] = ['', -1];
  for (const { client } of masters) {
    for (const key of await client.keys(`{heliograph:${cluster}:*:meta`)) {
      const commits = Number(await client.hget(key, 'commit'));
      if (commits > busiest[1]) busiest = [key, commits];
    }
  }
  if (busiest[1] < 0) throw new Error('there is no stripe');
  return busiest[0];
}
