import { expect, test } from 'vitest';
import { believedWallMs, detectJump, isFrozen, startJumpDetector } from '../../../runtime/jump-detector.ts';
import { ManualClock } from '../../support/manual-clock.ts';

/** Polls every 50 ms, as the node does; `jumps` are the milliseconds by which the wall clock is set at that poll. */
function run(polls: number, jumps: Readonly<Record<number, number>>, eachPoll?: (clock: ManualClock) => void) {
  const clock = new ManualClock();
  const read = () => ({ wallMs: clock.wall, monotonicMs: clock.monotonic });
  let state = startJumpDetector(read());
  const events: string[] = [];
  const frozenAt: number[] = [];
  for (let poll = 1; poll <= polls; poll++) {
    clock.advance(50);
    clock.wall += jumps[poll] ?? 0;
    eachPoll?.(clock);
    const [next, event] = detectJump(state, read());
    state = next;
    if (event !== undefined) events.push(`${poll} ${event.type} ${Math.round(event.byMs)}`);
    if (isFrozen(state)) frozenAt.push(poll);
  }
  return { events, frozenAt, clock, believed: believedWallMs(state, clock.monotonic) };
}

test('a clock that runs evenly never freezes', () => {
  const { events, frozenAt, clock, believed } = run(1000, {});
  expect([events, frozenAt, believed]).toEqual([[], [], clock.wall]);
});

test.each([
  [300, 5],
  [-4000, 5],
  [60_000, 60],
  [-60_000, 60],
  [3_600_000, 900],
  [-3_600_000, 900],
  [315_576_000_000, 900],
])('a jump by %d ms freezes, and is confirmed after %d s', (byMs, seconds) => {
  const polls = seconds * 20;
  const { events, frozenAt, clock, believed } = run(polls + 100, { 10: byMs });
  expect(events).toEqual([`10 jumped ${byMs}`, `${10 + polls} confirmed ${byMs}`]);
  expect([frozenAt[0], frozenAt.at(-1), frozenAt.length]).toEqual([10, 9 + polls, polls]);
  expect(believed).toBe(clock.wall);
});

test('while frozen the believed time goes on as before', () => {
  const { clock, believed } = run(50, { 10: 3_600_000 });
  expect(believed).toBe(clock.wall - 3_600_000);
});

test('a jump that is taken back was none', () => {
  const { events, frozenAt, clock, believed } = run(300, { 10: 3_600_000, 30: -3_600_000 });
  expect(events).toEqual(['10 jumped 3600000', '30 reverted 0']);
  expect(frozenAt).toHaveLength(20);
  expect(believed).toBe(clock.wall);
});

test('a second jump starts the time anew', () => {
  const { events } = run(300, { 10: 3000, 100: 1000 });
  expect(events).toEqual(['10 jumped 3000', '100 jumped 4000', '200 confirmed 4000']);
});

test('what NTP slews is followed, a step below the limit too', () => {
  const slewed = run(2000, {}, clock => (clock.wall += 0.05)); // 1,000 ppm
  expect(slewed.events).toEqual([]);
  expect(Math.abs(slewed.believed - slewed.clock.wall)).toBeLessThan(1);
  const stepped = run(2000, { 10: 200 });
  expect(stepped.events).toEqual([]);
  expect(Math.abs(stepped.believed - stepped.clock.wall)).toBeLessThan(1);
});

test('a clock that creeps faster than any slewing is a jump in the end', () => {
  const { events } = run(20, {}, clock => (clock.wall += 100));
  expect(events[0]).toMatch(/^3 jumped/);
});

test('polls that come late are no jump', () => {
  const { events } = run(20, {}, clock => clock.advance(10_000));
  expect(events).toEqual([]);
});
