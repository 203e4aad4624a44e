import { expect, test } from 'vitest';
import { LongPeer } from '../../support/long-peer.ts';
import { startNode } from '../../support/node-process.ts';
import { answer, deliverPdu, ScriptedCarrier } from '../../support/scripted-carrier.ts';
import { waitUntil } from '../../support/wait-until.ts';

test('numbers are made international before they are routed, and written as the carrier wants them', async () => {
  await using carrier = await ScriptedCarrier.listen();
  const place = { name: 'phones', protocol: 'smpp', host: '127.0.0.1', port: carrier.port };
  await using node = await startNode({
    config: {
      messages: { dest_rules: [{ from: '00', to: '' }], source_rules: [{ from: '0', to: '44' }] },
      accounts: [
        { system_id: 'shop', password: 'shop', dest_rules: [{ from: '0', to: '44' }] },
        { system_id: 'app', password: 'app' },
      ],
      carriers: [
        {
          ...place,
          system_id: 'r',
          password: 'r',
          charset: 'latin1',
          dest_rules: [{ from: '44', to: '0', ton: 2 }],
          sender_rules: [{ match: 'acme*', senders: ['Acme Ltd'] }],
        },
      ],
      routes: [
        { called_prefix: '44', dest_smsc: 'phones' },
        { called_prefix: '555', calling_prefix: '44', dest_smsc: 'app' },
      ],
    },
  });
  await waitUntil('a bind', () => carrier.open(9).length === 1);
  using shop = await LongPeer.bind(node.ports['smpp']!, 'shop');
  using app = await LongPeer.bind(node.ports['smpp']!, 'app');
  // 3GPP TS 23.038: ö is 0x7C in the default alphabet; 0xF6 in Latin-1.
  await shop.submit('07700900123', Buffer.from([0x7c]), { registered: 0 });
  await waitUntil('a message', () => carrier.submitted.length === 1);
  const [message] = carrier.submitted;
  const text = message!.pdu.toString('latin1');
  expect(text).toContain('\0\x05\0Acme Ltd\0\x02\x0107700900123\0');
  expect(message!.pdu.at(-1)).toBe(0xf6);
  answer(message!, 0, 'x');
  carrier.open(9)[0]!.socket.write(deliverPdu(7, '07700900123', '00555', '\xf6'));
  const [got] = await app.delivered(1);
  expect(got!.pdu.toString('latin1')).toContain('447700900123\0\x01\x01555\0');
  expect([...got!.octets]).toEqual([0x7c]);
});

test('a route gives its messages another sender: one, or one of a list that a recipient always sees', async () => {
  await using carrier = await ScriptedCarrier.listen();
  const place = { name: 'phones', protocol: 'smpp', host: '127.0.0.1', port: carrier.port };
  const list = ['447700900001', '+447700900002', 'Acme Ltd'];
  await using node = await startNode({
    config: {
      accounts: [{ system_id: 'shop', password: 'shop' }],
      carriers: [{ ...place, system_id: 'r', password: 'r', sender_rules: [{ match: 'ACME', senders: ['Renamed'] }] }],
      routes: [
        { called_prefix: '44', dest_smsc: 'phones' },
        { called_prefix: '1', dest_smsc: 'phones', senders: ['12025550100'] },
        { called_prefix: '49', dest_smsc: 'phones', senders: list },
      ],
    },
  });
  await waitUntil('a bind', () => carrier.open(9).length === 1);
  using shop = await LongPeer.bind(node.ports['smpp']!, 'shop');
  const phones = Array.from({ length: 12 }, (_, i) => `49151000${i + 10}`);
  for (const to of ['447700900123', '12025550199', ...phones, ...phones])
    await shop.submit(to, 'Hi', { registered: 0 });
  await waitUntil('all messages', () => carrier.submitted.length === 26);
  // service_type, source TON, NPI and address (SMPP v3.4 §4.4.1).
  const senders = new Map<string, string[]>();
  for (const { pdu } of carrier.submitted) {
    const [, source, , dest] = /^\0(..[^\0]*)\0(..)([^\0]*)\0/s.exec(pdu.toString('latin1', 16))!;
    senders.set(dest!, [...(senders.get(dest!) ?? []), source!]);
  }
  expect(senders.get('447700900123')).toEqual(['\x05\0Renamed']);
  expect(senders.get('12025550199')).toEqual(['\0\x0112025550100']);
  const seen = phones.map(phone => senders.get(phone)!);
  for (const [first, second] of seen) expect(second).toBe(first);
  expect(new Set(seen.flat())).toEqual(new Set(['\0\x01447700900001', '\x01\x01447700900002', '\x05\0Acme Ltd']));
});
