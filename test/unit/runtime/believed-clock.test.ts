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

test('a jump of an hour counts after 5 s, and one that is taken back never', () => {
  const clock = new ManualClock();
  clock.wall = 1_800_000_000_000;
  const lines: string[] = [];
  const believed = new BelievedClock(clock, event => lines.push(describeJump(event)));
  passes(clock, believed, 1000);
  expect(believed.nowMs()).toBeCloseTo(1_800_000_001_000, 0);

  clock.wall += 3_600_000;
  passes(clock, believed, 4000);
  expect(believed.nowMs()).toBeCloseTo(1_800_000_005_000, 0);
  clock.wall -= 3_600_000;
  passes(clock, believed, 6000);
  expect(believed.nowMs()).toBeCloseTo(1_800_000_011_000, 0);

  clock.wall += 3_600_000;
  passes(clock, believed, 5100);
  expect(believed.nowMs()).toBeCloseTo(1_800_003_616_100, 0);
  expect(lines).toEqual([
    'the wall clock jumped by +3600.0 s: nothing expires by it until the new time has held for 5 s',
    'the wall clock is back where it was: nothing has expired by its jump',
    'the wall clock jumped by +3600.0 s: nothing expires by it until the new time has held for 5 s',
    "the wall clock's jump by +3600.0 s has held: the new time counts",
  ]);
});
