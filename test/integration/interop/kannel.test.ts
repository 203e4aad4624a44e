import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { noCapture } from '../../support/capture.ts';
import { startInteropNode, type InteropNode } from '../../support/interop-node.ts';
import { Kannel, type Callback } from '../../support/kannel.ts';
import { waitUntil } from '../../support/wait-until.ts';

/** Kannel's bearerbox and smsbox, bound to a whole node as an application; the carrier is the npm package `smpp`. */
let interop: InteropNode;
let kannel: Kannel;
beforeAll(async () => {
  interop = await startInteropNode();
  kannel = await Kannel.start(interop.port, 'app');
});
afterAll(async () => {
  await kannel?.[Symbol.asyncDispose]();
  await interop?.[Symbol.asyncDispose]();
});
beforeEach(() => {
  interop.carrier.requests.length = 0;
  kannel.messages.length = 0;
});

const TO_PHONE = { from: 'ACME', to: '447700900123' };
const FROM_PHONE = { source_addr: '447700900123', source_addr_ton: 1, source_addr_npi: 1, destination_addr: '5551' };

/** Sends by sendsms; `parts` messages are then at the carrier. */
async function send(parameters: Readonly<Record<string, string | Buffer>>, parts = 1) {
  const { carrier } = interop;
  const { status } = await kannel.sendsms({ ...TO_PHONE, ...parameters });
  expect(status).toBe(202);
  await waitUntil('the message is at the carrier', () => carrier.submits.length === parts);
  return carrier.submits;
}

/** Waits for the reports on a message: their kinds are what Kannel calls them (8: accepted, 1: delivered, 2: failed). */
async function reports(mark: string, kinds: readonly string[]): Promise<Callback[]> {
  const of = (): Callback[] => kannel.receipts.filter(receipt => receipt['mark'] === mark);
  await waitUntil(`the reports ${kinds.join(', ')}`, () => of().length >= kinds.length);
  expect(of().map(({ kind }) => kind)).toEqual(kinds);
  return of();
}

test('it is bound, by its own word and by ours', async () => {
  expect(await kannel.status()).toMatch(/\(online/);
  const { sessions } = await interop.node.status();
  expect(sessions).toContainEqual(expect.objectContaining({ name: 'app', side: 'account', state: 'BOUND_TRX' }));
});

describe('a message', () => {
  test('short, with its receipt', async () => {
    const text = 'Hello from Kannel {[~]} £';
    const [submit] = await send({
      text,
      charset: 'UTF-8',
      coding: '0',
      'dlr-mask': '31',
      'dlr-url': kannel.dlrUrl('short'),
    });
    expect(submit).toMatchObject({
      source_addr: 'ACME',
      source_addr_ton: 5,
      destination_addr: '447700900123',
      data_coding: 0,
      short_message: { message: text },
    });
    const [, delivered] = await reports('short', ['8', '1']);
    expect(delivered!['text']).toMatch(/^id:\d+ sub:001 dlvrd:001 .* stat:DELIVRD err:000/);
  });

  test('that is not delivered: Kannel is told so', async () => {
    const { carrier } = interop;
    carrier.receipts = false;
    const [submit] = await send({ text: 'lost', 'dlr-mask': '31', 'dlr-url': kannel.dlrUrl('lost') });
    carrier.receipts = true;
    await carrier.receipt(submit!, `c${submit!.sequence_number}`, 'UNDELIV');
    await reports('lost', ['8', '2']);
  });

  test('that no route fits: Kannel is told that it was refused', async () => {
    const to = '9991';
    await kannel.sendsms({ ...TO_PHONE, to, text: 'x', 'dlr-mask': '31', 'dlr-url': kannel.dlrUrl('refused') });
    const [refused] = await reports('refused', ['16']);
    expect(refused!['text']).toContain('NACK/0x0000000b');
  });

  test('in UCS-2', async () => {
    const text = 'Привет 😀 שלום';
    const [submit] = await send({ text, charset: 'UTF-8', coding: '2' });
    expect(submit).toMatchObject({ data_coding: 8, short_message: { message: text } });
  });

  test('of 400 characters, which Kannel splits', async () => {
    const text = Array.from({ length: 40 }, (_, i) => `${i}`.padStart(9, '.')).join(' ');
    const parts = await send({ text, 'dlr-mask': '31', 'dlr-url': kannel.dlrUrl('long') }, 3);
    expect(parts.map(({ short_message }) => short_message.message).join('')).toBe(text);
    // 0x03, store and forward, is what Kannel sets in every submit_sm.
    expect(parts.map(({ esm_class }) => esm_class)).toEqual([0x43, 0x43, 0x43]);
    // A header each: three parts of one message, in order.
    const headers = parts.map(({ short_message }) => Buffer.concat(short_message.udh!));
    expect(headers.map(header => [header[0], header[1], header[3], header[4]])).toEqual(
      [1, 2, 3].map(part => [0, 3, 3, part]),
    );
    await waitUntil('a report of the whole', () =>
      kannel.receipts.some(({ mark, kind }) => mark === 'long' && kind === '1'),
    );
  });

  test('of 8-bit data with a user data header', async () => {
    const [submit] = await send({ coding: '1', udh: Buffer.from('0605040b8423f0', 'hex'), text: 'push' });
    expect(submit).toMatchObject({ esm_class: 0x43, data_coding: 4 });
    expect(Buffer.concat(submit!.short_message.udh!)).toEqual(Buffer.from('05040b8423f0', 'hex'));
    expect(submit!.short_message.message).toEqual(Buffer.from('push'));
  });
});

describe('a message from a phone', () => {
  test('short', async () => {
    const { command_status } = await interop.carrier.request('deliver_sm', { ...FROM_PHONE, short_message: 'STOP' });
    expect(command_status).toBe(0);
    await waitUntil('the message', () => kannel.messages.length === 1);
    expect(kannel.messages[0]).toEqual({ from: '+447700900123', to: '5551', text: 'STOP', coding: '0' });
  });

  test('in parts, the last one first: Kannel has it whole', async () => {
    const texts = ['The first of three parts, ', 'the second, ', 'and the last.'];
    for (const part of [3, 1, 2]) {
      const short_message = Buffer.from(`\x05\x00\x03\x2a\x03${String.fromCharCode(part)}${texts[part - 1]}`, 'latin1');
      await interop.carrier.request('deliver_sm', { ...FROM_PHONE, esm_class: 0x40, short_message });
    }
    await waitUntil('the message', () => kannel.messages.length === 1);
    expect(kannel.messages[0]).toMatchObject({ text: texts.join('') });
  });
});

test('as a transmitter and a receiver of version 3.3: a message, its receipt, a message from a phone', async () => {
  await using older = await Kannel.start(interop.port, 'shop', { separate: true });
  await waitUntil('both binds', async () => {
    const { sessions } = await interop.node.status();
    const states = sessions.flatMap(({ name, state }) => (name === 'shop' ? [state] : []));
    return states.includes('BOUND_TX') && states.includes('BOUND_RX');
  });
  const dlr = { 'dlr-mask': '31', 'dlr-url': older.dlrUrl('older') };
  expect(await older.sendsms({ ...TO_PHONE, text: 'by another way', ...dlr })).toMatchObject({ status: 202 });
  await waitUntil('the receipt', () => older.receipts.length === 2);
  expect(older.receipts.map(({ kind }) => kind)).toEqual(['8', '1']);
  const to = { ...FROM_PHONE, destination_addr: '5561' };
  await interop.carrier.request('deliver_sm', { ...to, short_message: 'START' });
  await waitUntil('the message', () => older.messages.length === 1);
  expect(older.messages[0]).toMatchObject({ to: '5561', text: 'START' });
});

test('it stays while it is quiet: each asks whether the other is there', async () => {
  const lost = interop.node.logs('account unbound').length;
  await waitUntil('an enquire_link of Kannel, every 2 s', () => kannel.log('bearerbox').includes('enquire_link_resp'));
  expect(interop.node.logs('account unbound')).toHaveLength(lost);
});

test('unbind', async () => {
  await kannel.stop();
  await interop.node.statusWhen('Kannel is gone', ({ sessions }) => sessions.every(({ name }) => name !== 'app'));
  expect(interop.node.logs('account unbound').at(-1)).toMatchObject({ reason: 'unbound by the peer' });
});

// The last one: it ends the capture.
test.skipIf(await noCapture())('tshark finds no malformed PDU in all of this', async () => {
  const { pdus, faults } = await interop.capture!.stop();
  expect(faults).toEqual([]);
  expect([1, 2, 4, 5, 6, 9, 0x15].filter(id => !pdus.has(id) || !pdus.has(id + 0x80000000))).toEqual([]);
});
