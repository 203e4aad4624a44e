import type { RuntimeError } from '../../runtime/errors.ts';
import type { KeyRange, Values } from '../../actors/store/values.ts';
import type { RedisLine } from '../../runtime/redis/line.ts';
import { PLACES, placeOf, type StripeKeys } from './stripe-keys.ts';

/** A value was asked for that has not been fetched. */
export class NotFetchedError extends Error {
  readonly key: Buffer;
  constructor(key: Buffer) {
    super('not fetched');
    this.key = key;
  }
}

/** Values by the octets of their keys (latin1). */
export type Fetched = Map<string, Buffer | undefined>;

export interface FetchDeps {
  readonly line: RedisLine;
  readonly keys: StripeKeys;
  /** What is being written. */
  readonly inFlight: () => ReadonlyMap<string, Buffer | undefined>;
  /** Why nothing will be read any more. */
  readonly ended: () => RuntimeError | undefined;
}

const FETCHED_AT_ONCE = 256;
const PAUSE_MS = 100;

/**
 * Values of Redis for code that reads synchronously: a piece of work is tried, and when it asks for a value that is not
 * here, all that it is going to want is fetched and it is tried again. So work must come to no harm when it is broken off
 * at a read. Most of it finds everything in the cache of batches, and nothing is fetched.
 */
export class FetchedValues implements Pick<Values, 'get'> {
  readonly #deps: FetchDeps;
  #fetched: Fetched = new Map();

  constructor(deps: FetchDeps) {
    this.#deps = deps;
  }

  /** @throws NotFetchedError */
  get(key: Buffer): Buffer | undefined {
    const name = key.latin1Slice();
    const inFlight = this.#deps.inFlight();
    if (inFlight.has(name)) return inFlight.get(name);
    if (this.#fetched.has(name)) return this.#fetched.get(name);
    throw new NotFetchedError(key);
  }

  /**
   * Does `work` when all it reads is here. Waits for as long as Redis cannot be reached.
   *
   * @param wants the keys that it is going to read, asked when something is not here
   * @throws the store's end, when it comes before
   */
  async reading<T>(work: () => T, wants: () => Buffer[]): Promise<T> {
    const fetched: Fetched = new Map();
    for (;;) {
      this.#fetched = fetched;
      let missing: Buffer;
      try {
        return work();
      } catch (error) {
        if (!(error instanceof NotFetchedError)) throw error;
        missing = error.key;
      } finally {
        this.#fetched = NOTHING;
      }
      const keys = fetched.size === 0 ? wants() : [];
      await this.fetch([missing, ...keys], fetched);
    }
  }

  /** Reads the values of these keys. */
  async fetch(keys: readonly Buffer[], into: Fetched): Promise<void> {
    const { line } = this.#deps;
    for (let place = 0; place < PLACES; place++) {
      const fields = keys.filter(key => placeOf(key) === place);
      for (let from = 0; from < fields.length; from += FETCHED_AT_ONCE) {
        const some = fields.slice(from, from + FETCHED_AT_ONCE);
        const values = await this.#patiently(() => line.command('HMGET', this.#deps.keys.hashes[place]!, ...some));
        some.forEach((key, i) => into.set(key.latin1Slice(), (values as (Buffer | null)[])[i] ?? undefined));
      }
    }
  }

  async #patiently<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      const ended = this.#deps.ended();
      if (ended) throw ended;
      try {
        return await ask();
      } catch {
        // Down, late or refused (a failover): a read is asked again until it is answered.
        if (await this.#deps.line.up(PAUSE_MS)) await new Promise(resolve => setTimeout(resolve, PAUSE_MS));
      }
    }
  }
}

const NOTHING: Fetched = new Map();

/** All keys of a stripe in their order, with the values that have been fetched. */
export class ListedValues implements Values {
  readonly #keys: readonly Buffer[];
  readonly values: Fetched;

  constructor(keys: readonly Buffer[], values: Fetched) {
    this.#keys = [...keys].sort((a, b) => Buffer.compare(a, b));
    this.values = values;
  }

  /** @throws NotFetchedError */
  get(key: Buffer): Buffer | undefined {
    const name = key.latin1Slice();
    if (this.values.has(name)) return this.values.get(name);
    throw new NotFetchedError(key);
  }

  *getKeys({ start, end }: KeyRange): Iterable<Buffer> {
    for (let i = this.#from(start); i < this.#keys.length; i++) {
      const key = this.#keys[i]!;
      if (Buffer.compare(key, end) >= 0) return;
      yield key;
    }
  }

  getKeysCount(range: KeyRange): number {
    let count = 0;
    for (const _ of this.getKeys(range)) count++;
    return count;
  }

  *getRange(range: KeyRange): Iterable<{ readonly key: Buffer; readonly value: Buffer }> {
    for (const key of this.getKeys(range)) yield { key, value: this.get(key)! };
  }

  /** The first key that is not before `start`. */
  #from(start: Buffer): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (Buffer.compare(this.#keys[middle]!, start) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
