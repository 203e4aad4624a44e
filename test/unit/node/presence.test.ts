import { expect, test } from 'vitest';
import { Presence, awayOf } from '../../../node/presence.ts';
import { Timers } from '../../../runtime/timers.ts';
import { ManualClock } from '../../support/manual-clock.ts';

test('away after its patience, not before; without a patience never', () => {
  const awaited = [
    { name: 'a', patienceMs: 5000 },
    { name: 'b', patienceMs: 0 },
    { name: 'c', patienceMs: null },
    { name: 'd', patienceMs: 5000 },
  ];
  const since = new Map([
    ['a', 100],
    ['b', 5000],
    ['c', 0],
  ]);
  expect(awayOf(awaited, since, 5000)).toEqual(['b']);
  expect(awayOf(awaited, since, 5100)).toEqual(['a', 'b']);
});

test('a session anywhere is a session; when the last is gone patience begins', () => {
  const clock = new ManualClock();
  const timers = new Timers(clock, () => () => undefined);
  const told: string[] = [];
  let away: readonly string[] = [];
  const presence = new Presence({
    timers,
    monotonic: () => clock.monotonicMs(),
    changed: names => (away = names),
    told: (carrier, isAway) => told.push(`${carrier} ${isAway ? 'away' : 'back'}`),
  });
  const pass = (ms: number): void => {
    clock.advance(ms);
    timers.runDue();
  };
  presence.use([{ name: 'a', patienceMs: 1000 }]);
  presence.report('worker 0', 'a', 2);
  presence.report('node-2', 'a', 1);
  pass(5000);
  presence.gone('worker 0');
  pass(5000);
  expect(away).toEqual([]);
  presence.report('node-2', 'a', 0);
  pass(900);
  expect(away).toEqual([]);
  pass(100);
  expect(away).toEqual(['a']);
  presence.report('worker 1', 'a', 1);
  expect(away).toEqual([]);
  presence.report('worker 1', 'a', 0);
  presence.stop();
  pass(5000);
  expect(told).toEqual(['a away', 'a back']);
});
