import { describe, expect, it } from 'vitest';
import { GOALS, verdictOf } from '../../../bench/goals.ts';
import { closingLine, judge } from '../../../bench/harness/report.ts';
import { problemsOf, problemsOfCut, type LoadResult } from '../../../bench/harness/smppload.ts';
import { median, quantile, shown } from '../../../bench/harness/stats.ts';

const TIMES = { n: 10, p50: 1, p99: 2, max: 3 };
const CLEAN: LoadResult = {
  sent: 10,
  acked: 10,
  rejected: 0,
  unacked_lost_conn: 0,
  delivered: 10,
  duplicates: 0,
  acked_not_delivered: 0,
  dlr: 10,
  dlr_dup: 0,
  dlr_unknown: 0,
  acked_no_dlr: 0,
  bad_text: 0,
  proto_errors: 0,
  disconnects: 6,
  ack_ms: TIMES,
  sink_ms: TIMES,
  ack_per_s: 1,
  sink_per_s: 1,
  dlr_per_s: 1,
  secs: 1,
};

describe('figures', () => {
  it('the middle one counts, of an even number the mean of two', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 2, 9])).toBe(3);
    expect(median([])).toBeNaN();
  });

  it('a quantile is a value that was measured', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => i + 1);
    expect([0, 0.5, 0.99, 1].map(share => quantile(hundred, share))).toEqual([1, 51, 100, 100]);
  });

  it('are shown with the digits that count', () => {
    expect([0.0834, 1.268, 32.71, 949.4, 382_244, NaN].map(shown)).toEqual([
      '0.083',
      '1.27',
      '32.7',
      '949',
      '382,200',
      '-',
    ]);
  });
});

describe('a verdict', () => {
  it('knows which way is better', () => {
    expect([0.5, 0.49, 0.2, 0.19].map(ratio => verdictOf(GOALS.P1, ratio, []))).toEqual([
      'goal',
      'floor',
      'floor',
      'below the floor',
    ]);
    expect([1000, 3000, 3001].map(ms => verdictOf(GOALS.P11, ms, []))).toEqual(['goal', 'floor', 'below the floor']);
  });

  it('is invalid with a loss, however good the figure, and without a figure', () => {
    expect(verdictOf(GOALS.P1, 1, ['node: duplicates is 1, expected 0'])).toBe('invalid');
    expect(verdictOf(GOALS.P1, NaN, [])).toBe('invalid');
  });
});

describe('a ledger', () => {
  it('is clean when each message was acknowledged, delivered and receipted once', () => {
    expect(problemsOf(CLEAN, 10)).toEqual([]);
  });

  it.each([
    [{ sent: 9 }, 'sent is 9, expected 10'],
    [{ delivered: 9, acked_not_delivered: 1 }, 'delivered is 9, expected 10'],
    [{ duplicates: 1 }, 'duplicates is 1, expected 0'],
    [{ dlr_unknown: 2 }, 'dlr_unknown is 2, expected 0'],
    [{ bad_text: 1 }, 'bad_text is 1, expected 0'],
    [{ acked: 9, rejected: 1 }, 'rejected is 1, expected 0'],
  ])('is not with %o', (change, problem) => {
    expect(problemsOf({ ...CLEAN, ...change }, 10)).toContain(problem);
  });
});

describe('a ledger of a load that was cut off', () => {
  const cut = { ...CLEAN, delivered: 7, acked_not_delivered: 3, dlr: 5, acked_no_dlr: 5 };

  it('is clean when the node still has what is missing', () => {
    expect(problemsOfCut(cut, 3, 5)).toEqual([]);
    expect(problemsOfCut(cut, 4, 6)).toEqual([]);
  });

  it('is not when it has less, or something came twice', () => {
    expect(problemsOfCut(cut, 2, 5)).toEqual(['3 messages are missing, the node has 2 of them']);
    expect(problemsOfCut(cut, 3, 4)).toEqual(['5 receipts are missing, the node has 4 of them']);
    expect(problemsOfCut({ ...cut, duplicates: 1 }, 3, 5)).toEqual(['duplicates is 1, expected 0']);
  });
});

it('the closing line counts figures at their floor, and checks', () => {
  const rows = [row([0.1, 0.3, 0.6]), row([0.1, 0.1, 0.6]), row([0.9], ['lost'])];
  const checks = [
    { name: 'a', ok: true, detail: '' },
    { name: 'b', ok: false, detail: '' },
  ];
  expect(rows.map(({ measured, verdict }) => [measured, verdict])).toEqual([
    [0.3, 'floor'],
    [0.1, 'below the floor'],
    [0.9, 'invalid'],
  ]);
  expect(closingLine(rows, checks)).toEqual({ line: '2 passed, 3 failed', failed: 3 });
});

function row(values: number[], problems: string[] = []) {
  return judge({ goal: 'P1', values, details: [], problems });
}
