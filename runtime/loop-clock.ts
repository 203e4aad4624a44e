import { believedClock } from './believed-clock.ts';
import type { Clock } from './clock.ts';

export interface LoopClock extends Pick<Clock, 'nowMs'> {
  /** Time has passed within the turn: the thread has waited for something. */
  readonly forget: () => void;
}

/**
 * A wall clock that is read once in a turn of the event loop, however often it is asked: for what each message is dated with.
 * Within a turn, some milliseconds, time stands still. A reading takes 200 ns. Not for what measures time: a rate, a latency.
 *
 * @param defer calls back in the next turn
 */
export function loopClock(
  { nowMs }: Pick<Clock, 'nowMs'>,
  defer: (then: () => void) => void = setImmediate,
): LoopClock {
  let now: number | undefined;
  let isAsked = false;
  const forget = (): void => {
    now = undefined;
  };
  const turnOver = (): void => {
    isAsked = false;
    forget();
  };
  return {
    nowMs: () => {
      if (!isAsked) {
        isAsked = true;
        defer(turnOver);
      }
      return (now ??= nowMs());
    },
    forget,
  };
}

/** This thread's, of the time that is believed. */
export const turnClock: LoopClock = loopClock(believedClock);
