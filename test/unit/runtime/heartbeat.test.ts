import { expect, test } from 'vitest';
import { LOOK_MS, firstBeat, lookAtBeat, starvedMs, threadId } from '../../../runtime/heartbeat.ts';

test('a beat that stands still adds up; one beat clears it', () => {
  let state = firstBeat(5, 0);
  for (let look = 1; look <= 9; look++) state = lookAtBeat(state, 5, look * LOOK_MS);
  expect(state.stillMs).toBe(9 * LOOK_MS);
  expect(lookAtBeat(state, 6, 10 * LOOK_MS)).toEqual(firstBeat(6, 10 * LOOK_MS));
});

test('a beat that wraps around is a beat', () => {
  expect(lookAtBeat(firstBeat(2 ** 31 - 1, 0), -(2 ** 31), 200).stillMs).toBe(0);
});

test('what a thread has waited for a processor does not count', () => {
  let state = firstBeat(5, 0, 1000);
  for (let look = 1; look <= 10; look++) state = lookAtBeat(state, 5, look * LOOK_MS, 1000 + look * 0.9 * LOOK_MS);
  expect(state.stillMs).toBeCloseTo(LOOK_MS);
  // It runs, and does not beat.
  for (let look = 11; look <= 20; look++) state = lookAtBeat(state, 5, look * LOOK_MS, state.starvedMs);
  expect(state.stillMs).toBeCloseTo(11 * LOOK_MS);
});

test('the wait for a processor is Linux’s own figure', () => {
  expect(threadId()).toBe(process.pid);
  expect(starvedMs(threadId())).toBeGreaterThan(0);
  expect(starvedMs(0)).toBe(0);
});

test('a process that was suspended gives its threads their time again', () => {
  const asleep = lookAtBeat(firstBeat(5, 0), 5, 3_600_000);
  expect(asleep.stillMs).toBe(2 * LOOK_MS);
  expect(lookAtBeat(asleep, 5, 3_600_000 - 100).stillMs).toBe(2 * LOOK_MS);
});
