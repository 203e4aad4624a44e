import { afterEach, describe, expect, test } from 'vitest';
import { LongPeer } from '../../support/long-peer.ts';
import { startNode, type NodeProcess, type NodeProcessOptions } from '../../support/node-process.ts';
import { answer, deliverPdu, receiptText, ScriptedCarrier, type Submitted } from '../../support/scripted-carrier.ts';
import { waitUntil } from '../../support/wait-until.ts';

/** Receipts of failure that are held back while another route is tried (`receipts.reroute`, features G14, E15). */

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

interface Scene {
  node: NodeProcess;
  readonly carriers: readonly ScriptedCarrier[];
  /** Starts the node anew with the same data, after it was killed. */
  readonly again: () => Promise<void>;
}

const NAMES = ['first', 'second', 'third'];

/** A node with these carriers, tried in this order. */
async function scene(receipts: object, ...settings: readonly object[]): Promise<Scene> {
  const carriers = await Promise.all(settings.map(() => ScriptedCarrier.listen()));
  const config = {
    workers: 2,
    receipts,
    accounts: [{ system_id: 'shop', password: 'shop' }],
    carriers: carriers.map(({ port }, i) => ({
      name: NAMES[i],
      protocol: 'smpp',
      host: '127.0.0.1',
      port,
      system_id: 'r',
      password: 'r',
      reconnect_seconds: 0.05,
      ...settings[i],
    })),
    routes: carriers.map((_, i) => ({ called_prefix: '44', dest_smsc: NAMES[i], priority: 10 * i })),
  };
  const start = async (more: Partial<NodeProcessOptions> = {}): Promise<NodeProcess> => {
    const node = await startNode({ config, ...more });
    cleanUps.push(() => node[Symbol.asyncDispose]());
    await waitUntil('the binds', () => carriers.every(carrier => carrier.open(9).length === 1));
    return node;
  };
  cleanUps.push(...carriers.map(carrier => () => carrier[Symbol.asyncDispose]()));
  const s: Scene = {
    node: await start(),
    carriers,
    again: async () => void (s.node = await start({ dataDir: s.node.dataDir })),
  };
  return s;
}

async function bind({ node }: Scene): Promise<LongPeer> {
  const shop = await LongPeer.bind(node.ports['smpp']!, 'shop');
  cleanUps.push(() => shop[Symbol.dispose]());
  return shop;
}

async function message(carrier: ScriptedCarrier, n = 1): Promise<Submitted> {
  await waitUntil(`message ${n}`, () => carrier.submitted.length >= n);
  return carrier.submitted[n - 1]!;
}

let count = 0;
/** What a carrier says of the message it gave this id; resolves when that is answered. */
async function tell(carrier: ScriptedCarrier, id: string, stat: string, err = '000'): Promise<void> {
  const [session] = carrier.open(9);
  const sequence = 10_000 + count++;
  session!.socket.write(deliverPdu(sequence, '447700900123', 'ACME', receiptText(id, stat, err), 0x04));
  const isAnswer = (pdu: Buffer): boolean => pdu.readUInt32BE(4) === 0x80000005 && pdu.readUInt32BE(12) === sequence;
  await waitUntil('its answer', () => session!.pdus.some(isAnswer));
}

/** `stat` and `err` of the next receipt that the customer gets. */
async function told(shop: LongPeer): Promise<string> {
  const [{ text } = { text: '' }] = await shop.delivered(1);
  const [, stat, err] = /stat:(\w+) err:(\d+)/.exec(text)!;
  return `${stat} ${err}`;
}

const TEXT = 'A text that is longer than what a receipt repeats of it';

describe('a receipt of failure is held back while another route is left', () => {
  test('and its sender hears the last word alone', async () => {
    const s = await scene({ reroute: [{}] }, {}, {}, {});
    const [first, second, third] = s.carriers;
    const shop = await bind(s);
    const id = await shop.submit('447700900123', TEXT);
    answer(await message(first!), 0, 'a1');
    await tell(first!, 'A1', 'UNDELIV', '027');
    const again = await message(second!);
    expect(again.pdu.includes(TEXT)).toBe(true);
    answer(again, 0, 'b1');
    // Repeated, because the carrier has not seen our answer: it changes nothing.
    await tell(second!, 'b1', 'EXPIRED');
    answer(await message(third!), 0, 'c1');
    await tell(third!, 'c1', 'DELIVRD');
    const [receipt] = await shop.delivered(1);
    expect(receipt!.text).toMatch(new RegExp(`^id:${id} .* stat:DELIVRD err:000`));
    expect(s.carriers.map(({ submitted }) => submitted.length)).toEqual([1, 1, 1]);
    const { receipts } = await s.node.status();
    expect(receipts).toMatchObject({ passedOn: 1 });
  });

  test('the failure of the last route is told, with its error', async () => {
    const s = await scene({ reroute: [{}], reroute_hops: 1 }, {}, {}, {});
    const shop = await bind(s);
    await shop.submit('447700900123', TEXT);
    answer(await message(s.carriers[0]!), 0, 'a1');
    await tell(s.carriers[0]!, 'a1', 'UNDELIV', '027');
    answer(await message(s.carriers[1]!), 0, 'b1');
    await tell(s.carriers[1]!, 'b1', 'REJECTD', '031');
    expect(await told(shop)).toBe('REJECTD 031');
    expect(s.carriers[2]!.submitted).toEqual([]);
  });

  test('a refusal there is the last word', async () => {
    const s = await scene({ reroute: [{}] }, {}, {});
    const shop = await bind(s);
    await shop.submit('447700900123', TEXT);
    answer(await message(s.carriers[0]!), 0, 'a1');
    await tell(s.carriers[0]!, 'a1', 'UNDELIV');
    answer(await message(s.carriers[1]!), 0x0b);
    expect(await told(shop)).toBe('UNDELIV 011');
  });

  test('only for the states and errors that the rules name; a carrier may have rules of its own', async () => {
    const rules = [{ state: 'expired' }, { state: 'undeliverable', errors: ['027', '031'] }];
    const s = await scene({ reroute: rules }, {}, { reroute_receipts: [] }, {});
    const [first, second, third] = s.carriers;
    const shop = await bind(s);
    const outcomes: string[] = [];
    for (const [id, stat, err] of [
      ['a1', 'REJECTD', '027'],
      ['a2', 'UNDELIV', '001'],
    ]) {
      await shop.submit('447700900123', TEXT);
      answer(await message(first!), 0, id);
      await tell(first!, id!, stat!, err);
      outcomes.push(await told(shop));
      first!.submitted.length = 0;
    }
    expect(outcomes).toEqual(['REJECTD 027', 'UNDELIV 001']);
    await shop.submit('447700900123', TEXT);
    answer(await message(first!), 0, 'a3');
    await tell(first!, 'a3', 'UNDELIV', '031');
    answer(await message(second!), 0, 'b3');
    await tell(second!, 'b3', 'UNDELIV', '031');
    expect(await told(shop)).toBe('UNDELIV 031');
    expect(third!.submitted).toEqual([]);
  });

  test('who wants intermediate notifications hears of it', async () => {
    const s = await scene({ reroute: [{}] }, {}, {});
    const shop = await bind(s);
    await shop.submit('447700900123', TEXT, { registered: 0x11 });
    answer(await message(s.carriers[0]!), 0, 'a1');
    await tell(s.carriers[0]!, 'a1', 'UNDELIV', '027');
    expect(await told(shop)).toBe('ENROUTE 027');
    answer(await message(s.carriers[1]!), 0, 'b1');
    await tell(s.carriers[1]!, 'b1', 'DELIVRD');
    expect(await told(shop)).toBe('DELIVRD 000');
  });

  test('of a long message its part goes elsewhere, and there is one receipt for all', async () => {
    const s = await scene({ reroute: [{}] }, {}, {});
    const [first, second] = s.carriers;
    const shop = await bind(s);
    const id = await shop.submit('447700900123', 'x'.repeat(300));
    for (const n of [1, 2]) answer(await message(first!, n), 0, `a${n}`);
    await tell(first!, 'a2', 'UNDELIV');
    answer(await message(second!), 0, 'b2');
    await tell(first!, 'a1', 'DELIVRD');
    await tell(second!, 'b2', 'DELIVRD');
    const [receipt] = await shop.delivered(1);
    expect(receipt!.text).toMatch(new RegExp(`^id:${id} sub:002 dlvrd:002 .* stat:DELIVRD`));
  });
});

test('killed at each step: the message goes elsewhere once, and its receipt comes once', async () => {
  const s = await scene({ reroute: [{}] }, {}, {});
  const [first, second] = s.carriers;
  const kill = async (): Promise<void> => {
    await s.node.kill();
    await waitUntil('the sessions have ended', () => s.carriers.every(carrier => carrier.open(9).length === 0));
    await s.again();
  };
  const shop = await bind(s);
  const id = await shop.submit('447700900123', TEXT);
  const plain = await shop.submit('447700900123', 'plain');
  answer(await message(first!, 1), 0, 'a1');
  answer(await message(first!, 2), 0, 'a2');
  await s.node.statusWhen('both are sent', ({ queues }) => queues.every(q => q.ready + q.inFlight === 0));
  await kill();
  await tell(first!, 'a1', 'UNDELIV');
  const again = await message(second!);
  expect(again.pdu.includes(TEXT)).toBe(true);
  answer(again, 0, 'b1');
  await s.node.statusWhen('it is sent', ({ queues }) => queues.every(q => q.ready + q.inFlight === 0));
  await kill();
  // What the first carrier says of it now, or again, is about nothing any more.
  first!.open(9)[0]!.socket.write(deliverPdu(77, '447700900123', 'ACME', receiptText('a1', 'UNDELIV'), 4));
  await tell(second!, 'b1', 'DELIVRD');
  await tell(first!, 'a2', 'DELIVRD');
  const later = await bind(s);
  const receipts = (await later.delivered(2)).map(({ text }) =>
    /id:(\d+) .* stat:(\w+)/.exec(text)!.slice(1).join(' '),
  );
  expect(receipts.toSorted()).toEqual([`${id} DELIVRD`, `${plain} DELIVRD`].toSorted());
  expect([first!.submitted.length, second!.submitted.length]).toEqual([2, 1]);
}, 60_000);
