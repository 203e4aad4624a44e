import { afterAll, beforeAll, expect, test } from 'vitest';
import { startNode, type NodeProcess } from '../../support/node-process.ts';
import { headerPdu, RawPeer, submitPdu } from '../../support/raw-peer.ts';
import {
  answer,
  deliverPdu,
  receiptText,
  ScriptedCarrier,
  tlv,
  type Submitted,
} from '../../support/scripted-carrier.ts';
import { wire, withLength } from '../../support/smpp-wire.ts';
import { waitUntil } from '../../support/wait-until.ts';

/**
 * Carriers that do not keep to the specification: docs/adr/0010. Each case is one message; its receipt reaches the customer,
 * or what is said in `told`.
 */

interface Odd {
  readonly what: string;
  /** The response to the submit_sm. */
  readonly respond: (message: Submitted) => Buffer;
  /** What the carrier says afterwards. */
  readonly after: Buffer;
  readonly told?: string;
  /** The answer to `after`, by command_id and command_status. */
  readonly answered?: readonly [number, number];
}

const OK = 0x80000004;
const taken =
  (id: string) =>
  ({ sequence }: Submitted): Buffer =>
    withLength(Buffer.concat([headerPdu(OK, 0, sequence), Buffer.from(id, 'latin1')]));
let sequence = 100;
const receipt = (id: string, tlvs: Buffer = Buffer.alloc(0), esmClass = 4): Buffer =>
  deliverPdu(sequence++, '447700900123', 'ACME', receiptText(id), esmClass, tlvs);

const CASES: readonly Odd[] = [
  { what: 'an id without its NUL', respond: taken('no-nul'), after: receipt('no-nul') },
  { what: 'an id filled up with spaces', respond: taken(' 0077aa  \0'), after: receipt('77AA') },
  {
    what: 'a TLV behind the id: more_messages_to_send, where it has no place',
    respond: taken('mms\0\x04\x26\x00\x01\x01'),
    after: receipt('mms', tlv(0x0426, Buffer.from([1]))),
  },
  {
    what: 'TLVs nobody defined, and octets too few for one behind them',
    respond: taken('vendor\0\x14\x01\x00\x02hi\x00'),
    after: receipt('vendor', wire('1501 0000 00 00')),
  },
  {
    what: 'a TLV that runs past the end of the receipt',
    respond: taken('past-end\0'),
    after: receipt('past-end', wire('0427 0001 02 001e 0041 "past"')),
  },
  {
    what: 'message_state of two octets',
    respond: taken('wide\0'),
    after: deliverPdu(sequence++, '447700900123', 'ACME', 'id:wide', 4, tlv(0x0427, Buffer.from([0, 5]))),
    told: 'UNDELIV',
  },
  {
    what: 'a receipt whose text has other words, another order and no dates',
    respond: taken('other-words\0'),
    after: deliverPdu(sequence++, '447700900123', 'ACME', 'Stat: Delivered, ID:other-words ERR:0', 4),
  },
  {
    what: 'a receipt in a data_sm',
    respond: taken('by-data\0'),
    after: withLength(
      Buffer.concat([
        wire(`00000000 00000103 00000000 00000900 00 01 01 "447700900123" 00 00 00 "ACME" 00 04 00 00`),
        tlv(0x001e, 'by-data'),
        tlv(0x0427, Buffer.from([2])),
        Buffer.from([0x04, 0x24, 0, receiptText('by-data').length]),
        Buffer.from(receiptText('by-data')),
      ]),
    ),
    answered: [0x80000103, 0],
  },
  {
    what: 'a receipt whose esm_class does not say so',
    respond: taken('no-class\0'),
    after: receipt('no-class', Buffer.alloc(0), 0),
  },
  {
    what: 'a deliver_sm with times that are none',
    respond: taken('times\0'),
    after: withLength(
      Buffer.concat([
        wire('00000000 00000005 00000000 00000901 00 01 01 "447700900123" 00 00 00 "ACME" 00 04 00 00'),
        wire('"tomorrow" 00 "0" 00 00 00 00 00'),
        Buffer.from([receiptText('times').length]),
        Buffer.from(receiptText('times')),
      ]),
    ),
  },
];

let node: NodeProcess;
let carrier: ScriptedCarrier;
let shop: RawPeer;

beforeAll(async () => {
  carrier = await ScriptedCarrier.listen();
  carrier.bindStatus = undefined;
  node = await startNode({
    config: {
      accounts: [{ system_id: 'shop', password: 'shop' }],
      carriers: [
        {
          name: 'odd',
          protocol: 'smpp',
          host: '127.0.0.1',
          port: carrier.port,
          system_id: 'r',
          password: 'r',
          receipt_by_text: true,
        },
      ],
      routes: [{ called_prefix: '44', dest_smsc: 'odd' }],
    },
  });
  await waitUntil('the bind', () => carrier.sessions[0]?.pdus.length === 1);
  // A bind_transceiver answered as if it were a bind_transmitter, without a body.
  carrier.sessions[0]!.socket.write(headerPdu(0x80000002, 0, 1));
  await node.statusWhen('bound', ({ sessions }) => sessions[0]?.state === 'BOUND_TRX');
  shop = await RawPeer.bind(node.ports['smpp']!, 'shop');
});

afterAll(async () => {
  shop?.[Symbol.dispose]();
  await node?.[Symbol.asyncDispose]();
  await carrier?.[Symbol.asyncDispose]();
});

test.each(CASES)('$what', async ({ respond, after, told = 'DELIVRD', answered = [0x80000005, 0] }) => {
  shop.take();
  const before = carrier.submitted.length;
  shop.send(submitPdu(2, '447700900123', 'to an odd one', 1));
  await waitUntil('the message', () => carrier.submitted.length > before);
  const message = carrier.submitted.at(-1)!;
  const { socket, pdus } = message.session;
  socket.write(respond(message));
  socket.write(after);
  const [, toCustomer] = await shop.pdus(2);
  shop.send(withLength(Buffer.concat([headerPdu(0x80000005, 0, toCustomer!.readUInt32BE(12)), Buffer.from([0])])));
  expect(/stat:(\w+)/.exec(toCustomer!.toString('latin1'))?.[1]).toBe(told);
  const asked = after.readUInt32BE(12);
  await waitUntil('its answer', () => pdus.at(-1)?.readUInt32BE(12) === asked);
  expect([pdus.at(-1)!.readUInt32BE(4), pdus.at(-1)!.readUInt32BE(8)]).toEqual(answered);
});

test('an answer to nothing, twice, and enquire_link answered by generic_nack: the session goes on', async () => {
  const { socket } = carrier.sessions[0]!;
  socket.write(Buffer.concat([headerPdu(OK, 0, 424_242), headerPdu(OK, 8, 424_242), headerPdu(0x80000000, 3, 77)]));
  const before = carrier.submitted.length;
  shop.take();
  shop.send(submitPdu(3, '447700900123', 'still there'));
  await waitUntil('the message', () => carrier.submitted.length > before);
  answer(carrier.submitted.at(-1)!, 0, 'still');
  expect(carrier.sessions).toHaveLength(1);
});
