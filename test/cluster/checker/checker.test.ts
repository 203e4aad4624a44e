import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readLedger } from './ledger.ts';
import { LeaseWatch } from './leases.ts';
import { firstAckAfterMs, judge, lastLeftAfterMs, longestSilenceMs } from './verdict.ts';
import { Watch, type News } from './watch.ts';

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

const sessions = (first: number): [number, string, number][] => [
  [1, 'a:1', first],
  [2, 'b:1', 9],
];
const bound = (t: number, session: number, host: string): News => ({ t, e: 'bound', session, peer: `${host}:1` });

describe('what is watched all the time', () => {
  const counts = { e: 'counts', sent: 10, acked: 5, rejected: 0, delivered: 5, duplicates: 0, dlr: 0, sessions: [] };

  test('more sessions than there may be', () => {
    const watch = new Watch(2);
    watch.see(bound(1, 1, 'a'));
    watch.see(bound(1, 2, 'b'));
    watch.see({ t: 2, e: 'ended', session: 1 });
    watch.see(bound(3, 3, 'b'));
    expect(watch.violations).toEqual([]);
    watch.see(bound(4, 4, 'c'));
    expect(watch.violations).toEqual(['at 4 ms: the carrier has 3 sessions, at most 2 allowed']);
  });

  test('a session of a frozen node does not count, sends nothing once others have its slot, and is to end soon', () => {
    const watch = new Watch(2);
    watch.see(bound(1, 1, 'a'));
    watch.see(bound(1, 2, 'b'));
    watch.away('a', 'frozen');
    // What lay in its socket.
    watch.see({ ...counts, t: 2, sessions: sessions(5) });
    watch.see(bound(3, 3, 'b'));
    watch.see({ ...counts, t: 4, sessions: sessions(5) });
    watch.back('a');
    expect(watch.violations).toEqual([]);
    watch.see({ ...counts, t: 5, sessions: sessions(6) });
    expect(watch.violations).toEqual(['at 5 ms: a sent 1 messages on a session whose slot others have']);
    watch.see({ ...counts, t: 9000, sessions: sessions(6) });
    expect(watch.violations[1]).toBe('at 9000 ms: the carrier has 3 sessions, at most 2 allowed');
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
