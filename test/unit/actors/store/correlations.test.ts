import { expect, test } from 'vitest';
import { CARRIER_ID_LIMIT, Fate, LedgerWriter, nextEntry, What } from '../../../../actors/message/ledger.ts';
import { Correlations } from '../../../../actors/store/correlations.ts';

/** As the ledger has it, behind another entry. */
function entry(id: string): readonly [entries: Buffer, at: number] {
  const writer = new LedgerWriter();
  for (const each of ['another', id]) {
    const octets = Buffer.from(each, 'latin1');
    writer.add(1, What.settled, Fate.sent, 1, 0, 0, 0, octets, 0, octets.length);
  }
  const entries = Buffer.from(writer.take());
  return [entries, nextEntry(entries, 0)];
}

test('an id is found whatever its case and leading zeros, for its carrier alone', () => {
  const ids = new Correlations();
  ids.set('one', ...entry('00a1B2'), 7);
  ids.setText('two', '5', 8);
  for (const id of ['00a1B2', 'A1B2', 'a1b2', '0a1b2']) expect(ids.get('one', id), id).toBe(7);
  expect(ids.get('two', 'A1B2')).toBeUndefined();
  expect(ids.get('one', 'A1B20')).toBeUndefined();
  expect(ids.get('two', '0005')).toBe(8);
  expect(ids.size).toBe(2);
});

test('the newest message wins, and only what an id still means is forgotten', () => {
  const ids = new Correlations();
  ids.set('one', ...entry('77'), 1);
  ids.set('one', ...entry('077'), 2);
  ids.delete('one', ...entry('77'), 1);
  expect(ids.get('one', '77')).toBe(2);
  ids.delete('one', ...entry('77'), 2);
  expect(ids.get('one', '77')).toBeUndefined();
  expect(ids.size).toBe(0);
});

test('thousands come and go', () => {
  const ids = new Correlations(8);
  for (let i = 1; i <= 20_000; i++) {
    ids.set(`carrier ${i % 3}`, ...entry(`ID${i}`), i);
    if (i > 500) ids.delete(`carrier ${(i - 500) % 3}`, ...entry(`id${i - 500}`), i - 500);
  }
  expect(ids.size).toBe(500);
  for (let i = 19_501; i <= 20_000; i++) expect(ids.get(`carrier ${i % 3}`, `ID${i}`)).toBe(i);
  expect(ids.get('carrier 1', 'ID1')).toBeUndefined();
});

test('of a longer id than is kept, what is kept counts', () => {
  const ids = new Correlations();
  const kept = 'x'.repeat(CARRIER_ID_LIMIT);
  ids.set('one', ...entry(kept), 3);
  expect(ids.get('one', `${kept}more`)).toBe(3);
});
