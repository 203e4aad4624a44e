const NOWHERE: ReadonlySet<string> = new Set();

/** Destinations that are to get nothing now, where a message has another way. */
export class Avoided {
  readonly #changed: (all: ReadonlySet<string>, away: ReadonlySet<string>) => void;
  #overloaded = NOWHERE;
  #away = NOWHERE;

  /** @param changed given all of them, and those without a session */
  constructor(changed: (all: ReadonlySet<string>, away: ReadonlySet<string>) => void) {
    this.#changed = changed;
  }

  /** Their queues are too long: they get no new messages. */
  overloaded(destinations: ReadonlySet<string>): void {
    this.#overloaded = destinations;
    this.#tell();
  }

  /** They have had no session for too long: what waits for them goes by its next route too. */
  away(destinations: ReadonlySet<string>): void {
    this.#away = destinations;
    this.#tell();
  }

  #tell(): void {
    this.#changed(new Set([...this.#overloaded, ...this.#away]), this.#away);
  }
}
