import { afterAll, beforeAll, expect, test } from 'vitest';
import { TLVS } from '../../../adapters/smpp/codec/tlvs.ts';
import { startNode, type NodeProcess } from '../../support/node-process.ts';
import { headerPdu, RawPeer, submitPdu } from '../../support/raw-peer.ts';
import { answer, ScriptedCarrier, tlv } from '../../support/scripted-carrier.ts';
import { wire, withLength } from '../../support/smpp-wire.ts';
import { waitUntil } from '../../support/wait-until.ts';

/** Whatever a message carries besides its text is not ours to judge: it arrives as it was sent (v3.4 §3.3). */
let carrier: ScriptedCarrier;
let node: NodeProcess;
let shop: RawPeer;
let app: RawPeer;
beforeAll(async () => {
  carrier = await ScriptedCarrier.listen();
  const common = { protocol: 'smpp', host: '127.0.0.1', port: carrier.port, system_id: 'r', password: 'r' };
  const rules = {
    remove_tlvs: [0x1401, 0x3fff, TLVS.callback_num.tag],
    add_tlvs: [
      { tag: 0x1400, value: '0aFF' },
      { tag: 0x1401, value: '' },
    ],
  };
  node = await startNode({
    config: {
      accounts: [
        ...['shop', 'app', 'old'].map(system_id => ({ system_id, password: system_id })),
        { system_id: 'picky', password: 'picky', ...rules },
      ],
      carriers: [
        { ...common, name: 'phones', long_messages: 'payload' },
        { ...common, name: 'ruled', ...rules, long_messages: 'sar' },
      ],
      routes: [
        { called_prefix: '44', dest_smsc: 'phones' },
        { called_prefix: '555', dest_smsc: 'app' },
        { called_prefix: '556', dest_smsc: 'old' },
        { called_prefix: '557', dest_smsc: 'picky' },
        { called_prefix: '33', dest_smsc: 'ruled' },
      ],
    },
  });
  shop = await RawPeer.bind(node.ports['smpp']!, 'shop', 'transmitter');
  app = await RawPeer.bind(node.ports['smpp']!, 'app', 'receiver');
});
afterAll(async () => {
  shop?.[Symbol.dispose]();
  app?.[Symbol.dispose]();
  await node?.[Symbol.asyncDispose]();
  await carrier?.[Symbol.asyncDispose]();
});

/** Waits for so many messages at the carrier, answers them, and returns them. */
async function taken(count: number): Promise<Buffer[]> {
  await waitUntil('the message is at the carrier', () => carrier.submitted.length === count);
  return carrier.submitted.splice(0).map(message => {
    answer(message, 0, String(message.sequence));
    return message.pdu;
  });
}

// The text is no part of this: message_payload is where a long one goes, whichever way it came.
const defined = Object.entries(TLVS).filter(([name]) => name !== 'message_payload');

/** Values at the length that the specification gives at least, with other octets in each. */
const everyTlv = Buffer.concat([
  ...defined.map(([, { tag, min, kind }], i) => {
    const octets = Buffer.alloc(Math.max(min, 1), i + 1);
    return tlv(tag, kind === 'cstring' ? Buffer.concat([octets.subarray(1), Buffer.alloc(1)]) : octets);
  }),
  // Of a vendor, one nobody defined, one without a value, one twice.
  tlv(0x1401, Buffer.from('vendor')),
  tlv(0x3fff, Buffer.alloc(0)),
  tlv(0x4001, Buffer.from([0, 255])),
  tlv(TLVS.callback_num.tag, wire('01 01 01 "1"')),
  tlv(TLVS.callback_num.tag, wire('01 01 01 "2"')),
]);

function tail(pdu: Buffer | undefined, length: number): string | undefined {
  return pdu?.toString('hex', pdu.length - length);
}

test('every TLV of a submit_sm goes to the carrier as it came', async () => {
  shop.send(withLength(Buffer.concat([submitPdu(2, '447700900123', 'with TLVs'), everyTlv])));
  const [pdu] = await taken(1);
  expect(tail(pdu, everyTlv.length)).toBe(everyTlv.toString('hex'));
});

test('and of a message between accounts', async () => {
  app.take();
  shop.send(withLength(Buffer.concat([submitPdu(3, '5551', 'with TLVs'), everyTlv])));
  const [pdu] = await app.pdus(1);
  app.send(headerPdu(0x80000005, 0, pdu!.readUInt32BE(12)));
  expect(tail(pdu, everyTlv.length)).toBe(everyTlv.toString('hex'));
});

test('and of a deliver_sm of a carrier', async () => {
  app.take();
  await waitUntil('the carrier is bound', () => carrier.open(9).length > 0);
  const deliver = submitPdu(4, '5551', 'from a phone');
  deliver.writeUInt32BE(5, 4);
  carrier.open(9)[0]!.socket.write(withLength(Buffer.concat([deliver, everyTlv])));
  const [pdu] = await app.pdus(1);
  app.send(headerPdu(0x80000005, 0, pdu!.readUInt32BE(12)));
  expect(tail(pdu, everyTlv.length)).toBe(everyTlv.toString('hex'));
});

/** A vendor's that is removed, one that stays, one of two that are; what is added, a removed one anew among it. */
const mixed = Buffer.concat([
  tlv(0x1401, Buffer.from('vendor')),
  tlv(0x4001, Buffer.from([0, 255])),
  tlv(TLVS.callback_num.tag, wire('01 01 01 "1"')),
  tlv(TLVS.callback_num.tag, wire('01 01 01 "2"')),
]);
const added = wire('1400 0002 0AFF 1401 0000');
const ruled = Buffer.concat([tlv(0x4001, Buffer.from([0, 255])), added]);

test('a carrier gets none that are removed, and those that are added', async () => {
  shop.send(withLength(Buffer.concat([submitPdu(20, '33700900123', 'with TLVs'), mixed])));
  const [some] = await taken(1);
  expect(tail(some, ruled.length)).toBe(ruled.toString('hex'));
  expect(some!.toString('latin1')).toContain('with TLVs');
  shop.send(submitPdu(21, '33700900123', 'with none'));
  const [none] = await taken(1);
  expect(tail(none, added.length + 9)).toBe(Buffer.concat([Buffer.from('with none'), added]).toString('hex'));
});

test('each part of a long message too, with its own mark', async () => {
  shop.send(submitPdu(22, '33700900123', 'x'.repeat(200)));
  for (const pdu of await taken(2)) {
    expect(pdu.includes(added)).toBe(true);
    expect(pdu.includes(wire('020F 0001'))).toBe(true);
  }
});

test('an account alike', async () => {
  using picky = await RawPeer.bind(node.ports['smpp']!, 'picky', 'receiver');
  picky.take();
  shop.send(withLength(Buffer.concat([submitPdu(23, '5571', 'with TLVs'), mixed])));
  const [pdu] = await picky.pdus(1);
  picky.send(headerPdu(0x80000005, 0, pdu!.readUInt32BE(12)));
  expect(tail(pdu, ruled.length)).toBe(ruled.toString('hex'));
});

test('a text in message_payload stays in one, and goes where it is short enough into short_message', async () => {
  const [short, long] = [Buffer.alloc(254, 'a'), Buffer.alloc(255, 'b')];
  for (const [i, text] of [short, long].entries()) {
    shop.send(withLength(Buffer.concat([submitPdu(5 + i, '447700900123', ''), tlv(0x0424, text)])));
  }
  const [first, second] = await taken(2);
  expect(tail(first, 255)).toBe(Buffer.concat([wire('FE'), short]).toString('hex'));
  expect(tail(second, 260)).toBe(Buffer.concat([wire('00'), tlv(0x0424, long)]).toString('hex'));
});

test('none goes to a peer of version 3.3: not in the bind_resp, not with a message', async () => {
  using old = await RawPeer.connect(node.ports['smpp']!);
  old.send(withLength(wire('00000000 00000001 00000000 00000001 "old" 00 "old" 00 00 33 00 00 00')));
  const [bound] = await old.pdus(1);
  expect(bound!.toString('hex', 4, 16)).toBe('800000010000000000000001');
  // system_id is the last there is (v3.4 §3.4).
  expect(bound!.indexOf(0, 16)).toBe(bound!.length - 1);
  old.take();
  shop.send(withLength(Buffer.concat([submitPdu(7, '5561', 'without TLVs'), everyTlv])));
  const [pdu] = await old.pdus(1);
  old.send(headerPdu(0x80000005, 0, pdu!.readUInt32BE(12)));
  expect(tail(pdu, 13)).toBe(wire('0C "without TLVs"').toString('hex'));
});
