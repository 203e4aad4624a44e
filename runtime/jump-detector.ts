/**
 * Jumps of the wall clock, seen against the monotonic one: somebody set it. Decisions by wall time (expiry, schedules) stand
 * still from a jump until it is confirmed, so that an hour's mistake, corrected minutes later, expires nothing. Pure: to be polled, every 50 ms.
 */
export interface JumpState {
  /** Wall minus monotonic time as we believe it. */
  readonly offsetMs: number;
  /** Monotonic time of the last poll. */
  readonly polledMs: number;
  /** A jump that is not confirmed yet. */
  readonly jump: { readonly offsetMs: number; readonly sinceMs: number } | undefined;
}

export interface ClockReading {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/**
 * jumped: decisions freeze (again: it jumped to yet another time). confirmed: the new time is right, `byMs` further than the
 * old. reverted: it is back where it was.
 */
export interface JumpEvent {
  readonly type: 'jumped' | 'confirmed' | 'reverted';
  readonly byMs: number;
}

/** Differences below this are no jump: reading the two clocks is not one moment, and NTP steps by less. */
export const JUMP_MS = 250;
/** The new time has to hold as long as it is off, at least and at most so long. */
const CONFIRM_LEAST_MS = 5000;
const CONFIRM_MOST_MS = 15 * 60_000;
/** How fast a wall clock may be slewed without being a jump: ten times the most that the kernel's adjtime does (500 ppm). */
const SLEW = 0.005;

/**
 * How long a new time has to hold until it counts, ms: as long as it is off, from 5 s to 15 min. A step of NTP counts soon; by a
 * clock that somebody has set wrong, and sets right again minutes later, nothing expires.
 */
export const confirmAfterMs = (byMs: number): number =>
  Math.min(Math.max(Math.abs(byMs), CONFIRM_LEAST_MS), CONFIRM_MOST_MS);

export function startJumpDetector(reading: ClockReading): JumpState {
  return { offsetMs: reading.wallMs - reading.monotonicMs, polledMs: reading.monotonicMs, jump: undefined };
}

/** Pure: the state after one poll, and what it found. */
export function detectJump(state: JumpState, reading: ClockReading): readonly [JumpState, JumpEvent | undefined] {
  const { monotonicMs } = reading;
  const offsetMs = reading.wallMs - monotonicMs;
  const byMs = offsetMs - state.offsetMs;
  const polled = { offsetMs: state.offsetMs, polledMs: monotonicMs };
  if (Math.abs(byMs) < JUMP_MS) {
    const mostMs = SLEW * Math.max(0, monotonicMs - state.polledMs);
    const believed = state.offsetMs + Math.max(-mostMs, Math.min(mostMs, byMs));
    const next: JumpState = { ...polled, offsetMs: believed, jump: undefined };
    return [next, state.jump === undefined ? undefined : { type: 'reverted', byMs }];
  }
  if (state.jump === undefined || Math.abs(offsetMs - state.jump.offsetMs) >= JUMP_MS) {
    return [
      { ...polled, jump: { offsetMs, sinceMs: monotonicMs } },
      { type: 'jumped', byMs },
    ];
  }
  if (monotonicMs - state.jump.sinceMs < confirmAfterMs(byMs)) return [{ ...polled, jump: state.jump }, undefined];
  return [
    { offsetMs, polledMs: monotonicMs, jump: undefined },
    { type: 'confirmed', byMs },
  ];
}

/** No decision by wall time may be taken now. */
export function isFrozen(state: JumpState): boolean {
  return state.jump !== undefined;
}

/** The wall time as we believe it: goes on evenly through a jump until it is confirmed. */
export function believedWallMs(state: JumpState, monotonicMs: number): number {
  return state.offsetMs + monotonicMs;
}
