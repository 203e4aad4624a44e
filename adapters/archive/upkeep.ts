/** How often days are made ahead, and old ones dropped, ms. */
export const UPKEEP_MS = 3_600_000;
/** A wall clock that has gone on by so much more or less than time has passed has been set, ms. */
const JUMP_MS = 600_000;

/** An upkeep that is due. */
export interface DueUpkeep {
  /** ms since 1970. */
  readonly nowMs: number;
  readonly monotonicMs: number;
  /** False where the wall clock has jumped since the last one: what is dropped is gone, and the clock may be wrong. */
  readonly mayDrop: boolean;
}

/**
 * When the archive's days are looked after: every hour, and at once when the wall clock has jumped, since a day may lack its
 * partition then. By a time that has jumped nothing is dropped before it has held until the next hour: a clock that is ten
 * years ahead for a few seconds would take the whole archive with it.
 */
export class Upkeep {
  readonly #clock: { readonly nowMs: () => number; readonly monotonicMs: () => number };
  #last: DueUpkeep | undefined;

  constructor(clock: { readonly nowMs: () => number; readonly monotonicMs: () => number }) {
    this.#clock = clock;
  }

  /** Undefined: none is due. */
  due(): DueUpkeep | undefined {
    const nowMs = this.#clock.nowMs();
    const monotonicMs = this.#clock.monotonicMs();
    const last = this.#last;
    if (!last) return { nowMs, monotonicMs, mayDrop: true };
    const wentOn = nowMs - last.nowMs;
    const passed = monotonicMs - last.monotonicMs;
    if (Math.abs(wentOn) < UPKEEP_MS && passed < UPKEEP_MS) return undefined;
    return { nowMs, monotonicMs, mayDrop: Math.abs(wentOn - passed) < JUMP_MS };
  }

  /** Its days are there. */
  done(upkeep: DueUpkeep): void {
    this.#last = upkeep;
  }
}
