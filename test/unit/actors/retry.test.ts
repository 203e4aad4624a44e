import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULT_RETRY, backoffMs, decide, type Failure } from '../../../actors/retry.ts';

const NOW = 1_000_000;
const MINUTE = 60_000;
const failed = (failure: Failure, attempts = 0, fields: { expiresAt?: number; hasAlternative?: boolean } = {}) => ({
  failure,
  attempts,
  expiresAt: Infinity,
  hasAlternative: false,
  ...fields,
});

test('the pauses are 2^n minutes (features F03, J10), up to a day', () => {
  expect([1, 2, 3, 4, 5, 6].map(attempt => backoffMs(attempt, DEFAULT_RETRY) / MINUTE)).toEqual([2, 4, 8, 16, 32, 64]);
  expect(backoffMs(11, DEFAULT_RETRY)).toBe(86_400_000);
  expect(backoffMs(5000, DEFAULT_RETRY)).toBe(86_400_000);
});

describe('decide', () => {
  test('a temporary failure is tried again later, and later each time', () => {
    expect(decide(failed('later'), DEFAULT_RETRY, NOW)).toEqual({ type: 'park', until: NOW + 2 * MINUTE, attempts: 1 });
    expect(decide(failed('later', 2), DEFAULT_RETRY, NOW)).toEqual({
      type: 'park',
      until: NOW + 8 * MINUTE,
      attempts: 3,
    });
  });
  test('throttling is a short rest and no attempt', () => {
    expect(decide(failed('throttled', 20), DEFAULT_RETRY, NOW)).toEqual({
      type: 'park',
      until: NOW + 1000,
      attempts: 20,
    });
  });
  test('a message at fault fails, whatever else there is', () => {
    expect(decide(failed('never', 0, { hasAlternative: true }), DEFAULT_RETRY, NOW)).toEqual({
      type: 'fail',
      attempts: 1,
    });
  });
  test('elsewhere, while there is another destination', () => {
    expect(decide(failed('elsewhere', 3, { hasAlternative: true }), DEFAULT_RETRY, NOW)).toEqual({
      type: 'elsewhere',
      attempts: 4,
    });
    expect(decide(failed('elsewhere', 3), DEFAULT_RETRY, NOW)).toEqual({ type: 'fail', attempts: 4 });
  });
  test('the limit is the number of failures tried again', () => {
    expect(decide(failed('later', 19), DEFAULT_RETRY, NOW)).toMatchObject({ type: 'park', attempts: 20 });
    expect(decide(failed('later', 20), DEFAULT_RETRY, NOW)).toEqual({ type: 'fail', attempts: 21 });
    expect(decide(failed('later', 20, { hasAlternative: true }), DEFAULT_RETRY, NOW)).toEqual({
      type: 'elsewhere',
      attempts: 21,
    });
    expect(decide(failed('later'), { ...DEFAULT_RETRY, limit: 0 }, NOW)).toEqual({ type: 'fail', attempts: 1 });
  });
  test('a retry that would come too late is an expiry', () => {
    const at = (expiresAt: number) => decide(failed('later', 0, { expiresAt }), DEFAULT_RETRY, NOW).type;
    expect([at(NOW + 2 * MINUTE), at(NOW + 2 * MINUTE + 1)]).toEqual(['expire', 'park']);
    expect(decide(failed('throttled', 4, { expiresAt: NOW + 1000 }), DEFAULT_RETRY, NOW)).toEqual({
      type: 'expire',
      attempts: 4,
    });
  });

  test('every message ends: it is parked at most `limit` times, before its expiry', () => {
    const failures = fc.array(fc.constantFrom<Failure>('never', 'later', 'elsewhere'), {
      minLength: 40,
      maxLength: 40,
    });
    fc.assert(
      fc.property(
        failures,
        fc.nat(20),
        fc.nat(10_000 * MINUTE),
        fc.nat(3),
        (answers, limit, validity, alternatives) => {
          let now = NOW;
          let attempts = 0;
          let left = alternatives;
          let parked = 0;
          for (const failure of answers) {
            const decision = decide(
              { failure, attempts, expiresAt: NOW + validity, hasAlternative: left > 0 },
              { ...DEFAULT_RETRY, limit },
              now,
            );
            expect(decision.attempts).toBe(attempts + 1);
            ({ attempts } = decision);
            if (decision.type === 'park') {
              expect(decision.until).toBeGreaterThan(now);
              expect(decision.until).toBeLessThan(NOW + validity);
              now = decision.until;
              parked++;
            } else if (decision.type === 'elsewhere') left--;
            else return;
            expect(parked).toBeLessThanOrEqual(limit);
          }
          expect.unreachable('it never ended');
        },
      ),
    );
  });
});
