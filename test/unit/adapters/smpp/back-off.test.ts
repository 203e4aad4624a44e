import { expect, it } from 'vitest';
import { CONNECT_BACK_OFF, nextDelayMs, REFUSED_BACK_OFF } from '../../../../adapters/smpp/back-off.ts';

it('doubles up to its limit, half of it by chance', () => {
  expect([0, 1, 2, 3, 4, 5, 6, 7].map(attempt => nextDelayMs(attempt, 1))).toEqual([
    1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000,
  ]);
  expect([0, 1, 6].map(attempt => nextDelayMs(attempt, 0))).toEqual([500, 1000, 30_000]);
  expect(nextDelayMs(2, 0.5)).toBe(3000);
});

it('waits longer after a refused bind', () => {
  expect([0, 1, 9].map(attempt => nextDelayMs(attempt, 1, REFUSED_BACK_OFF))).toEqual([5000, 10_000, 60_000]);
});

it('never gives up, however often it failed', () => {
  for (const attempt of [50, 1023, 1024, 10_000_000]) {
    expect(nextDelayMs(attempt, 1, CONNECT_BACK_OFF)).toBe(60_000);
  }
});
