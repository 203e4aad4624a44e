import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { noCapture } from '../../support/capture.ts';
import { startInteropNode, type InteropNode } from '../../support/interop-node.ts';
import { NetSmppClient } from '../../support/net-smpp.ts';
import { waitUntil } from '../../support/wait-until.ts';

/** An ESME made of perl's Net::SMPP, served by a whole node; the carrier is made of the npm package `smpp`. */
let interop: InteropNode;
beforeAll(async () => {
  interop = await startInteropNode({ archive: true });
});
afterAll(() => interop?.[Symbol.asyncDispose]());

const LOGIN = { system_id: 'app', password: 'app' };
const TO_PHONE = {
  source_addr: '40404',
  source_addr_ton: 3,
  dest_addr_ton: 1,
  dest_addr_npi: 1,
  destination_addr: '447700900123',
};

let perl: NetSmppClient;
beforeEach(async () => {
  interop.carrier.requests.length = 0;
  perl = await NetSmppClient.bind(interop.port, 'bind_transceiver', LOGIN);
});
afterEach(() => perl?.[Symbol.asyncDispose]());

/** Submits, and waits until the carrier has it. */
async function submit(fields: Readonly<Record<string, unknown>>) {
  const { carrier } = interop;
  const before = carrier.submits.length;
  const { status, message_id } = await perl.request('submit_sm', { ...TO_PHONE, ...fields });
  expect(status).toBe(0);
  expect(message_id).toMatch(/^\d+$/);
  await waitUntil('the message is at the carrier', () => carrier.submits.length > before);
  return { message_id, submit: carrier.submits[before]! };
}

describe('bind and unbind', () => {
  test.each(['bind_transceiver', 'bind_transmitter', 'bind_receiver'])('%s', async command => {
    await using client = new NetSmppClient(interop.port);
    const answer = await client.request(command, LOGIN);
    expect(answer).toMatchObject({ cmd: `${command}_resp`, status: 0, sc_interface_version: '\x34' });
    expect(answer['system_id']).not.toBe('');
    expect(await client.request('enquire_link')).toMatchObject({ cmd: 'enquire_link_resp', status: 0 });
    expect(await client.request('unbind')).toMatchObject({ cmd: 'unbind_resp', status: 0 });
    await client.until('the node has hung up', () => client.pdus.at(-1)?.cmd === 'closed');
  });

  test('a wrong password', async () => {
    await using client = new NetSmppClient(interop.port);
    const answer = await client.request('bind_transceiver', { ...LOGIN, password: 'wrong' });
    expect(answer).toMatchObject({ cmd: 'bind_transceiver_resp', status: 0x0d });
    await client.until('the node has hung up', () => client.pdus.at(-1)?.cmd === 'closed');
  });
});

describe('a message', () => {
  test('short, with its receipt', async () => {
    const sent = await submit({ short_message: 'Hello from perl', registered_delivery: 1 });
    expect(sent.submit).toMatchObject({
      source_addr: '40404',
      source_addr_ton: 3,
      destination_addr: '447700900123',
      data_coding: 0,
      esm_class: 0,
      short_message: { message: 'Hello from perl' },
    });
    await perl.until('the receipt', () => perl.deliveries.length === 1);
    const [receipt] = perl.deliveries;
    expect(receipt).toMatchObject({
      esm_class: 4,
      source_addr: '447700900123',
      destination_addr: '40404',
      receipted_message_id: `${sent.message_id}\0`,
      message_state: '\x02',
    });
    expect(receipt!.short_message).toMatch(new RegExp(`^id:${sent.message_id} sub:001 dlvrd:001 .* stat:DELIVRD err:`));
  });

  test('that is not delivered says so in its receipt', async () => {
    const { carrier } = interop;
    carrier.receipts = false;
    const sent = await submit({ short_message: 'lost', registered_delivery: 1 });
    carrier.receipts = true;
    await carrier.receipt(sent.submit, `c${sent.submit.sequence_number}`, 'UNDELIV');
    await perl.until('the receipt', () => perl.deliveries.length === 1);
    expect(perl.deliveries[0]).toMatchObject({ message_state: '\x05' });
    expect(perl.deliveries[0]!.short_message).toContain(`id:${sent.message_id} sub:001 dlvrd:000`);
    expect(perl.deliveries[0]!.short_message).toContain('stat:UNDELIV');
  });

  test('in UCS-2', async () => {
    const text = 'Привет 😀 שלום';
    const short_message = Buffer.from(text, 'utf16le').swap16().toString('latin1');
    const { submit: pdu } = await submit({ short_message, data_coding: 8 });
    expect(pdu).toMatchObject({ data_coding: 8, short_message: { message: text } });
  });

  test('in parts, by user data header', async () => {
    const { carrier } = interop;
    const texts = ['The first of two parts, ', 'and the second.'];
    for (const [i, part] of texts.entries()) {
      const short_message = `\x05\x00\x03\x2a\x02${String.fromCharCode(i + 1)}${part}`;
      await submit({ short_message, esm_class: 0x40 });
    }
    const parts = carrier.submits.map(({ esm_class, short_message }) => ({ esm_class, ...short_message }));
    expect(parts.map(({ message }) => message).join('')).toBe(texts.join(''));
    expect(parts.every(({ esm_class }) => esm_class === 0x40)).toBe(true);
  });

  test('of 1,000 octets, in message_payload', async () => {
    const message_payload = 'long '.repeat(200);
    const { submit: pdu } = await submit({ short_message: '', message_payload });
    const whole = pdu.message_payload?.message ?? pdu.short_message.message;
    expect(whole).toBe(message_payload);
  });

  test('of 8-bit data, octet for octet', async () => {
    const short_message = String.fromCharCode(...Array.from({ length: 140 }, (_, i) => (i * 7) % 256));
    const { submit: pdu } = await submit({ short_message, data_coding: 4 });
    expect(pdu.data_coding).toBe(4);
    expect(pdu.short_message.message).toEqual(Buffer.from(short_message, 'latin1'));
  });

  test('that no route fits is refused', async () => {
    const answer = await perl.request('submit_sm', { ...TO_PHONE, destination_addr: '999', short_message: 'x' });
    expect(answer).toMatchObject({ cmd: 'submit_sm_resp', status: 0x0b });
  });
});

/** In an hour. */
const LATER = { schedule_delivery_time: '000000010000000R' };

test('query, cancel and replace, while it waits and when it is too late', async () => {
  const { message_id } = await perl.request('submit_sm', { ...TO_PHONE, ...LATER, short_message: 'first' });
  const of = { message_id, source_addr: '40404', source_addr_ton: 3 };
  const state = { cmd: 'query_sm_resp', status: 0, message_id, error_code: 0 };
  expect(await perl.request('query_sm', of)).toMatchObject({ ...state, message_state: 1, final_date: '' });
  const now = { ...LATER, schedule_delivery_time: '200101000000000+', short_message: 'second', registered_delivery: 1 };
  expect(await perl.request('replace_sm', { ...of, ...now })).toMatchObject({ cmd: 'replace_sm_resp', status: 0 });
  await perl.until('the receipt', () => perl.deliveries.length === 1);
  expect(interop.carrier.submits.map(({ short_message }) => short_message.message)).toEqual(['second']);
  const delivered = await perl.request('query_sm', of);
  expect(delivered).toMatchObject({ ...state, message_state: 2 });
  expect(delivered['final_date']).toMatch(/^\d{15}\+$/);
  expect(await perl.request('cancel_sm', of)).toMatchObject({ cmd: 'cancel_sm_resp', status: 0x11 });
  expect(await perl.request('replace_sm', { ...of, short_message: 'x' })).toMatchObject({ status: 0x13 });

  const { message_id: second } = await perl.request('submit_sm', { ...TO_PHONE, ...LATER, short_message: 'never' });
  const cancelled = { ...of, message_id: second };
  expect(await perl.request('cancel_sm', cancelled)).toMatchObject({ cmd: 'cancel_sm_resp', status: 0 });
  expect(await perl.request('query_sm', cancelled)).toMatchObject({ status: 0, message_state: 4 });
  expect(await perl.request('query_sm', { ...of, message_id: '1' })).toMatchObject({ status: 0x0c });
});

test('to several numbers, by submit_multi', async () => {
  const destination_addr = ['447700900123', '999', '447700900124'];
  const fields = { source_addr: '40404', destination_addr, short_message: 'to all', registered_delivery: 1 };
  const answer = await perl.request('submit_multi', fields);
  expect(answer).toMatchObject({ cmd: 'submit_multi_resp', status: 0, no_unsuccess: 1 });
  expect([answer['destination_addr'], answer['error_status_code']]).toEqual([['999'], [0x0b]]);
  await perl.until('both receipts', () => perl.deliveries.length === 2);
  expect(interop.carrier.submits.map(pdu => pdu.destination_addr).toSorted()).toEqual(['447700900123', '447700900124']);
  const about = new Set(perl.deliveries.map(({ source_addr }) => source_addr));
  expect(about).toEqual(new Set(['447700900123', '447700900124']));
  for (const { short_message } of perl.deliveries) expect(short_message).toContain(`id:${answer.message_id} `);
});

test('by data_sm', async () => {
  const fields = { ...TO_PHONE, registered_delivery: 1, message_payload: 'by another way' };
  const answer = await perl.request('data_sm', fields);
  expect(answer).toMatchObject({ cmd: 'data_sm_resp', status: 0 });
  await perl.until('the receipt', () => perl.deliveries.length === 1);
  expect(interop.carrier.submits[0]!.short_message.message).toBe('by another way');
  expect(perl.deliveries[0]!.short_message).toContain(`id:${answer.message_id} `);
});

test('a message from a phone', async () => {
  const { command_status } = await interop.carrier.request('deliver_sm', {
    source_addr: '447700900123',
    source_addr_ton: 1,
    source_addr_npi: 1,
    destination_addr: '5551',
    short_message: 'STOP',
  });
  expect(command_status).toBe(0);
  await perl.until('the message', () => perl.deliveries.length === 1);
  expect(perl.deliveries[0]).toMatchObject({
    esm_class: 0,
    source_addr: '447700900123',
    source_addr_ton: 1,
    destination_addr: '5551',
    short_message: 'STOP',
  });
});

// The last one: it ends the capture.
test.skipIf(await noCapture())('tshark finds no malformed PDU in all of this', async () => {
  const { pdus, faults } = await interop.capture!.stop();
  expect(faults).toEqual([]);
  expect(
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 0x15, 0x21, 0x103].filter(id => !pdus.has(id) || !pdus.has(id + 0x80000000)),
  ).toEqual([]);
});
