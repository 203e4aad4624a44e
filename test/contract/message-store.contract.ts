import { afterEach, describe, expect, test } from 'vitest';
import { batchNumberOf, messageId, STRIPE_LIMIT } from '../../actors/message/id.ts';
import { Fate, What } from '../../actors/message/ledger.ts';
import { readBatch } from '../../actors/message/batch.ts';
import { Kind, R } from '../../actors/message/record.ts';
import { batchOf } from '../support/archive-items.ts';
import { waitUntil } from '../support/wait-until.ts';
import {
  appendAs,
  Bench,
  claimed,
  frame,
  heldAs,
  heldBack,
  messagesIn,
  parkedUntil,
  receiptFor,
  RELEASED,
  reroutedTo,
  sent,
  SENT,
  sentAs,
  textsOf,
  type Engine,
  type EngineOptions,
  type Sent,
} from './engine.ts';

const lastOctet = ({ record }: { readonly record: Uint8Array }): string => Buffer.from(record.subarray(-1)).toString();

/** The record of one message, as `amend` takes it. */
function recordOf(message: Sent): Uint8Array {
  const { buffer, offsets } = readBatch(batchOf(16, 1, [message]), false);
  const at = offsets[0]!;
  return Uint8Array.from(buffer.subarray(at, at + buffer.readUInt32LE(at)));
}

/** What every engine of the `MessageStore` port promises. @param makeEngine a place for a new, empty store */
export function messageStoreContract(name: string, makeEngine: () => Engine): void {
  describe(`MessageStore: ${name}`, () => {
    let bench: Bench;
    const open = async (options?: Partial<EngineOptions>): Promise<Bench> =>
      (bench = await Bench.open(makeEngine(), options));
    afterEach(() => bench.remove());

    describe('allocate', () => {
      test('gives blocks that do not overlap, in steps of the stripes', async () => {
        const { store } = await open();
        const [a, b] = await Promise.all([store.allocate(10), store.allocate(3)]);
        expect(b).toBe(a + 10 * STRIPE_LIMIT);
        expect(await store.allocate(1)).toBe(b + 3 * STRIPE_LIMIT);
      });

      test('never repeats a number: not after a reopen, not when the clock goes back', async () => {
        const { clock } = await open();
        let highest = 0;
        for (let round = 0; round < 5; round++) {
          const first = await bench.store.allocate(1000);
          expect(first).toBeGreaterThan(highest);
          highest = first + 999 * STRIPE_LIMIT;
          clock.wall -= 86_400_000;
          await bench.reopen();
        }
      });

      test('starts above the clock, so a restored store repeats nothing either', async () => {
        const { clock } = await open();
        const first = await bench.store.allocate(1);
        await bench.remove();
        clock.advance(1000);
        await open({ clock });
        expect(await bench.store.allocate(1)).toBeGreaterThan(first);
      });
    });

    describe('append and claim', () => {
      test('what is committed is claimed once, byte by byte, in the order it came', async () => {
        const { store } = await open();
        await bench.append([sent('one'), sent('two')]);
        await bench.append([sent('three')]);
        expect(bench.rang).toContain('sink');
        expect(textsOf(await claimed(store, 'sink'))).toEqual(['one', 'two', 'three']);
        expect(await claimed(store, 'sink')).toEqual([]);
        expect(await claimed(store, 'elsewhere')).toEqual([]);
      });

      test('a claim takes no more than asked for, and the rest of a batch is there for the next', async () => {
        const { store } = await open();
        await bench.append([sent('a'), sent('b'), sent('c'), sent('d'), sent('e')]);
        expect(textsOf(await claimed(store, 'sink', 2))).toEqual(['a', 'b']);
        expect(textsOf(await claimed(store, 'sink', 2))).toEqual(['c', 'd']);
        expect(textsOf(await claimed(store, 'sink', 2))).toEqual(['e']);
      });

      test('on from a batch: whole batches, the oldest first, and what is given back is not met again', async () => {
        const { store } = await open();
        const first = await bench.append([sent('a'), sent('b', { account: 'other' }), sent('c', { lane: 3 })]);
        const second = await bench.append([sent('d'), sent('elsewhere', { destination: 'spare' })]);
        await bench.append([sent('e', { lane: 1 }), sent('f')]);
        const walked: string[] = [];
        const numbers: number[] = [];
        for (let after = 0; ;) {
          const claims = await store.claim('sink', 2, after);
          if (claims.length === 0) break;
          const got = messagesIn(claims);
          walked.push(textsOf(got).join(''));
          after = batchNumberOf(got.at(-1)!.id);
          numbers.push(after);
          const entries = got.map(({ id, text }) => [id, text === 'd' ? reroutedTo('spare') : RELEASED] as const);
          await store.settle([frame('sink', entries)]);
        }
        expect(walked).toEqual(['abc', 'def']);
        expect(numbers[0]).toBe(first);
        expect(numbers[1]).toBeGreaterThan(second);
        expect(
          textsOf(await claimed(store, 'sink'))
            .sort()
            .join(''),
        ).toBe('abcef');
        expect(textsOf(await claimed(store, 'spare')).sort()).toEqual(['d', 'elsewhere']);
      });

      test('one claimant at a time: two get different messages', async () => {
        const { store } = await open();
        const other = bench.claimant().store;
        await bench.append(Array.from({ length: 100 }, (_, i) => sent(`m${i}`)));
        const both = await Promise.all([claimed(store, 'sink', 60), claimed(other, 'sink', 60)]);
        expect(both.map(got => got.length)).toEqual([60, 40]);
        expect(new Set(textsOf(both.flat())).size).toBe(100);
      });

      test('groups that the caller takes come back claimed; others go to their queues', async () => {
        const { store } = await open();
        const number = await store.allocate(1);
        const messages = [sent('mine'), sent('theirs', { destination: 'other' }), sent('mine too')];
        const outcome = await appendAs(store, number, 1, messages, ['sink']);
        expect(outcome).toMatchObject({ type: 'done', granted: [0] });
        expect(await claimed(store, 'sink')).toEqual([]);
        expect(textsOf(await claimed(store, 'other'))).toEqual(['theirs']);
        const { queues } = await store.stats();
        expect(queues.find(queue => queue.destination === 'sink')).toMatchObject({ ready: 0, claimed: 2 });
      });

      test('nobody is granted what others wait for', async () => {
        const { store } = await open();
        await bench.append([sent('first')]);
        const outcome = await appendAs(store, await store.allocate(1), 1, [sent('second')], ['sink']);
        expect(outcome).toEqual({ type: 'done', granted: [] });
        expect(textsOf(await claimed(store, 'sink'))).toEqual(['first', 'second']);
      });

      test('messages settled at birth are in no queue, and go to the archive', async () => {
        const { store } = await open();
        const number = await bench.append([sent('dropped', { destination: '', fateAtBirth: Fate.dropped })]);
        expect(await claimed(store, '')).toEqual([]);
        expect((await store.find(messageId(number, 0)))?.fate).toBe(Fate.dropped);
        const items = await store.outbox(10);
        expect(items.map(item => [item.number, [...item.due]])).toEqual([[number, [1]]]);
      });

      test('deliver_after parks a message until its time', async () => {
        const { store, clock } = await open();
        const number = await bench.append([
          sent('later', { deliverAfter: clock.nowMs() + 20 }),
          sent('now'),
          sent('tomorrow', { deliverAfter: clock.nowMs() + 86_400_000 }),
        ]);
        expect(textsOf(await claimed(store, 'sink'))).toEqual(['now']);
        expect((await store.find(messageId(number, 0)))?.dueAt).toBe(clock.nowMs() + 20);
        clock.advance(20);
        await waitUntil('the queue rings for what is due', () => bench.rang.length > 1);
        expect(textsOf(await claimed(store, 'sink'))).toEqual(['later']);
      });
    });

    describe('fairness', () => {
      test('higher lanes go first, whatever came before', async () => {
        const { store } = await open();
        await bench.append([sent('l0'), sent('l1', { lane: 1 })]);
        await bench.append([sent('l3', { lane: 3 }), sent('l2', { lane: 2 }), sent('l3b', { lane: 3, account: 'x' })]);
        expect(textsOf(await claimed(store, 'sink', 3)).toSorted()).toEqual(['l2', 'l3', 'l3b']);
        expect(textsOf(await claimed(store, 'sink', 1))).toEqual(['l1']);
        expect(textsOf(await claimed(store, 'sink', 1))).toEqual(['l0']);
      });

      test('accounts in a lane take turns: a campaign does not delay a few messages of others', async () => {
        const { store } = await open();
        for (let i = 0; i < 20; i++) {
          await bench.append(Array.from({ length: 250 }, (_, k) => sent(`campaign ${i}/${k}`, { account: 'big' })));
        }
        await bench.append([sent('password', { account: 'small' })]);
        await bench.append(Array.from({ length: 100 }, (_, k) => sent(`mid ${k}`, { account: 'middle' })));
        const accounts = (await claimed(store, 'sink', 300)).map(message => message.account);
        const share = (account: string): number => accounts.filter(own => own === account).length;
        expect(share('small')).toBe(1);
        expect(share('middle')).toBe(100);
        expect(share('big')).toBe(199);
      });

      test('the turns go on from claim to claim: small claims share as large ones do', async () => {
        const { store } = await open();
        for (const account of ['a', 'b', 'c']) {
          await bench.append(Array.from({ length: 200 }, (_, k) => sent(`${account}${k}`, { account })));
        }
        const accounts: string[] = [];
        for (let i = 0; i < 30; i++) accounts.push(...(await claimed(store, 'sink', 10)).map(got => got.account));
        for (const account of ['a', 'b', 'c']) {
          expect(accounts.filter(own => own === account).length).toBeGreaterThanOrEqual(64);
        }
      });
    });

    describe('settle', () => {
      test('settled messages are claimed no more, also after a crash and a reopen', async () => {
        await open();
        const number = await bench.append([sent('a'), sent('b'), sent('c')]);
        await claimed(bench.store, 'sink', 2);
        await bench.store.settle([frame('sink', [[messageId(number, 0), SENT]])]);
        bench.crash();
        expect(textsOf(await claimed(bench.store, 'sink'))).toEqual(['b', 'c']);
        await bench.reopen();
        expect(textsOf(await claimed(bench.store, 'sink'))).toEqual(['b', 'c']);
      });

      test('parked messages come back when they are due, with their attempts', async () => {
        const { clock } = await open();
        const number = await bench.append([sent('a'), sent('b')]);
        const [a, b] = [messageId(number, 0), messageId(number, 1)];
        await claimed(bench.store, 'sink');
        const due = clock.nowMs() + 20;
        await bench.store.settle([
          frame('sink', [
            [a, parkedUntil(due, 3)],
            [b, parkedUntil(due + 86_400_000)],
          ]),
        ]);
        expect(await claimed(bench.store, 'sink')).toEqual([]);
        expect((await bench.store.stats()).queues[0]).toMatchObject({ ready: 0, claimed: 0, parked: 2 });
        await bench.reopen();
        expect(await bench.store.find(a)).toMatchObject({ dueAt: due, attempts: 3 });
        clock.advance(20);
        await waitUntil('it is due', () => bench.rang.includes('sink'));
        expect(await claimed(bench.store, 'sink')).toMatchObject([{ text: 'a', attempts: 3 }]);
      });

      test('released messages are ready at once, in their old place', async () => {
        const { store } = await open();
        const number = await bench.append([sent('a'), sent('b')]);
        await bench.append([sent('c')]);
        const [first] = await claimed(store, 'sink', 1);
        await store.settle([frame('sink', [[first!.id, RELEASED]])]);
        expect(batchNumberOf(first!.id)).toBe(number);
        expect(textsOf(await claimed(store, 'sink'))).toEqual(['a', 'b', 'c']);
      });

      test('a message that is routed anew waits in the other queue, also after a reopen', async () => {
        await open();
        const number = await bench.append([sent('a'), sent('b')]);
        await claimed(bench.store, 'sink');
        await bench.store.settle([frame('sink', [[messageId(number, 1), reroutedTo('spare')]])]);
        expect((await bench.store.find(messageId(number, 1)))?.destination).toBe('spare');
        await bench.reopen();
        expect(await claimed(bench.store, 'spare')).toMatchObject([{ text: 'b', destination: 'spare' }]);
        expect(textsOf(await claimed(bench.store, 'sink'))).toEqual(['a']);
      });

      test('256 messages go to 256 destinations of their own, twice', async () => {
        await open();
        const number = await bench.append(Array.from({ length: 256 }, (_, i) => sent(`m${i}`)));
        const ids = (await claimed(bench.store, 'sink')).map(message => message.id);
        await bench.store.settle([
          frame(
            'sink',
            ids.map((id, i) => [id, reroutedTo(`d${i}`)]),
          ),
        ]);
        for (let i = 0; i < 256; i++) {
          const own = await claimed(bench.store, `d${i}`);
          expect(textsOf(own)).toEqual([`m${i}`]);
          await bench.store.settle([frame(`d${i}`, [[own[0]!.id, reroutedTo(`e${i}`)]])]);
        }
        await bench.reopen();
        for (let i = 0; i < 256; i++) expect(await claimed(bench.store, `e${i}`)).toMatchObject([{ text: `m${i}` }]);
        expect((await bench.store.find(messageId(number, 255)))?.destination).toBe('e255');
      });

      test('what others have claimed, or nobody, is not settled by a stranger', async () => {
        const { store } = await open();
        const stranger = bench.claimant().store;
        const number = await bench.append([sent('a'), sent('b')]);
        await claimed(store, 'sink', 1);
        const [a, b] = [messageId(number, 0), messageId(number, 1)];
        await stranger.settle([
          frame('sink', [
            [a, SENT],
            [b, RELEASED],
          ]),
          frame('sink', [[a, reroutedTo('x')]]),
        ]);
        expect(await store.find(a)).toMatchObject({ claimed: true, fate: Fate.queued, destination: 'sink' });
        expect((await store.stats()).queues.find(queue => queue.destination === 'sink')).toMatchObject({
          ready: 1,
          claimed: 1,
        });
      });

      test('ids that nobody ever gave out are passed over', async () => {
        const { store } = await open();
        await store.settle([
          frame('sink', [
            [123_456, SENT],
            [7, receiptFor('x')],
          ]),
        ]);
        expect(await store.find(123_456)).toBeUndefined();
        expect(await store.cancel(7)).toBe('unknown');
      });
    });

    describe('claimants that end', () => {
      test('what was claimed is ready again, in its old place, and the bell rings', async () => {
        await open();
        await bench.append([sent('a'), sent('b')]);
        await bench.append([sent('c')]);
        expect(textsOf(await claimed(bench.store, 'sink', 2))).toEqual(['a', 'b']);
        const rings = bench.rang.length;
        bench.crash();
        expect(bench.rang.slice(rings)).toContain('sink');
        expect(textsOf(await claimed(bench.store, 'sink'))).toEqual(['a', 'b', 'c']);
      });

      test('an append under way is granted to nobody', async () => {
        await open();
        const number = await bench.store.allocate(1);
        const appended = appendAs(bench.store, number, 1, [sent('a')], ['sink']);
        bench.crash();
        expect(await appended).toEqual({ type: 'done', granted: [] });
        expect(textsOf(await claimed(bench.store, 'sink'))).toEqual(['a']);
      });

      test('it gets nothing more, and what it says counts only where nobody else is at it', async () => {
        await open();
        const number = await bench.append([sent('a'), sent('b')]);
        const old = bench.store;
        await claimed(old, 'sink');
        bench.crash();
        expect(await claimed(old, 'sink')).toEqual([]);
        expect(await old.outbox(10)).toEqual([]);
        expect((await appendAs(old, await old.allocate(1), 1, [sent('c')])).type).toBe('refused');
        expect(textsOf(await claimed(bench.store, 'sink', 1))).toEqual(['a']);
        await old.settle([frame('sink', [[messageId(number, 0), parkedUntil(9e12)]])]);
        expect(await bench.store.find(messageId(number, 0))).toMatchObject({ claimed: true });
      });

      test('what it was given for the archive is given again', async () => {
        await open();
        await bench.append([sent('gone', { destination: '', fateAtBirth: Fate.dropped })]);
        expect(await bench.store.outbox(10)).toHaveLength(1);
        expect(await bench.store.outbox(10)).toHaveLength(0);
        bench.crash();
        expect(await bench.store.outbox(10)).toHaveLength(1);
      });
    });

    describe('poison', () => {
      test('a message claimed alone by one who ended is given up, and told as undeliverable', async () => {
        await open();
        await bench.append([sent('poison'), sent('good')]);
        const alone = await bench.store.claimAlone('sink');
        expect(textsOf(messagesIn([alone!]))).toEqual(['poison']);
        bench.crash();
        expect(bench.alarms.join()).toMatch(/message 0, of load/);
        expect(textsOf(await claimed(bench.store, 'sink'))).toEqual(['good']);
        const ended = await bench.store.claimEnded(10);
        expect(ended.map(({ fate }) => fate)).toEqual([Fate.undeliverable]);
        const [message] = messagesIn(ended);
        await bench.store.settle([frame('sink', [[message!.id, { what: What.settled, fate: Fate.undeliverable }]])]);
        expect(await bench.store.find(message!.id)).toMatchObject({ fate: Fate.undeliverable });
        expect((await bench.store.stats()).quarantined).toBe(1);
      });

      test('the same when the store has gone with it', async () => {
        await open();
        await bench.append([sent('poison'), sent('good')]);
        await bench.store.claimAlone('sink');
        await bench.reopen();
        expect((await bench.store.stats()).quarantined).toBe(1);
        expect(textsOf(await claimed(bench.store, 'sink'))).toEqual(['good']);
        expect(textsOf(messagesIn(await bench.store.claimEnded(10)))).toEqual(['poison']);
      });

      test('when not even its end can be told, it ends without a word', async () => {
        await open();
        const number = await bench.append([sent('poison')]);
        await bench.store.claimAlone('sink');
        bench.crash();
        expect(await bench.store.claimEnded(10)).toHaveLength(1);
        bench.crash();
        expect(await bench.store.claimEnded(10)).toEqual([]);
        expect(await bench.store.find(messageId(number, 0))).toMatchObject({ fate: Fate.undeliverable });
        await bench.reopen();
        expect(await bench.store.claimEnded(10)).toEqual([]);
        expect(await bench.store.find(messageId(number, 0))).toMatchObject({ fate: Fate.undeliverable });
      });

      test('who settles it clears it of suspicion', async () => {
        await open();
        const number = await bench.append([sent('good')]);
        await bench.store.claimAlone('sink');
        await bench.store.settle([frame('sink', [[messageId(number, 0), parkedUntil(bench.clock.nowMs())]])]);
        bench.crash();
        await bench.reopen();
        // It may have been due before the store was closed: then nothing rings.
        let texts: string[] = [];
        await waitUntil('it is due', async () => {
          texts = textsOf(await claimed(bench.store, 'sink'));
          return texts.length > 0;
        });
        expect(texts).toEqual(['good']);
        expect(bench.alarms).toEqual([]);
      });
    });

    describe('validity', () => {
      test('what expires while it waits is claimed by claimEnded, ready or parked, and by nobody else', async () => {
        const { store, clock } = await open();
        const soon = clock.nowMs() + 1000;
        const number = await bench.append([
          sent('ready', { expiresAt: soon }),
          sent('parked', { expiresAt: soon, deliverAfter: clock.nowMs() + 86_400_000 }),
          sent('lasting'),
          sent('in flight', { expiresAt: soon, lane: 3 }),
        ]);
        expect(textsOf(await claimed(store, 'sink', 1))).toEqual(['in flight']);
        expect(await store.claimEnded(10)).toEqual([]);
        clock.advance(1000);
        const ended = await store.claimEnded(10);
        expect(ended.every(({ fate }) => fate === Fate.expired)).toBe(true);
        expect(textsOf(messagesIn(ended))).toEqual(['ready', 'parked']);
        expect(textsOf(await claimed(store, 'sink'))).toEqual(['lasting']);
        expect(await store.find(messageId(number, 1))).toMatchObject({ claimed: true, dueAt: 0 });
      });

      test('no more at once than asked for', async () => {
        const { store, clock } = await open();
        for (let i = 0; i < 3; i++) {
          await bench.append(Array.from({ length: 10 }, (_, k) => sent(`${i}/${k}`, { expiresAt: clock.nowMs() + 1 })));
        }
        clock.advance(60_000);
        const texts: string[] = [];
        for (const want of [12, 12, 6, 0]) {
          const got = textsOf(messagesIn(await store.claimEnded(12)));
          expect(got).toHaveLength(want);
          texts.push(...got);
        }
        expect(new Set(texts).size).toBe(30);
      });
    });

    describe('receipts', () => {
      test('correlate finds by carrier and id, tolerant of case and leading zeros', async () => {
        const { store } = await open();
        const number = await bench.append([sent('a'), sent('b'), sent('c')]);
        const [a, b, c] = [0, 1, 2].map(index => messageId(number, index)) as [number, number, number];
        await claimed(store, 'sink');
        await store.settle([
          frame('sink', [
            [a, sentAs('00AbC')],
            [b, sentAs('0')],
            [c, sentAs('x9')],
          ]),
        ]);
        const found = await store.correlate('sink', ['abc', '0ABC', '000', 'X9', 'nothing', '0x9']);
        expect([...found.ids]).toEqual([a, a, b, c, 0, c]);
        expect([...found.final]).toEqual([0, 0, 0, 0, 0, 0]);
        expect(found.accounts).toEqual(['load']);
        expect(found.submittedAt[0]).toBe(bench.clock.nowMs());
        expect([...(await store.correlate('another', ['abc'])).ids]).toEqual([0]);
        const record = Buffer.from(found.records.buffer, found.records.byteOffset, found.records.byteLength);
        expect(record[found.offsets[0]! + R.kind]).toBe(Kind.mt);
        expect(record.latin1Slice(found.offsets[0]! + R.head, found.offsets[0]! + R.head + 4)).toBe('ACME');
      });

      test('a settle that is under way counts', async () => {
        const { store } = await open();
        const number = await bench.append([sent('a')]);
        await claimed(store, 'sink');
        const settled = store.settle([frame('sink', [[messageId(number, 0), sentAs('early')]])]);
        const found = await store.correlate('sink', ['early']);
        expect(found.ids[0]).toBe(messageId(number, 0));
        await settled;
      });

      test('after the receipt a repetition changes nothing', async () => {
        const { store } = await open();
        const number = await bench.append([sent('a'), sent('b')]);
        await claimed(store, 'sink');
        const id = messageId(number, 0);
        await store.settle([frame('sink', [[id, sentAs('r1')]])]);
        await store.settle([frame('sink', [[id, receiptFor('r1')]])]);
        const again = await store.correlate('sink', ['r1']);
        expect(again.ids[0] === 0 || again.final[0] === 1).toBe(true);
        await store.settle([frame('sink', [[id, { ...receiptFor('r1'), fate: Fate.expired }]])]);
        expect((await store.find(id))?.fate).toBe(Fate.delivered);
      });

      test('a carrier that gives an id a second time means the newer message', async () => {
        const { store } = await open();
        const number = await bench.append([sent('old'), sent('new')]);
        await claimed(store, 'sink');
        await store.settle([
          frame('sink', [
            [messageId(number, 0), sentAs('7')],
            [messageId(number, 1), sentAs('7')],
          ]),
        ]);
        expect((await store.correlate('sink', ['7'])).ids[0]).toBe(messageId(number, 1));
        await store.settle([frame('sink', [[messageId(number, 0), receiptFor('7')]])]);
        expect((await store.correlate('sink', ['7'])).ids[0]).toBe(messageId(number, 1));
      });

      test('correlations outlive a reopen, those of archived messages too', async () => {
        await open();
        const number = await bench.append([sent('a'), sent('the text of b')]);
        await claimed(bench.store, 'sink');
        const [a, b] = [messageId(number, 0), messageId(number, 1)];
        await bench.store.settle([
          frame('sink', [
            [a, sentAs('A1')],
            [b, sentAs('B1')],
          ]),
        ]);
        await bench.store.settle([frame('sink', [[a, receiptFor('A1')]])]);
        const items = await bench.store.outbox(10);
        await bench.store.archived(items.map(item => ({ number: item.number, due: item.due })));
        await bench.reopen();
        const found = await bench.store.correlate('sink', ['A1', 'b1']);
        expect([...found.ids]).toEqual([0, b]);
        await bench.store.settle([frame('sink', [[b, receiptFor('B1')]])]);
        const [late] = await bench.store.outbox(10);
        expect([...late!.due]).toEqual([0, 1]);
        await bench.store.archived([{ number: late!.number, due: late!.due }]);
        expect(await bench.store.stats()).toMatchObject({ batches: 0, messages: 0, awaitingReceipt: 0 });
      });

      test('a message that may go elsewhere is kept whole and not archived until its last receipt, across reopens', async () => {
        await open();
        const text = 'more than the twenty octets that a receipt repeats';
        const number = await bench.append([sent(text), sent('b'), sent('c'), sent('d')]);
        await claimed(bench.store, 'sink');
        const [a, b] = [messageId(number, 0), messageId(number, 1)];
        const archive = async (): Promise<number[][]> => {
          const items = await bench.store.outbox(10);
          await bench.store.archived(items.map(item => ({ number: item.number, due: item.due })));
          return items.map(item => [...item.due]);
        };
        const others = [2, 3].map(i => [messageId(number, i), SENT] as const);
        await bench.store.settle([frame('sink', [[a, heldAs('A1')], [b, sentAs('B1')], ...others])]);
        expect(await archive()).toEqual([[0, 1, 1, 1]]);
        await bench.reopen();
        const found = await bench.store.correlate('sink', ['b1', 'a1']);
        expect([[...found.ids], [...found.final], [...found.held!]]).toEqual([
          [b, a],
          [0, 0],
          [0, 9],
        ]);
        const elsewhere = [
          [a, heldBack('a1')],
          [a, reroutedTo('spare')],
        ] as const;
        await bench.store.settle([frame('sink', [...elsewhere, ...elsewhere])]);
        expect(bench.rang).toContain('spare');
        expect(await bench.store.find(a)).toMatchObject({ destination: 'spare', fate: Fate.queued, attempts: 0 });
        await bench.reopen();
        expect([...(await bench.store.correlate('sink', ['A1'])).ids]).toEqual([0]);
        expect(await claimed(bench.store, 'spare')).toMatchObject([{ id: a, text, destination: 'spare' }]);
        await bench.store.settle([frame('spare', [[a, heldAs('S1')]])]);
        await bench.reopen();
        expect([...(await bench.store.correlate('sink', ['A1'])).ids]).toEqual([0]);
        expect([...(await bench.store.correlate('spare', ['S1'])).ids]).toEqual([a]);
        expect(await archive()).toEqual([]);
        await bench.store.settle([frame('spare', [[a, receiptFor('S1')]])]);
        expect((await bench.store.find(a))?.fate).toBe(Fate.delivered);
        expect(await archive()).toEqual([[1, 0, 0, 0]]);
        await bench.store.settle([frame('sink', [[b, receiptFor('B1')]])]);
        expect(await archive()).toEqual([[0, 1, 0, 0]]);
        expect(await bench.store.stats()).toMatchObject({ batches: 0, messages: 0, awaitingReceipt: 0 });
      });

      test('only what is kept whole goes elsewhere after a receipt, and its validity ends it there', async () => {
        const { store, clock } = await open();
        const number = await bench.append([sent('a', { expiresAt: clock.nowMs() + 60_000 }), sent('b')]);
        await claimed(store, 'sink');
        const [a, b] = [messageId(number, 0), messageId(number, 1)];
        await store.settle([
          frame('sink', [
            [a, heldAs('A1')],
            [b, sentAs('B1')],
          ]),
        ]);
        const [item] = await store.outbox(10);
        await store.archived([{ number, due: item!.due }]);
        await store.settle([
          frame('sink', [
            [b, heldBack('B1')],
            [b, reroutedTo('spare')],
            [a, reroutedTo('spare')],
          ]),
        ]);
        expect(await claimed(store, 'spare')).toEqual([]);
        expect([...(await store.correlate('sink', ['A1', 'B1'])).ids]).toEqual([a, b]);
        expect(await store.claimEnded(10)).toEqual([]);
        await store.settle([
          frame('sink', [
            [a, heldBack('A1')],
            [a, reroutedTo('spare')],
          ]),
        ]);
        expect(await store.claimEnded(10)).toEqual([]);
        clock.advance(60_001);
        expect(messagesIn(await store.claimEnded(10))).toMatchObject([{ id: a, destination: 'spare' }]);
      });

      test('a batch of receipts and the fates they tell are one commit', async () => {
        await open();
        const number = await bench.append([sent('a')]);
        await claimed(bench.store, 'sink');
        const id = messageId(number, 0);
        await bench.store.settle([frame('sink', [[id, sentAs('r')]])]);
        const receipts = await bench.store.allocate(1);
        const receipt = sent('dlr', { kind: Kind.receipt, destination: 'load' });
        const ledger = [frame('sink', [[id, receiptFor('r')]])];
        await appendAs(bench.store, receipts, 1, [receipt], [], { ledger, exempt: true });
        await bench.reopen();
        expect((await bench.store.find(id))?.fate).toBe(Fate.delivered);
        expect(textsOf(await claimed(bench.store, 'load'))).toEqual(['dlr']);
        // Receipts have no row of their own: settled, they are gone.
        await bench.store.settle([frame('load', [[messageId(receipts, 0), SENT]])]);
        expect(await bench.store.find(messageId(receipts, 0))).toBeUndefined();
      });
    });

    describe('find, scan, cancel', () => {
      test('find tells all of a message, and where it stands', async () => {
        const { store } = await open();
        const number = await bench.append([sent('hello', { lane: 2, account: 'acme' })]);
        const id = messageId(number, 0);
        const found = await store.find(id);
        expect(found).toMatchObject({ id, account: 'acme', destination: 'sink', fate: 0, attempts: 0, claimed: false });
        expect(Buffer.from(found!.record).includes('hello')).toBe(true);
        await claimed(store, 'sink');
        expect((await store.find(id))?.claimed).toBe(true);
        await store.settle([frame('sink', [[id, sentAs('c-1')]])]);
        const settled = await store.find(id);
        expect(settled).toMatchObject({ fate: Fate.sent, claimed: false, attempts: 1 });
        expect(Buffer.from(settled!.ledger).includes('c-1')).toBe(true);
        expect(await store.find(messageId(number, 1))).toBeUndefined();
      });

      test('cancel takes a message that waits, and nothing else', async () => {
        const { store } = await open();
        const number = await bench.append([sent('a'), sent('b'), sent('c', { deliverAfter: 9e12 }), sent('d')]);
        const id = (index: number): number => messageId(number, index);
        await claimed(store, 'sink', 1);
        expect(await store.cancel(id(0))).toBe('in-flight');
        expect(await store.cancel(id(1))).toBe('done');
        expect(await store.cancel(id(2))).toBe('done');
        expect(await store.cancel(id(1))).toBe('final');
        expect(await store.cancel(id(200))).toBe('unknown');
        await bench.reopen();
        expect(textsOf(await claimed(bench.store, 'sink'))).toEqual(['a', 'd']);
        expect((await bench.store.find(id(2)))?.fate).toBe(Fate.deleted);
      });

      test('scan lists what waits, oldest first, page by page', async () => {
        const { store } = await open();
        await bench.append([sent('1'), sent('other', { destination: 'x' }), sent('2', { lane: 3 })]);
        await bench.append([sent('3', { account: 'acme' })]);
        const page = await store.scan('sink', 0, 2);
        expect(page.map(lastOctet)).toEqual(['1', '2']);
        const next = await store.scan('sink', page[1]!.id, 2);
        expect(next.map(lastOctet)).toEqual(['3']);
        expect(await store.scan('nowhere', 0, 10)).toEqual([]);
      });
    });

    describe('amend', () => {
      test('a message that waits has another text, in its old place, also after a reopen', async () => {
        await open();
        const number = await bench.append([sent('a'), sent('b'), sent('c')]);
        const longer = recordOf(sent('another text, and a longer one'));
        expect(await bench.store.amend(messageId(number, 1), longer)).toBe('done');
        expect(Buffer.from((await bench.store.find(messageId(number, 1)))!.record)).toEqual(Buffer.from(longer));
        await bench.reopen();
        expect(await bench.store.amend(messageId(number, 0), recordOf(sent('')))).toBe('done');
        expect(await claimed(bench.store, 'sink')).toMatchObject([
          { id: messageId(number, 0), text: '' },
          { id: messageId(number, 1), text: 'another text, and a longer one', account: 'load', attempts: 0 },
          { id: messageId(number, 2), text: 'c' },
        ]);
      });

      test("its kind and its queue are not the new record's", async () => {
        const { store } = await open();
        const number = await bench.append([sent('a'), sent('b', { destination: 'x', lane: 2, account: 'acme' })]);
        await store.amend(messageId(number, 1), recordOf(sent('c', { kind: Kind.receipt, fateAtBirth: Fate.dropped })));
        expect(await claimed(store, 'x')).toMatchObject([{ text: 'c', lane: 2, account: 'acme', destination: 'x' }]);
      });

      test('nothing but a message that waits', async () => {
        const { store } = await open();
        const number = await bench.append([sent('in flight'), sent('settled'), sent('cancelled'), sent('d')]);
        const id = (index: number): number => messageId(number, index);
        await claimed(store, 'sink', 2);
        await store.settle([frame('sink', [[id(1), sentAs('1')]])]);
        await store.cancel(id(2));
        const record = recordOf(sent('new'));
        expect(await store.amend(id(0), record)).toBe('in-flight');
        expect(await store.amend(id(1), record)).toBe('final');
        expect(await store.amend(id(2), record)).toBe('final');
        expect(await store.amend(id(100), record)).toBe('unknown');
        expect(await store.amend(7, record)).toBe('unknown');
        expect(textsOf(await claimed(store, 'sink'))).toEqual(['d']);
      });

      test('another time: later, sooner, at once; its old time means nothing any more', async () => {
        const { clock } = await open();
        const now = clock.nowMs();
        const number = await bench.append([
          sent('later', { deliverAfter: now + 20 }),
          sent('at once', { deliverAfter: 9e12 }),
          sent('was at once'),
          sent('same', { deliverAfter: now + 40 }),
        ]);
        const amend = (index: number, deliverAfter: number): Promise<string> =>
          bench.store.amend(messageId(number, index), recordOf(sent(`${index}`, { deliverAfter })));
        expect(await amend(0, now + 60)).toBe('done');
        expect(await amend(1, 0)).toBe('done');
        expect(await amend(2, now + 60)).toBe('done');
        expect(await amend(3, now + 40)).toBe('done');
        expect((await bench.store.stats()).queues[0]).toMatchObject({ ready: 1, claimed: 0, parked: 3 });
        expect(textsOf(await claimed(bench.store, 'sink'))).toEqual(['1']);
        const rings = bench.rang.length;
        clock.advance(40);
        await waitUntil('one is due', () => bench.rang.length > rings);
        expect(textsOf(await claimed(bench.store, 'sink'))).toEqual(['3']);
        await bench.reopen();
        expect((await bench.store.find(messageId(number, 0)))?.dueAt).toBe(now + 60);
        clock.advance(20);
        await waitUntil('all are', async () => (await bench.store.stats()).queues[0]?.ready === 4);
        expect(textsOf(await claimed(bench.store, 'sink')).toSorted()).toEqual(['0', '1', '2', '3']);
      });

      test('another end of its validity', async () => {
        const { store, clock } = await open();
        const soon = clock.nowMs() + 1000;
        const number = await bench.append([sent('sooner'), sent('longer', { expiresAt: soon })]);
        await store.amend(messageId(number, 0), recordOf(sent('0', { expiresAt: soon })));
        await store.amend(messageId(number, 1), recordOf(sent('1')));
        clock.advance(1000);
        expect(textsOf(messagesIn(await store.claimEnded(10)))).toEqual(['0']);
        expect(textsOf(await claimed(store, 'sink'))).toEqual(['1']);
      });
    });

    describe('outcome', () => {
      test('waits for the last fate, and tells it', async () => {
        const { store } = await open();
        const number = await bench.append([sent('a'), sent('b'), sent('c'), sent('d')]);
        const id = (index: number): number => messageId(number, index);
        await claimed(store, 'sink');
        const told = [0, 1, 2].map(index => store.outcome(id(index), 60_000));
        const soon = await store.outcome(id(3), 1);
        expect(soon).toMatchObject({ claimed: true, fate: Fate.queued });
        await store.settle([
          frame('sink', [
            [id(0), SENT],
            [id(1), sentAs('x')],
            [id(2), { what: What.settled, fate: Fate.undeliverable, attempts: 3 }],
          ]),
        ]);
        expect(await told[0]).toMatchObject({ id: id(0), fate: Fate.sent });
        expect(await told[2]).toMatchObject({ id: id(2), fate: Fate.undeliverable, attempts: 3 });
        expect(await store.outcome(id(1), 1)).toMatchObject({ fate: Fate.sent });
        await store.settle([frame('sink', [[id(1), receiptFor('x')]])]);
        expect(await told[1]).toMatchObject({ fate: Fate.delivered });
        expect(await store.outcome(id(2), 60_000)).toMatchObject({ fate: Fate.undeliverable });
        expect(await store.outcome(id(99), 60_000)).toBeUndefined();
      });
    });

    describe('outbox', () => {
      test('what failed to be written is given again; what was written is not', async () => {
        const { store } = await open();
        const number = await bench.append([sent('x', { destination: '', fateAtBirth: Fate.dropped })]);
        const [item] = await store.outbox(10);
        expect(item?.number).toBe(number);
        await store.outboxFailed([number]);
        const [again] = await store.outbox(10);
        await store.archived([{ number, due: again!.due }]);
        expect(await store.outbox(10)).toEqual([]);
        expect((await store.stats()).batches).toBe(0);
        await bench.reopen();
        expect(await bench.store.outbox(10)).toEqual([]);
      });

      test('one slow message does not hold back the others, and its id stays good', async () => {
        const { clock } = await open({ lingerMs: 1000 });
        const number = await bench.append(Array.from({ length: 200 }, (_, i) => sent(`m${i}`)));
        const ids = (await claimed(bench.store, 'sink')).map(message => message.id);
        const slow = ids[77]!;
        const told = ids.map(id => [id, id === slow ? parkedUntil(clock.nowMs() + 9e6) : SENT] as const);
        await bench.store.settle([frame('sink', told)]);
        expect(await bench.store.outbox(1000)).toEqual([]);
        clock.advance(1001);
        const [item] = await bench.store.outbox(1000);
        expect(item!.due.reduce((sum, due) => sum + due, 0)).toBe(199);
        const before = (await bench.store.stats()).octets;
        await bench.store.archived([{ number, due: item!.due }]);
        expect(await bench.store.find(slow)).toMatchObject({ attempts: 1 });
        await bench.reopen();
        const found = await bench.store.find(slow);
        expect(Buffer.from(found!.record).includes('m77')).toBe(true);
        expect(await bench.store.find(ids[76]!)).toBeUndefined();
        expect((await bench.store.stats()).octets).toBeLessThanOrEqual(before * 2);
        expect(await bench.store.outbox(1000)).toEqual([]);
      });

      test('a receipt that comes while its row is being written goes next', async () => {
        const { store } = await open();
        const number = await bench.append([sent('a')]);
        await claimed(store, 'sink');
        const id = messageId(number, 0);
        await store.settle([frame('sink', [[id, sentAs('r')]])]);
        const [item] = await store.outbox(10);
        await store.settle([frame('sink', [[id, receiptFor('r')]])]);
        await store.archived([{ number, due: item!.due }]);
        const [late] = await store.outbox(10);
        expect([...late!.due]).toEqual([1]);
        expect(Buffer.from(late!.ledger).length).toBeGreaterThan(Buffer.from(item!.ledger).length);
        await store.archived([{ number, due: late!.due }]);
        expect((await store.stats()).batches).toBe(0);
      });

      test('tells only what is flushed', async () => {
        const { store } = await open();
        const number = await bench.append([sent('a')]);
        await claimed(store, 'sink');
        const settled = store.settle([frame('sink', [[messageId(number, 0), SENT]])]);
        let isFlushed = false;
        void settled.then(() => (isFlushed = true));
        const [item] = await store.outbox(10);
        expect(item === undefined || isFlushed).toBe(true);
        await settled;
      });
    });

    describe('bounds', () => {
      test('a full queue refuses, what must pass passes, and room is taken again', async () => {
        const { store } = await open({ maxQueued: 10 });
        const number = await bench.append(Array.from({ length: 10 }, (_, i) => sent(`m${i}`)));
        const more = await appendAs(store, await store.allocate(1), 1, [sent('more')]);
        expect(more).toEqual({ type: 'refused', reason: 'queue-full' });
        expect((await store.stats()).refusing).toBe('queue-full');
        const exempt = await appendAs(store, await store.allocate(1), 1, [sent('must')], [], { exempt: true });
        expect(exempt.type).toBe('done');
        const ids = (await claimed(store, 'sink', 10)).map(message => message.id);
        await store.settle([
          frame(
            'sink',
            ids.map(id => [id, SENT]),
          ),
        ]);
        const items = await store.outbox(100);
        await store.archived(items.map(item => ({ number: item.number, due: item.due })));
        expect(items.map(item => item.number)).toEqual([number]);
        expect((await appendAs(store, await store.allocate(1), 1, [sent('more')])).type).toBe('done');
      });
    });

    describe('configuration', () => {
      test('values are durable, replaced and removed', async () => {
        await open();
        const large = Uint8Array.from({ length: 500_000 }, (_, i) => i % 251);
        await bench.store.putConfig('routing', large);
        await bench.store.putConfig('a', Uint8Array.of());
        await bench.store.putConfig('b', Uint8Array.of(1, 2, 3));
        await bench.reopen();
        expect(Buffer.compare((await bench.store.getConfig('routing'))!, large)).toBe(0);
        expect(await bench.store.getConfig('a')).toHaveLength(0);
        await bench.store.putConfig('b', Uint8Array.of(9));
        await bench.store.putConfig('a', undefined);
        await bench.reopen();
        expect([...(await bench.store.getConfig('b'))!]).toEqual([9]);
        expect(await bench.store.getConfig('a')).toBeUndefined();
        expect(await bench.store.getConfig('c')).toBeUndefined();
      });
    });
  });
}
