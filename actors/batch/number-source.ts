import { STRIPE_LIMIT } from '../message/id.ts';
import type { MessageStore } from '../ports.ts';

/** Batch numbers fetched at once: at one batch a millisecond enough for a second. */
const BLOCK = 1024;

/** Batch numbers out of blocks that are durable before use, fetched ahead so that a batch never waits for one. */
export class NumberSource {
  readonly #store: Pick<MessageStore, 'allocate'>;
  readonly #failed: (error: unknown) => void;
  readonly #arrived: () => void;
  #next = 0;
  #end = 0;
  #spare = 0;
  #fetching = false;
  /** The next block takes the place of all that there is. */
  #renewing = false;

  /** @param arrived called when numbers have come after `take` had none */
  constructor(store: Pick<MessageStore, 'allocate'>, arrived: () => void, failed: (error: unknown) => void) {
    this.#store = store;
    this.#arrived = arrived;
    this.#failed = failed;
  }

  /** Fetches the first block. */
  async start(): Promise<void> {
    await this.#fetch();
  }

  /** The next number, 0 when none has come yet. */
  take(): number {
    if (this.#next === this.#end && this.#spare > 0) {
      this.#next = this.#spare;
      this.#end = this.#spare + BLOCK * STRIPE_LIMIT;
      this.#spare = 0;
    }
    if (this.#spare === 0 && !this.#fetching) this.#fetch().then(this.#arrived, this.#failed);
    if (this.#next === this.#end) return 0;
    const number = this.#next;
    this.#next += STRIPE_LIMIT;
    return number;
  }

  /** The store's first stripe is another than before: a block of that one's is fetched, and the others are left. */
  renew(): void {
    this.#renewing = true;
    if (!this.#fetching) this.#fetch().then(this.#arrived, this.#failed);
  }

  async #fetch(): Promise<void> {
    this.#fetching = true;
    try {
      do {
        const isNew = this.#renewing;
        this.#renewing = false;
        this.#spare = await this.#store.allocate(BLOCK);
        if (isNew) this.#next = this.#end = 0;
      } while (this.#renewing);
    } finally {
      this.#fetching = false;
    }
  }
}
