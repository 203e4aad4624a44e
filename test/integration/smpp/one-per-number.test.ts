import { afterEach, expect, test } from 'vitest';
import { startNode } from '../../support/node-process.ts';
import { RawPeer, submitPdu } from '../../support/raw-peer.ts';
import { answer, ScriptedCarrier } from '../../support/scripted-carrier.ts';
import { waitUntil } from '../../support/wait-until.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

test('with one_per_number a number has one unanswered message at most, over all binds, and the parts of a long one leave by one', async () => {
  await using carrier = await ScriptedCarrier.listen();
  const place = { protocol: 'smpp', host: '127.0.0.1', port: carrier.port, system_id: 'r', password: 'r' };
  const node = await startNode({
    config: {
      workers: 2,
      accounts: [{ system_id: 'shop', password: 'shop' }],
      carriers: [{ name: 'sink', ...place, binds: 3, window: 50, one_per_number: true }],
      routes: [{ called_prefix: '44', dest_smsc: 'sink' }],
    },
  });
  cleanUps.push(() => node[Symbol.asyncDispose]());
  await waitUntil('the binds', () => carrier.open(9).length === 3);
  using shop = await RawPeer.bind(node.ports['smpp']!, 'shop');
  const long = 'x'.repeat(250);
  const numbers = ['447700900001', '447700900002'];
  let sequence = 2;
  const pdus = [1, 2, 3, 4, 5].flatMap(n => numbers.map(number => submitPdu(sequence++, number, `message ${n};`)));
  shop.send(Buffer.concat([...pdus, submitPdu(sequence++, numbers[0]!, long)]));
  await shop.pdus(11);

  const open = new Map<string, number>();
  const came = new Map<string, string[]>(numbers.map(number => [number, []]));
  const partsBy = new Set<unknown>();
  for (let done = 0; done < 12; done++) {
    await waitUntil(`message ${done + 1}`, () => carrier.submitted.length > done);
    for (const { pdu } of carrier.submitted.slice(open.size)) {
      const number = /4477009\d{5}/.exec(pdu.toString('latin1'))![0];
      came.get(number)!.push(/message \d;|x{20}/.exec(pdu.toString('latin1'))![0]);
      open.set(`${open.size}`, 1);
    }
    // Of those that came, all but what is answered: one a number at most.
    const unanswered = carrier.submitted.slice(done).map(({ pdu }) => /4477009\d{5}/.exec(pdu.toString('latin1'))![0]);
    expect(new Set(unanswered).size).toBe(unanswered.length);
    const next = carrier.submitted[done]!;
    if (next.pdu.includes('xxxx')) partsBy.add(next.session);
    answer(next, 0);
  }
  const five = [1, 2, 3, 4, 5].map(n => `message ${n};`);
  expect(came.get(numbers[1]!)).toEqual(five);
  expect(came.get(numbers[0]!)).toEqual([...five, 'x'.repeat(20), 'x'.repeat(20)]);
  expect(partsBy.size).toBe(1);
  await node.statusWhen('all left', ({ queues }) => queues.every(q => q.ready + q.inFlight === 0));
});
