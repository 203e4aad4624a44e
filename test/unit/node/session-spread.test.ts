import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { MessagePort } from 'node:worker_threads';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { closeSpread, SessionSpread, spreadMemory } from '../../../node/session-spread.ts';
import { waitUntil } from '../../support/wait-until.ts';

let server: Server;
let memory: SharedArrayBuffer;
/** What was handed over, as "listener worker address". */
let handed: string[];
let fails: boolean;
const open: { destroy(): unknown }[] = [];

beforeEach(async () => {
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  memory = spreadMemory(3);
  [handed, fails] = [[], false];
});

afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
  server.close();
});

const worker = (index: number): SessionSpread =>
  new SessionSpread(memory, index, (listener: string, to: number, address: string, port: MessagePort) => {
    if (fails) {
      port.close();
      return Promise.reject(new Error('it has ended'));
    }
    handed.push(`${listener} ${to} ${address}`);
    open.push({ destroy: () => port.close() });
    return Promise.resolve();
  });

async function connection(): Promise<Socket> {
  const peer = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [socket] = (await once(server, 'connection')) as [Socket];
  open.push(peer, socket);
  return socket;
}

const counts = (): number[] => [...new Int32Array(memory)].map(count => (count < 2 ** 30 ? count : -1));

/** So many connections fall on `to`. @returns how many it kept */
async function fall(to: SessionSpread, times: number): Promise<number> {
  let kept = 0;
  for (let i = 0; i < times; i++) if (!to.passOn('smpp', await connection(), '10.0.0.9')) kept++;
  return kept;
}

test('connections that all fall on one worker are spread evenly over those that take any', async () => {
  const [first, second] = [worker(0), worker(1)];
  first.open();
  second.open();
  expect(await fall(first, 4)).toBe(2);
  expect(handed).toEqual(['smpp 1 10.0.0.9', 'smpp 1 10.0.0.9']);
  // Of the third nobody has heard yet.
  expect(counts()).toEqual([2, 2, -1]);
  expect(first.lent).toBe(2);
  second.left();
  first.left();
  expect(counts()).toEqual([1, 1, -1]);
  // Another port of the same worker.
  first.open();
  expect(counts()).toEqual([1, 1, -1]);
});

test('a worker that ends or is being stopped is given none', async () => {
  const workers = [worker(0), worker(1), worker(2)];
  for (const each of workers) each.open();
  closeSpread(memory, 1);
  workers[2]!.close();
  expect(await fall(workers[0]!, 3)).toBe(3);
  expect(counts()).toEqual([3, -1, -1]);
  // What one of a former life had is not taken from its next.
  workers[1]!.open();
  workers[1]!.left();
  expect(counts()).toEqual([3, 0, -1]);
});

test('of many, only what chance spreads badly is passed on', async () => {
  const [first, second] = [worker(0), worker(1)];
  first.open();
  second.open();
  new Int32Array(memory).set([105, 100]);
  expect(await fall(first, 5)).toBe(5);
  expect(await fall(first, 1)).toBe(0);
  expect(counts()).toEqual([110, 101, -1]);
});

test('one that cannot be handed over is closed, and counts nowhere', async () => {
  const [first, second] = [worker(0), worker(1)];
  first.open();
  second.open();
  fails = true;
  new Int32Array(memory)[0] = 5;
  const socket = await connection();
  expect(first.passOn('smpp', socket, '10.0.0.9')).toBe(true);
  await waitUntil('it is closed', () => socket.destroyed && first.lent === 0);
  expect(counts()).toEqual([5, 0, -1]);
});
