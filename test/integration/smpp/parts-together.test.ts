import { expect, test } from 'vitest';
import { startNode } from '../../support/node-process.ts';
import { RawPeer, submitPdu } from '../../support/raw-peer.ts';
import { answer, ScriptedCarrier, tlv, type CarrierPeer } from '../../support/scripted-carrier.ts';
import { withLength } from '../../support/smpp-wire.ts';
import { waitUntil } from '../../support/wait-until.ts';

const LONG = 30;
const PARTS = 3;

/** UDH 8-bit reference, total, number (3GPP TS 23.040 §9.2.3.24.1). */
function partOf(pdu: Buffer): { reference: number; number: number } | undefined {
  const at = pdu.indexOf(Buffer.from([5, 0, 3]));
  return at < 0 ? undefined : { reference: pdu[at + 3]!, number: pdu[at + 5]! };
}

test('the parts of a long message leave by one bind, however full the windows are', async () => {
  await using carrier = await ScriptedCarrier.listen();
  await using node = await startNode({
    config: {
      workers: 1,
      accounts: [{ system_id: 'shop', password: 'shop' }],
      carriers: [
        {
          name: 'sink',
          protocol: 'smpp',
          host: '127.0.0.1',
          port: carrier.port,
          system_id: 'r',
          password: 'r',
          binds: 2,
          window: 5,
        },
      ],
      routes: [{ called_prefix: '44', dest_smsc: 'sink' }],
    },
  });
  await waitUntil('the binds', () => carrier.open(9).length === 2);
  using shop = await RawPeer.bind(node.ports['smpp']!, 'shop');
  const payload = tlv(0x0424, Buffer.alloc(153 * PARTS - 10, 'long text '));
  const pdus = Array.from({ length: LONG }, (_, i) => [
    withLength(Buffer.concat([submitPdu(2 + 2 * i, '447700900123', ''), payload])),
    submitPdu(3 + 2 * i, '447700900124', 'short'),
  ]);
  shop.send(Buffer.concat(pdus.flat()));
  const all = LONG * (PARTS + 1);
  const sessions = new Map<number, Set<CarrierPeer>>();
  let seen = 0;
  await waitUntil('all of them', () => {
    // One answer at a time: a session that was full has room for one more, not for a whole message.
    const submitted = carrier.submitted.shift();
    if (!submitted) return false;
    seen++;
    answer(submitted, 0, String(seen));
    const part = partOf(submitted.pdu);
    if (part) sessions.set(part.reference, (sessions.get(part.reference) ?? new Set()).add(submitted.session));
    return seen === all;
  });
  expect(sessions.size).toBe(LONG);
  expect([...sessions.values()].map(used => used.size)).toEqual(Array.from({ length: LONG }, () => 1));
  expect(new Set([...sessions.values()].flatMap(used => [...used])).size).toBe(2);
});
