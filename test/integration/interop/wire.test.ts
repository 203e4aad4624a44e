import { expect, test } from 'vitest';
import { Capture, noCapture } from '../../support/capture.ts';
import { freePort } from '../../../bench/harness/smppload.ts';
import { bindPdu, RawPeer, submitPdu } from '../../support/raw-peer.ts';
import { startNode } from '../../support/node-process.ts';
import { withLength } from '../../support/smpp-wire.ts';

/** The other tests of this folder have tshark find nothing wrong in what they capture: here it has something to find. */
test.skipIf(await noCapture())('tshark finds a malformed PDU where there is one', async () => {
  const port = await freePort();
  await using capture = await Capture.start([port]);
  await using node = await startNode({
    config: { listeners: { smpp: { port } }, accounts: [{ system_id: 'shop', password: 'shop' }] },
  });
  using peer = await RawPeer.bind(node.ports['smpp']!, 'shop');
  const good = submitPdu(2, '447700900123');
  peer.send(Buffer.concat([good, withLength(good.subarray(0, 30)), bindPdu('shop', 'shop')]));
  await peer.pdus(3);
  const { pdus, faults } = await capture.stop();
  expect(faults).toHaveLength(1);
  expect(faults[0]).toContain('Malformed Packet');
  expect([...pdus.keys()].toSorted((a, b) => a - b)).toEqual([4, 9, 0x80000004, 0x80000009]);
});
