import type { Clock } from '../../runtime/clock.ts';

/** A clock that moves when the test says so. Wall and monotonic can be moved apart. */
export class ManualClock implements Clock {
  wall = 1_700_000_000_000;
  monotonic = 1000;

  nowMs(): number {
    return this.wall;
  }

  monotonicMs(): number {
    return this.monotonic;
  }

  advance(ms: number): void {
    this.wall += ms;
    this.monotonic += ms;
  }
}
