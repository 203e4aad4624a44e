import { expect, test } from 'vitest';
import { decideLifecycle, initialLifecycle } from '../../../runtime/lifecycle-decide.ts';
import type { LifecycleEvent } from '../../../runtime/lifecycle-decide.ts';

const events: Record<string, LifecycleEvent> = {
  started: { type: 'started' },
  'signal at 0': { type: 'signal', atMs: 0 },
  'signal at 499': { type: 'signal', atMs: 499 },
  'signal at 500': { type: 'signal', atMs: 500 },
  'drain asked': { type: 'drain-asked' },
  drained: { type: 'drained', ok: true },
  'drain failed': { type: 'drained', ok: false },
  'parts stopped': { type: 'parts-stopped', ok: true },
  'a part did not stop': { type: 'parts-stopped', ok: false },
};

const rows: readonly (readonly [string, string])[] = [
  ['started', 'serving'],
  ['started, started', 'serving'],
  ['signal at 0', 'stopping: run-stop'],
  ['signal at 0, parts stopped', 'stopped: run-stop exit-0'],
  ['signal at 0, started', 'stopping: run-stop'],
  ['started, signal at 0', 'draining: run-drain'],
  ['started, signal at 0, drained', 'stopping: run-drain run-stop'],
  ['started, signal at 0, drained, parts stopped', 'stopped: run-drain run-stop exit-0'],
  ['started, signal at 0, drain failed, parts stopped', 'stopped: run-drain run-stop exit-1'],
  ['started, signal at 0, drained, a part did not stop', 'stopped: run-drain run-stop exit-1'],
  ['started, signal at 0, signal at 499', 'draining: run-drain'],
  ['started, signal at 0, signal at 500', 'draining: run-drain exit-now'],
  ['started, signal at 0, drained, signal at 500', 'stopping: run-drain run-stop exit-now'],
  ['signal at 0, signal at 500', 'stopping: run-stop exit-now'],
  ['drain asked', 'starting'],
  ['started, drain asked', 'draining: run-drain'],
  ['started, drain asked, drain asked', 'draining: run-drain'],
  ['started, drain asked, drained', 'draining: run-drain'],
  ['started, drain asked, signal at 0', 'draining: run-drain'],
  ['started, drain asked, signal at 0, drained', 'stopping: run-drain run-stop'],
  ['started, drain asked, drained, signal at 0', 'stopping: run-drain run-stop'],
];

test.each(rows)('%s → %s', (names, expected) => {
  let state = initialLifecycle;
  const effects: string[] = [];
  for (const name of names.split(', ')) {
    const [next, found] = decideLifecycle(state, events[name]!);
    state = next;
    effects.push(...found);
  }
  expect([state.phase, effects.join(' ')].filter(part => part !== '').join(': ')).toBe(expected);
});
