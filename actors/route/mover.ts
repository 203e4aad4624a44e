import type { Timer, Timers } from '../../runtime/timers.ts';
import { readBatch } from '../message/batch.ts';
import { Fate, LedgerWriter, What } from '../message/ledger.ts';
import type { Claimed, MessageStore } from '../ports.ts';
import { Delivery } from './delivery.ts';
import type { FallbackChains } from './fallback.ts';

export interface MoverDeps {
  readonly store: Pick<MessageStore, 'claim' | 'settle'>;
  readonly fallbacks: Pick<FallbackChains, 'instead' | 'leadsPast'>;
  readonly timers: Timers;
  readonly counters: { rerouted: number };
  /** ms since 1970. */
  readonly now: () => number;
  readonly monotonic: () => number;
  /** The store did not answer. */
  readonly failed: (error: unknown) => void;
}

/** Messages claimed at once: of whole batches, so it may be somewhat more. */
const AT_ONCE = 1024;
/** Between two passes, ms: the first, and the longest, of those that move nothing. */
const PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
/** A pass is so many times shorter than the pause after it: ten million messages that have no other way cost a tenth. */
const REST = 10;
/** Of `SCRATCH`: the name of a destination has 64 octets at most. */
const SCRATCH = Buffer.alloc(64);

/**
 * What waits for a destination that has had no session for longer than its patience goes into the queue of the next one of
 * its chain that has one (architecture: "the following entries are the fallback chain"). Each worker moves what lies in
 * its own stripes. A message is claimed, and moved or given back by the same commit that says so: it is never in two queues
 * or in none. Where nothing can move, passes come further and further apart.
 */
export class Mover {
  readonly #deps: MoverDeps;
  readonly #timer: Timer;
  readonly #ledger = new LedgerWriter();
  #away: ReadonlySet<string> = new Set();
  #pauseMs = PAUSE_MS;
  #busy = false;
  /** What it depends on has changed during a pass: the next one begins at once. */
  #again = false;
  #stopped = false;

  constructor(deps: MoverDeps) {
    this.#deps = deps;
    this.#timer = deps.timers.timer(() => this.#begin());
  }

  /** True while messages are claimed here and not settled. */
  get busy(): boolean {
    return this.#busy;
  }

  /** These destinations have no session. */
  use(away: ReadonlySet<string>): void {
    this.#away = away;
    this.changed();
  }

  /** Where messages can go has changed. */
  changed(): void {
    this.#pauseMs = PAUSE_MS;
    if (this.#stopped || this.#away.size === 0) this.#timer.cancel();
    else if (this.#busy) this.#again = true;
    else this.#timer.start(0);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer.cancel();
  }

  #begin(): void {
    this.#busy = true;
    this.#again = false;
    const since = this.#deps.monotonic();
    this.#passes().then(
      moved => this.#passed(moved, this.#deps.monotonic() - since),
      (error: unknown) => this.#deps.failed(error),
    );
  }

  #passed(moved: number, tookMs: number): void {
    this.#busy = false;
    if (this.#stopped || this.#away.size === 0) return;
    this.#pauseMs = moved > 0 ? PAUSE_MS : Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2);
    this.#timer.start(this.#again ? 0 : Math.max(this.#pauseMs, tookMs * REST));
  }

  async #passes(): Promise<number> {
    let moved = 0;
    for (const destination of this.#away) {
      if (this.#deps.fallbacks.leadsPast(destination)) moved += await this.#pass(destination);
    }
    return moved;
  }

  /** Once through the queue of a destination. @returns messages that were moved */
  async #pass(destination: string): Promise<number> {
    const { store, counters } = this.#deps;
    let moved = 0;
    for (let after = 0; !this.#stopped && this.#away.has(destination);) {
      const claims = await store.claim(destination, AT_ONCE, after);
      if (claims.length === 0) break;
      for (const claim of claims) moved += this.#decide(claim, destination);
      after = readBatch(claims.at(-1)!.batch, false).number;
      await store.settle([{ destination, entries: this.#ledger.take() }]);
    }
    counters.rerouted += moved;
    return moved;
  }

  /** Says of each message where it goes, or that it stays. @returns how many go */
  #decide({ batch: bytes, attempts, count }: Claimed, destination: string): number {
    const { fallbacks, now } = this.#deps;
    const delivery = new Delivery(readBatch(bytes, false), attempts, count);
    let moved = 0;
    for (let i = 0; i < delivery.batch.count; i++) {
      if (delivery.at(i) === 0) continue;
      const next = fallbacks.instead(delivery, i, destination);
      const [what, tried] = next === '' ? [What.released, delivery.attemptsOf(i)] : [What.rerouted, 0];
      const length = SCRATCH.latin1Write(next);
      this.#ledger.add(delivery.id(i), what, Fate.queued, tried, 0, 0, now(), SCRATCH, 0, length);
      if (next !== '') moved++;
    }
    return moved;
  }
}
