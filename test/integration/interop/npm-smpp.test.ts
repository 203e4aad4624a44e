import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { noCapture } from '../../support/capture.ts';
import { startInteropNode, type InteropNode } from '../../support/interop-node.ts';
import { NodeSmppClient, type ClientPdu } from '../../support/node-smpp-client.ts';
import { waitUntil } from '../../support/wait-until.ts';

/** The npm package `smpp` as application and as carrier, with a whole node between them. */
let interop: InteropNode;
let client: NodeSmppClient;
beforeAll(async () => {
  interop = await startInteropNode({ archive: true });
});
afterAll(() => interop?.[Symbol.asyncDispose]());
beforeEach(async () => {
  interop.carrier.requests.length = 0;
  client = await NodeSmppClient.bind(interop.port, 'bind_transceiver', {
    system_id: 'app',
    password: 'app',
    interface_version: 0x34,
  });
});
afterEach(async () => {
  if (client && !client.closed) await client.request('unbind');
});

const FROM_PHONE = { source_addr: '447700900123', source_addr_ton: 1, source_addr_npi: 1, destination_addr: '5551' };

/** Submits, and waits until the carrier has it. */
async function submit(fields: object) {
  const { carrier } = interop;
  const before = carrier.submits.length;
  const { command_status, message_id } = await client.submit(fields);
  expect(command_status).toBe(0);
  await waitUntil('the message is at the carrier', () => carrier.submits.length > before);
  return { message_id, submit: carrier.submits[before]! };
}

test.each(['3.4', '5.0'])('the carrier is bound, and a client of version %s', async version => {
  const interface_version = version === '3.4' ? 0x34 : 0x50;
  const login = { system_id: 'shop', password: 'shop', interface_version };
  const other = await NodeSmppClient.connect(interop.port);
  const bound = await other.request('bind_transceiver', login);
  expect(bound).toMatchObject({ command_status: 0, sc_interface_version: interface_version });
  expect(await other.request('enquire_link')).toMatchObject({ command_status: 0 });
  expect(await other.request('unbind')).toMatchObject({ command: 'unbind_resp', command_status: 0 });
  await waitUntil('the node has hung up', () => other.closed);
});

describe('a message', () => {
  test('short, with its receipt', async () => {
    const text = 'Grüße {[~]} £5';
    const { message_id, submit: pdu } = await submit({ short_message: text });
    expect(pdu).toMatchObject({ source_addr: 'ACME', source_addr_ton: 5, short_message: { message: text } });
    await waitUntil('the receipt', () => client.deliveries.length === 1);
    expect(client.deliveries[0]).toMatchObject({ esm_class: 4, message_state: 2, source_addr: '447700900123' });
    expect(client.deliveries[0]!.short_message.message).toContain(`id:${message_id} sub:001 dlvrd:001`);
  });

  test.each([
    ['refused for good', { command_status: 0x0b }, 5, 'UNDELIV'],
    ['taken, and not delivered', {}, 5, 'UNDELIV'],
  ])('%s: its receipt says so', async (how, answer, message_state, stat) => {
    const { carrier } = interop;
    carrier.receipts = false;
    const usual = carrier.answer;
    carrier.answer = pdu => ({ ...usual(pdu), ...answer });
    const { submit: pdu } = await submit({ short_message: how });
    carrier.receipts = true;
    carrier.answer = usual;
    if (!('command_status' in answer)) await carrier.receipt(pdu, `c${pdu.sequence_number}`, stat);
    await waitUntil('the receipt', () => client.deliveries.length === 1);
    expect(client.deliveries[0]).toMatchObject({ message_state });
    expect(client.deliveries[0]!.short_message.message).toContain(`stat:${stat}`);
  });

  test('that the carrier throttles is sent again', async () => {
    const { carrier } = interop;
    const usual = carrier.answer;
    let said = 0;
    carrier.answer = pdu => (said++ === 0 ? { command_status: 0x58 } : usual(pdu));
    await client.submit({ short_message: 'again' });
    await waitUntil('the receipt', () => client.deliveries.length === 1);
    carrier.answer = usual;
    expect(carrier.submits).toHaveLength(2);
  });

  test('in UCS-2', async () => {
    const text = 'Привет 😀 שלום';
    const { submit: pdu } = await submit({ short_message: text, registered_delivery: 0 });
    expect(pdu).toMatchObject({ data_coding: 8, short_message: { message: text } });
  });

  test('of 1,000 characters, in message_payload', async () => {
    const message_payload = 'long '.repeat(200);
    const { submit: pdu } = await submit({ short_message: '', message_payload, registered_delivery: 0 });
    expect(pdu.message_payload?.message ?? pdu.short_message.message).toBe(message_payload);
  });

  test.each([
    ['in parts with a header', '45'],
    ['in SAR segments', '46'],
  ])('of 400 characters, which its carrier wants %s: one receipt', async (how, prefix) => {
    const { carrier } = interop;
    const message_payload = Array.from({ length: 40 }, (_, i) => `${i}`.padStart(9, '.')).join(' ');
    const destination_addr = `${prefix}7700900123`;
    const { message_id } = await client.submit({ destination_addr, short_message: '', message_payload });
    await waitUntil('the receipt', () => client.deliveries.length === 1);
    const parts = carrier.submits.map(pdu => {
      const { short_message, sar_segment_seqnum } = pdu as ClientPdu & { readonly sar_segment_seqnum?: number };
      const number = how === 'in SAR segments' ? sar_segment_seqnum : Buffer.concat(short_message.udh!)[4];
      return { number, text: short_message.message };
    });
    parts.sort((a, b) => a.number! - b.number!);
    expect(parts.map(({ number }) => number)).toEqual([1, 2, 3]);
    expect(parts.map(({ text }) => text).join('')).toBe(message_payload);
    expect(client.deliveries[0]!.short_message.message).toContain(`id:${message_id} sub:003 dlvrd:003`);
  });

  test('in parts, by user data header', async () => {
    const udh = Buffer.from('0500032a0201', 'hex');
    const { submit: pdu } = await submit({ short_message: { udh, message: 'first' }, registered_delivery: 0 });
    expect(pdu.esm_class).toBe(0x40);
    expect(Buffer.concat(pdu.short_message.udh!)).toEqual(udh.subarray(1));
    expect(pdu.short_message.message).toBe('first');
  });
});

/** In an hour. */
const LATER = { schedule_delivery_time: '000000010000000R' };
const OF = { source_addr: 'ACME', source_addr_ton: 5 };

test('query, cancel and replace, while it waits and when it is too late', async () => {
  const { message_id } = await client.submit({ ...LATER, short_message: 'first' });
  const of = { ...OF, message_id };
  expect(await client.request('query_sm', of)).toMatchObject({ command_status: 0, message_id, message_state: 1 });
  const now = { short_message: 'second', schedule_delivery_time: '200101000000000+', registered_delivery: 1 };
  expect(await client.request('replace_sm', { ...of, ...now })).toMatchObject({ command_status: 0 });
  await waitUntil('the receipt', () => client.deliveries.length === 1);
  expect(interop.carrier.submits.map(({ short_message }) => short_message.message)).toEqual(['second']);
  expect(await client.request('query_sm', of)).toMatchObject({ command_status: 0, message_state: 2 });
  expect(await client.request('cancel_sm', of)).toMatchObject({ command_status: 0x11 });
  expect(await client.request('replace_sm', { ...of, ...now })).toMatchObject({ command_status: 0x13 });

  const { message_id: second } = await client.submit({ ...LATER, short_message: 'never' });
  expect(await client.request('cancel_sm', { ...OF, message_id: second })).toMatchObject({ command_status: 0 });
  expect(await client.request('query_sm', { ...OF, message_id: second })).toMatchObject({ message_state: 4 });
});

test('congestion_state in every response to a client of version 5.0', async () => {
  const login = { system_id: 'shop', password: 'shop', interface_version: 0x50 };
  const newer = await NodeSmppClient.bind(interop.port, 'bind_transceiver', login);
  const answers = [
    await newer.submit({ registered_delivery: 0 }),
    await newer.submit({ destination_addr: '999' }),
    await newer.request('data_sm', { destination_addr: '999' }),
    await newer.request('query_sm', { ...OF, message_id: '1' }),
    await newer.request('cancel_sm', { ...OF, message_id: '1' }),
    await newer.request('enquire_link'),
    await newer.request('unbind'),
  ];
  for (const answer of answers) expect(answer).toMatchObject({ congestion_state: expect.any(Number) });
  expect(answers.map(({ command_status }) => command_status)).toEqual([0, 0x0b, 0x0b, 0x0c, 0x0c, 0, 0]);
  expect(answers.slice(1, 4).map(({ message_id }) => message_id)).toEqual(['', '', '']);
  expect(await client.submit({ registered_delivery: 0 })).not.toHaveProperty('congestion_state');
  const refused = await NodeSmppClient.connect(interop.port);
  const answer = await refused.request('bind_receiver', { ...login, password: 'wrong' });
  expect(answer).toMatchObject({ command_status: 0x0d, system_id: '', congestion_state: expect.any(Number) });
});

describe('a message from a phone', () => {
  test('short', async () => {
    const short_message = 'STOP';
    expect(await interop.carrier.request('deliver_sm', { ...FROM_PHONE, short_message })).toMatchObject({
      command: 'deliver_sm_resp',
      command_status: 0,
    });
    await waitUntil('the message', () => client.deliveries.length === 1);
    expect(client.deliveries[0]).toMatchObject({ ...FROM_PHONE, esm_class: 0, short_message: { message: 'STOP' } });
  });

  test('in UCS-2, with TLVs, which arrive as they came', async () => {
    const fields = { short_message: 'да', user_message_reference: 0x1234, source_port: 5, data_coding: 8 };
    await interop.carrier.request('deliver_sm', { ...FROM_PHONE, ...fields });
    await waitUntil('the message', () => client.deliveries.length === 1);
    expect(client.deliveries[0]).toMatchObject({ ...fields, short_message: { message: 'да' } });
  });
});

test('what a carrier asks by enquire_link is answered, and its unbind', async () => {
  const { carrier } = interop;
  expect(await carrier.request('enquire_link')).toMatchObject({ command: 'enquire_link_resp', command_status: 0 });
  expect(await carrier.request('unbind')).toMatchObject({ command: 'unbind_resp', command_status: 0 });
  await waitUntil('it is bound again', () => carrier.requests.some(({ command }) => command === 'bind_transceiver'));
  await submit({ short_message: 'after that', registered_delivery: 0 });
});

// The last one: it ends the capture.
test.skipIf(await noCapture())('tshark finds no malformed PDU in all of this', async () => {
  const { pdus, faults } = await interop.capture!.stop();
  expect(faults).toEqual([]);
  expect([3, 4, 5, 6, 7, 8, 9, 0x15].filter(id => !pdus.has(id) || !pdus.has(id + 0x80000000))).toEqual([]);
});
