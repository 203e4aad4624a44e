import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startNode, type NodeProcess } from '../../support/node-process.ts';
import { LongPeer, type Delivered } from '../../support/long-peer.ts';
import {
  answer,
  deliverPdu,
  receiptText,
  ScriptedCarrier,
  tlv,
  type Submitted,
} from '../../support/scripted-carrier.ts';
import { waitUntil } from '../../support/wait-until.ts';

/**
 * Long messages on their way through a node: cut as each carrier wants it, put together from parts that came by several
 * binds in any order, and one receipt for what was sent as one.
 */

const TEXT = Array.from({ length: 90 }, (_, i) => `word${String(i).padStart(3, '0')} `).join('');
const carriers: Record<string, ScriptedCarrier> = {};
let node: NodeProcess;
let shop: LongPeer;

beforeAll(async () => {
  const settings = [];
  for (const split of ['udh-8', 'udh-16', 'sar', 'payload']) {
    const carrier = (carriers[split] = await ScriptedCarrier.listen());
    const place = { name: split, protocol: 'smpp', host: '127.0.0.1', port: carrier.port };
    settings.push({
      ...place,
      system_id: 'r',
      password: 'r',
      binds: 2,
      long_messages: split,
      assemble: split === 'sar',
    });
  }
  node = await startNode({
    config: {
      workers: 2,
      messages: { assembly_timeout_seconds: 2 },
      accounts: [
        { system_id: 'shop', password: 'shop' },
        { system_id: 'bank', password: 'bank', assemble: true },
        { system_id: 'app', password: 'app' },
        { system_id: 'old', password: 'old', long_messages: 'udh-8' },
      ],
      carriers: settings,
      routes: [
        ...settings.map(({ name }, i) => ({ called_prefix: `44${i}`, dest_smsc: name })),
        { called_prefix: '555', dest_smsc: 'app' },
        { called_prefix: '666', dest_smsc: 'old' },
      ],
    },
  });
  for (const [name, carrier] of Object.entries(carriers)) {
    await waitUntil(`the binds of ${name}`, () => carrier.open(9).length === 2);
  }
  shop = await LongPeer.bind(node.ports['smpp']!, 'shop');
}, 60_000);

afterAll(async () => {
  shop?.[Symbol.dispose]();
  await node?.[Symbol.asyncDispose]();
  for (const carrier of Object.values(carriers)) await carrier[Symbol.asyncDispose]();
});

/** Waits for so many messages at a carrier and forgets them. */
async function submitted(name: string, count: number): Promise<Submitted[]> {
  const carrier = carriers[name]!;
  await waitUntil(
    `${count} messages at ${name}, got ${carrier.submitted.length}`,
    () => carrier.submitted.length >= count,
  );
  return carrier.submitted.splice(0);
}

/** Where a submit_sm's esm_class is, behind three strings (SMPP v3.4 §4.4.1). */
function fieldsOf(pdu: Buffer) {
  let at = 16;
  const skip = (): number => (at = pdu.indexOf(0, at) + 1);
  skip();
  at += 2;
  skip();
  at += 2;
  skip();
  const esmClass = pdu[at]!;
  at += 3;
  skip();
  skip();
  const [registered, , dataCoding, , length] = pdu.subarray(at, at + 5);
  at += 5;
  const text = pdu.subarray(at, at + length!);
  return { esmClass, registered: registered!, dataCoding: dataCoding!, text, tlvs: pdu.subarray(at + length!) };
}

/** Answers in another order than they came, then tells receipts in a third. */
function conclude(name: string, messages: readonly Submitted[], prefix: string, states: readonly string[]): void {
  const order = messages.map((_, i) => i).toReversed();
  for (const i of order) answer(messages[i]!, 0, `${prefix}${i}`);
  const [first, ...rest] = order.toReversed();
  [...rest, first!].forEach(i => {
    const state = states[i] ?? 'DELIVRD';
    const receipt = receiptText(`${prefix}${i}`, state, state === 'DELIVRD' ? '000' : '021');
    carriers[name]!.open(9)[i % 2]!.socket.write(deliverPdu(900 + i, '44', 'ACME', receipt, 0x04));
  });
}

/** The receipts among what was delivered, by what matters of them. */
const told = (delivered: readonly Delivered[]): string[] =>
  delivered.map(({ text }) => /id:\d+ sub:\d+ dlvrd:\d+|stat:\w+ err:\d+/g[Symbol.match](text)!.join(' '));

describe('a long message of an application that sends it whole', () => {
  test('goes in parts with references of 8 bits, and has one receipt', async () => {
    const id = await shop.submit('440123', TEXT);
    const parts = await submitted('udh-8', 5);
    const fields = parts.map(({ pdu }) => fieldsOf(pdu)).sort((a, b) => a.text[5]! - b.text[5]!);
    const reference = fields[0]!.text[3]!;
    expect(fields.map(({ text }) => text.subarray(0, 6).toString('hex'))).toEqual(
      [1, 2, 3, 4, 5].map(i => Buffer.from([5, 0, 3, reference, 5, i]).toString('hex')),
    );
    expect(fields.map(({ text }) => text.toString('latin1', 6)).join('')).toBe(TEXT);
    expect(fields.map(({ text }) => text.length - 6)).toEqual([153, 153, 153, 153, 720 - 4 * 153]);
    for (const { esmClass, registered } of fields) expect([esmClass & 0x40, registered]).toEqual([0x40, 1]);
    conclude('udh-8', parts, 'whole', []);
    expect(told(await shop.delivered(1))).toEqual([`id:${id} sub:005 dlvrd:005 stat:DELIVRD err:000`]);
  });

  test('goes with references of 16 bits', async () => {
    await shop.submit('441123', TEXT);
    const parts = await submitted('udh-16', 5);
    const texts = parts.map(({ pdu }) => fieldsOf(pdu).text).sort((a, b) => a[6]! - b[6]!);
    expect(texts.map(text => text.subarray(0, 3).toString('hex'))).toEqual(Array(5).fill('060804'));
    expect(texts.map(text => [...text.subarray(5, 7)])).toEqual([1, 2, 3, 4, 5].map(i => [5, i]));
    expect(texts.map(text => text.toString('latin1', 7)).join('')).toBe(TEXT);
    conclude('udh-16', parts, 'wide', []);
    await shop.delivered(1);
  });

  test('goes in segments with SAR TLVs', async () => {
    await shop.submit('442123', TEXT);
    const parts = await submitted('sar', 5);
    const fields = parts.map(({ pdu }) => fieldsOf(pdu)).sort((a, b) => a.tlvs[15]! - b.tlvs[15]!);
    const reference = fields[0]!.tlvs.toString('hex', 4, 6);
    expect(fields.map(({ tlvs }) => tlvs.toString('hex'))).toEqual(
      [1, 2, 3, 4, 5].map(i => `020c0002${reference}020e000105020f00010${i}`),
    );
    expect(fields.map(({ esmClass }) => esmClass & 0x40)).toEqual(Array(5).fill(0));
    expect(fields.map(({ text }) => text.toString('latin1')).join('')).toBe(TEXT);
    conclude('sar', parts, 'sar', []);
    await shop.delivered(1);
  });

  test('goes whole in message_payload', async () => {
    await shop.submit('443123', TEXT);
    const [message] = await submitted('payload', 1);
    const { text, tlvs } = fieldsOf(message!.pdu);
    expect(text.length).toBe(0);
    expect(tlvs).toEqual(tlv(0x0424, Buffer.from(TEXT, 'latin1')));
    conclude('payload', [message!], 'pay', []);
    expect(told(await shop.delivered(1))[0]).toMatch(/sub:001 dlvrd:001 stat:DELIVRD/);
  });

  test('has failed when a part has, and its receipt says how many were delivered', async () => {
    const id = await shop.submit('440123', TEXT);
    const parts = await submitted('udh-8', 5);
    conclude('udh-8', parts, 'half', ['DELIVRD', 'DELIVRD', 'UNDELIV', 'DELIVRD', 'DELIVRD']);
    expect(told(await shop.delivered(1))).toEqual([`id:${id} sub:005 dlvrd:004 stat:UNDELIV err:021`]);
  });

  test('has one receipt when the carrier refuses a part for good', async () => {
    const id = await shop.submit('440123', TEXT);
    const parts = await submitted('udh-8', 5);
    answer(parts[0]!, 0x0b);
    const rest = parts.slice(1);
    rest.forEach((part, i) => answer(part, 0, `refused${i}`));
    const session = carriers['udh-8']!.open(9)[0]!;
    rest.forEach((_, i) => session.socket.write(deliverPdu(700 + i, '44', 'ACME', receiptText(`refused${i}`), 0x04)));
    expect(told(await shop.delivered(1))).toEqual([`id:${id} sub:005 dlvrd:004 stat:UNDELIV err:011`]);
  });

  test('asks for no receipts when none is wanted', async () => {
    await shop.submit('440123', TEXT, { registered: 0 });
    const parts = await submitted('udh-8', 5);
    expect(parts.map(({ pdu }) => fieldsOf(pdu).registered)).toEqual([0, 0, 0, 0, 0]);
    parts.forEach((part, i) => answer(part, 0, `quiet${i}`));
    await node.statusWhen('nothing is left', ({ queues }) => queues.every(q => q.ready + q.parked + q.inFlight === 0));
  });

  test('is heard of by intermediate notifications, when it asks for them', async () => {
    const id = await shop.submit('440123', TEXT, { registered: 0x11 });
    const parts = await submitted('udh-8', 5);
    parts.forEach((part, i) => answer(part, 0, `mid${i}`));
    const session = carriers['udh-8']!.open(9)[0]!;
    session.socket.write(deliverPdu(600, '44', 'ACME', receiptText('mid2', 'ENROUTE'), 0x20));
    const [first] = await shop.delivered(1);
    expect(first!.text).toContain(`id:${id} `);
    expect(first!.text).toContain('stat:ENROUTE');
    parts.forEach((_, i) => session.socket.write(deliverPdu(601 + i, '44', 'ACME', receiptText(`mid${i}`), 0x04)));
    expect(told(await shop.delivered(1))).toEqual([`id:${id} sub:005 dlvrd:005 stat:DELIVRD err:000`]);
  });

  test('arrives at an application whole, or in parts as that wants it', async () => {
    using app = await LongPeer.bind(node.ports['smpp']!, 'app');
    using old = await LongPeer.bind(node.ports['smpp']!, 'old');
    const whole = await shop.submit('555123', TEXT);
    const [one] = await app.delivered(1);
    expect(one!.text).toBe(TEXT);
    expect(told(await shop.delivered(1))[0]).toContain(`id:${whole} sub:001 dlvrd:001 stat:DELIVRD`);
    const cut = await shop.submit('666123', TEXT);
    const parts = (await old.delivered(5)).sort((a, b) => a.octets[5]! - b.octets[5]!);
    expect(parts.map(({ octets }) => octets.toString('latin1', 6)).join('')).toBe(TEXT);
    expect(told(await shop.delivered(1))).toEqual([`id:${cut} sub:005 dlvrd:005 stat:DELIVRD err:000`]);
  });
});

/** Parts as an application makes them: 3GPP TS 23.040 §9.2.3.24.1. */
function udhParts(reference: number, total = 5): Buffer[] {
  const size = Math.ceil(TEXT.length / total);
  return Array.from({ length: total }, (_, i) => {
    const header = Buffer.from([5, 0, 3, reference, total, i + 1]);
    return Buffer.concat([header, Buffer.from(TEXT.slice(i * size, (i + 1) * size), 'latin1')]);
  });
}

/** A header that says: part `i` of 2. */
const twoMark = (reference: number, i: number): Buffer => Buffer.from([5, 0, 3, reference, 2, i]);
/** SMPP v3.4 §5.3.2.22 to §5.3.2.24: part `i` of 3. */
const sarMark = (i: number): Buffer =>
  Buffer.concat([tlv(0x020c, Buffer.from([0, 9])), tlv(0x020e, Buffer.from([3])), tlv(0x020f, Buffer.from([i]))]);

describe('parts of an account whose parts are put together', () => {
  test('over three binds, the last part first: the message arrives whole, once, and each part has its receipt', async () => {
    const binds = await Promise.all([1, 2, 3].map(() => LongPeer.bind(node.ports['smpp']!, 'bank')));
    const parts = udhParts(7);
    const ids: string[] = [];
    for (const [turn, i] of [4, 1, 3, 0, 2].entries()) {
      ids[i] = await binds[turn % 3]!.submit('443777', parts[i]!, { esmClass: 0x40 });
    }
    const [message, ...more] = await submitted('payload', 1);
    expect(more).toEqual([]);
    const { text, tlvs, esmClass } = fieldsOf(message!.pdu);
    expect([text.length, esmClass]).toEqual([0, 0]);
    expect(tlvs).toEqual(tlv(0x0424, Buffer.from(TEXT, 'latin1')));
    conclude('payload', [message!], 'bank', []);
    await waitUntil('5 receipts', () => binds.reduce((sum, bind) => sum + bind.waiting, 0) === 5);
    const receipts = told((await Promise.all(binds.map(bind => bind.delivered(bind.waiting)))).flat());
    expect(receipts.sort()).toEqual(ids.map(id => `id:${id} sub:001 dlvrd:001 stat:DELIVRD err:000`).sort());
    expect(carriers['payload']!.submitted).toEqual([]);
    for (const bind of binds) bind[Symbol.dispose]();
  });

  test('cut again as the carrier wants it, the receipts of the parts in any order', async () => {
    using bank = await LongPeer.bind(node.ports['smpp']!, 'bank');
    const parts = udhParts(8, 6);
    const ids = await Promise.all(parts.toReversed().map(part => bank.submit('441777', part, { esmClass: 0x40 })));
    const sent = await submitted('udh-16', 5);
    const texts = sent.map(({ pdu }) => fieldsOf(pdu).text).sort((a, b) => a[6]! - b[6]!);
    expect(texts.map(text => text.toString('latin1', 7)).join('')).toBe(TEXT);
    conclude('udh-16', sent, 'again', ['DELIVRD', 'EXPIRED']);
    const receipts = told(await bank.delivered(6));
    expect(receipts.map(receipt => `${/id:(\d+)/.exec(receipt)![1]}`).sort()).toEqual(ids.sort());
    for (const receipt of receipts) expect(receipt).toContain('stat:EXPIRED err:021');
  });

  test('marked by SAR TLVs, one of them twice', async () => {
    using bank = await LongPeer.bind(node.ports['smpp']!, 'bank');
    const texts = ['one ', 'two ', 'three'];
    for (const i of [3, 1, 3, 2])
      await bank.submit('443777', Buffer.from(texts[i - 1]!), { tlvs: sarMark(i), registered: 0 });
    const [message, ...more] = await submitted('payload', 1);
    expect(more).toEqual([]);
    const { text, tlvs } = fieldsOf(message!.pdu);
    expect([text.toString('latin1'), tlvs.length]).toEqual(['one two three', 0]);
    answer(message!, 0, 'sarred');
  });

  test('in several codings: the message is in one that has all of it', async () => {
    using bank = await LongPeer.bind(node.ports['smpp']!, 'bank');
    // 3GPP TS 23.038: é is 0x05 in the default alphabet; UCS-2 is 16 bits, the high octet first.
    const first = Buffer.concat([twoMark(77, 1), Buffer.from([0x43, 0x61, 0x66, 0x05, 0x20])]);
    const second = Buffer.concat([twoMark(77, 2), Buffer.from([0x04, 0x14, 0x04, 0x30])]);
    await bank.submit('443777', second, { esmClass: 0x40, dataCoding: 8, registered: 0 });
    await bank.submit('443777', first, { esmClass: 0x40, registered: 0 });
    const [message] = await submitted('payload', 1);
    const { text, dataCoding } = fieldsOf(message!.pdu);
    expect([dataCoding, text.toString('hex')]).toEqual([8, '00430061006600e9002004140430']);
    answer(message!, 0, 'mixed');
  });

  test('that stay incomplete go on as they came', async () => {
    using bank = await LongPeer.bind(node.ports['smpp']!, 'bank');
    const parts = udhParts(9);
    await bank.submit('443777', parts[4]!, { esmClass: 0x40, registered: 0 });
    await bank.submit('443777', parts[0]!, { esmClass: 0x40, registered: 0 });
    const sent = await submitted('payload', 2);
    expect(sent.map(({ pdu }) => fieldsOf(pdu).text).sort((a, b) => a[5]! - b[5]!)).toEqual([parts[0], parts[4]]);
    for (const [i, message] of sent.entries()) answer(message, 0, `alone${i}`);
  });

  test('of two messages under one number are not mixed', async () => {
    using bank = await LongPeer.bind(node.ports['smpp']!, 'bank');
    const part = (i: number, text: string) => Buffer.concat([twoMark(78, i), Buffer.from(text)]);
    const options = { esmClass: 0x40, registered: 0 };
    await bank.submit('443777', part(1, 'old '), options);
    await bank.submit('443777', part(1, 'new '), options);
    await bank.submit('443777', part(2, 'text'), options);
    const sent = await submitted('payload', 2);
    expect(sent.map(({ pdu }) => fieldsOf(pdu).text.toString('latin1')).sort()).toEqual([
      '\x05\0\x03N\x02\x01old ',
      'new text',
    ]);
    for (const [i, message] of sent.entries()) answer(message, 0, `number${i}`);
  });

  test('from a carrier: the message arrives whole', async () => {
    using app = await LongPeer.bind(node.ports['smpp']!, 'app');
    const parts = udhParts(10);
    const [one, two] = carriers['sar']!.open(9);
    for (const i of [4, 2, 0, 1, 3]) {
      const { socket } = (i % 2 === 0 ? one : two)!;
      socket.write(deliverPdu(500 + i, '447700900123', '555', parts[i]!.toString('latin1'), 0x40));
    }
    const [message, ...more] = await app.delivered(1);
    expect(more).toEqual([]);
    expect(message!.text).toBe(TEXT);
  });

  test('pass as they came where nobody puts them together', async () => {
    const parts = udhParts(11);
    for (const part of parts) await shop.submit('440123', part, { esmClass: 0x40, registered: 0 });
    const sent = await submitted('udh-8', 5);
    expect(sent.map(({ pdu }) => fieldsOf(pdu).text).sort((a, b) => a[5]! - b[5]!)).toEqual(parts);
    sent.forEach((message, i) => answer(message, 0, `pass${i}`));
  });
});
