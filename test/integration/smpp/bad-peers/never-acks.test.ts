import { expect, test } from 'vitest';
import { startNode } from '../../../support/node-process.ts';
import { headerPdu, RawPeer, submitPdu } from '../../../support/raw-peer.ts';
import { Sink, SteadyLoad } from '../../../support/steady-load.ts';
import { waitUntil } from '../../../support/wait-until.ts';

const RATE = 2000;
const WINDOW = 20;
const MB = 1024 * 1024;
const DELIVER_SM = 5;

const commands = (pdus: readonly Buffer[], command: number): number =>
  pdus.filter(pdu => pdu.readUInt32BE(4) === command).length;

test('a customer that never acknowledges: its window fills, and nobody else notices', async () => {
  using sink = await Sink.listen();
  await using node = await startNode({
    config: {
      listeners: { smpp: { response_timeout_seconds: 5 } },
      retry: { base_seconds: 0.5, factor: 1 },
      accounts: ['load', 'mute'].map(system_id => ({ system_id, password: system_id, deliver_window: WINDOW })),
      carriers: [{ name: 'sink', protocol: 'smpp', host: '127.0.0.1', port: sink.port, system_id: 'r', password: 'r' }],
      routes: [
        { called_prefix: '44', dest_smsc: 'sink' },
        { called_prefix: '98', dest_smsc: 'mute' },
      ],
    },
  });
  const port = node.ports['smpp']!;
  using load = await SteadyLoad.bind(port, 'load');
  await load.run(RATE, 1, '44');
  const alone = await load.run(RATE, 2, '44');
  const before = node.rssAnon();
  using mute = await RawPeer.bind(port, 'mute');
  // Five thousand messages for it, of which it gets as many as its window holds.
  await load.run(RATE, 2.5, '98');
  await mute.pdus(WINDOW);
  const beside = await load.run(RATE, 2, '44');
  expect(beside).toMatchObject({ acked: RATE * 2, refused: 0 });
  expect(beside.perSecond / alone.perSecond).toBeGreaterThan(0.8);
  expect(node.rssAnon() - before).toBeLessThan(64 * MB);
  // Not acknowledged in time: tried again later, and others take the places, never more at once than the window.
  await mute.pdus(WINDOW * 2);
  const { queues, sessions } = await node.status();
  expect(queues.find(queue => queue.destination === 'mute')).toMatchObject({
    kind: 'account',
    inFlight: expect.any(Number),
  });
  expect(sessions.find(session => session.name === 'mute')!.window).toMatchObject({ used: WINDOW, size: WINDOW });
  expect(mute.closed).toBe(false);
});

test('what is not acknowledged in time is sent again, to whoever is bound', async () => {
  await using node = await startNode({
    config: {
      listeners: { smpp: { response_timeout_seconds: 1 } },
      retry: { base_seconds: 0.2, factor: 1 },
      accounts: ['shop', 'mute'].map(system_id => ({ system_id, password: system_id, deliver_window: WINDOW })),
      routes: [{ called_prefix: '44', dest_smsc: 'mute' }],
    },
  });
  const port = node.ports['smpp']!;
  using mute = await RawPeer.bind(port, 'mute');
  using shop = await RawPeer.bind(port, 'shop');
  shop.send(Buffer.concat(Array.from({ length: 10 }, (_, i) => submitPdu(i + 2, '447700900123', `text ${i}.`))));
  await shop.pdus(10);
  const first = await mute.pdus(10);
  expect(commands(first, DELIVER_SM)).toBe(10);
  await mute.pdus(20);
  mute.send(headerPdu(6, 0, 1));
  await mute.end();
  using next = await SteadyLoad.bind(port, 'mute');
  await waitUntil('all of them', () => next.delivered.size === 10);
});

test('a carrier that never answers: what it got is given up after its time, as configured', async () => {
  using sink = await Sink.listen();
  sink.answers = () => false;
  await using node = await startNode({
    config: {
      accounts: [{ system_id: 'shop', password: 'shop' }],
      carriers: [
        {
          name: 'sink',
          protocol: 'smpp',
          host: '127.0.0.1',
          port: sink.port,
          system_id: 'r',
          password: 'r',
          window: 5,
          response_timeout_seconds: 1,
          no_answer: 'fail',
        },
      ],
      routes: [{ called_prefix: '44', dest_smsc: 'sink' }],
    },
  });
  using shop = await RawPeer.bind(node.ports['smpp']!, 'shop');
  shop.send(Buffer.concat(Array.from({ length: 12 }, (_, i) => submitPdu(i + 2, '447700900123', `text ${i}.`))));
  await shop.pdus(12);
  const { messages } = await node.statusWhen('all are given up', status => status.messages.failed === 12, 20_000);
  expect(messages).toMatchObject({ accepted: 12, sent: 12, failed: 12 });
});
