import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { freePort } from '../../../bench/harness/smppload.ts';
import { CuttingProxy } from '../../support/cutting-proxy.ts';
import { startNode, type NodeProcess } from '../../support/node-process.ts';
import { smppload, type LoadOptions } from '../../support/smppload.ts';
import { startTestPostgres, type TestPostgres } from '../../support/test-postgres.ts';
import { startRedis, type TestRedis } from '../../support/test-redis.ts';
import { waitUntil } from '../../support/wait-until.ts';

const WINDOW = 200;
const LEASE_SECONDS = 1.5;

let redis: TestRedis;
let postgres: TestPostgres;
let databaseUrl = '';
let clusters = 0;

beforeAll(async () => {
  [redis, postgres] = await Promise.all([startRedis(), startTestPostgres()]);
});
beforeEach(async () => {
  databaseUrl = await postgres.database();
});
afterAll(async () => {
  await redis.remove();
  await postgres.stop();
});

/** Nodes of a cluster of its own, one worker each; the carrier of all listens on `carrierPort`. */
function clusterOf(
  carrierPort: number,
  url = redis.url,
): (name: string, more?: Readonly<Record<string, unknown>>, through?: string) => Promise<NodeProcess> {
  const cluster = { name: `two-${++clusters}`, lease_seconds: LEASE_SECONDS };
  const config = {
    workers: 1,
    cluster,
    accounts: [{ system_id: 'load', password: 'load', binds: 10, window: 1000 }],
    carriers: [
      {
        name: 'sink',
        protocol: 'smpp',
        host: '127.0.0.1',
        port: carrierPort,
        system_id: 'r',
        password: 'r',
        binds: 2,
        window: WINDOW,
        reconnect_seconds: 0.1,
        reconnect_max_seconds: 0.2,
      },
    ],
    routes: [{ called_prefix: '44', dest_smsc: 'sink' }],
  };
  const env = {
    // The archive is off: it has the configuration alone.
    DATABASE_URL: databaseUrl,
    HELIOGRAPH_SECRET_KEY: '00'.repeat(32),
  };
  return (name, more, through = url) =>
    startNode({ config: { ...config, ...more, node_id: name }, env: { ...env, REDIS_URL: through } });
}

const load = (node: NodeProcess, carrierPort: number, more: LoadOptions): ReturnType<typeof smppload> =>
  smppload({
    port: node.ports['smpp']!,
    upstream: carrierPort,
    'min-upstream': 2,
    binds: 4,
    window: 200,
    exact: true,
    timeout: 60,
    linger: 3,
    ...more,
  });

const NOTHING_LOST = { acked_not_delivered: 0, acked_no_dlr: 0, bad_text: 0, proto_errors: 0 };
const stripesOf = (node: NodeProcess): string => (node.logs('stripes').at(-1)?.['held'] as string | undefined) ?? '';

test('what comes in by one node leaves by both, receipts find their way back, both end well', async () => {
  const carrierPort = await freePort();
  const start = clusterOf(carrierPort);
  const both = await Promise.all([start('a'), start('b')]);
  await using a = both[0];
  await using b = both[1];
  const result = await load(a, carrierPort, { count: 10_000 }).result;
  expect(result).toMatchObject({ ...NOTHING_LOST, acked: 10_000, delivered: 10_000, duplicates: 0, dlr: 10_000 });
  const [there, here] = [await b.status(), await a.status()];
  expect(there.messages).toMatchObject({ accepted: 0 });
  expect(there.messages.sent).toBeGreaterThan(0);
  expect(here.messages.sent + there.messages.sent).toBe(10_000);
  expect(await b.stop()).toBe(0);
  await waitUntil('a has the stripes that b has given up', () => stripesOf(a).split('.').length === 16);
  expect(await a.stop()).toBe(0);
  expect([...a.logs(), ...b.logs()].filter(({ level }) => level === 'error')).toEqual([]);
}, 60_000);

test('a node that is killed is taken over by the other: nothing acknowledged is lost', async () => {
  const carrierPort = await freePort();
  const start = clusterOf(carrierPort);
  const both = await Promise.all([start('a'), start('b')]);
  await using a = both[0];
  await using b = both[1];
  const loading = smppload({
    host: `127.0.0.1:${a.ports['smpp']!},127.0.0.1:${b.ports['smpp']!}`,
    upstream: carrierPort,
    'min-upstream': 2,
    binds: 4,
    window: 100,
    count: 20_000,
    rate: 4000,
    seconds: 5,
    reconnect: true,
    exact: true,
    stall: 3,
    'repeat-receipts': true,
    timeout: 60,
    linger: 10,
  });
  await b.statusWhen('some have come in', ({ messages }) => messages.accepted > 2000, 20_000);
  await b.kill();
  const since = performance.now();
  await waitUntil('a has taken over', () => stripesOf(a).split('.').length === 16, 20_000);
  expect(performance.now() - since).toBeLessThan(LEASE_SECONDS * 1000 * 1.6);
  const result = await loading.result;
  expect(result).toMatchObject(NOTHING_LOST);
  expect(result.acked).toBeGreaterThan(6000);
  expect(result.duplicates).toBeLessThanOrEqual(4 * WINDOW);
  // The carrier has ended when it had everything: what is sent again then stays.
  await a.statusWhen('nothing else is left', ({ queues }) =>
    queues.every(({ ready, inFlight, parked }) => ready + inFlight + parked <= 4 * WINDOW),
  );
}, 90_000);

test('a node that stands still longer than its lease holds up nobody, and sends nothing that is not its own when it goes on', async () => {
  const carrierPort = await freePort();
  const start = clusterOf(carrierPort);
  const both = await Promise.all([start('a'), start('b')]);
  await using a = both[0];
  await using b = both[1];
  const loading = load(a, carrierPort, {
    host: `127.0.0.1:${a.ports['smpp']!},127.0.0.1:${b.ports['smpp']!}`,
    count: 12_000,
    rate: 2000,
    // Small, so that the binds to both nodes are needed.
    window: 10,
    reconnect: true,
    stall: 3,
    'repeat-receipts': true,
  });
  await b.statusWhen('it takes part', ({ messages }) => messages.sent > 500, 20_000);
  process.kill(b.pid, 'SIGSTOP');
  await waitUntil('a has taken over', () => stripesOf(a).split('.').length === 16, 20_000);
  process.kill(b.pid, 'SIGCONT');
  await waitUntil('b has a stripe again', () => stripesOf(b).split('.').length === 1 && stripesOf(b) !== '', 20_000);
  const result = await loading.result;
  expect(result).toMatchObject(NOTHING_LOST);
  expect(result.acked).toBeGreaterThan(6000);
  expect(result.duplicates).toBeLessThanOrEqual(4 * WINDOW);
  expect(await b.stop()).toBe(0);
}, 90_000);

test('a node that is cut off from Redis, and from nobody else, stops within its lease, and takes part again afterwards', async () => {
  const proxy = await CuttingProxy.to(redis.port);
  try {
    const carrierPort = await freePort();
    const start = clusterOf(carrierPort);
    const both = await Promise.all([start('a'), start('b', {}, `redis://127.0.0.1:${proxy.port}`)]);
    await using a = both[0];
    await using b = both[1];
    const loading = load(a, carrierPort, {
      host: `127.0.0.1:${a.ports['smpp']!},127.0.0.1:${b.ports['smpp']!}`,
      count: 12_000,
      rate: 2000,
      window: 10,
      reconnect: true,
      stall: 3,
      'repeat-receipts': true,
    });
    await b.statusWhen('it takes part', ({ messages }) => messages.sent > 500, 20_000);
    proxy.set('silence');
    await waitUntil('a has taken over', () => stripesOf(a).split('.').length === 16, 20_000);
    const stopped = (await b.status()).messages;
    await waitUntil('others go on', async () => (await a.status()).messages.sent > stopped.sent + 500, 20_000);
    expect((await b.status()).messages).toMatchObject({ accepted: stopped.accepted, sent: stopped.sent });
    proxy.set('none');
    const result = await loading.result;
    expect(result).toMatchObject(NOTHING_LOST);
    expect(result.acked).toBeGreaterThan(6000);
    expect(result.duplicates).toBeLessThanOrEqual(4 * WINDOW);
    await waitUntil('b has a stripe again', () => stripesOf(b).split('.').length === 1 && stripesOf(b) !== '', 20_000);
    expect(await b.stop()).toBe(0);
  } finally {
    await proxy.close();
  }
}, 90_000);

test('while Redis is away nothing is acknowledged; when it is back everything goes on, and every stripe stays where it was', async () => {
  const own = await startRedis();
  try {
    const carrierPort = await freePort();
    const start = clusterOf(carrierPort, own.url);
    const both = await Promise.all([start('a'), start('b')]);
    await using a = both[0];
    await using b = both[1];
    await waitUntil('b has its stripe', () => stripesOf(b) !== '', 20_000);
    const before = [stripesOf(a), stripesOf(b)];
    const loading = load(a, carrierPort, { count: 8000, rate: 2000, reconnect: true, 'repeat-receipts': true });
    await a.statusWhen('some have come in', ({ messages }) => messages.accepted > 1000, 20_000);
    own.signal('SIGSTOP');
    // Longer than the lease: all of them have run out.
    await new Promise(resolve => setTimeout(resolve, LEASE_SECONDS * 2000));
    own.signal('SIGCONT');
    const result = await loading.result;
    expect(result).toMatchObject(NOTHING_LOST);
    expect(result.acked).toBeGreaterThan(6000);
    expect(result.duplicates).toBeLessThanOrEqual(4 * WINDOW);
    expect([stripesOf(a), stripesOf(b)]).toEqual(before);
  } finally {
    await own.remove();
  }
}, 90_000);

test('a Redis that breaks the promise is named, and nothing is started', async () => {
  const weak = await startRedis(['--maxmemory-policy', 'allkeys-lru']);
  try {
    const env = { REDIS_URL: weak.url, DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' };
    await expect(startNode({ config: {}, env })).rejects.toThrow(
      /ended with 1:\nheliograph: Redis at .*: maxmemory-policy is allkeys-lru, and must be noeviction/,
    );
  } finally {
    await weak.remove();
  }
});
