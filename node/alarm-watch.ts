import type { Logger } from '../runtime/log.ts';
import type { Timer, Timers } from '../runtime/timers.ts';

const EVERY_MS = 500;
const KEPT = 100;

/** What the store has found damaged goes to the log and to `status`. */
export class AlarmWatch {
  readonly #found: () => Promise<readonly string[]>;
  readonly #log: Logger;
  readonly #timer: Timer;
  /** The newest last. */
  lines: readonly string[] = [];

  /** @param found lines since it was asked last */
  constructor(timers: Timers, found: () => Promise<readonly string[]>, log: Logger) {
    this.#found = found;
    this.#log = log;
    this.#timer = timers.timer(() => void this.#look());
    this.#timer.start(1);
  }

  async #look(): Promise<void> {
    // A worker that does not answer is asked again.
    const lines = await this.#found().catch(() => []);
    for (const line of lines) this.#log.error(line);
    this.lines = [...this.lines, ...lines].slice(-KEPT);
    this.#timer.start(EVERY_MS);
  }
}
