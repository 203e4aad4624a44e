import type { Clock } from './clock.ts';

/** Calls `run` once after `delayMs`; the function it returns takes that back. `setTimeout`, or a test's hand. */
export type Wake = (delayMs: number, run: () => void) => () => void;

// Node's setTimeout turns anything above 2^31 - 1 ms into 1 ms.
const LONGEST_WAKE_MS = 2 ** 31 - 1;
const IDLE = -1;
const A_MOMENT_MS = 0.001;

const wakeByTimeout: Wake = (delayMs, run) => {
  const timeout = setTimeout(run, delayMs);
  return () => clearTimeout(timeout);
};

/** One timer, made once by its owner and armed as often as it likes: arming allocates nothing. */
export class Timer {
  /** Where it is in the heap; -1 when it is not armed. Only `Timers` writes it. */
  heapIndex = IDLE;
  /** Monotonic time of firing, while armed. Only `Timers` writes it. */
  dueMs = 0;
  readonly fire: () => void;
  readonly #timers: Timers;

  constructor(timers: Timers, fire: () => void) {
    this.#timers = timers;
    this.fire = fire;
  }

  get armed(): boolean {
    return this.heapIndex !== IDLE;
  }

  /** Fires once, `delayMs` from now; an earlier arming is forgotten. */
  start(delayMs: number): void {
    this.#timers.arm(this, delayMs);
  }

  cancel(): void {
    this.#timers.disarm(this);
  }
}

/**
 * All timers of a thread behind one `setTimeout`: a binary heap by due time, so that arming and cancelling one of ten
 * thousand costs about a dozen comparisons and no allocation. Time is monotonic: a set wall clock moves nothing here.
 *
 * A `fire` that throws is an error of the thread, as in `setTimeout`. An actor's timer tells the actor a message.
 */
export class Timers {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #wake: Wake;
  readonly #heap: Timer[] = [];
  #cancelWake: (() => void) | undefined;
  #wakeDueMs = Infinity;
  /** The time that `runDue` took for now; what is armed meanwhile is due after it. */
  #runMs = -Infinity;
  #closed = false;

  constructor(clock: Pick<Clock, 'monotonicMs'>, wake: Wake = wakeByTimeout) {
    this.#clock = clock;
    this.#wake = wake;
  }

  /** How many are armed. */
  get armed(): number {
    return this.#heap.length;
  }

  /** A new timer, not armed. */
  timer(fire: () => void): Timer {
    return new Timer(this, fire);
  }

  /** Used by `Timer.start`. After `close` nothing is armed any more. */
  arm(timer: Timer, delayMs: number): void {
    if (this.#closed) return;
    timer.dueMs = Math.max(this.#clock.monotonicMs() + Math.max(0, delayMs), this.#runMs + A_MOMENT_MS);
    if (timer.heapIndex === IDLE) {
      timer.heapIndex = this.#heap.length;
      this.#heap.push(timer);
      this.#up(timer);
    } else {
      this.#up(timer);
      this.#down(timer);
    }
    this.#setWake();
  }

  /** Used by `Timer.cancel`. The pending wake-up stays: waking once for nothing is cheaper than setting it anew. */
  disarm(timer: Timer): void {
    if (timer.heapIndex !== IDLE) this.#remove(timer);
  }

  /** Fires what is due now, in order of due time. Called by the wake-up; tests with a hand-driven clock call it too. */
  runDue(): number {
    // One reading: what a `fire` arms with delay 0 waits for the next run, so timers cannot starve the sockets.
    const nowMs = this.#clock.monotonicMs();
    this.#runMs = nowMs;
    let fired = 0;
    try {
      for (let next = this.#heap[0]; next !== undefined && next.dueMs <= nowMs; next = this.#heap[0]) {
        this.#remove(next);
        fired++;
        next.fire();
      }
    } finally {
      this.#setWake();
    }
    return fired;
  }

  /** Forgets all timers, for good. */
  close(): void {
    this.#closed = true;
    for (const timer of this.#heap) timer.heapIndex = IDLE;
    this.#heap.length = 0;
    this.#cancelWake?.();
    this.#cancelWake = undefined;
  }

  #setWake(): void {
    const first = this.#heap[0];
    if (first === undefined || first.dueMs >= this.#wakeDueMs) return;
    this.#cancelWake?.();
    this.#wakeDueMs = first.dueMs;
    const delayMs = Math.ceil(first.dueMs - this.#clock.monotonicMs());
    this.#cancelWake = this.#wake(Math.min(Math.max(0, delayMs), LONGEST_WAKE_MS), () => {
      this.#cancelWake = undefined;
      this.#wakeDueMs = Infinity;
      this.runDue();
    });
  }

  #remove(timer: Timer): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (last !== timer) {
      last.heapIndex = timer.heapIndex;
      heap[last.heapIndex] = last;
      this.#up(last);
      this.#down(last);
    }
    timer.heapIndex = IDLE;
  }

  #up(timer: Timer): void {
    const heap = this.#heap;
    let at = timer.heapIndex;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt]!;
      if (parent.dueMs <= timer.dueMs) break;
      heap[at] = parent;
      parent.heapIndex = at;
      at = parentAt;
    }
    heap[at] = timer;
    timer.heapIndex = at;
  }

  #down(timer: Timer): void {
    const heap = this.#heap;
    const size = heap.length;
    let at = timer.heapIndex;
    for (;;) {
      let childAt = at * 2 + 1;
      if (childAt >= size) break;
      const right = heap[childAt + 1];
      if (right !== undefined && right.dueMs < heap[childAt]!.dueMs) childAt++;
      const child = heap[childAt]!;
      if (child.dueMs >= timer.dueMs) break;
      heap[at] = child;
      child.heapIndex = at;
      at = childAt;
    }
    heap[at] = timer;
    timer.heapIndex = at;
  }
}
