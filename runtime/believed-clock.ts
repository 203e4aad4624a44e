import type { Clock } from './clock.ts';
import { believedWallMs, detectJump, startJumpDetector, type JumpEvent, type JumpState } from './jump-detector.ts';

/** How often the clocks are compared, ms (`jump-detector.ts`). */
export const POLL_MS = 50;

/**
 * The wall clock for decisions that cannot be taken back, such as expiry: when somebody sets the clock it goes on as it did
 * until the new time has held for a while. It is compared at every `poll`, and by whoever reads it.
 */
export class BelievedClock {
  readonly #clock: Clock;
  readonly #told: (event: JumpEvent) => void;
  #state: JumpState;

  /** @param told of each jump, and what came of it */
  constructor(clock: Clock, told: (event: JumpEvent) => void) {
    this.#clock = clock;
    this.#told = told;
    this.#state = startJumpDetector({ wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() });
  }

  /** ms since 1970, as believed. */
  readonly nowMs = (): number => {
    this.poll();
    return believedWallMs(this.#state, this.#clock.monotonicMs());
  };

  /** Call it every POLL_MS, so that a jump is confirmed though nobody asks for the time. */
  poll(): void {
    const clock = this.#clock;
    const [state, event] = detectJump(this.#state, { wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() });
    this.#state = state;
    if (event) this.#told(event);
  }
}

/** One line about a jump, for people. */
export function describeJump({ type, byMs }: JumpEvent): string {
  const by = `${byMs > 0 ? '+' : '-'}${(Math.abs(byMs) / 1000).toFixed(1)} s`;
  const lines = {
    jumped: `the wall clock jumped by ${by}: nothing expires by it until the new time has held for 5 s`,
    confirmed: `the wall clock's jump by ${by} has held: the new time counts`,
    reverted: 'the wall clock is back where it was: nothing has expired by its jump',
  };
  return lines[type];
}
