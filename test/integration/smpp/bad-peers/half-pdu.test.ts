import { afterAll, beforeAll, expect, test } from 'vitest';
import { startNode, type NodeProcess } from '../../../support/node-process.ts';
import { headerPdu, RawPeer, submitPdu } from '../../../support/raw-peer.ts';
import { waitUntil } from '../../../support/wait-until.ts';

let node: NodeProcess;
beforeAll(async () => {
  node = await startNode({
    config: {
      listeners: { smpp: { session_init_seconds: 0.4, pdu_read_seconds: 0.4 } },
      accounts: [{ system_id: 'shop', password: 'shop' }],
      routes: [{ called_prefix: '44', drop: true }],
    },
  });
});
afterAll(() => node[Symbol.asyncDispose]());

/** How long the node waited before it closed, ms. */
async function silence(peer: RawPeer): Promise<number> {
  const startMs = performance.now();
  expect(await peer.end()).toEqual(Buffer.alloc(0));
  return performance.now() - startMs;
}

test.each([1, 3, 15, 16, 30])('%i octets of a PDU, then silence, before a bind', async octets => {
  using peer = await RawPeer.connect(node.ports['smpp']!);
  peer.send(submitPdu(1, '447700900123').subarray(0, octets));
  expect(await silence(peer)).toBeGreaterThan(350);
});

test.each([1, 3, 15, 16, 30])('%i octets of a PDU, then silence, bound', async octets => {
  const lines = node.logs('account unbound').length;
  using peer = await RawPeer.bind(node.ports['smpp']!, 'shop');
  peer.send(submitPdu(2, '447700900123').subarray(0, octets));
  expect(await silence(peer)).toBeGreaterThan(350);
  await waitUntil('the log says so', () => node.logs('account unbound').length > lines);
  expect(node.logs('account unbound').at(-1)).toMatchObject({
    account: 'shop',
    reason: 'stalled in the middle of a PDU',
  });
});

test('what came whole before the half one is answered', async () => {
  using peer = await RawPeer.bind(node.ports['smpp']!, 'shop');
  peer.send(Buffer.concat([headerPdu(0x15, 0, 2), submitPdu(3, '447700900123').subarray(0, 20)]));
  expect(await peer.end()).toEqual(headerPdu(0x80000015, 0, 2));
});

test('a bound peer that says nothing at all is no bad peer', async () => {
  using quiet = await RawPeer.bind(node.ports['smpp']!, 'shop');
  using stalled = await RawPeer.bind(node.ports['smpp']!, 'shop');
  stalled.send('00');
  await stalled.end();
  quiet.send(headerPdu(0x15, 0, 2));
  expect(await quiet.pdus(1)).toEqual([headerPdu(0x80000015, 0, 2)]);
});
