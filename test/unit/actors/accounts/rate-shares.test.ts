import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { RateShares } from '../../../../actors/accounts/rate-shares.ts';

const shares = (s: RateShares, workers: number, rate: number): number[] =>
  Array.from({ length: workers }, (_, worker) => s.shareOf('shop', worker, rate));

test('a rate follows the sessions', () => {
  const s = new RateShares(2);
  expect(shares(s, 2, 100)).toEqual([50, 50]);
  s.changed('shop', 1, 1);
  // The first has no session to use its part.
  expect(shares(s, 2, 100)).toEqual([50, 100]);
  s.changed('shop', 0, 1);
  s.changed('shop', 1, 1);
  s.changed('shop', 1, 1);
  s.changed('other', 0, 1);
  expect(shares(s, 2, 100)).toEqual([25, 75]);
  s.changed('shop', 1, -1);
  s.changed('shop', 1, -1);
  s.changed('shop', 1, -1);
  expect(shares(s, 2, 100)).toEqual([100, 50]);
  s.changed('shop', 0, -1);
  expect(shares(s, 2, 100)).toEqual([50, 50]);
});

test('no limit stays none', () => {
  const s = new RateShares(3);
  s.changed('shop', 0, 1);
  expect(shares(s, 3, 0)).toEqual([0, 0, 0]);
});

test('the parts of the workers that have sessions are the whole', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(3), { minLength: 1, maxLength: 50 }), fc.nat(10_000), (binds, rate) => {
      const s = new RateShares(4);
      for (const worker of binds) s.changed('shop', worker, 1);
      const used = [...new Set(binds)].map(worker => s.shareOf('shop', worker, rate));
      expect(used.reduce((sum, share) => sum + share, 0)).toBeCloseTo(rate, 6);
    }),
  );
});
