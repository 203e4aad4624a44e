import { uptime } from 'node:os';
import { systemClock, type Clock } from './clock.ts';
import {
  believedWallMs,
  confirmAfterMs,
  detectJump,
  isFrozen,
  JUMP_MS,
  startJumpDetector,
  type ClockReading,
  type JumpEvent,
  type JumpState,
} from './jump-detector.ts';

/** How often the clocks are compared, ms (`jump-detector.ts`). */
export const POLL_MS = 50;

/**
 * The wall clock by which messages are dated, sent later and expire: when somebody sets the clock it goes on as it did until
 * the new time has held for a while. It is compared at every `poll`, and by whoever reads it.
 */
export class BelievedClock {
  readonly #clock: Clock;
  readonly #told = new Set<(event: JumpEvent) => void>();
  #state: JumpState;

  readonly #uptimeMs: () => number;
  /** How long the machine has slept, from an arbitrary start: the monotonic clock stands still then. */
  #sleptMs: number;

  /** @param uptimeMs a monotonic clock that goes on while the machine sleeps, ms: a sleep is no jump */
  constructor(clock: Clock, uptimeMs: () => number = () => clock.monotonicMs()) {
    this.#clock = clock;
    this.#uptimeMs = uptimeMs;
    this.#sleptMs = this.#slept();
    this.#state = startJumpDetector(this.#read());
  }

  /** Calls back at each jump, and with what came of it. Returns what ends that. */
  onJump(told: (event: JumpEvent) => void): () => void {
    this.#told.add(told);
    return () => void this.#told.delete(told);
  }

  /** ms since 1970, whole ones: the wall clock's, but while a jump is not confirmed. */
  readonly nowMs = (): number => {
    const { wallMs, monotonicMs } = this.#compare();
    return isFrozen(this.#state) ? Math.round(believedWallMs(this.#state, monotonicMs)) : wallMs;
  };

  /** Call it every POLL_MS, so that a jump is confirmed though nobody asks for the time. */
  poll(): void {
    this.#compare();
  }

  #compare(): ClockReading {
    let reading = this.#read();
    if (Math.abs(reading.wallMs - believedWallMs(this.#state, reading.monotonicMs)) >= JUMP_MS) {
      this.#sleptMs = this.#slept();
      reading = this.#read();
    }
    const [state, event] = detectJump(this.#state, reading);
    this.#state = state;
    if (event) for (const told of this.#told) told(event);
    return reading;
  }

  #read(): ClockReading {
    return { wallMs: this.#clock.nowMs(), monotonicMs: this.#clock.monotonicMs() + this.#sleptMs };
  }

  #slept(): number {
    return this.#uptimeMs() - this.#clock.monotonicMs();
  }
}

/** This thread's. */
export const believedClock = new BelievedClock(systemClock, () => uptime() * 1000);

/** One line about a jump, for people. */
export function describeJump({ type, byMs }: JumpEvent): string {
  const by = `${byMs > 0 ? '+' : '-'}${(Math.abs(byMs) / 1000).toFixed(1)} s`;
  const lines = {
    jumped: `the wall clock jumped by ${by}: it counts when it has held for ${Math.round(confirmAfterMs(byMs) / 1000)} s`,
    confirmed: `the wall clock's jump by ${by} has held: the new time counts`,
    reverted: 'the wall clock is back where it was: nothing has expired by its jump',
  };
  return lines[type];
}
