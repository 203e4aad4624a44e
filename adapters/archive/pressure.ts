/** For how long the outbox must have held more than a chunk before the archive is behind, ms. */
export const BEHIND_MS = 10_000;
/** For how long it must have held less before the archive is not behind any more: a load that lasts must not bring it back at once, ms. */
export const AHEAD_MS = 60_000;

/**
 * Whether the archive keeps up with what the messages leave of the cores. While it does they go first; when it does not, rows
 * would gather until the outbox is full and messages are refused, so it needs a share of its own.
 */
export class Pressure {
  readonly #monotonicMs: () => number;
  readonly #changed: () => void;
  #isPressed = false;
  /** Since when each look has said the opposite of `#isPressed`; undefined: the last one has not. */
  #since: number | undefined;

  /** @param changed called at each change; before the first it is not pressed */
  constructor(monotonicMs: () => number, changed: () => void) {
    this.#monotonicMs = monotonicMs;
    this.#changed = changed;
  }

  get isPressed(): boolean {
    return this.#isPressed;
  }

  /** @param isBehind there was more than a chunk to be written */
  saw(isBehind: boolean): void {
    if (isBehind === this.#isPressed) {
      this.#since = undefined;
      return;
    }
    const now = this.#monotonicMs();
    this.#since ??= now;
    if (now - this.#since < (isBehind ? BEHIND_MS : AHEAD_MS)) return;
    this.#since = undefined;
    this.#isPressed = isBehind;
    this.#changed();
  }
}
