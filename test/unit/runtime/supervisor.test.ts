import { describe, expect, test } from 'vitest';
import { decide, initialSupervisor } from '../../../runtime/supervisor-decide.ts';
import type { Exit, RestartPolicy, SupervisorEvent, SupervisorState } from '../../../runtime/supervisor-decide.ts';
import { Supervisor } from '../../../runtime/supervisor.ts';
import type { ChildSpec, SupervisorGaveUp } from '../../../runtime/supervisor.ts';
import { Timers } from '../../../runtime/timers.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const intensity = { maxRestarts: 2, periodMs: 1000 };

function exited(exit: Exit['type'], restart: RestartPolicy, atMs = 0, asked = false): SupervisorEvent {
  return { type: 'exited', exit, restart, asked, atMs };
}

describe('decide', () => {
  const rows: readonly (readonly [RestartPolicy, Exit['type'], boolean, SupervisorState['phase'], string])[] = [
    ['permanent', 'crash', false, 'running', 'restart'],
    ['permanent', 'normal', false, 'running', 'restart'],
    ['transient', 'crash', false, 'running', 'restart'],
    ['transient', 'normal', false, 'running', 'forget'],
    ['temporary', 'crash', false, 'running', 'forget'],
    ['temporary', 'normal', false, 'running', 'forget'],
    ['permanent', 'crash', true, 'running', 'forget'],
    ['permanent', 'normal', true, 'running', 'forget'],
    ['permanent', 'crash', false, 'stopping', 'forget'],
    ['permanent', 'crash', false, 'failed', 'forget'],
    ['permanent', 'undead', false, 'running', 'forget,escalate'],
    ['temporary', 'undead', true, 'running', 'forget,escalate'],
    ['permanent', 'undead', false, 'stopping', 'forget'],
  ];
  test.each(rows)('%s, exit %s, asked %s, supervisor %s: %s', (restart, exit, asked, phase, expected) => {
    const [, effects] = decide({ phase, restartsMs: [] }, exited(exit, restart, 0, asked), intensity);
    expect(effects.join()).toBe(expected);
  });

  test('counts restarts within the period only', () => {
    let state = initialSupervisor;
    const seen: string[] = [];
    for (const atMs of [0, 400, 1000, 1399, 1400, 5000]) {
      const [next, effects] = decide(state, exited('crash', 'permanent', atMs), intensity);
      state = next;
      seen.push(`${atMs}: ${effects.join()} ${state.phase}`);
    }
    expect(seen).toEqual([
      '0: restart running',
      '400: restart running',
      '1000: restart running',
      '1399: forget,escalate failed',
      '1400: forget failed',
      '5000: forget failed',
    ]);
  });

  test('stops once', () => {
    const [stopping, effects] = decide(initialSupervisor, { type: 'stop' }, intensity);
    expect([stopping.phase, effects]).toEqual(['stopping', ['stop-all']]);
    expect(decide(stopping, { type: 'stop' }, intensity)).toEqual([stopping, []]);
  });
});

class Child implements ChildSpec {
  readonly name: string;
  readonly restart: RestartPolicy;
  readonly shutdownMs = 500;
  readonly #log: string[];
  exited: (exit: Exit) => void = () => {};
  /** Ends only when it is killed. */
  stubborn = false;
  failsToStart = false;

  constructor(name: string, restart: RestartPolicy, log: string[]) {
    this.name = name;
    this.restart = restart;
    this.#log = log;
  }

  start(exited: (exit: Exit) => void): void {
    this.#log.push(`start ${this.name}`);
    if (this.failsToStart) throw new Error(`${this.name} does not start`);
    this.exited = exited;
  }

  shutdown(): void {
    this.#log.push(`shutdown ${this.name}`);
    if (!this.stubborn) this.exited({ type: 'normal' });
  }

  kill(): void {
    this.#log.push(`kill ${this.name}`);
    this.exited({ type: 'normal' });
  }

  forgotten(): void {
    this.#log.push(`forgotten ${this.name}`);
  }

  crash(): void {
    this.exited({ type: 'crash', error: new Error('planned') });
  }
}

function setUp(stopOrder: 'reverse' | 'together') {
  const clock = new ManualClock();
  const timers = new Timers(clock, () => () => {});
  const log: string[] = [];
  const escalated: SupervisorGaveUp[] = [];
  const supervisor = new Supervisor({
    name: 'tests',
    intensity,
    clock,
    timers,
    stopOrder,
    crashed: (child, _error, restarts) => log.push(`crashed ${child}, ${restarts ? 'again' : 'not again'}`),
    escalate: error => escalated.push(error),
  });
  const [a, b, c] = ['a', 'b', 'c'].map(name => new Child(name, 'permanent', log));
  for (const child of [a!, b!, c!]) supervisor.add(child);
  log.length = 0;
  return { clock, timers, log, escalated, supervisor, a: a!, b: b!, c: c! };
}

describe('the shell', () => {
  test('restarts the one that crashed', () => {
    const { log, supervisor, b } = setUp('reverse');
    b.crash();
    expect(log).toEqual(['crashed b, again', 'start b']);
    expect(supervisor.size).toBe(3);
  });

  test('takes a second report of the same end for nothing', () => {
    const { log, b } = setUp('reverse');
    const { exited: firstExit } = b;
    b.crash();
    firstExit({ type: 'crash', error: new Error('late') });
    expect(log).toEqual(['crashed b, again', 'start b']);
  });

  test('kills all and escalates with the cause when it happens too often', () => {
    const { log, escalated, supervisor, b } = setUp('reverse');
    b.crash();
    b.crash();
    log.length = 0;
    b.crash();
    expect(log).toEqual(['crashed b, not again', 'forgotten b', 'kill c', 'forgotten c', 'kill a', 'forgotten a']);
    expect(escalated.map(error => error.message)).toEqual([
      'tests gives up: b ended again after 2 restarts within 1 s: planned',
    ]);
    expect(supervisor.size).toBe(0);
    expect(() => supervisor.add(b)).toThrow('tests is failed: cannot start b');
  });

  test('counts a restart that throws as another crash', () => {
    const { escalated, log, b } = setUp('reverse');
    b.failsToStart = true;
    b.crash();
    expect(log.filter(line => line === 'start b')).toHaveLength(2);
    expect(escalated.map(error => error.message)).toEqual([
      'tests gives up: b ended again after 2 restarts within 1 s: b does not start',
    ]);
  });

  test('a first start that throws is the caller’s', () => {
    const { supervisor, log } = setUp('reverse');
    const faulty = new Child('faulty', 'permanent', log);
    faulty.failsToStart = true;
    expect(() => supervisor.add(faulty)).toThrow('faulty does not start');
    expect([supervisor.size, supervisor.phase]).toEqual([3, 'running']);
  });

  test('stops in reverse order, each when the one before has ended, by force after its time', async () => {
    const { clock, timers, log, supervisor, b } = setUp('reverse');
    b.stubborn = true;
    const stopped = supervisor.stop();
    await Promise.resolve();
    await Promise.resolve();
    expect(log).toEqual(['shutdown c', 'forgotten c', 'shutdown b']);
    clock.advance(499);
    timers.runDue();
    expect(log).toHaveLength(3);
    clock.advance(1);
    timers.runDue();
    await stopped;
    expect(log.slice(3)).toEqual(['kill b', 'forgotten b', 'shutdown a', 'forgotten a']);
    expect([supervisor.size, timers.armed]).toEqual([0, 0]);
  });

  test('stops all at once when told so', async () => {
    const { timers, log, supervisor, b, c } = setUp('together');
    b.stubborn = true;
    const stopped = supervisor.stop();
    expect(log).toEqual(['shutdown c', 'forgotten c', 'shutdown b', 'shutdown a', 'forgotten a']);
    // A crash while it stops ends it, too.
    b.crash();
    await stopped;
    expect([supervisor.size, timers.armed]).toEqual([0, 0]);
    await supervisor.stopChild(c);
  });

  test('stops one child for good, whatever its policy', async () => {
    const { log, supervisor, a } = setUp('reverse');
    await Promise.all([supervisor.stopChild(a), supervisor.stopChild(a)]);
    expect(log).toEqual(['shutdown a', 'forgotten a']);
    expect([supervisor.size, supervisor.phase]).toEqual([2, 'running']);
  });
});
