import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { MessageChannel } from 'node:worker_threads';
import { afterEach, expect, test } from 'vitest';
import { LentSockets, RemoteSocket } from '../../../runtime/remote-socket.ts';
import { waitUntil } from '../../support/wait-until.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

interface Scene {
  readonly peer: Socket;
  readonly remote: RemoteSocket;
  readonly lent: LentSockets;
}

/** A connection whose end here is lent. */
async function scene(): Promise<Scene> {
  const lent = new LentSockets();
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const peer = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [socket] = (await once(server, 'connection')) as [Socket];
  const { port1, port2 } = new MessageChannel();
  lent.lend(socket, port1);
  const remote = new RemoteSocket(port2);
  for (const each of [peer, remote]) each.on('error', () => undefined);
  cleanUps.push(() => {
    peer.destroy();
    remote.destroy();
    server.close();
  });
  return { peer, remote, lent };
}

function collect(socket: Socket | RemoteSocket): { octets: number; text: string } {
  const got = { octets: 0, text: '' };
  socket.on('data', (chunk: Buffer) => {
    got.octets += chunk.length;
    if (got.text.length < 1000) got.text += chunk.toString('latin1');
  });
  return got;
}

/** Waits until a figure is the same in ten looks. */
async function still(figure: () => number): Promise<void> {
  let [before, same] = [-1, 0];
  await waitUntil('nothing moves', () => {
    same = figure() === before ? same + 1 : 0;
    before = figure();
    return same === 10;
  });
}

test('octets pass both ways, in order; a part of a buffer is sent without the rest', async () => {
  const { peer, remote } = await scene();
  const [here, there] = [collect(remote), collect(peer)];
  peer.write('one ');
  peer.write('two');
  await waitUntil('both', () => here.text === 'one two');
  const buffer = Buffer.from('never this, this alone');
  remote.write(buffer.subarray(12, 16));
  buffer.fill('x');
  remote.write(' and this');
  await waitUntil('both', () => there.text === 'this and this');
});

test('nobody reads here: the peer is held up, with some 100 KB under way, and nothing is lost', async () => {
  const { peer, remote } = await scene();
  remote.pause();
  const MB = Buffer.alloc(2 ** 20, 'x');
  for (let i = 0; i < 64; i++) peer.write(MB);
  await still(() => peer.writableLength);
  expect(peer.writableLength).toBeGreaterThan(2 ** 20);
  expect(remote.readableLength).toBeLessThan(2 ** 20);
  const here = collect(remote);
  remote.resume();
  await waitUntil('all', () => here.octets === 64 * 2 ** 20);
});

test('the peer does not read: what is written waits here, and drains when it does', async () => {
  const { peer, remote } = await scene();
  peer.pause();
  const MB = Buffer.alloc(2 ** 20, 'x');
  for (let i = 0; i < 64; i++) remote.write(MB);
  let drained = false;
  remote.on('drain', () => (drained = true));
  await still(() => remote.writableLength);
  expect(remote.writableLength).toBeGreaterThan(2 ** 20);
  expect(drained).toBe(false);
  const there = collect(peer);
  peer.resume();
  await waitUntil('all', () => there.octets === 64 * 2 ** 20 && drained);
  expect(remote.writableLength).toBe(0);
});

test('the peer hangs up: it ends here, and what was read before is there', async () => {
  const { peer, remote, lent } = await scene();
  const here = collect(remote);
  const ended = once(remote, 'end');
  peer.end('last words');
  await ended;
  expect(here.text).toBe('last words');
  await waitUntil('it is closed', () => remote.destroyed && lent.size === 0);
});

test('ended here: what was said before reaches the peer, then the connection is closed', async () => {
  const { peer, remote, lent } = await scene();
  const there = collect(peer);
  remote.write('last words');
  remote.destroySoon();
  await once(peer, 'end');
  expect(there.text).toBe('last words');
  await waitUntil('it is closed', () => remote.destroyed && lent.size === 0);
});

test('a connection that is lost, on either side, is lost on the other', async () => {
  const first = await scene();
  first.peer.resetAndDestroy();
  const [error] = (await once(first.remote, 'error')) as [Error];
  expect(error.message).toContain('ECONNRESET');
  await waitUntil('closed', () => first.remote.destroyed && first.lent.size === 0);

  const second = await scene();
  const closed = once(second.peer, 'close');
  second.remote.destroy();
  await closed;
  await waitUntil('it is lent no more', () => second.lent.size === 0);
});
