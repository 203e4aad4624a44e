import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Throughput } from '../../../../actors/accounts/limits.ts';

describe('Throughput', () => {
  test('allows a second at once, then the rate', () => {
    const limit = new Throughput(100, 0);
    expect(limit.take(250, 0)).toBe(100);
    expect(limit.take(1, 0)).toBe(0);
    expect(limit.take(250, 100)).toBe(10);
    expect(limit.take(250, 10_000)).toBe(100);
  });
  test('0 is no limit', () => {
    const limit = new Throughput(0, 0);
    expect(limit.take(1_000_000, 0)).toBe(1_000_000);
    expect(limit.waitMs(0)).toBe(0);
  });
  test('a fraction is one message in so many seconds', () => {
    const limit = new Throughput(0.2, 0);
    expect([0, 4999, 5000, 9999, 10_000].map(now => limit.take(1, now))).toEqual([1, 0, 1, 0, 1]);
  });
  test('a third three times is one', () => {
    const limit = new Throughput(1 / 3, 0);
    expect(limit.take(1, 0)).toBe(1);
    for (const now of [1000, 2000]) expect(limit.take(1, now)).toBe(0);
    expect(limit.take(1, 3000)).toBe(1);
  });
  test('says how long to wait', () => {
    const limit = new Throughput(4, 0);
    expect(limit.waitMs(0)).toBe(0);
    limit.take(4, 0);
    expect(limit.waitMs(0)).toBe(250);
    expect(limit.waitMs(100)).toBe(150);
    expect(limit.take(1, 250)).toBe(1);
  });
  test('what was not used is given back, never more than a second of it', () => {
    const limit = new Throughput(10, 0);
    limit.take(10, 0);
    limit.giveBack(3);
    expect(limit.take(10, 0)).toBe(3);
    limit.giveBack(100);
    expect(limit.take(100, 0)).toBe(10);
  });
  test('a step back of the clock adds nothing', () => {
    const limit = new Throughput(10, 5000);
    limit.take(10, 5000);
    expect(limit.take(1, 0)).toBe(0);
    expect(limit.take(10, 500)).toBe(5);
  });
  test('another rate takes effect at once', () => {
    const limit = new Throughput(100, 0);
    limit.setRate(10, 0);
    expect(limit.take(100, 0)).toBe(10);
    limit.setRate(0, 0);
    expect(limit.take(100, 0)).toBe(100);
    limit.setRate(5, 0);
    expect(limit.ratePerSecond).toBe(5);
    expect(limit.take(100, 0)).toBe(5);
  });

  test('never lets more through than the rate and one second of it, nor less than the rate to who always asks', () => {
    const steps = fc.array(fc.record({ wait: fc.nat(3000), want: fc.nat(50) }), { minLength: 1, maxLength: 100 });
    fc.assert(
      fc.property(fc.double({ min: 0.1, max: 200, noNaN: true }), steps, (rate, taken) => {
        const limit = new Throughput(rate, 0);
        let now = 0;
        let total = 0;
        let greedy = true;
        for (const { wait, want } of taken) {
          now += wait;
          const allowed = limit.take(want, now);
          total += allowed;
          expect(allowed).toBeLessThanOrEqual(want);
          if (allowed === want) greedy = false;
          expect(total).toBeLessThanOrEqual((now / 1000) * rate + Math.max(1, rate) + 1e-6);
        }
        // Pauses beyond a second fill the bucket and are lost: only without them is the rate a floor.
        if (greedy && taken.every(({ wait }) => wait <= 1000)) expect(total).toBeGreaterThan((now / 1000) * rate - 1);
      }),
    );
  });
});
