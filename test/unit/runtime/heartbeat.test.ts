import { expect, test } from 'vitest';
import { LOOK_MS, firstBeat, lookAtBeat } from '../../../runtime/heartbeat.ts';

test('a beat that stands still adds up; one beat clears it', () => {
  let state = firstBeat(5, 0);
  for (let look = 1; look <= 9; look++) state = lookAtBeat(state, 5, look * LOOK_MS);
  expect(state.stillMs).toBe(9 * LOOK_MS);
  expect(lookAtBeat(state, 6, 10 * LOOK_MS)).toEqual(firstBeat(6, 10 * LOOK_MS));
});

test('a beat that wraps around is a beat', () => {
  expect(lookAtBeat(firstBeat(2 ** 31 - 1, 0), -(2 ** 31), 200).stillMs).toBe(0);
});

test('a process that was suspended gives its threads their time again', () => {
  const asleep = lookAtBeat(firstBeat(5, 0), 5, 3_600_000);
  expect(asleep.stillMs).toBe(2 * LOOK_MS);
  expect(lookAtBeat(asleep, 5, 3_600_000 - 100).stillMs).toBe(2 * LOOK_MS);
});
