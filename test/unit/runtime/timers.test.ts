import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../runtime/clock.ts';
import { Timers } from '../../../runtime/timers.ts';
import type { Wake } from '../../../runtime/timers.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { waitUntil } from '../../support/wait-until.ts';

/** What `setTimeout` would be asked for: the delay of the one wake-up that is set, and how many there were. */
class Wakes {
  delayMs: number | undefined;
  count = 0;
  run: () => void = () => {};

  readonly wake: Wake = (delayMs, run) => {
    expect(this.delayMs).toBeUndefined();
    this.delayMs = delayMs;
    this.count++;
    this.run = () => {
      this.delayMs = undefined;
      run();
    };
    return () => {
      this.delayMs = undefined;
    };
  };
}

function setUp(): { clock: ManualClock; wakes: Wakes; timers: Timers; fired: string[] } {
  const clock = new ManualClock();
  const wakes = new Wakes();
  return { clock, wakes, timers: new Timers(clock, wakes.wake), fired: [] };
}

describe('one wake-up', () => {
  test('is set for the earliest, and again for the next', () => {
    const { clock, wakes, timers, fired } = setUp();
    timers.timer(() => fired.push('late')).start(500);
    expect(wakes.delayMs).toBe(500);
    timers.timer(() => fired.push('early')).start(200.5);
    expect(wakes.delayMs).toBe(201);
    timers.timer(() => fired.push('later')).start(900);
    expect(wakes.count).toBe(2);
    clock.advance(201);
    wakes.run();
    expect([fired, wakes.delayMs]).toEqual([['early'], 299]);
    clock.advance(299);
    wakes.run();
    clock.advance(10_000);
    wakes.run();
    expect([fired, wakes.delayMs, timers.armed]).toEqual([['early', 'late', 'later'], undefined, 0]);
  });

  test('that comes early changes nothing', () => {
    const { clock, wakes, timers, fired } = setUp();
    timers.timer(() => fired.push('once')).start(10);
    clock.advance(9.5);
    wakes.run();
    expect([fired, wakes.delayMs]).toEqual([[], 1]);
    clock.advance(0.5);
    wakes.run();
    expect(fired).toEqual(['once']);
  });

  test('never asks for more than setTimeout can do', () => {
    const { wakes, timers } = setUp();
    timers.timer(() => {}).start(90 * 86_400_000);
    expect(wakes.delayMs).toBe(2 ** 31 - 1);
  });
});

describe('a timer', () => {
  test('can be armed again, earlier or later, and cancelled', () => {
    const { clock, timers, fired } = setUp();
    const timer = timers.timer(() => fired.push('x'));
    timer.start(100);
    timer.start(300);
    clock.advance(100);
    expect([timers.runDue(), timer.armed]).toEqual([0, true]);
    timer.start(50);
    clock.advance(50);
    expect([timers.runDue(), timer.armed]).toEqual([1, false]);
    timer.start(10);
    timer.cancel();
    timer.cancel();
    clock.advance(10);
    expect([timers.runDue(), fired]).toEqual([0, ['x']]);
  });

  test('armed with no delay by one that fires waits for the next run', () => {
    const { clock, timers, fired } = setUp();
    const timer = timers.timer(() => {
      fired.push('again');
      timer.start(-5);
    });
    timer.start(0);
    expect([timers.runDue(), timer.armed]).toEqual([1, true]);
    clock.advance(1);
    expect(timers.runDue()).toBe(1);
    expect(fired).toEqual(['again', 'again']);
  });

  test('that is cancelled by another of the same moment does not fire', () => {
    const { clock, timers, fired } = setUp();
    const second = timers.timer(() => fired.push('second'));
    timers
      .timer(() => {
        fired.push('first');
        second.cancel();
      })
      .start(5);
    second.start(6);
    clock.advance(10);
    expect([timers.runDue(), fired]).toEqual([1, ['first']]);
  });

  test('that throws leaves the others armed', () => {
    const { clock, wakes, timers, fired } = setUp();
    const faulty = timers.timer(() => {
      throw new Error('planned');
    });
    faulty.start(1);
    timers.timer(() => fired.push('other')).start(2);
    clock.advance(5);
    expect(() => wakes.run()).toThrow('planned');
    expect(wakes.delayMs).toBe(0);
    wakes.run();
    expect(fired).toEqual(['other']);
  });
});

test('10,000 timers, armed anew and cancelled at random, fire in order and none is lost', () => {
  const { clock, timers } = setUp();
  const due = new Map<number, number>();
  const fired: number[] = [];
  let seed = 42;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };
  const all = Array.from({ length: 10_000 }, (_, i) => timers.timer(() => fired.push(i)));
  for (let step = 0; step < 30_000; step++) {
    const i = random(all.length);
    if (random(4) === 0) {
      all[i]!.cancel();
      due.delete(i);
    } else {
      const delayMs = random(60_000);
      all[i]!.start(delayMs);
      due.set(i, clock.monotonic + delayMs);
    }
  }
  expect(timers.armed).toBe(due.size);
  const firedDue: number[] = [];
  for (let step = 0; step < 60; step++) {
    clock.advance(1000);
    timers.runDue();
    for (const i of fired.splice(0)) {
      firedDue.push(due.get(i)!);
      expect(due.get(i)).toBeLessThanOrEqual(clock.monotonic);
      due.delete(i);
    }
  }
  expect(due.size).toBe(0);
  expect(firedDue).toEqual(firedDue.toSorted((a, b) => a - b));
});

test('with the real clock and setTimeout, in order; nothing fires after close', async () => {
  const timers = new Timers(systemClock);
  const fired: string[] = [];
  timers.timer(() => fired.push('b')).start(30);
  timers.timer(() => fired.push('a')).start(10);
  await waitUntil('both have fired', () => fired.length === 2);
  expect(fired).toEqual(['a', 'b']);
  const late = timers.timer(() => fired.push('c'));
  late.start(1);
  timers.close();
  expect([late.armed, timers.armed]).toEqual([false, 0]);
  late.start(0);
  expect(timers.armed).toBe(0);
});
