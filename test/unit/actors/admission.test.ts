import { beforeEach, expect, test } from 'vitest';
import { Admission, type Submitting } from '../../../actors/batch/admission.ts';
import { Timers, type Wake } from '../../../runtime/timers.ts';
import { ManualClock } from '../../support/manual-clock.ts';

/** What waits for carriers at which it is closed, and opened again, and what is taken at a time where there is time. */
const [MANY, FEWER, A_BATCH] = [4096, 3072, 256];

let clock: ManualClock;
let admission: Admission;
let queued: number;
let idleMs: number;
let runDue: () => void;

beforeEach(() => {
  clock = new ManualClock();
  [queued, idleMs] = [0, 0];
  const wake: Wake = (_delayMs, run) => {
    runDue = run;
    return () => undefined;
  };
  const timers = new Timers(clock, wake);
  const deps = {
    ownQueues: () =>
      Promise.resolve([
        { destination: 'sink', ready: queued },
        { destination: 'an account, which is away', ready: 1_000_000 },
      ]),
    idleMs: () => idleMs,
    monotonic: () => clock.monotonicMs(),
    failed: (error: unknown) => {
      throw error;
    },
  };
  admission = new Admission(deps, look => timers.timer(look));
  admission.useCarriers(new Set(['sink']));
});

/** The next look, 5 ms later, of which the thread was idle for so long. */
async function look(idle = 0): Promise<void> {
  clock.advance(5);
  idleMs += idle;
  runDue();
  await Promise.resolve();
  await Promise.resolve();
}

/** Somebody who takes what may be taken, up to `most`. */
class Session implements Submitting {
  taken = 0;
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  admitted(): void {
    while (this.taken < this.#most && admission.isOpen) {
      admission.taken();
      this.taken++;
    }
    if (this.taken < this.#most) admission.wait(this);
  }
}

test('is open until much waits for carriers, and again when less does', async () => {
  const session = new Session(10_000);
  session.admitted();
  expect(session.taken).toBe(MANY);
  expect(admission.isOpen).toBe(false);
  queued = FEWER + 1;
  await look();
  expect(session.taken).toBe(MANY);
  queued = FEWER;
  await look();
  expect(session.taken).toBe(MANY + MANY - FEWER);
});

test('is open where nothing waits, however much is taken', async () => {
  for (let i = 0; i < 10; i++) {
    const session = new Session(MANY - 1);
    session.admitted();
    expect(session.taken).toBe(MANY - 1);
    await look();
  }
});

test('a thread that has time takes a batch at each look', async () => {
  const session = new Session(100_000);
  session.admitted();
  queued = 50_000;
  await look(0.9);
  expect(session.taken).toBe(MANY);
  for (let i = 1; i <= 5; i++) {
    await look(1.1);
    expect(session.taken).toBe(MANY + i * A_BATCH);
    expect(admission.isOpen).toBe(false);
  }
});

test('one that never has time takes a batch every 100 ms', async () => {
  const session = new Session(100_000);
  session.admitted();
  queued = 50_000;
  for (let i = 0; i < 40; i++) await look();
  expect(session.taken).toBe(MANY + 2 * A_BATCH);
});

test('those that wait have their turn one after the other', async () => {
  const [first, second] = [new Session(10_000), new Session(10_000)];
  first.admitted();
  admission.wait(second);
  queued = 50_000;
  await look(5);
  expect([first.taken, second.taken]).toEqual([MANY + A_BATCH, 0]);
  await look(5);
  expect([first.taken, second.taken]).toEqual([MANY + A_BATCH, A_BATCH]);
});
