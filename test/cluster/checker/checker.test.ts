import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readLedger } from './ledger.ts';
import { LeaseWatch } from './leases.ts';
import { firstAckAfterMs, judge, lastLeftAfterMs, longestSilenceMs } from './verdict.ts';
import { Watch } from './watch.ts';

const NONE = { duplicates: 0, receiptDuplicates: 0, queued: 0 };
const GOOD = '0 A 100 200 11 1 300 1 400';

const violationsOf = (lines: readonly string[], allow = NONE, archived?: ReadonlyMap<number, number>) =>
  judge(readLedger(lines.join('\n')), allow, archived).violations;

describe('the checker', () => {
  test('imports nothing of the product', () => {
    const folder = new URL('.', import.meta.url);
    for (const file of readdirSync(folder)) {
      const source = readFileSync(new URL(file, folder), 'utf8');
      expect(source.match(/from '\.\.\/[^']*'/g) ?? [], file).toEqual([]);
    }
  });

  test.each([
    ['all is well', [GOOD, '1 A 100 200 12 1 300 1 400'], []],
    ['one is lost', [GOOD, '1 A 100 200 12 0 0 0 0'], ['1 acknowledged and not delivered, 0 still queued: 1 (A 12)']],
    ['one comes twice', ['0 A 100 200 11 2 300 1 400'], ['1 delivered again, at most 0 allowed: 0 (A 11)']],
    ['one that was refused comes', ['0 R 100 0 - 1 300 0 0'], ['1 refused and delivered all the same: 0 (R )']],
    ['one whose answer was lost may come', ['0 L 100 0 - 1 300 1 400'], []],
    ['and may not come', ['0 L 100 0 - 0 0 0 0'], []],
    ['a receipt is missing', ['0 A 100 200 11 1 300 0 0'], ['1 delivered without a receipt: 0 (A 11)']],
    ['a receipt comes twice', ['0 A 100 200 11 1 300 2 400'], ['1 receipts again, at most 0 allowed: 0 (A 11)']],
    [
      'an id is given twice',
      [GOOD, '1 A 100 200 11 1 300 1 400'],
      ['1 acknowledged with an id given before: 1 (A 11)'],
    ],
  ] as const)('%s', (_name, lines, violations) => {
    expect(violationsOf(lines)).toEqual(violations);
  });

  test('as many as were allowed are no violation', () => {
    const lines = ['0 A 100 200 11 3 300 2 400', '1 A 100 200 12 0 0 0 0'];
    expect(violationsOf(lines, { duplicates: 2, receiptDuplicates: 1, queued: 1 })).toEqual([]);
  });

  test('the archive has each once, and nothing else', () => {
    const lines = [GOOD, '1 A 100 200 12 1 300 1 400', '2 R 100 0 - 0 0 0 0', '3 L 100 0 - 1 300 1 400'];
    expect(violationsOf(lines, NONE, new Map([[0, 1], [1, 1], [3, 1]]))).toEqual([]); // prettier-ignore
    expect(
      violationsOf(
        lines,
        NONE,
        new Map([
          [0, 2],
          [2, 1],
          [9, 1],
        ]),
      ),
    ).toEqual([
      // prettier-ignore
      '1 delivered and not archived: 1 (A 12)',
      '1 archived more than once: 0 (A 11)',
      '1 refused and archived: 2 (R )',
      '1 archived that nobody sent: 9',
    ]);
  });

  test('a line that is none is named', () => {
    expect(() => readLedger('0 A 1 2')).toThrow('not a line of a ledger: 0 A 1 2');
    expect(() => readLedger('0 X 1 2 3 4 5 6 7')).toThrow('not a line of a ledger');
  });

  test('times are taken from the ledger', () => {
    const entries = readLedger(
      ['0 A 0 1000 11 1 2000 1 1', '1 A 0 1500 12 1 90000 1 1', '2 A 0 50000 13 1 60000 1 1'].join('\n'),
    );
    expect(lastLeftAfterMs(entries, 10_000)).toBe(80);
    expect(firstAckAfterMs(entries, 1200)).toBe(0.3);
    expect(longestSilenceMs(entries, 0, 60_000)).toBe(48.5);
  });
});

describe('what is watched all the time', () => {
  const counts = { e: 'counts', sent: 10, acked: 5, rejected: 0, delivered: 5, duplicates: 0, dlr: 0, sessions: [] };

  test('more sessions than there may be', () => {
    const watch = new Watch(2);
    watch.see({ t: 1, e: 'bound', sessions: 2 });
    expect(watch.violations).toEqual([]);
    watch.see({ t: 2, e: 'bound', sessions: 3 });
    expect(watch.violations).toEqual(['at 2 ms: the carrier has 3 sessions, at most 2 allowed']);
  });

  test('while a node is frozen there may be more', () => {
    const watch = new Watch(2);
    watch.excuse(true);
    watch.see({ t: 1, e: 'bound', sessions: 3 });
    expect(watch.violations).toEqual([]);
    watch.excuse(false);
    watch.see({ ...counts, t: 2, sessions: [1, 2, 3] });
    expect(watch.violations).toHaveLength(1);
  });

  test('counters that go back, more answers than messages', () => {
    const watch = new Watch(2);
    watch.see({ ...counts, t: 1 });
    watch.see({ ...counts, t: 2, acked: 4 });
    watch.see({ ...counts, t: 3, acked: 11 });
    expect(watch.violations).toEqual([
      'at 2 ms: acked went back from 5 to 4',
      'at 3 ms: 11 acknowledged and 0 refused of 10 sent',
    ]);
  });

  test('one epoch with two owners, an epoch that goes back', () => {
    const leases = new LeaseWatch();
    leases.see('slot', { owner: 'a', epoch: 1 });
    leases.see('slot', { owner: '', epoch: 1 });
    leases.see('slot', { owner: 'b', epoch: 2 });
    expect(leases.violations).toEqual([]);
    leases.see('slot', { owner: 'a', epoch: 2 });
    leases.see('slot', { owner: 'a', epoch: 1 });
    expect(leases.violations).toEqual(['slot: epoch 2 had owner b, now a', 'slot: its epoch went back from 2 to 1']);
  });
});
