import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { at, HERE, type Place } from './place.ts';
import { waitUntil } from './wait-until.ts';

/** A real redis-server of a test's own, in a temporary folder, on a port of the system's choice. */
export interface TestRedis {
  readonly address: string;
  readonly port: number;
  readonly url: string;
  readonly folder: string;
  /** A connection to look at what is in it. Closed by `remove`. */
  readonly client: Redis;
  /** Sends a signal: SIGKILL, SIGSTOP, SIGCONT. */
  signal(signal: NodeJS.Signals): void;
  /** kill -9, and waits for its end. */
  kill(): Promise<void>;
  /** Starts it again where it was. @param options further ones */
  restart(...options: readonly string[]): Promise<void>;
  /** Ends it and removes its folder. */
  remove(): Promise<void>;
}

/** Settings with which the store may promise anything. */
export const SAFE = ['--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction'] as const;

/** Of servers that are not on loopback. */
export const REDIS_PASSWORD = 'redis-of-a-test';
const passwordOf = ({ address }: Place): string => (address.startsWith('127.') ? '' : REDIS_PASSWORD);

/** @param options of redis-server, after SAFE; a later one wins */
export async function startRedis(options: readonly string[] = [], place: Place = HERE): Promise<TestRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'heliograph-redis-'));
  const port = await freePort();
  const password = passwordOf(place);
  const secrets = password === '' ? [] : ['--requirepass', password, '--masterauth', password];
  const where = ['--port', String(port), '--dir', folder, '--bind', place.address];
  return started(folder, port, [...where, '--save', '', ...SAFE, ...secrets, ...options], place);
}

/** A replica of `master`. */
export function startReplica(master: TestRedis, options: readonly string[] = [], place?: Place): Promise<TestRedis> {
  return startRedis(['--replicaof', master.address, String(master.port), ...options], place);
}

/** A Sentinel that watches `master` under the name `mymaster`. */
export async function startSentinel(
  master: TestRedis,
  downAfterMs: number,
  quorum = 1,
  place: Place = HERE,
): Promise<TestRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'heliograph-sentinel-'));
  const port = await freePort();
  const password = passwordOf(place);
  const file = join(folder, 'sentinel.conf');
  writeFileSync(
    file,
    [
      `port ${port}`,
      `bind ${place.address}`,
      `dir ${folder}`,
      `sentinel monitor mymaster ${master.address} ${master.port} ${quorum}`,
      ...(password === '' ? [] : [`requirepass ${password}`, `sentinel auth-pass mymaster ${password}`]),
      `sentinel down-after-milliseconds mymaster ${downAfterMs}`,
      'sentinel failover-timeout mymaster 3000',
      '',
    ].join('\n'),
  );
  return started(folder, port, [file, '--sentinel'], place);
}

/**
 * A Redis Cluster of `count` masters that share the slots evenly, then a replica for each entry of `replicasOf`: the place
 * of its master.
 */
export async function startRedisCluster(
  count: number,
  replicasOf: readonly number[] = [],
  places: readonly Place[] = [],
): Promise<TestRedis[]> {
  const total = count + replicasOf.length;
  const nodes = await Promise.all(
    Array.from({ length: total }, async (_, i) => {
      const bus = String(await freePort());
      const options = ['--cluster-enabled', 'yes', '--cluster-port', bus, '--cluster-node-timeout', '2000'];
      return startRedis(options, places[i]);
    }),
  );
  const share = Math.ceil(16_384 / count);
  const first = nodes[0]!;
  for (const [i, node] of nodes.entries()) {
    if (i < count) await node.client.call('CLUSTER', 'ADDSLOTSRANGE', i * share, Math.min(16_383, (i + 1) * share - 1));
    if (node !== first) await first.client.call('CLUSTER', 'MEET', node.address, node.port, await busOf(node));
  }
  for (const { client } of nodes) {
    await waitUntil('the cluster is whole', async () => {
      const info = String(await client.call('CLUSTER', 'INFO'));
      return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${total}`);
    });
  }
  for (const [i, place] of replicasOf.entries()) {
    await nodes[count + i]!.client.call('CLUSTER', 'REPLICATE', await nodeIdOf(nodes[place]!));
  }
  for (const place of new Set(replicasOf)) {
    const replicas = replicasOf.filter(other => other === place).length;
    await waitUntil(
      'its replicas are connected',
      async () => (await nodes[place]!.client.info('replication')).includes(`connected_slaves:${replicas}`),
      30_000,
    );
  }
  return nodes;
}

/** A cluster node's name among the others. */
export const nodeIdOf = async ({ client }: TestRedis): Promise<string> => String(await client.call('CLUSTER', 'MYID'));

const busOf = async ({ client }: TestRedis): Promise<string> => {
  const [, port] = (await client.call('CONFIG', 'GET', 'cluster-port')) as string[];
  return port!;
};

async function started(folder: string, port: number, args: readonly string[], place: Place = HERE): Promise<TestRedis> {
  let child = await run(args, port, place);
  const password = passwordOf(place);
  const client = new Redis({
    port,
    host: place.address,
    ...(password === '' ? {} : { password }),
    lazyConnect: true,
    retryStrategy: () => 50,
  });
  client.on('error', () => undefined);
  await client.connect();
  const end = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>(resolve => child.once('exit', () => resolve()));
    child.kill('SIGKILL');
    await ended;
  };
  return {
    address: place.address,
    port,
    url: `redis://${password === '' ? '' : `:${password}@`}${place.address}:${port}`,
    folder,
    client,
    signal: signal => void child.kill(signal),
    kill: end,
    restart: async (...options) => {
      child = await run([...args, ...options], port, place);
    },
    remove: async () => {
      client.disconnect();
      await end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function run(args: readonly string[], port: number, place: Place): Promise<ChildProcess> {
  const [file, rest] = at(place, 'redis-server', args);
  const child = spawn(file, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  // A test that is broken off leaves no server behind.
  const reap = (): void => void child.kill('SIGKILL');
  process.once('exit', reap);
  child.once('exit', () => process.off('exit', reap));
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', code => reject(new Error(`redis-server at ${port} ended with ${code}: ${output.slice(-500)}`)));
    child.stdout.on('data', () => {
      if (/Ready to accept connections|Sentinel ID is/.test(output)) resolve();
    });
  });
  // From here on nobody reads it.
  child.stdout.removeAllListeners('data').resume();
  return child;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise<void>(resolve => server.close(() => resolve()));
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}
