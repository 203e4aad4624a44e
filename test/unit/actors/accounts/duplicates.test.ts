import { Worker } from 'node:worker_threads';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DuplicateFilter, NEW, type DuplicateRule } from '../../../../actors/accounts/duplicate-filter.ts';
import { DuplicateTable, duplicateMemory } from '../../../../actors/accounts/duplicate-table.ts';
import type { Submitter } from '../../../../actors/batch/batch-actor.ts';
import { MessageDraft } from '../../../../actors/message/draft.ts';
import { Refusal } from '../../../../actors/refusal.ts';

const hash = (i: number): number => Math.imul(i + 1, 0x9e3779b1);
const memory = (messages = 1000): SharedArrayBuffer => duplicateMemory(messages, () => 0.5);

describe('the table', () => {
  test('knows a message until its time is over', () => {
    const table = new DuplicateTable(memory());
    expect(table.enter(1, 2, 5000, 100)).toBe(true);
    table.commit(table.place, 1, 2, 100, 77);
    expect(table.enter(1, 2, 5000, 5099)).toBe(false);
    expect([table.id, table.since]).toEqual([77, 100]);
    expect(table.enter(1, 3, 5000, 5099)).toBe(true);
    expect(table.enter(2, 2, 5000, 5099)).toBe(true);
    expect(table.enter(1, 2, 5000, 5100)).toBe(true);
  });

  test('tells which is not committed yet, and believes that for ten seconds', () => {
    const table = new DuplicateTable(memory());
    table.enter(1, 2, 60_000, 100);
    expect(table.enter(1, 2, 60_000, 10_099)).toBe(false);
    expect(table.id).toBe(0);
    expect(table.enter(1, 2, 60_000, 10_100)).toBe(true);
  });

  test('a message that was not taken is no first', () => {
    const table = new DuplicateTable(memory());
    table.enter(1, 2, 60_000, 100);
    table.forget(table.place, 1, 2, 100);
    expect(table.enter(1, 2, 60_000, 101)).toBe(true);
    // Its place is another's: neither its end nor its id are that one's.
    const { place } = table;
    table.forget(place, 1, 2, 100);
    table.commit(place, 1, 2, 100, 5);
    expect(table.enter(1, 2, 60_000, 102)).toBe(false);
    expect(table.id).toBe(0);
  });

  test('is bounded: of a set the one goes that would be over first', () => {
    const table = new DuplicateTable(memory(8));
    for (let i = 0; i < 8; i++) expect(table.enter(i, 1, 10_000 - i * 1000, 0)).toBe(true);
    expect(table.enter(99, 1, 60_000, 0)).toBe(true);
    expect(table.enter(0, 1, 10_000, 0)).toBe(false);
    // The one of 3 s: it has just come again, in the place of the one of 4 s.
    expect(table.enter(7, 1, 60_000, 0)).toBe(true);
    expect(table.enter(5, 1, 60_000, 0)).toBe(false);
    expect(table.enter(6, 1, 60_000, 0)).toBe(true);
  });

  test('remembers as many as it is made for, as good as all', () => {
    const table = new DuplicateTable(memory(100_000));
    for (let i = 0; i < 50_000; i++) table.enter(hash(i), i, 60_000, 0);
    let known = 0;
    for (let i = 0; i < 50_000; i++) if (!table.enter(hash(i), i, 60_000, 0)) known++;
    expect(known).toBeGreaterThan(48_000);
  });

  test('is one for all threads: each message is new to exactly one of them', async () => {
    const shared = memory(400_000);
    const url = new URL('../../../../actors/accounts/duplicate-table.ts', import.meta.url).href;
    const code = `
      import { parentPort, workerData } from 'node:worker_threads';
      const { DuplicateTable } = await import(workerData.url);
      const table = new DuplicateTable(workerData.shared);
      let fresh = 0;
      for (let i = 0; i < 20_000; i++) if (table.enter(Math.imul(i + 1, 0x9e3779b1), i, 60_000, 0)) fresh++;
      parentPort.postMessage(fresh);`;
    const counts = await Promise.all(
      [0, 1, 2].map(
        () =>
          new Promise<number>((resolve, reject) => {
            const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), {
              workerData: { shared, url },
            });
            worker.once('message', resolve).once('error', reject);
          }),
      ),
    );
    expect(counts.reduce((sum, count) => sum + count)).toBe(20_000);
  });

  test('a lock whose thread has ended with it is taken from it', () => {
    const shared = memory(8);
    new Int32Array(shared)[2] = 1;
    const table = new DuplicateTable(shared);
    expect(table.enter(1, 1, 1000, 0)).toBe(true);
    expect(new Int32Array(shared)[2]).toBe(0);
  });
});

interface Text {
  readonly from?: string;
  readonly to?: string;
  readonly text?: string;
  readonly dataCoding?: number;
  readonly tlvs?: Buffer;
}

/** Part `i` of 2. */
const part = (i: number): Text => ({ tlvs: Buffer.from(`020c00020005020e000102020f00010${i}`, 'hex') });

function draft({ from = 'ACME', to = '447700900123', text = 'Hello', dataCoding = 0, tlvs = Buffer.alloc(0) }: Text) {
  const m = new MessageDraft();
  m.buffer = Buffer.concat([Buffer.from(`..${from}${to}${text}`, 'latin1'), tlvs]);
  m.sourceAt = 2;
  m.sourceLength = from.length;
  m.destAt = 2 + from.length;
  m.destLength = to.length;
  m.textAt = m.destAt + to.length;
  m.textLength = text.length;
  m.dataCoding = dataCoding;
  m.tlvsAt = m.textAt + text.length;
  m.tlvsLength = tlvs.length;
  return m;
}

class Told implements Submitter {
  readonly events: string[] = [];
  accepted(token: number, id: number, at?: number): void {
    this.events.push(`${token} has id ${id} of ${at}`);
  }
  refused(token: number, status: number): void {
    this.events.push(`${token} is refused with ${status}`);
  }
  inDoubt(token: number): void {
    this.events.push(`${token} is in doubt`);
  }
}

const FIRST_ID: DuplicateRule = { windowMs: 60_000, status: 0 };
const REFUSE: DuplicateRule = { windowMs: 60_000, status: 0x45 };

function scene() {
  const told = new Told();
  let found = 0;
  const filter = new DuplicateFilter(new DuplicateTable(memory()), () => found++);
  const enter = (text: Text, rule: DuplicateRule, { token = 1, account = 'shop', mayRepeat = true, now = 100 } = {}) =>
    filter.enter(draft(text), account, rule, told, token, now, mayRepeat);
  return { told, filter, enter, found: () => found };
}

describe('the filter', () => {
  test('refuses what is there already, committed or not', () => {
    const { filter, enter, told, found } = scene();
    expect(enter({}, REFUSE)).toBe(NEW);
    expect(enter({}, REFUSE, { token: 2 })).toBe(0x45);
    filter.accepted(filter.token, 1024, 150);
    expect(enter({}, REFUSE, { token: 3 })).toBe(0x45);
    expect(told.events).toEqual(['1 has id 1024 of 150']);
    expect(found()).toBe(2);
  });

  test('tells the id of the first when that is on disk, in a later turn; before, to try again', () => {
    const { filter, enter, told, found } = scene();
    expect(enter({}, FIRST_ID)).toBe(NEW);
    expect(enter({}, FIRST_ID, { token: 2 })).toBe(Refusal.throttled);
    filter.accepted(filter.token, 1024, 150);
    expect(enter({}, FIRST_ID, { token: 3 })).toBe(0);
    expect(told.events).toEqual(['1 has id 1024 of 150']);
    expect(filter.hasRepeated).toBe(true);
    filter.answer();
    expect(filter.hasRepeated).toBe(false);
    expect(told.events[1]).toBe('3 has id 1024 of 100');
    expect(found()).toBe(1);
    // One recipient of several is known by the id of them all.
    expect(enter({}, FIRST_ID, { token: 4, mayRepeat: false })).toBe(0x45);
  });

  test('what the intake or the store did not take may come again', () => {
    const { filter, enter, told } = scene();
    enter({}, REFUSE);
    filter.drop(filter.token);
    expect(enter({}, REFUSE, { token: 2 })).toBe(NEW);
    filter.refused(filter.token, 0x14);
    expect(enter({}, REFUSE, { token: 3 })).toBe(NEW);
    filter.inDoubt(filter.token);
    expect(told.events).toEqual(['2 is refused with 20', '3 is in doubt']);
  });

  test.each<[string, Text]>([
    ['another sender', { from: 'ACMF' }],
    ['another number', { to: '447700900124' }],
    ['another text', { text: 'Hellp' }],
    ['a longer text', { text: 'Hello ' }],
    ['another coding', { dataCoding: 3 }],
    ['letters that go to the other field', { from: 'ACME4', to: '47700900123' }],
    // SMPP v3.4 §5.3.2.22 to §5.3.2.24: part 1 of 2 of number 5.
    ['a part of a longer one', { tlvs: Buffer.from('020c00020005020e000102020f000101', 'hex') }],
  ])('%s is another message', (_, text) => {
    const { enter } = scene();
    enter({}, REFUSE);
    expect(enter(text, REFUSE)).toBe(NEW);
  });

  test('parts that say the same are two, and each is one', () => {
    const { enter } = scene();
    expect(enter(part(1), REFUSE)).toBe(NEW);
    expect(enter(part(2), REFUSE)).toBe(NEW);
    expect(enter(part(1), REFUSE)).toBe(0x45);
  });

  test('other accounts, and other TLVs, do not matter', () => {
    const { enter } = scene();
    enter({}, REFUSE);
    expect(enter({}, REFUSE, { account: 'bank' })).toBe(NEW);
    // user_message_reference counts up in each retry.
    expect(enter({ tlvs: Buffer.from('020400020001', 'hex') }, REFUSE)).toBe(0x45);
  });

  test('texts that differ are never taken for each other', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ maxLength: 40 }), { minLength: 2, maxLength: 200 }), texts => {
        const { enter } = scene();
        return (
          new Set(texts.map(text => Buffer.from(text, 'latin1').toString('hex'))).size !== texts.length ||
          texts.every(text => enter({ text }, REFUSE) === NEW)
        );
      }),
      { numRuns: 200, seed: 7 },
    );
  });

  test('entries are used again', () => {
    const { filter, enter } = scene();
    for (let i = 0; i < 100; i++) {
      expect(enter({ text: `${i}` }, REFUSE)).toBe(NEW);
      expect(filter.token).toBe(0);
      filter.accepted(filter.token, 1024 + i, 150);
    }
  });
});

test('a passage that was refused after all does not count: brought again and again it is no loop', () => {
  const filter = new DuplicateFilter(new DuplicateTable(memory()), () => undefined);
  const m = new MessageDraft();
  m.buffer = Buffer.from('4411442299hello');
  [m.sourceAt, m.sourceLength, m.destAt, m.destLength, m.textAt, m.textLength] = [0, 5, 5, 5, 10, 5];
  const told: string[] = [];
  const carrier: Submitter = {
    accepted: (token, id) => told.push(`accepted ${token} ${id}`),
    refused: (token, status) => told.push(`refused ${token} ${status}`),
    inDoubt: () => undefined,
  };
  for (let i = 0; i < 20; i++) {
    expect(filter.passes(m, 60_000, carrier, i, 1000 + i)).toBe(1);
    filter.refused(filter.token, Refusal.queueFull);
  }
  expect(told.at(-1)).toBe(`refused 19 ${Refusal.queueFull}`);
  expect(filter.passes(m, 60_000, carrier, 20, 2000)).toBe(1);
  filter.accepted(filter.token, 77, 2000);
  expect(told.at(-1)).toBe('accepted 20 77');
  expect(filter.passes(m, 60_000, carrier, 21, 2001)).toBe(2);
});
