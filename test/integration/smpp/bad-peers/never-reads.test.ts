import { expect, test } from 'vitest';
import { startNode } from '../../../support/node-process.ts';
import { RawPeer, submitPdu } from '../../../support/raw-peer.ts';
import { Sink, SteadyLoad } from '../../../support/steady-load.ts';
import { waitUntil } from '../../../support/wait-until.ts';

const RATE = 2000;
const MB = 1024 * 1024;
/** Peers that never read and have gone before the one that is measured. */
const BEFORE = 2;

/** Submits without end and reads nothing. Resolves when the node takes no more of it. */
async function deafen(peer: RawPeer): Promise<number> {
  peer.socket.pause();
  let sequence = 2;
  let takenAtMs = performance.now();
  const write = (): void => {
    const pdus = Array.from({ length: 500 }, () => submitPdu(sequence++, '987700900123', 'x'.repeat(100)));
    peer.socket.write(Buffer.concat(pdus), error => {
      if (error) return;
      takenAtMs = performance.now();
      write();
    });
  };
  write();
  await waitUntil('the node reads no more', () => performance.now() - takenAtMs > 1000, 30_000);
  return sequence;
}

/** One that has read nothing and goes, before the node closes it. */
async function leaveDeaf(port: number): Promise<void> {
  using peer = await RawPeer.bind(port, 'deaf');
  await deafen(peer);
}

test('a peer that never reads: bounded memory, the others undisturbed, closed after its time', async () => {
  using sink = await Sink.listen();
  await using node = await startNode({
    config: {
      // Long enough to measure the others beside it.
      listeners: { smpp: { output_timeout_seconds: 6 } },
      accounts: ['load', 'deaf'].map(system_id => ({ system_id, password: system_id, window: 5000 })),
      carriers: [{ name: 'sink', protocol: 'smpp', host: '127.0.0.1', port: sink.port, system_id: 'r', password: 'r' }],
      routes: [
        { called_prefix: '44', dest_smsc: 'sink' },
        { called_prefix: '98', drop: true },
      ],
    },
  });
  const port = node.ports['smpp']!;
  using load = await SteadyLoad.bind(port, 'load');
  await load.run(RATE, 1, '44');
  const alone = await load.run(RATE, 2, '44');
  // They leave the heap as large as such a burst of submit_sm makes it, whoever sends it; what the last adds is what a peer
  // that never reads costs.
  for (let gone = 1; gone <= BEFORE; gone++) {
    await leaveDeaf(port);
    await waitUntil('it is gone', () => node.logs('account unbound').length === gone);
  }
  const before = node.rssAnon();
  using peer = await RawPeer.bind(port, 'deaf');
  const submitted = await deafen(peer);
  const stuckAtMs = performance.now();
  // Kernel buffers hold megabytes of answers before the node sees that nobody reads them.
  expect(submitted).toBeGreaterThan(10_000);
  const beside = await load.run(RATE, 2, '44');
  expect(beside).toMatchObject({ acked: RATE * 2, refused: 0 });
  expect(beside.perSecond / alone.perSecond).toBeGreaterThan(0.8);
  expect(node.rssAnon() - before).toBeLessThan(64 * MB);
  await waitUntil('the node has closed it', () => node.logs('account unbound').length > BEFORE, 15_000);
  expect(node.logs('account unbound')[BEFORE]).toMatchObject({
    account: 'deaf',
    reason: 'did not read what was sent to it',
  });
  expect(performance.now() - stuckAtMs).toBeGreaterThan(3000);
  expect(node.isUp).toBe(true);
});

test('what was sent to a peer that never reads, and not acknowledged, goes to its next session', async () => {
  await using node = await startNode({
    config: {
      listeners: { smpp: { enquire_link_seconds: 1, response_timeout_seconds: 1 } },
      retry: { base_seconds: 0.2, factor: 1 },
      accounts: ['shop', 'deaf'].map(system_id => ({ system_id, password: system_id, deliver_window: 50 })),
      routes: [{ called_prefix: '44', dest_smsc: 'deaf' }],
    },
  });
  const port = node.ports['smpp']!;
  using deaf = await RawPeer.bind(port, 'deaf', 'receiver');
  deaf.socket.pause();
  using shop = await RawPeer.bind(port, 'shop');
  shop.send(Buffer.concat(Array.from({ length: 80 }, (_, i) => submitPdu(i + 2, '447700900123', `text ${i}.`))));
  await shop.pdus(80);
  const ended = () => node.logs('account unbound').find(line => line['account'] === 'deaf');
  await waitUntil('the node has closed it', () => ended() !== undefined);
  expect(ended()).toMatchObject({ reason: 'enquire_link was not answered' });
  using next = await SteadyLoad.bind(port, 'deaf');
  await waitUntil('all messages are there', () => next.delivered.size === 80);
  expect([...next.delivered.keys()].sort()).toEqual(Array.from({ length: 80 }, (_, i) => `text ${i}.`).sort());
});
