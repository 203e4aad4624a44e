import { afterAll, beforeAll, expect, test } from 'vitest';
import { LongPeer } from '../../support/long-peer.ts';
import { startNode, type NodeProcess } from '../../support/node-process.ts';
import { RestClient } from '../../support/rest-client.ts';
import { answer, ScriptedCarrier, type Submitted } from '../../support/scripted-carrier.ts';
import { waitUntil } from '../../support/wait-until.ts';

/** What an account has its texts sent with, whichever way they come in. */

const KEY = 'a-key-of-the-operators-of-this-node';
let carrier: ScriptedCarrier;
let node: NodeProcess;

beforeAll(async () => {
  carrier = await ScriptedCarrier.listen();
  const wrap = { text_header: 'ACME: ', text_footer: ' /bye', split_chars: ' ', split_suffix: '>' };
  node = await startNode({
    config: {
      workers: 2,
      api_keys: [{ name: 'ops', key: KEY, role: 'operator' }],
      accounts: [
        { system_id: 'shop', password: 'shop', ...wrap },
        { system_id: 'bank', password: 'bank', assemble: true, ...wrap },
        { system_id: 'plain', password: 'plain' },
      ],
      carriers: [
        { name: 'sink', protocol: 'smpp', host: '127.0.0.1', port: carrier.port, system_id: 'r', password: 'r' },
      ],
      routes: [
        { called_prefix: '44', dest_smsc: 'sink' },
        { called_prefix: '55', dest_smsc: 'shop' },
      ],
    },
  });
  await waitUntil('the bind of the carrier', () => carrier.open(9).length === 1);
}, 60_000);

afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
  await carrier?.[Symbol.asyncDispose]();
});

/** Waits for so many messages, answers them and returns their texts, in the order of their parts. */
async function texts(count: number): Promise<string[]> {
  await waitUntil(`${count} messages`, () => carrier.submitted.length >= count);
  const all = carrier.submitted.splice(0);
  all.forEach((one, i) => answer(one, 0, `id${i}`));
  return all
    .map(textOf)
    .sort((a, b) => partOf(a) - partOf(b))
    .map(text => (isPart(text) ? text.slice(6) : text));
}

const isPart = (text: string): boolean => text.startsWith('\x05\0\x03');
const partOf = (text: string): number => (isPart(text) ? text.charCodeAt(5) : 0);

/** The short_message, which is the last of a submit_sm without TLVs: behind its length (SMPP v3.4 §4.4.1). */
function textOf({ pdu }: Submitted): string {
  for (let at = pdu.length - 1; at > 16; at--) {
    if (pdu[at] === pdu.length - 1 - at && pdu[at - 1] === 0) return pdu.toString('latin1', at + 1);
  }
  throw new Error(`no text in ${pdu.toString('hex')}`);
}

const WORDS = 'words '.repeat(50);
/** 153 septets less 12 hold 23 words with their spaces; the rest fits beside header and footer. */
const IN_PARTS = [
  `ACME: ${'words '.repeat(23)} /bye>`,
  `ACME: ${'words '.repeat(23)} /bye>`,
  `ACME: ${'words '.repeat(4)} /bye`,
];

test('by SMPP: a short one, and one that is cut', async () => {
  using shop = await LongPeer.bind(node.ports['smpp']!, 'shop');
  await shop.submit('447', 'Hello', { registered: 0 });
  expect(await texts(1)).toEqual(['ACME: Hello /bye']);
  await shop.submit('447', WORDS, { registered: 0 });
  expect(await texts(3)).toEqual(IN_PARTS);
});

test('by REST: the answer says how many parts there are', async () => {
  const ops = new RestClient(node, KEY);
  const message = { source_msisdn: '12345', destination_msisdn: '447', source_smsc: 'shop' };
  const short = await ops.post({ ...message, message_body: 'Hello' });
  expect(short.json['data']).not.toHaveProperty('parts');
  expect(await texts(1)).toEqual(['ACME: Hello /bye']);
  const long = await ops.post({ ...message, message_body: WORDS });
  expect(long.json['data']).toMatchObject({ message_body: WORDS, parts: 3 });
  expect(await texts(3)).toEqual(IN_PARTS);
});

test('by REST: told before, it is the number of parts that is sent then', async () => {
  const ops = new RestClient(node, KEY);
  const message = { source_msisdn: '12345', destination_msisdn: '447', source_smsc: 'shop', message_body: WORDS };
  const { status, json } = await ops.post(message, '/api/messages/parts');
  // With header and footer of 6 and 5 characters.
  const told = { dest_smsc: 'sink', tp_dcs_character_set: 'gsm7', data_coding: 0, characters: 311, parts: 3 };
  expect([status, json]).toEqual([200, told]);
  const elsewhere = await ops.post({ ...message, destination_msisdn: '99' }, '/api/messages/parts');
  expect([elsewhere.status, elsewhere.json['detail']]).toEqual([422, 'no route takes this destination']);
  const { json: sent } = await ops.post(message);
  expect(sent['data']).toMatchObject({ parts: 3 });
  // And no more than those.
  expect(await texts(3)).toEqual(IN_PARTS);
});

/** Part `i` of 2. */
const part = (i: number, text: string): Buffer => Buffer.concat([Buffer.from([5, 0, 3, 9, 2, i]), Buffer.from(text)]);

test('when its parts have been put together', async () => {
  using bank = await LongPeer.bind(node.ports['smpp']!, 'bank');
  await bank.submit('447', part(2, WORDS.slice(150)), { esmClass: 0x40, registered: 0 });
  await bank.submit('447', part(1, WORDS.slice(0, 150)), { esmClass: 0x40, registered: 0 });
  expect(await texts(3)).toEqual(IN_PARTS);
});

test('not what others send, nor what it is sent', async () => {
  using shop = await LongPeer.bind(node.ports['smpp']!, 'shop');
  using plain = await LongPeer.bind(node.ports['smpp']!, 'plain');
  await plain.submit('447', 'Hello', { registered: 0 });
  expect(await texts(1)).toEqual(['Hello']);
  await plain.submit('55', 'Hello', { registered: 0 });
  const [message] = await shop.delivered(1);
  expect(message!.text).toBe('Hello');
});
