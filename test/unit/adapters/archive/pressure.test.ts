import { expect, test } from 'vitest';
import { AHEAD_MS, BEHIND_MS, Pressure } from '../../../../adapters/archive/pressure.ts';

/** A pressure, and a look at the outbox so many ms after the one before. */
function pressure() {
  let now = 0;
  const changes: boolean[] = [];
  const of: Pressure = new Pressure(
    () => now,
    () => changes.push(of.isPressed),
  );
  const saw = (isBehind: boolean, ms: number): boolean => {
    now += ms;
    of.saw(isBehind);
    return of.isPressed;
  };
  return { saw, changes };
}

test('an archive that is behind for a while is pressed, until it has kept up for a minute', () => {
  const { saw, changes } = pressure();
  expect(saw(true, 0)).toBe(false);
  expect(saw(true, BEHIND_MS - 1)).toBe(false);
  expect(saw(true, 1)).toBe(true);
  expect(saw(false, 100)).toBe(true);
  expect(saw(false, AHEAD_MS - 1)).toBe(true);
  expect(saw(false, 1)).toBe(false);
  expect(changes).toEqual([true, false]);
});

test('one chunk that is not full ends a burst, one that is full a time of keeping up', () => {
  const { saw, changes } = pressure();
  for (let i = 0; i < 5; i++) {
    expect(saw(true, BEHIND_MS / 2)).toBe(false);
    expect(saw(false, BEHIND_MS / 2)).toBe(false);
  }
  saw(true, 0);
  expect(saw(true, BEHIND_MS)).toBe(true);
  for (let i = 0; i < 5; i++) {
    expect(saw(false, AHEAD_MS / 2)).toBe(true);
    expect(saw(true, AHEAD_MS / 2)).toBe(true);
  }
  expect(changes).toEqual([true]);
});
