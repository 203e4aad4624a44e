import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { NodeControl, NodeStatus } from '../../../actors/node-control.ts';
import { openControl } from '../../../adapters/control/client.ts';
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
const SECRET_KEY = '22'.repeat(32);
const NAMES = ['a', 'b', 'c'] as const;

/** One cluster of three nodes for all of it: what a test does to a node it has undone at its end. */
let redis: TestRedis;
let postgres: TestPostgres;
let databaseUrl = '';
/** Takes binds, and no message: `sink`. */
let carrier: ScriptedCarrier;
/** Takes every message: `taker`. */
let taker: Sink;
const nodes = new Map<string, NodeProcess>();
const cleanUps: (() => unknown)[] = [];

const node = (id: string): NodeProcess => nodes.get(id)!;
const control = (id: string): NodeControl => openControl(node(id).dataDir);

beforeAll(async () => {
  [redis, postgres] = await Promise.all([startRedis(), startTestPostgres()]);
  databaseUrl = await postgres.database();
  carrier = await ScriptedCarrier.listen();
  taker = await Sink.listen();
  // All at once: first starts of one cluster.
  await Promise.all(NAMES.map(id => start(id)));
}, 90_000);
afterAll(async () => {
  for (const each of nodes.values()) await each[Symbol.asyncDispose]();
  await carrier[Symbol.asyncDispose]();
  taker[Symbol.dispose]();
  await redis.remove();
  await postgres.stop();
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

const carrierOf = (name: string, port: number): object => ({
  name,
  protocol: 'smpp',
  host: '127.0.0.1',
  port,
  system_id: 'r',
  password: 'r',
  binds: 3,
  enquire_link_seconds: 1,
  reconnect_seconds: 0.1,
  reconnect_max_seconds: 0.2,
});

/** Starts a node of the cluster with one worker, in a new data folder. */
async function start(id: string, env: Readonly<Record<string, string>> = {}): Promise<NodeProcess> {
  await nodes.get(id)?.[Symbol.asyncDispose]();
  const started = await startNode({
    config: {
      workers: 1,
      drain_seconds: 5,
      cluster: { name: 'services', lease_seconds: LEASE_SECONDS },
      node_id: id,
      accounts: [
        { system_id: 'few', password: 'few', binds: 2 },
        { system_id: 'shop', password: 'shop', binds: 20, window: 1000 },
      ],
      carriers: [carrierOf('sink', carrier.port), carrierOf('taker', taker.port)],
      routes: [{ called_prefix: '', dest_smsc: 'taker' }],
    },
    env: { REDIS_URL: redis.url, DATABASE_URL: databaseUrl, HELIOGRAPH_SECRET_KEY: SECRET_KEY, ...env },
  });
  nodes.set(id, started);
  return started;
}

/** Binds and returns the command_status. */
async function bind(to: NodeProcess, systemId: string, password = systemId): Promise<number> {
  const socket: Socket = connect({ host: '127.0.0.1', port: to.ports['smpp']! });
  cleanUps.push(() => socket.destroy());
  socket.on('error', () => undefined);
  socket.write(bindPdu(systemId, password));
  const [answer] = (await once(socket, 'data')) as [Buffer];
  return answer.readUInt32BE(8);
}

const holdersOf = ({ carriers }: NodeStatus, name = 'sink'): string[] =>
  carriers.find(each => each.name === name)!.each.map(({ node }) => node ?? '');
const seenIn = ({ nodes }: NodeStatus): string => nodes!.map(({ id, seen }) => `${id} ${seen}`).join();
const eachHasOne = (status: NodeStatus, name?: string): boolean =>
  holdersOf(status, name).toSorted().join() === 'a,b,c';

test('several first starts at the same time are one; another key is refused', async () => {
  const told = (): number =>
    [...nodes.values()].filter(({ stdout }) => stdout.includes('The secrets of the first start')).length;
  // A node is up before it has told.
  await waitUntil('somebody has told', () => told() > 0);
  const accounts = await Promise.all(NAMES.map(async id => JSON.stringify(await control(id).accounts())));
  expect(new Set(accounts).size).toBe(1);
  expect(told()).toBe(1);
  await expect(start('d', { HELIOGRAPH_SECRET_KEY: '11'.repeat(32) })).rejects.toThrow(
    /the secrets of this cluster were sealed with another key: give this node the HELIOGRAPH_SECRET_KEY of the others/,
  );
}, 60_000);

test('a carrier has its binds over the cluster, evenly', async () => {
  // The one that was refused is forgotten after its lease.
  await node('c').statusWhen('there are three', status => seenIn(status) === 'a answers,b answers,c answers', 20_000);
  await node('c').statusWhen('each has one', status => eachHasOne(status), 20_000);
  await node('c').statusWhen('all bound', ({ carriers }) => carriers.every(({ bound }) => bound === 3));
  expect(carrier.open(TRANSCEIVER)).toHaveLength(3);
}, 60_000);

test('a node that was stopped for longer than its lease says nothing to a carrier when it goes on', async () => {
  const [a, b] = [node('a'), node('b')];
  await a.statusWhen('each has one', status => eachHasOne(status), 20_000);
  await waitUntil('all are bound', () => carrier.open(TRANSCEIVER).length === 3);
  const before = new Set(carrier.sessions);
  b.freeze();
  const asBefore = new Map([...before].map(session => [session, session.pdus.length]));
  await a.statusWhen('the others have all', status => !holdersOf(status).includes('b'), 20_000);
  await waitUntil('one has bound the other', () =>
    carrier.sessions.some(s => !before.has(s) && s.isOpen && s.bind > 0),
  );
  const old = [...before].filter(session => session.isOpen);
  b.thaw();
  await waitUntil('the old session of b has ended', () => old.filter(session => session.isOpen).length === 2);
  const ended = old.find(session => !session.isOpen)!;
  expect(ended.pdus).toHaveLength(asBefore.get(ended)!);
  await a.statusWhen('they share again', status => eachHasOne(status), 20_000);
}, 60_000);

test('an account has as many binds as it may over all nodes; a node that is killed leaves its binds to the others', async () => {
  const [a, b] = [node('a'), node('b')];
  expect(await bind(a, 'few')).toBe(0);
  expect(await bind(b, 'few')).toBe(0);
  expect([await bind(a, 'few'), await bind(b, 'few')]).toEqual([ESME_RALYBND, ESME_RALYBND]);
  const { sessions } = await a.status();
  const ofFew = sessions.filter(({ name }) => name === 'few');
  expect(new Set(ofFew.map(({ node }) => node))).toEqual(new Set(['a', 'b']));
  const there = ofFew.find(({ node }) => node === 'b')!;
  expect((await a.command('accounts', 'unbind', 'few', '--session', String(there.id))).stdout).toContain('1 session');
  await waitUntil('it may bind again', async () => (await bind(b, 'few')) === 0);
  await a.statusWhen('each carrier bind is somewhere', status => eachHasOne(status), 20_000);
  await b.kill();
  await waitUntil('two are left', () => carrier.open(TRANSCEIVER).length === 2);
  await waitUntil('there is room again', async () => (await bind(a, 'few')) === 0, 20_000);
  await a.statusWhen('they have three', s => !holdersOf(s).includes('b') && s.carriers[0]!.bound === 3, 20_000);
  expect(carrier.open(TRANSCEIVER)).toHaveLength(3);
  await start('b');
}, 60_000);

test('one node after the other is drained and started again: nothing is lost, nothing refused, nothing comes twice', async () => {
  await node('a').statusWhen('each has one', status => eachHasOne(status, 'taker'), 20_000);
  let acked = 0;
  let refused = 0;
  for (const id of NAMES) {
    using here = await SteadyLoad.bind(node(id).ports['smpp']!, 'shop');
    using there = await SteadyLoad.bind(node(id === 'a' ? 'b' : 'a').ports['smpp']!, 'shop');
    const loads = Promise.all([
      here.run(200, 2, `44${id.charCodeAt(0) % 10}`),
      there.run(200, 2, `45${id.charCodeAt(0) % 10}`),
    ]);
    await waitUntil('some have come', () => here.acked > 100);
    expect(await control(id).drain()).toBeDefined();
    await loads;
    expect(here.unbound).toBe(true);
    acked += here.acked + there.acked;
    refused += here.refused + there.refused;
    expect(await node(id).ended).toBe(0);
    await start(id);
    await node(id).statusWhen('each has one', status => eachHasOne(status, 'taker'), 20_000);
  }
  await waitUntil('all have arrived', () => taker.texts.size >= acked, 20_000);
  expect({ duplicates: taker.duplicates, lost: acked - taker.texts.size, refused }).toEqual({
    duplicates: 0,
    lost: 0,
    refused: 0,
  });
}, 90_000);

test('a change on one node is on all; who starts while the database is away serves with it; changes wait', async () => {
  const { password } = JSON.parse((await node('a').command('accounts', 'add', 'late', '--json')).stdout) as {
    password: string;
  };
  const knows = async (id: string): Promise<boolean> =>
    (await control(id).accounts()).some(({ system_id }) => system_id === 'late');
  await waitUntil('b knows it', () => knows('b'));
  expect((await node('b').command('carriers', 'stop', 'sink/2')).code).toBe(0);
  await waitUntil('two are left', () => carrier.open(TRANSCEIVER).length === 2);
  await node('c').stop();
  await postgres.server.stop();
  const c = await start('c');
  await c.statusWhen('c runs it', ({ nodes }) => nodes?.every(({ configuration }) => configuration === 3) === true);
  expect(await bind(c, 'late', password)).toBe(0);
  const refused = await c.command('accounts', 'remove', 'late');
  expect([refused.code, refused.stderr]).toEqual([
    1,
    expect.stringContaining('nothing was changed: the database is away'),
  ]);
  await postgres.restart();
  await waitUntil('it can be changed again', async () => (await c.command('accounts', 'disable', 'late')).code === 0);
  await waitUntil('a knows', async () => {
    const late = (await control('a').accounts()).find(({ system_id }) => system_id === 'late');
    return late?.enabled === false;
  });
}, 90_000);
