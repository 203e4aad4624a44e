import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { startNode } from '../../../support/node-process.ts';
import { RawPeer } from '../../../support/raw-peer.ts';
import { Sink, SteadyLoad } from '../../../support/steady-load.ts';
import { waitUntil } from '../../../support/wait-until.ts';

const RATE = 2000;
const CONNECTIONS = 5000;
const MB = 1024 * 1024;

test('5,000 connections that never bind: customers come in between them, and nobody notices', async () => {
  using sink = await Sink.listen();
  await using node = await startNode({
    config: {
      listeners: { smpp: { session_init_seconds: 8, max_unbound: 1000 } },
      accounts: ['load', 'shop'].map(system_id => ({ system_id, password: system_id })),
      carriers: [{ name: 'sink', protocol: 'smpp', host: '127.0.0.1', port: sink.port, system_id: 'r', password: 'r' }],
      routes: [{ called_prefix: '44', dest_smsc: 'sink' }],
    },
  });
  const port = node.ports['smpp']!;
  using load = await SteadyLoad.bind(port, 'load');
  await load.run(RATE, 1, '44');
  const alone = await load.run(RATE, 2, '44');
  const before = node.rssAnon();
  let open = 0;
  const sockets: Socket[] = [];
  for (let i = 0; i < CONNECTIONS; i++) {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('error', () => undefined);
    socket.on('connect', () => open++);
    socket.on('close', () => open--);
    sockets.push(socket);
    if (i % 100 === 99) await once(socket, 'connect');
  }
  // Two workers take 1,000 each that are not bound; the oldest had to go.
  await waitUntil('those beyond the bound are closed', () => open > 0 && open <= 2000);
  const beside = await load.run(RATE, 2, '44');
  expect(beside).toMatchObject({ acked: RATE * 2, refused: 0 });
  expect(beside.perSecond / alone.perSecond).toBeGreaterThan(0.8);
  expect(node.rssAnon() - before).toBeLessThan(64 * MB);
  expect(open).toBeGreaterThan(1000);
  using shop = await RawPeer.bind(port, 'shop');
  await waitUntil('each has had its time', () => open === 0, 20_000);
  expect(shop.closed).toBe(false);
  expect(node.logs('account unbound')).toEqual([]);
  for (const socket of sockets) socket.destroy();
});
