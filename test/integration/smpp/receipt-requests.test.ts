import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LongPeer } from '../../support/long-peer.ts';
import { startNode, type NodeProcess } from '../../support/node-process.ts';
import {
  answer,
  deliverPdu,
  receiptText,
  ScriptedCarrier,
  tlv,
  type Submitted,
} from '../../support/scripted-carrier.ts';
import { waitUntil } from '../../support/wait-until.ts';

/** Which receipts an application gets for what it asked for: registered_delivery, SMPP v3.4 §5.2.17. */

let carrier: ScriptedCarrier;
let node: NodeProcess;
let shop: LongPeer;
let count = 0;

beforeAll(async () => {
  carrier = await ScriptedCarrier.listen();
  const place = { name: 'phones', protocol: 'smpp', host: '127.0.0.1', port: carrier.port };
  node = await startNode({
    config: {
      retry: { base_seconds: 0.05, factor: 1, limit: 3 },
      accounts: [
        {
          system_id: 'shop',
          password: 'shop',
          receipt_errors: [
            { error: '001', as: 'E1' },
            { error: '069', as: '500' },
          ],
        },
        { system_id: 'app', password: 'app' },
      ],
      carriers: [{ ...place, system_id: 'r', password: 'r', receipt_errors: [{ error: '027', as: '001' }] }],
      routes: [
        { called_prefix: '44', dest_smsc: 'phones' },
        { called_prefix: '555', dest_smsc: 'app' },
      ],
    },
  });
  await waitUntil('a bind', () => carrier.open(9).length === 1);
  shop = await LongPeer.bind(node.ports['smpp']!, 'shop');
}, 60_000);

afterAll(async () => {
  shop?.[Symbol.dispose]();
  await node?.[Symbol.asyncDispose]();
  await carrier[Symbol.asyncDispose]();
});

async function submitted(): Promise<Submitted> {
  await waitUntil('a message at the carrier', () => carrier.submitted.length > 0);
  return carrier.submitted.shift()!;
}

/** What the carrier says of the message it gave this id. */
function tell(id: string, stat: string, err = '000', esmClass = 0x04, tlvs?: Buffer): void {
  carrier
    .open(9)[0]!
    .socket.write(deliverPdu(10_000 + count++, '447', 'ACME', receiptText(id, stat, err), esmClass, tlvs));
}

/** A message that asks for these receipts, and the `stat` of each that came until one of a second message did. */
async function receiptsOf(registered: number, said: readonly string[]): Promise<string[]> {
  await shop.submit('447', 'Hello', { registered });
  const message = await submitted();
  const id = `m${count}`;
  answer(message, 0, id);
  for (const stat of said) tell(id, stat, '000', stat === 'ENROUTE' ? 0x20 : 0x04);
  await shop.submit('447', 'The last', { registered: 1 });
  const last = await submitted();
  answer(last, 0, `${id}last`);
  tell(`${id}last`, 'EXPIRED');
  const got: string[] = [];
  do {
    for (const { text } of await shop.delivered(1)) got.push(/stat:(\w+)/.exec(text)![1]!);
  } while (got.at(-1) !== 'EXPIRED');
  return got.slice(0, -1);
}

describe('registered_delivery', () => {
  test.each([
    { name: 'none', registered: 0, delivered: [], failed: [], delayed: [] },
    { name: 'all', registered: 1, delivered: ['DELIVRD'], failed: ['UNDELIV'], delayed: ['DELIVRD'] },
    { name: 'of failure', registered: 2, delivered: [], failed: ['UNDELIV'], delayed: [] },
    { name: 'of success (v5.0 §4.7.21)', registered: 3, delivered: ['DELIVRD'], failed: [], delayed: ['DELIVRD'] },
    {
      name: 'all and intermediate',
      registered: 0x11,
      delivered: ['DELIVRD'],
      failed: ['UNDELIV'],
      delayed: ['ENROUTE', 'DELIVRD'],
    },
    { name: 'of failure and intermediate', registered: 0x12, delivered: [], failed: ['UNDELIV'], delayed: ['ENROUTE'] },
  ])('$registered: $name', async ({ registered, delivered, failed, delayed }) => {
    expect(await receiptsOf(registered, ['DELIVRD'])).toEqual(delivered);
    expect(await receiptsOf(registered, ['UNDELIV'])).toEqual(failed);
    expect(await receiptsOf(registered, ['ENROUTE', 'DELIVRD'])).toEqual(delayed);
  });

  test('bits of acknowledgements by the recipient pass to the carrier, and its acknowledgement to the sender', async () => {
    using app = await LongPeer.bind(node.ports['smpp']!, 'app');
    await shop.submit('447', 'Hello', { registered: 0x0c });
    const { pdu, ...message } = await submitted();
    // The byte after the two empty times that follow esm_class, protocol_id and priority_flag (v3.4 §4.4.1).
    const fields = pdu.subarray(pdu.indexOf(Buffer.from('447\0')) + 4);
    expect(fields[5]).toBe(0x0c);
    answer({ ...message, pdu }, 0, 'acknowledged');
    // esm_class 0x08 and 0x10: SME delivery acknowledgement, SME manual acknowledgement (v3.4 §5.2.12).
    for (const esmClass of [0x08, 0x10]) {
      carrier.open(9)[0]!.socket.write(deliverPdu(count++ + 5000, '447', '555', 'read it', esmClass));
      const [got] = await app.delivered(1);
      expect([got!.esmClass, got!.text]).toEqual([esmClass, 'read it']);
    }
  });
});

test('a message that is tried again is told of, when intermediate notifications are wanted', async () => {
  const id = await shop.submit('447', 'Hello', { registered: 0x11 });
  answer(await submitted(), 0x08);
  const [delayed] = await shop.delivered(1);
  expect(delayed!.text).toMatch(new RegExp(`^id:${id} .* stat:ENROUTE err:008`));
  answer(await submitted(), 0x08);
  answer(await submitted(), 0, 'third');
  tell('third', 'DELIVRD');
  const [done, ...more] = await shop.delivered(1);
  expect(done!.text).toMatch(new RegExp(`^id:${id} .* stat:DELIVRD err:000`));
  expect(more).toEqual([]);
});

test("the operator's own TLVs and error codes are passed on", async () => {
  await shop.submit('447', 'Hello');
  answer(await submitted(), 0, 'tagged');
  const own = Buffer.concat([tlv(0x1411, Buffer.from('23415')), tlv(0x3fff, Buffer.from([1, 2, 3]))]);
  tell(
    'tagged',
    'UNDELIV',
    '027',
    0x04,
    Buffer.concat([tlv(0x0427, Buffer.from([5])), own, tlv(0x4000, Buffer.from([9]))]),
  );
  const [receipt] = await shop.delivered(1);
  expect(receipt!.text).toContain('stat:UNDELIV err:0E1');
  expect(receipt!.pdu.subarray(-own.length).toString('hex')).toBe(own.toString('hex'));
  expect(receipt!.pdu.indexOf(tlv(0x4000, Buffer.from([9])))).toBe(-1);
});

test('vendor TLVs of a message pass, both ways', async () => {
  using app = await LongPeer.bind(node.ports['smpp']!, 'app');
  const own = tlv(0x1400, Buffer.from('campaign 7'));
  await shop.submit('447', 'Hello', { registered: 0, tlvs: own });
  const message = await submitted();
  expect(message.pdu.subarray(-own.length).toString('hex')).toBe(own.toString('hex'));
  answer(message, 0, 'x');
  carrier.open(9)[0]!.socket.write(deliverPdu(count++ + 5000, '447', '555', 'Hi', 0, own));
  const [got] = await app.delivered(1);
  expect(got!.pdu.subarray(-own.length).toString('hex')).toBe(own.toString('hex'));
});

test('errors are told in the words of the account, whoever made the receipt; other accounts hear them as they are', async () => {
  using app = await LongPeer.bind(node.ports['smpp']!, 'app');
  const said: string[] = [];
  for (const peer of [shop, app]) {
    // ESME_RSUBMITFAIL, with no other route: 069.
    await peer.submit('447', 'Refused');
    answer(await submitted(), 0x45);
    said.push(/err:(\S+)/.exec((await peer.delivered(1))[0]!.text)![1]!);
  }
  expect(said).toEqual(['500', '069']);
});
