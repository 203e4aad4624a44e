import { performance } from 'node:perf_hooks';

/** Time as an argument: state machines never read a clock themselves. */
export interface Clock {
  /** Milliseconds since 1970 by the wall clock. It jumps when somebody sets it: see `jump-detector.ts`. */
  readonly nowMs: () => number;
  /** Milliseconds that never go back, from an arbitrary start that is the same in every thread of this process. */
  readonly monotonicMs: () => number;
}

// `performance.now()` starts at zero in each thread, `hrtime` does not: added once, a monotonic time (a deadline, say)
// means the same in the thread that reads it as in the one that wrote it. 30 ns a call, `hrtime.bigint()` takes twice that.
const threadStartMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** The clocks of this machine. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => threadStartMs + performance.now(),
};
