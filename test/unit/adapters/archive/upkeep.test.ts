import { expect, test } from 'vitest';
import { Upkeep, UPKEEP_MS } from '../../../../adapters/archive/upkeep.ts';

const YEARS_MS = 10 * 365.25 * 86_400_000;

function scene() {
  const time = { wall: Date.UTC(2026, 10, 28), monotonic: 1000 };
  const upkeep = new Upkeep({ nowMs: () => time.wall, monotonicMs: () => time.monotonic });
  return {
    time,
    pass: (ms: number) => {
      time.wall += ms;
      time.monotonic += ms;
    },
    /** What `due` says; done when it is. */
    look: () => {
      const due = upkeep.due();
      if (due) upkeep.done(due);
      return due?.mayDrop;
    },
  };
}

test('at the start, and then every hour, days are made and old ones dropped', () => {
  const { pass, look } = scene();
  expect(look()).toBe(true);
  pass(UPKEEP_MS - 1);
  expect(look()).toBeUndefined();
  pass(1);
  expect(look()).toBe(true);
});

test('a clock that jumps ten years ahead, and back: days are made at once, nothing is dropped', () => {
  const { time, pass, look } = scene();
  look();
  pass(60_000);
  time.wall += YEARS_MS;
  expect(look()).toBe(false);
  pass(8000);
  expect(look()).toBeUndefined();
  time.wall -= YEARS_MS;
  expect(look()).toBe(false);
  pass(UPKEEP_MS);
  expect(look()).toBe(true);
});

test('a time that has held for an hour counts', () => {
  const { time, pass, look } = scene();
  look();
  time.wall += YEARS_MS;
  expect(look()).toBe(false);
  pass(UPKEEP_MS);
  expect(look()).toBe(true);
});

test('what was not done is due again', () => {
  const { time } = scene();
  const upkeep = new Upkeep({ nowMs: () => time.wall, monotonicMs: () => time.monotonic });
  expect(upkeep.due()).toBeDefined();
  expect(upkeep.due()).toBeDefined();
});

test('a clock that stands still does not put it off', () => {
  const { time, look } = scene();
  look();
  time.monotonic += UPKEEP_MS;
  expect(look()).toBe(false);
});
