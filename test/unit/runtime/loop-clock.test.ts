import { expect, test } from 'vitest';
import { loopClock, turnClock } from '../../../runtime/loop-clock.ts';

function scene() {
  const time = { wall: 1000 };
  const deferred: (() => void)[] = [];
  const clock = loopClock({ nowMs: () => time.wall }, then => deferred.push(then));
  return { time, deferred, clock };
}

test('within a turn it stands still, and begins anew in the next', () => {
  const { time, deferred, clock } = scene();
  expect(clock.nowMs()).toBe(1000);
  time.wall = 1007;
  expect(clock.nowMs()).toBe(1000);
  for (const then of deferred.splice(0)) then();
  expect(clock.nowMs()).toBe(1007);
});

test('however often it is asked, the turn calls back once', () => {
  const { deferred, clock } = scene();
  for (let i = 0; i < 10; i++) clock.nowMs();
  expect(deferred).toHaveLength(1);
  deferred[0]!();
  clock.nowMs();
  expect(deferred).toHaveLength(2);
});

test('a wait within the turn is told to it', () => {
  const { time, deferred, clock } = scene();
  clock.nowMs();
  time.wall = 1020;
  clock.forget();
  expect(clock.nowMs()).toBe(1020);
  expect(deferred).toHaveLength(1);
});

test('a thread has one that goes on', async () => {
  const before = turnClock.nowMs();
  while (turnClock.nowMs() === before) await new Promise(resolve => setImmediate(resolve));
  expect(turnClock.nowMs()).toBeGreaterThan(before);
  expect(Math.abs(turnClock.nowMs() - Date.now())).toBeLessThan(1000);
});
