import { afterEach, describe, expect, test } from 'vitest';
import { messageId } from '../../actors/message/id.ts';
import { Fate } from '../../actors/message/ledger.ts';
import { Kind } from '../../actors/message/record.ts';
import type { FoundMessage, Match, Place, Searched } from '../../actors/ports.ts';
import { Bench, claimed, frame, receiptFor, sent, SENT, sentAs, type Engine, type EngineOptions } from './engine.ts';

const idsOf = ({ found }: Searched): number[] => found.map(({ id }) => id);

/** What every engine promises of `MessageStore.search`. @param makeEngine a place for a new, empty store */
export function messageSearchContract(name: string, makeEngine: () => Engine): void {
  describe(`search, ${name}`, () => {
    let bench: Bench;
    const open = async (options: Partial<EngineOptions> = {}): Promise<Bench> =>
      (bench = await Bench.open(makeEngine(), options));
    afterEach(() => bench.remove());
    const ids = async (match: Match, limit = 100): Promise<number[]> => idsOf(await bench.store.search(match, limit));

    test('finds what waits, by account and addresses, newest first', async () => {
      const { store } = await open();
      const older = await bench.append([
        sent('1', { dest: '447700900001', serviceType: 'WAP' }),
        sent('claimed', { dest: '447700900001', destination: 'x' }),
        sent('of another', { dest: '447700900001', account: 'acme' }),
        sent('from another', { dest: '447700900001', source: '12345' }),
        sent('to another', { dest: '447700900002' }),
      ]);
      await claimed(store, 'x');
      const newer = await bench.append([
        sent('2', { dest: '447700900001', destination: 'y' }),
        sent('3', { dest: '447700900001', deliverAfter: 9e12 }),
      ]);
      const match: Match = { account: 'load', source: 'ACME', dest: '447700900001', waiting: true };
      expect(await ids(match)).toEqual([messageId(newer, 1), messageId(newer, 0), messageId(older, 0)]);
      expect(await ids(match, 1)).toEqual([messageId(newer, 1)]);
      expect(await ids({ ...match, serviceType: 'WAP' })).toEqual([messageId(older, 0)]);
      expect(await ids({ ...match, serviceType: '' })).toEqual([messageId(newer, 1), messageId(newer, 0)]);
      expect(await ids({ ...match, dest: '447700900009' })).toEqual([]);
      expect(await ids({ ...match, account: 'nobody' })).toEqual([]);
      await store.cancel(messageId(newer, 1));
      expect(await ids(match, 1)).toEqual([messageId(newer, 0)]);
    });

    test('finds what is there whatever became of it, but for receipts', async () => {
      const { store } = await open();
      const number = await bench.append([
        sent('waits'),
        sent('parked', { deliverAfter: 9e12 }),
        sent('claimed', { destination: 'x' }),
        sent('sent', { destination: 'y' }),
        sent('delivered', { destination: 'y' }),
        sent('failed', { destination: 'y', account: 'acme' }),
        sent('dropped', { fateAtBirth: Fate.dropped, destination: '' }),
      ]);
      await bench.append([sent('a receipt', { kind: Kind.receipt, destination: 'load' })]);
      const id = (index: number): number => messageId(number, index);
      await claimed(store, 'x');
      await claimed(store, 'y');
      await store.settle([
        frame('y', [
          [id(3), sentAs('3')],
          [id(4), sentAs('4')],
          [id(4), receiptFor('4')],
          [id(5), { ...SENT, fate: Fate.undeliverable }],
        ]),
      ]);
      const all = [6, 5, 4, 3, 2, 1, 0].map(id);
      expect(await store.search({}, 100)).toEqual({ found: expect.any(Array) as FoundMessage[], until: undefined });
      expect(await ids({})).toEqual(all);
      expect(await ids({ fate: Fate.queued })).toEqual([2, 1, 0].map(id));
      expect(await ids({ fate: Fate.sent })).toEqual([id(3)]);
      expect(await ids({ fate: Fate.delivered })).toEqual([id(4)]);
      expect(await ids({ fate: Fate.undeliverable })).toEqual([id(5)]);
      expect(await ids({ fate: Fate.dropped })).toEqual([id(6)]);
      expect(await ids({ waiting: true })).toEqual([1, 0].map(id));
      expect(await ids({ destination: 'y' })).toEqual([5, 4, 3].map(id));
      expect(await ids({ visibleTo: 'y', account: 'load' })).toEqual([4, 3].map(id));
      expect(await ids({ visibleTo: 'acme' })).toEqual([id(5)]);
      await bench.reopen();
      // Claims are void; the rest is as it was.
      expect(await ids({})).toEqual(all);
      expect(await ids({ fate: Fate.delivered })).toEqual([id(4)]);
    });

    test('what is in the archive is found as long as its receipt is awaited', async () => {
      const { store } = await open();
      const number = await bench.append([sent('a', { dest: '447700900001' }), sent('b')]);
      await claimed(store, 'sink');
      const [a, b] = [messageId(number, 0), messageId(number, 1)];
      await store.settle([
        frame('sink', [
          [a, sentAs('1')],
          [b, SENT],
        ]),
      ]);
      await store.archived((await store.outbox(100)).map(({ number: of, due }) => ({ number: of, due })));
      expect(await ids({ dest: '447700900001', fate: Fate.sent })).toEqual([a]);
      await store.settle([frame('sink', [[a, receiptFor('1')]])]);
      expect(await ids({ fate: Fate.sent })).toEqual([]);
      expect(await ids({ fate: Fate.delivered })).toEqual([a]);
    });

    test('page by page, by time and then by id, whatever comes meanwhile', async () => {
      const { store, clock } = await open();
      const numbers: number[] = [];
      const start = clock.nowMs();
      // Not in the order of their times; the last two at the same time.
      for (const [i, at] of [30, 10, 20, 40, 40].entries()) {
        clock.wall = start + at;
        numbers.push(await bench.append([0, 1, 2].map(n => sent(`${i} ${n}`))));
      }
      const expected = [4, 3, 0, 2, 1].flatMap(i => [2, 1, 0].map(index => messageId(numbers[i]!, index)));
      expect(await ids({})).toEqual(expected);
      clock.wall = start + 100;
      const seen: number[] = [];
      let before: Place | undefined;
      do {
        const page = await store.search({ before }, 4);
        seen.push(...idsOf(page));
        before = page.until;
        await bench.append([sent('newer')]);
      } while (before);
      expect(seen).toEqual(expected);
      const times: Match = { from: start + 20, before: { at: start + 40, id: 0 } };
      expect(await ids(times)).toEqual(expected.slice(6, 12));
    });

    test('reads so many batches and finds so many octets, and says how far it came', { timeout: 60_000 }, async () => {
      const { store } = await open();
      const first = await bench.append([sent('the one', { dest: '447700900001' })]);
      bench.clock.wall++;
      for (let i = 0; i < 50; i++) {
        await Promise.all(Array.from({ length: 84 }, () => bench.append([sent('one of many')])));
      }
      const match: Match = { dest: '447700900001' };
      const page = await store.search(match, 10);
      expect(page.found).toEqual([]);
      expect(page.until).toBeDefined();
      expect(await store.search({ ...match, before: page.until }, 10)).toMatchObject({
        found: [{ id: messageId(first, 0) }],
        until: undefined,
      });
      const many = await bench.append(Array.from({ length: 50 }, () => sent('x'.repeat(30_000), { account: 'big' })));
      const big = await store.search({ account: 'big' }, 50);
      expect(big.found.length).toBe(Math.ceil((1024 * 1024) / big.found[0]!.record.length));
      expect(big.until).toEqual({ at: bench.clock.wall, id: messageId(many, 50 - big.found.length) });
      expect((await store.search({ account: 'big', before: big.until }, 50)).found.length).toBe(50 - big.found.length);
    });
  });
}
