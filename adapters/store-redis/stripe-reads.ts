import { batchNumberOf, indexOf, type MessageId } from '../../actors/message/id.ts';
import type { Claimed, Correlated, FoundMessage, Match, OutboxItem, Searched, Tenure } from '../../actors/ports.ts';
import type { BatchShelf } from '../../actors/store/batch-shelf.ts';
import type { BatchState } from '../../actors/store/batch-state.ts';
import { ledgerKey, numberKey, Tag } from '../../actors/store/keys.ts';
import { correlate, find, scan } from '../../actors/store/lookups.ts';
import { watched } from '../../actors/store/outcome.ts';
import type { Taken } from '../../actors/store/queues.ts';
import { search } from '../../actors/store/search.ts';
import type { Standings } from '../../actors/store/standings.ts';
import { hasLastFate } from '../../actors/store/watchers.ts';
import { NotFetchedError, type FetchedValues } from './fetched-values.ts';

export interface ReadsDeps {
  readonly values: FetchedValues;
  readonly shelf: BatchShelf;
  readonly standings: Standings;
  /** What claims are of. */
  readonly tenure: Tenure;
}

/** Batches that are fetched at once to see which of their messages have expired. */
const EXPIRED_AT_ONCE = 16;

/** What reads batches and ledgers: from memory where they are there, else after they have been fetched. */
export class StripeReads {
  readonly #deps: ReadsDeps;

  constructor(deps: ReadsDeps) {
    this.#deps = deps;
  }

  correlate(carrier: string, ids: readonly string[]): Promise<Correlated> {
    const { standings, shelf } = this.#deps;
    return this.#deps.values.reading(
      () => correlate(standings, shelf, carrier, ids),
      () => this.keysOf(ids.map(id => this.#stateOf(standings.correlations.get(carrier, id)))),
    );
  }

  find(id: MessageId): Promise<FoundMessage | undefined> {
    const { standings, shelf } = this.#deps;
    return this.#deps.values.reading(
      () => find(standings, shelf, id),
      () => this.keysOf([this.#stateOf(id)], true),
    );
  }

  scan(destination: string, after: MessageId, limit: number): Promise<readonly FoundMessage[]> {
    const { standings, shelf } = this.#deps;
    return this.#deps.values.reading(
      () => scan(standings, shelf, destination, after, limit),
      () => [],
    );
  }

  /** The message, when all of it is in memory. */
  findNow(id: MessageId): FoundMessage | undefined {
    try {
      return find(this.#deps.standings, this.#deps.shelf, id);
    } catch (error) {
      if (!(error instanceof NotFetchedError)) throw error;
      return undefined;
    }
  }

  /** Waits until a message has its last fate, and for the flush of that; at most `waitMs`. */
  async outcome(id: MessageId, waitMs: number, flushed: () => Promise<void>): Promise<FoundMessage | undefined> {
    const state = this.#stateOf(id);
    let found = await this.find(id);
    if (!state || !found) return undefined;
    if (!hasLastFate(state, indexOf(id))) {
      const told = await watched(this.#deps.standings, id, waitMs);
      found = told ?? (await this.find(id));
    }
    if (hasLastFate(state, indexOf(id))) await flushed();
    return found;
  }

  search(match: Match, limit: number, monotonic: () => number): Promise<Searched> {
    const { standings, shelf, values } = this.#deps;
    return search(standings, shelf, monotonic, match, limit, (state, work) =>
      values.reading(work, () => this.keysOf([state], true)),
    );
  }

  amend(id: MessageId, record: Uint8Array): Promise<ReturnType<Standings['amend']>> {
    const { standings, shelf, values } = this.#deps;
    return values.reading(
      () => standings.amend(id, record, shelf),
      () => this.keysOf([this.#stateOf(id)]),
    );
  }

  /** The messages of these, as claims carry them. */
  claimed(taken: readonly Taken[]): Promise<Claimed[]> {
    const { shelf, tenure } = this.#deps;
    return this.#deps.values.reading(
      () => {
        const claimed: Claimed[] = [];
        for (const { state, keep, count } of taken) {
          const batch = shelf.copy(state, count === state.count ? undefined : keep);
          if (!batch) continue;
          const attempts = state.attempts ? Uint8Array.from(state.attempts) : NONE;
          claimed.push({ batch, attempts, count, tenure });
        }
        return claimed;
      },
      () => this.keysOf(taken.map(({ state }) => state)),
    );
  }

  /** What was handed out to `place`, and still is. */
  items(taken: readonly { state: BatchState; due: Uint8Array }[], place: number): Promise<OutboxItem[]> {
    const { shelf } = this.#deps;
    return this.#deps.values.reading(
      () => {
        const items: OutboxItem[] = [];
        for (const { state, due } of taken) {
          if (!state.handedOut || state.handedTo !== place) continue;
          const batch = shelf.copy(state, due.includes(0) ? due : undefined);
          if (batch) items.push({ number: state.number, batch, due, ledger: shelf.ledgerOf(state) });
        }
        return items;
      },
      () =>
        this.keysOf(
          taken.map(({ state }) => state),
          true,
        ),
    );
  }

  /** Claims what has expired. Batches that are not in memory stay due; some are fetched, and it is tried once more. */
  async claimExpired(max: number, place: number): Promise<Taken[]> {
    const { standings, shelf, values } = this.#deps;
    const absent: BatchState[] = [];
    const read = (state: BatchState): ReturnType<BatchShelf['read']> => {
      try {
        return shelf.read(state);
      } catch (error) {
        if (!(error instanceof NotFetchedError)) throw error;
        if (absent.length < EXPIRED_AT_ONCE) absent.push(state);
        return undefined;
      }
    };
    const taken = standings.claimExpired(max, place, { read });
    const left = taken.reduce((rest, { count }) => rest - count, max);
    if (absent.length === 0 || left === 0) return taken;
    const wanted = absent.splice(0);
    await values.reading(
      () => wanted.forEach(state => shelf.read(state)),
      () => this.keysOf(wanted),
    );
    return [...taken, ...standings.claimExpired(left, place, { read })];
  }

  /** What must be fetched to read these batches, and their ledgers. */
  keysOf(states: readonly (BatchState | undefined)[], withLedgers = false): Buffer[] {
    const keys: Buffer[] = [];
    for (const state of new Set(states)) {
      if (!state) continue;
      if (!this.#deps.shelf.has(state)) keys.push(numberKey(Tag.batch, state.number));
      if (withLedgers) for (let i = 0; i < state.ledgerCount; i++) keys.push(ledgerKey(state.number, i));
    }
    return keys;
  }

  #stateOf(id: MessageId | undefined): BatchState | undefined {
    return id === undefined ? undefined : this.#deps.standings.get(batchNumberOf(id));
  }
}

const NONE = new Uint8Array(0);
