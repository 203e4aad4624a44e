import { expect, test } from 'vitest';
import { BelievedClock, describeJump, POLL_MS } from '../../../runtime/believed-clock.ts';
import { ManualClock } from '../../support/manual-clock.ts';

/** Both clocks go on for `ms`, polled. */
function passes(clock: ManualClock, believed: BelievedClock, ms: number): void {
  for (let passed = 0; passed < ms; passed += POLL_MS) {
    clock.wall += POLL_MS;
    clock.monotonic += POLL_MS;
    believed.poll();
  }
}

test('a jump of a minute counts when it has held for a minute, and one that is taken back never', () => {
  const clock = new ManualClock();
  clock.wall = 1_800_000_000_000;
  const lines: string[] = [];
  const believed = new BelievedClock(clock);
  believed.onJump(event => lines.push(describeJump(event)));
  passes(clock, believed, 1000);
  expect(believed.nowMs()).toBeCloseTo(1_800_000_001_000, 0);

  clock.wall += 60_000;
  passes(clock, believed, 40_000);
  expect(believed.nowMs()).toBeCloseTo(1_800_000_041_000, 0);
  clock.wall -= 60_000;
  passes(clock, believed, 90_000);
  expect(believed.nowMs()).toBeCloseTo(1_800_000_131_000, 0);

  clock.wall += 60_000;
  passes(clock, believed, 60_100);
  expect(believed.nowMs()).toBeCloseTo(1_800_000_251_100, 0);
  expect(lines).toEqual([
    'the wall clock jumped by +60.0 s: it counts when it has held for 60 s',
    'the wall clock is back where it was: nothing has expired by its jump',
    'the wall clock jumped by +60.0 s: it counts when it has held for 60 s',
    "the wall clock's jump by +60.0 s has held: the new time counts",
  ]);
});

test('a machine that has slept knows what time it is: that is no jump', () => {
  const clock = new ManualClock();
  clock.wall = 1_800_000_000_000;
  let sleptMs = 77_000;
  const believed = new BelievedClock(clock, () => clock.monotonicMs() + sleptMs);
  const lines: string[] = [];
  believed.onJump(event => lines.push(describeJump(event)));
  passes(clock, believed, 1000);
  sleptMs += 3_600_000;
  clock.wall += 3_600_000;
  expect(believed.nowMs()).toBeCloseTo(1_800_003_601_000, 0);
  passes(clock, believed, 10_000);
  expect(believed.nowMs()).toBeCloseTo(1_800_003_611_000, 0);
  expect(lines).toEqual([]);
});

test('it gives whole milliseconds, also while a jump is not confirmed', () => {
  const clock = new ManualClock();
  clock.wall = 1_800_000_000_000;
  clock.monotonic = 77.123;
  const believed = new BelievedClock(clock);
  expect(believed.nowMs()).toBe(1_800_000_000_000);
  clock.wall += 3_600_000;
  clock.monotonic += 0.7;
  expect(believed.nowMs()).toBe(1_800_000_000_001);
});
