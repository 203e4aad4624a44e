import { expect, test } from 'vitest';
import { LoadAverage } from '../../../../actors/bind/load-average.ts';

test('messages a second over 1, 5 and 15 minutes', () => {
  const load = new LoadAverage(0);
  load.sample(100, 4999);
  expect(load.one).toBe(0);
  let count = 0;
  for (let ms = 5000; ms <= 60_000; ms += 5000) load.sample((count += 500), ms);
  // After one time constant an average has come 1 - 1/e of the way.
  expect(load.one).toBeCloseTo(100 * (1 - Math.exp(-1)), 3);
  expect(load.five).toBeCloseTo(100 * (1 - Math.exp(-1 / 5)), 3);
  expect(load.fifteen).toBeCloseTo(100 * (1 - Math.exp(-1 / 15)), 3);
  load.sample(count, 3_600_000);
  expect(load.one).toBeCloseTo(0, 6);
});
