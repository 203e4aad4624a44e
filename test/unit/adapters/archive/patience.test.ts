import { describe, expect, test } from 'vitest';
import { CALM_MS, machineIsBusy, Patience, PATIENCE_MS } from '../../../../adapters/archive/patience.ts';

interface World {
  busy: boolean;
  now: number;
  of: Patience;
}

function patience(): World {
  const world = { busy: false, now: 0 } as World;
  world.of = new Patience(
    () => world.busy,
    () => world.now,
  );
  return world;
}

describe('the patience of the archive', () => {
  test('an idle machine writes at once', () => {
    expect(patience().of.waits()).toBe(false);
  });

  test('a busy one waits, until the burst is over', () => {
    const world = patience();
    world.busy = true;
    expect(world.of.waits()).toBe(true);
    world.now = PATIENCE_MS - 1;
    expect(world.of.waits()).toBe(true);
    world.busy = false;
    expect(world.of.waits()).toBe(false);
    world.now += CALM_MS;
    expect(world.of.waits()).toBe(false);
    world.busy = true;
    expect(world.of.waits()).toBe(true);
  });

  test('one that looks idle now and then is nearly full: it does not wait anew each time', () => {
    const world = patience();
    let put = 0;
    for (world.now = 0; world.now < 10 * PATIENCE_MS; world.now += CALM_MS / 2) {
      world.busy = (world.now / (CALM_MS / 2)) % 2 === 0;
      if (world.of.waits()) put++;
    }
    expect(put).toBe(PATIENCE_MS / CALM_MS);
  });

  test('after a while it waits no more, until the machine has had time for a second', () => {
    const world = patience();
    world.busy = true;
    expect(world.of.waits()).toBe(true);
    world.now = PATIENCE_MS;
    for (let i = 0; i < 5; i++, world.now += PATIENCE_MS) expect(world.of.waits()).toBe(false);
    const look = (busy: boolean, ms: number): boolean => {
      world.busy = busy;
      world.now += ms;
      return world.of.waits();
    };
    expect(look(false, 100)).toBe(false);
    expect(look(false, CALM_MS - 1)).toBe(false);
    expect(look(true, 100)).toBe(false);
    expect(look(false, 100)).toBe(false);
    expect(look(false, CALM_MS)).toBe(false);
    expect(look(true, 100)).toBe(true);
  });
});

test('the machine is busy or not, and a look too soon says what the last one said', () => {
  let now = 0;
  const isBusy = machineIsBusy(() => now);
  expect(isBusy()).toBe(false);
  now = 1000;
  expect(typeof isBusy()).toBe('boolean');
});
