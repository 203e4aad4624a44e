import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { NodeStatus } from '../../../actors/node-control.ts';
import { startNode, type NodeProcess } from '../../support/node-process.ts';
import { bindPdu } from '../../support/raw-peer.ts';
import { ScriptedCarrier } from '../../support/scripted-carrier.ts';
import { Sink, SteadyLoad } from '../../support/steady-load.ts';
import { startTestPostgres, type TestPostgres } from '../../support/test-postgres.ts';
import { startRedis, type TestRedis } from '../../support/test-redis.ts';
import { waitUntil } from '../../support/wait-until.ts';

const LEASE_SECONDS = 1.5;
const TRANSCEIVER = 9;
const ESME_RALYBND = 5;

let redis: TestRedis;
let postgres: TestPostgres;
let clusters = 0;
const cleanUps: (() => unknown)[] = [];

beforeAll(async () => {
  [redis, postgres] = await Promise.all([startRedis(), startTestPostgres()]);
});
afterAll(async () => {
  await redis.remove();
  await postgres.stop();
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

const sink = (port: number, more: object = {}): object => ({
  name: 'sink',
  protocol: 'smpp',
  host: '127.0.0.1',
  port,
  system_id: 'r',
  password: 'r',
  binds: 3,
  reconnect_seconds: 0.1,
  reconnect_max_seconds: 0.2,
  ...more,
});

/** Starts nodes of a cluster of its own, one worker each. */
async function clusterOf(
  config: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string>> = {},
): Promise<(id: string, more?: Readonly<Record<string, string>>, dataDir?: string) => Promise<NodeProcess>> {
  const cluster = { name: `services-${++clusters}`, lease_seconds: LEASE_SECONDS };
  const all = { REDIS_URL: redis.url, DATABASE_URL: await postgres.database(), ...env };
  return async (id, more, dataDir) => {
    const node = await startNode({
      config: { workers: 1, drain_seconds: 5, ...config, cluster, node_id: id },
      env: { ...all, ...more },
      ...(dataDir === undefined ? {} : { dataDir }),
    });
    cleanUps.push(() => node[Symbol.asyncDispose]());
    return node;
  };
}

async function carrierOf(): Promise<ScriptedCarrier> {
  const carrier = await ScriptedCarrier.listen();
  cleanUps.push(() => carrier[Symbol.asyncDispose]());
  return carrier;
}

/** Binds and returns the command_status. */
async function bind(node: NodeProcess, systemId: string): Promise<number> {
  const socket: Socket = connect({ host: '127.0.0.1', port: node.ports['smpp']! });
  cleanUps.push(() => socket.destroy());
  socket.on('error', () => undefined);
  socket.write(bindPdu(systemId, systemId));
  const [answer] = (await once(socket, 'data')) as [Buffer];
  return answer.readUInt32BE(8);
}

const holdersOf = ({ carriers }: NodeStatus): string[] =>
  carriers.find(({ name }) => name === 'sink')!.each.map(({ node }) => node ?? '');

test('a carrier has its binds over the cluster, evenly; a node that is killed leaves them to the others', async () => {
  const carrier = await carrierOf();
  const start = await clusterOf({ carriers: [sink(carrier.port)], routes: [{ called_prefix: '', dest_smsc: 'sink' }] });
  const a = await start('a');
  await waitUntil('a has all three', () => carrier.open(TRANSCEIVER).length === 3, 30_000);
  const [b, c] = [await start('b'), await start('c')];
  const shared = await c.statusWhen('each has one', status => holdersOf(status).toSorted().join() === 'a,b,c', 20_000);
  expect(shared.nodes?.map(({ id, seen }) => `${id} ${seen}`)).toEqual(['a answers', 'b answers', 'c answers']);
  await c.statusWhen('all bound', ({ carriers }) => carriers[0]!.bound === 3);
  expect(carrier.open(TRANSCEIVER)).toHaveLength(3);
  await b.kill();
  await waitUntil('two are left', () => carrier.open(TRANSCEIVER).length === 2);
  await a.statusWhen('they have three', s => !holdersOf(s).includes('b') && s.carriers[0]!.bound === 3, 20_000);
  expect(carrier.open(TRANSCEIVER)).toHaveLength(3);
}, 90_000);

test('a node that was stopped for longer than its lease says nothing to a carrier when it goes on', async () => {
  const carrier = await carrierOf();
  const start = await clusterOf({
    carriers: [sink(carrier.port, { binds: 2, enquire_link_seconds: 1 })],
    routes: [{ called_prefix: '', dest_smsc: 'sink' }],
  });
  const [a, b] = [await start('a'), await start('b')];
  await a.statusWhen('each has one', status => holdersOf(status).toSorted().join() === 'a,b', 20_000);
  await waitUntil('both are bound', () => carrier.open(TRANSCEIVER).length === 2);
  const before = new Set(carrier.sessions);
  process.kill(b.pid, 'SIGSTOP');
  const asBefore = new Map([...before].map(session => [session, session.pdus.length]));
  await a.statusWhen('a has both', status => holdersOf(status).join() === 'a,a', 20_000);
  await waitUntil('a has bound the other', () => carrier.sessions.some(s => !before.has(s) && s.isOpen && s.bind > 0));
  const old = [...before].filter(session => session.isOpen);
  process.kill(b.pid, 'SIGCONT');
  await waitUntil('the old session of b has ended', () => old.filter(session => session.isOpen).length === 1);
  const ended = old.find(session => !session.isOpen)!;
  expect(ended.pdus).toHaveLength(asBefore.get(ended)!);
  await a.statusWhen('they share again', status => holdersOf(status).toSorted().join() === 'a,b', 20_000);
}, 90_000);

test('an account has as many binds as it may over all nodes; sessions of a dead node count no more', async () => {
  const start = await clusterOf({ accounts: [{ system_id: 'shop', password: 'shop', binds: 2 }] });
  const [a, b] = [await start('a'), await start('b')];
  expect(await bind(a, 'shop')).toBe(0);
  expect(await bind(b, 'shop')).toBe(0);
  expect([await bind(a, 'shop'), await bind(b, 'shop')]).toEqual([ESME_RALYBND, ESME_RALYBND]);
  const { sessions } = await a.status();
  expect(sessions.map(({ name, node }) => `${name} ${node}`).toSorted()).toEqual(['shop a', 'shop b']);
  const there = sessions.find(({ node }) => node === 'b')!;
  expect((await a.command('accounts', 'unbind', 'shop', '--session', String(there.id))).stdout).toContain('1 session');
  await waitUntil('it may bind again', async () => (await bind(b, 'shop')) === 0);
  await b.kill();
  await waitUntil('there is room again', async () => (await bind(a, 'shop')) === 0);
}, 60_000);

test('a change on one node is on all; who starts while the database is away serves with it; changes wait', async () => {
  const carrier = await carrierOf();
  const own = await startTestPostgres();
  cleanUps.push(() => own.stop());
  const DATABASE_URL = await own.database();
  const start = await clusterOf(
    { carriers: [sink(carrier.port, { binds: 2 })] },
    { DATABASE_URL, HELIOGRAPH_SECRET_KEY: '22'.repeat(32) },
  );
  const [a, b] = [await start('a'), await start('b')];
  const { stdout } = await a.command('accounts', 'add', 'late', '--json');
  const { password } = JSON.parse(stdout) as { password: string };
  await waitUntil('b knows it', async () => (await b.command('accounts', 'list')).stdout.includes('late'));
  expect((await b.command('carriers', 'stop', 'sink/2')).code).toBe(0);
  await waitUntil('one is left', () => carrier.open(TRANSCEIVER).length === 1);
  await own.server.stop();
  const c = await start('c');
  await c.statusWhen('c runs it', ({ nodes }) => nodes?.every(({ configuration }) => configuration === 3) === true);
  const socket = connect({ host: '127.0.0.1', port: c.ports['smpp']! });
  cleanUps.push(() => socket.destroy());
  socket.write(bindPdu('late', password));
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer.readUInt32BE(8)).toBe(0);
  const refused = await c.command('accounts', 'remove', 'late');
  expect([refused.code, refused.stderr]).toEqual([
    1,
    expect.stringContaining('nothing was changed: the database is away'),
  ]);
  await own.restart();
  await waitUntil('it can be changed again', async () => (await c.command('accounts', 'disable', 'late')).code === 0);
  await waitUntil(
    'a knows',
    async () => (await a.command('accounts', 'show', 'late')).stdout.match(/enabled +false/) !== null,
  );
}, 90_000);

test('several first starts at the same time are one; another key is refused', async () => {
  const start = await clusterOf({});
  const nodes = await Promise.all(['a', 'b'].map(id => start(id)));
  const told = (): number => nodes.filter(({ stdout }) => stdout.includes('The secrets of the first start')).length;
  // A node is up before it has told.
  await waitUntil('somebody has told', () => told() > 0);
  const accounts = await Promise.all(
    nodes.map(async node => (await node.command('accounts', 'list', '--json')).stdout),
  );
  expect(new Set(accounts).size).toBe(1);
  expect(told()).toBe(1);
  await expect(start('d', { HELIOGRAPH_SECRET_KEY: '11'.repeat(32) })).rejects.toThrow(
    /the secrets of this cluster were sealed with another key: give this node the HELIOGRAPH_SECRET_KEY of the others/,
  );
}, 60_000);

test('one node after the other is drained and started again: nothing is lost, nothing refused, nothing comes twice', async () => {
  using carrier = await Sink.listen();
  const start = await clusterOf({
    accounts: [{ system_id: 'shop', password: 'shop', binds: 20, window: 1000 }],
    carriers: [sink(carrier.port)],
    routes: [{ called_prefix: '', dest_smsc: 'sink' }],
  });
  const nodes = new Map<string, NodeProcess>();
  for (const id of ['a', 'b', 'c']) nodes.set(id, await start(id));
  await nodes.get('a')!.statusWhen('each has one', s => holdersOf(s).toSorted().join() === 'a,b,c', 20_000);
  let acked = 0;
  let refused = 0;
  for (const id of ['a', 'b', 'c']) {
    const node = nodes.get(id)!;
    using here = await SteadyLoad.bind(node.ports['smpp']!, 'shop');
    using there = await SteadyLoad.bind(nodes.get(id === 'a' ? 'b' : 'a')!.ports['smpp']!, 'shop');
    const loads = Promise.all([
      here.run(200, 4, `44${id.charCodeAt(0) % 10}`),
      there.run(200, 4, `45${id.charCodeAt(0) % 10}`),
    ]);
    await waitUntil('some have come', () => here.acked > 100);
    expect((await node.command('drain')).code).toBe(0);
    await loads;
    expect(here.unbound).toBe(true);
    acked += here.acked + there.acked;
    refused += here.refused + there.refused;
    nodes.set(id, await start(id));
    await nodes.get(id)!.statusWhen('each has one', s => holdersOf(s).toSorted().join() === 'a,b,c', 20_000);
  }
  await waitUntil('all have arrived', () => carrier.texts.size >= acked, 20_000);
  expect({ duplicates: carrier.duplicates, lost: acked - carrier.texts.size, refused }).toEqual({
    duplicates: 0,
    lost: 0,
    refused: 0,
  });
}, 120_000);
