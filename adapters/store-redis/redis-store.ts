import { readBatch } from '../../actors/message/batch.ts';
import { clockFloor, STRIPE_LIMIT } from '../../actors/message/id.ts';
import { Fate } from '../../actors/message/ledger.ts';
import {
  CommitInDoubtError,
  type AppendOutcome,
  type AppendRequest,
  type ClaimedEnded,
  type MessageStore,
  type OutboxItem,
  type RefusedBecause,
  type StoreStats,
  type Tenure,
} from '../../actors/ports.ts';
import { BatchShelf } from '../../actors/store/batch-shelf.ts';
import { CLAIMANT_LIMIT, groupIndexOf, newBatchState, type BatchState } from '../../actors/store/batch-state.ts';
import { ConfigValues } from '../../actors/store/config-values.ts';
import { configKey, messageKey, numberKey, Tag } from '../../actors/store/keys.ts';
import type { Loaded } from '../../actors/store/load.ts';
import { Discarding } from '../../actors/store/discarding.ts';
import { PendingWrites } from '../../actors/store/pending-writes.ts';
import { Standings } from '../../actors/store/standings.ts';
import { describeError, RuntimeError } from '../../runtime/errors.ts';
import { FetchedValues, NotFetchedError } from './fetched-values.ts';
import type { RedisAddress } from '../../runtime/redis/address.ts';
import { RedisLine } from '../../runtime/redis/line.ts';
import { checkRedis } from './redis-settings.ts';
import { RoomWatch } from './room-watch.ts';
import { StripeCommit } from './stripe-commit.ts';
import { stripeKeys } from './stripe-keys.ts';
import { loadStripe } from './stripe-load.ts';
import { StripeLostError, StripeOwner, type WatchedLease } from './stripe-owner.ts';
import { StripeReads } from './stripe-reads.ts';
import type { RedisStoreDeps, RedisStoreSettings } from './store-settings.ts';

/** One user of the store: a traffic worker, the archive. */
export interface Claimant {
  readonly store: MessageStore;
  /** It is gone: what it had claimed is ready again, what it was to archive is due again. Its store takes nothing more. */
  end(): void;
}

const NEXT_BATCH = 'next-batch-number';

/**
 * One stripe of the message store in Redis, owned by this process under a lease. Redis has the batches, their ledgers and
 * where each message stands; memory has what the LMDB engine keeps there, and the claims. Other nodes reach the stripe
 * through its owner, or take it over when the owner's lease has run out.
 *
 * While Redis cannot be reached nothing is answered: appends and settles wait until it is known what became of them, and
 * once the lease has run out nothing is claimed.
 */
export class RedisStore implements Tenure {
  readonly #settings: RedisStoreSettings;
  readonly #deps: RedisStoreDeps;
  readonly #stripe: number;
  readonly #line: RedisLine;
  readonly #owner: StripeOwner;
  readonly #values: FetchedValues;
  readonly #room: RoomWatch;
  readonly #writes = new PendingWrites();
  readonly #commit: StripeCommit;
  readonly #standings: Standings;
  readonly #discarding: Discarding;
  readonly #shelf: BatchShelf;
  readonly #reads: StripeReads;
  readonly #config: ConfigValues;
  readonly #claimants: (Claimant | undefined)[] = [];
  /** Counted within the stripe. */
  #nextBatch = 1;
  #quarantined = 0;
  #stopping = false;
  #retiring = false;

  /**
   * Takes a stripe and loads it.
   *
   * @param stripe 0 to STRIPE_LIMIT-1
   * @param watched its lease, where it has been watched
   * @throws RuntimeError REDIS_SETTINGS naming each setting that breaks the promise, STRIPE_HELD, REDIS_DOWN
   */
  static async open(
    address: RedisAddress,
    stripe: number,
    settings: RedisStoreSettings,
    deps: RedisStoreDeps,
    watched?: WatchedLease,
  ): Promise<RedisStore> {
    const keys = stripeKeys(settings.name, stripe);
    const line = new RedisLine(address, settings, keys.meta);
    let store: RedisStore | undefined;
    let owner: StripeOwner | undefined;
    try {
      if (!(await line.up(settings.patienceMs))) throw new RuntimeError('REDIS_DOWN', line.trouble);
      await checkRedis(address, line, settings);
      owner = await StripeOwner.take(
        {
          line,
          keys,
          settings,
          clock: deps.leaseClock,
          alarm: deps.alarm,
          lost: error => deps.lost(error),
        },
        settings.patienceMs,
        watched,
      );
      const values = new FetchedValues({
        line,
        keys,
        inFlight: () => store?.inFlight ?? NOTHING,
        ended: () => store?.ended ?? owner?.lost,
      });
      const loaded = await loadStripe(line, keys, values, deps.alarm);
      store = new RedisStore(stripe, settings, deps, line, owner, values, loaded);
      const opened = store;
      await values.reading(
        () => opened.#startNumbers(loaded.highest),
        () => NEXT_BATCH_KEYS,
      );
      await opened.#room.look();
      return opened;
    } catch (error) {
      if (store) await store.close();
      await owner?.release();
      line.close();
      throw error;
    }
  }

  private constructor(
    stripe: number,
    settings: RedisStoreSettings,
    deps: RedisStoreDeps,
    line: RedisLine,
    owner: StripeOwner,
    values: FetchedValues,
    loaded: Loaded,
  ) {
    const { now, monotonic, alarm, ready } = deps;
    this.#stripe = stripe;
    this.#settings = settings;
    this.#deps = deps;
    this.#line = line;
    this.#owner = owner;
    this.#values = values;
    this.#room = new RoomWatch(line);
    this.#commit = new StripeCommit({ owner, collect: write => this.#writes.collect(write) });
    this.#shelf = new BatchShelf({
      db: values,
      alarm,
      damaged: (state, value, why) => this.#quarantine(state, value, why),
    });
    this.#config = new ConfigValues(values, this.#writes, alarm);
    this.#standings = new Standings({
      now,
      monotonic,
      lingerMs: settings.lingerMs,
      writes: this.#writes,
      gone: state => this.#shelf.forget(state),
      poison: (state, index) => this.#poison(state, index),
      find: id => this.#reads.findNow(id),
      ready,
    });
    this.#discarding = new Discarding(this.#standings.outbox);
    this.#reads = new StripeReads({ values, shelf: this.#shelf, standings: this.#standings, tenure: this });
    for (const [key, value] of loaded.moves) this.#writes.put(key, value);
    for (const state of loaded.rebuilt) this.#writes.touch(state);
    for (const state of loaded.states) this.#standings.adopt(state);
    this.#standings.judge(loaded.probes);
    for (const [carrier, id, message] of loaded.correlations)
      this.#standings.correlations.setText(carrier, id, message);
    this.#quarantined += loaded.quarantined;
    this.#soon();
  }

  get inFlight(): ReadonlyMap<string, Buffer | undefined> {
    return this.#commit.inFlight;
  }

  /** Why nothing can be read or written any more. */
  get ended(): RuntimeError | undefined {
    return this.#owner.lost ?? (this.#stopping ? new RuntimeError('STORE_CLOSED', 'the store is closed') : undefined);
  }

  /** True while nobody else can have the stripe. What is claimed may be sent only then. */
  get holds(): boolean {
    return this.#owner.holds;
  }

  /** As a `Tenure`. */
  get isOver(): boolean {
    return this.ended !== undefined;
  }

  /** Until when that is so, at least, monotonic ms. */
  get heldUntil(): number {
    return this.#owner.heldUntil;
  }

  /** Nothing is claimed any more, so that it can be given to another without anything being sent twice. */
  retire(): void {
    this.#retiring = true;
  }

  /** Messages that somebody has claimed and not settled. */
  get claimed(): number {
    return this.#standings.queues.stats().reduce((sum, { claimed }) => sum + claimed, 0);
  }

  /** Commits whose answer did not come, and that Redis was asked about. */
  get askedBack(): number {
    return this.#owner.asked;
  }

  /** A new claimant. @throws RangeError when there are CLAIMANT_LIMIT */
  claimant(): Claimant {
    let place = this.#claimants.indexOf(undefined);
    if (place < 0) place = this.#claimants.length;
    if (place === CLAIMANT_LIMIT)
      throw new RangeError(`the store has ${CLAIMANT_LIMIT} claimants, the most there can be`);
    const claimant: Claimant = {
      store: this.#port(place, () => this.#claimants[place] === claimant),
      end: () => {
        if (this.#claimants[place] !== claimant) return;
        this.#standings.release(place);
        this.#claimants[place] = undefined;
        this.#soon();
      },
    };
    this.#claimants[place] = claimant;
    return claimant;
  }

  #port(place: number, isLive: () => boolean): MessageStore {
    const standings = this.#standings;
    const reads = this.#reads;
    const mayClaim = (): boolean => isLive() && this.holds && !this.#retiring;
    return {
      allocate: count => this.allocate(count),
      append: request => this.#append(request, place, isLive),
      settle: async frames => {
        if (isLive()) for (const frame of frames) standings.record(frame, place);
        await this.#flushed();
      },
      claim: async (destination, max, after) => {
        if (!mayClaim()) return [];
        const claimed = await reads.claimed(standings.claim(destination, max, place, after));
        return isLive() ? claimed : [];
      },
      claimAlone: async destination => {
        const taken = mayClaim() ? standings.claimAlone(destination, place) : undefined;
        if (!taken) return undefined;
        await this.#flushed();
        const [claimed] = await reads.claimed([taken]);
        return isLive() ? claimed : undefined;
      },
      claimEnded: async max => {
        const claimed = mayClaim() ? await this.#claimedEnded(max, place) : [];
        return isLive() ? claimed : [];
      },
      correlate: (carrier, ids) => reads.correlate(carrier, ids),
      find: id => reads.find(id),
      cancel: async id => {
        const outcome = standings.cancel(id);
        if (outcome === 'done') await this.#flushed();
        return outcome;
      },
      amend: async (id, record) => {
        const outcome = await reads.amend(id, record);
        if (outcome === 'done') await this.#flushed();
        return outcome;
      },
      search: (match, limit) => reads.search(match, limit, this.#deps.monotonic),
      outcome: (id, waitMs) => reads.outcome(id, waitMs, () => this.#flushed()),
      scan: (destination, after, limit) => reads.scan(destination, after, limit),
      outbox: async max => {
        const items = isLive() ? await this.#handOut(max, place) : [];
        return isLive() ? items : [];
      },
      archived: items => this.archived(items),
      outboxFailed: async numbers => {
        for (const number of numbers) {
          const state = standings.get(number);
          if (state) standings.outbox.giveBack(state);
        }
      },
      stats: async () => this.stats(),
      putConfig: (key, value) => this.putConfig(key, value),
      getConfig: key =>
        this.#values.reading(
          () => this.#config.get(key),
          () => configKeys(key),
        ),
    };
  }

  async allocate(count: number): Promise<number> {
    const first = this.#nextBatch;
    this.#nextBatch = first + count;
    const value = Buffer.allocUnsafe(8);
    value.writeDoubleLE(this.#nextBatch);
    this.#config.put(NEXT_BATCH, value);
    await this.#flushed();
    return first * STRIPE_LIMIT + this.#stripe;
  }

  async #append(request: AppendRequest, place: number, isLive: () => boolean): Promise<AppendOutcome> {
    const batch = readBatch(request.batch, false);
    const reason = this.#stopping || !isLive() ? 'stopping' : request.exempt ? undefined : this.#refusal();
    if (reason) return { type: 'refused', reason };
    const state = newBatchState(batch);
    state.pendingBatch = batch.buffer;
    this.#standings.accept(state);
    this.#shelf.put(batch);
    for (const frame of request.ledger) this.#standings.record(frame, place);
    const canBeRefused = !request.exempt && request.ledger.length === 0;
    const refused = await new Promise<'disk-full' | 'stopping' | undefined>((resolve, reject) =>
      this.#commit.enqueue(
        () => resolve(undefined),
        error => {
          if (isUnwritten(error)) resolve('stopping');
          else reject(new CommitInDoubtError(state.number, error));
        },
        canBeRefused
          ? () => {
              resolve('disk-full');
              this.#standings.retract(state);
              return [numberKey(Tag.batch, state.number), numberKey(Tag.state, state.number)];
            }
          : undefined,
      ),
    );
    if (refused) return { type: 'refused', reason: refused };
    // Written, and yet no longer ours: its next owner has its messages.
    if (this.#owner.lost) return { type: 'done', granted: [] };
    const granted = this.#standings.admit(state, request.take, isLive() && !this.#retiring ? place : undefined);
    return { type: 'done', granted, tenure: granted.length > 0 ? this : undefined };
  }

  async archived(items: readonly { number: number; due: Uint8Array }[]): Promise<void> {
    const standings = this.#standings;
    await this.#values.reading(
      () => {
        for (const { number, due } of items) {
          const state = standings.get(number);
          if (!state) continue;
          standings.outbox.archived(state, due);
          this.#writes.touch(state);
          this.#shelf.shrink(state);
          standings.retire(state);
        }
      },
      () => this.#reads.keysOf(items.map(({ number }) => standings.get(number))),
    );
    await this.#flushed();
  }

  /** There is no archive: what is settled goes (`Discarding`). */
  async discardSettled(owner: number, aged: boolean): Promise<void> {
    const taken = this.#discarding.take(owner, aged);
    if (taken.length > 0) await this.archived(taken.map(({ state: { number }, due }) => ({ number, due })));
  }

  async putConfig(key: string, value: Uint8Array | undefined): Promise<void> {
    this.#config.put(key, value);
    await this.#flushed();
  }

  /** Destinations that have something ready. */
  waiting(): string[] {
    return [...this.#standings.queues.waiting()];
  }

  /** `octets` are those of the whole Redis that has the stripe. */
  stats(): StoreStats {
    const { batches, messages } = this.#standings.outbox.waiting();
    return {
      queues: this.#standings.queues.stats(),
      batches: this.#standings.batches,
      messages: this.#standings.messages,
      awaitingReceipt: this.#standings.correlations.size,
      outboxBatches: batches,
      outboxMessages: messages,
      quarantined: this.#quarantined,
      commits: this.#commit.commits,
      octets: this.#room.octets,
      refusing: this.#refusal() ?? '',
    };
  }

  /**
   * Refuses new messages, writes what is under way, gives the stripe up. What Redis has not answered `patienceMs` later is
   * in doubt.
   */
  async close(): Promise<void> {
    this.#stopping = true;
    this.#standings.stop();
    const abandon = setTimeout(() => this.#owner.abandon(), this.#settings.patienceMs);
    await this.#commit.idle();
    clearTimeout(abandon);
    this.#room.stop();
    await this.#owner.release();
    this.#line.close();
  }

  #startNumbers(highest: number): void {
    let stored = 1;
    try {
      stored = this.#config.get(NEXT_BATCH)?.readDoubleLE(0) ?? 1;
    } catch (error) {
      if (error instanceof NotFetchedError) throw error;
      // The clock's floor is above all that was ever given out.
      this.#deps.alarm(describeError(error));
    }
    this.#nextBatch = Math.max(stored, Math.floor(highest / STRIPE_LIMIT) + 1, clockFloor(this.#deps.now()));
  }

  #flushed(): Promise<void> {
    return new Promise((resolve, reject) => this.#commit.enqueue(resolve, reject));
  }

  /** What has changed is written soon; nobody waits for it. */
  #soon(): void {
    this.#commit.enqueue(nobody, nobody);
  }

  #refusal(): RefusedBecause | undefined {
    if (this.#room.isFull) return 'disk-full';
    if (this.#standings.outbox.messages >= this.#settings.maxOutbox) return 'outbox-full';
    return this.#standings.messages >= this.#settings.maxQueued ? 'queue-full' : undefined;
  }

  async #claimedEnded(max: number, place: number): Promise<ClaimedEnded[]> {
    const expired = await this.#reads.claimed(await this.#reads.claimExpired(max, place));
    const taken = this.#standings.claimCondemned(place);
    if (taken.length > 0) await this.#flushed();
    const condemned = await this.#reads.claimed(taken);
    return [
      ...expired.map(claimed => ({ ...claimed, fate: Fate.expired })),
      ...condemned.map(claimed => ({ ...claimed, fate: Fate.undeliverable })),
    ];
  }

  /** Only what is safe: a row in the archive must not tell what a crash undoes. */
  async #handOut(max: number, place: number): Promise<OutboxItem[]> {
    const taken = this.#standings.outbox.take(max, place);
    if (taken.length === 0) return [];
    if (this.#commit.isBusy || taken.some(({ state }) => state.dirty)) await this.#flushed();
    return this.#reads.items(taken, place);
  }

  /** A copy is kept; whoever claims what is given up tells its sender. */
  #poison(state: BatchState, index: number): void {
    const { account } = state.groups[groupIndexOf(state, index)]!.group;
    this.#deps.alarm(`batch ${state.number}: its message ${index}, of ${account}, crashes workers: it is given up`);
    const keep = new Uint8Array(state.count);
    keep[index] = 1;
    this.#quarantined++;
    this.#values
      .reading(
        () => this.#shelf.copy(state, keep),
        () => this.#reads.keysOf([state]),
      )
      .then(
        copy => {
          if (copy) this.#writes.put(messageKey(Tag.quarantine, state.number, index), Buffer.from(copy));
          return this.#soon();
        },
        (error: unknown) => this.#deps.alarm(`batch ${state.number}: no copy is kept: ${describeError(error)}`),
      );
  }

  #quarantine(state: BatchState, value: Buffer | undefined, why: string): void {
    const accounts = [...new Set(state.groups.map(g => g.group.account))].join(', ');
    this.#deps.alarm(
      `batch ${state.number} is damaged (${why}): its ${state.count} messages of ${accounts || 'nobody'} are set aside`,
    );
    this.#standings.setAside(state);
    this.#quarantined++;
    this.#writes.put(numberKey(Tag.quarantine, state.number), value ?? Buffer.alloc(0));
    this.#soon();
  }
}

const NOTHING: ReadonlyMap<string, Buffer | undefined> = new Map();
const nobody = (): void => undefined;
const configKeys = (name: string): Buffer[] => [Tag.config, Tag.configCopy].map(tag => configKey(tag, name));
const NEXT_BATCH_KEYS = configKeys(NEXT_BATCH);

/** Nothing of it is in Redis, nor will be. */
function isUnwritten(error: RuntimeError): boolean {
  return error.code === 'STORE_CLOSED' || (error instanceof StripeLostError && error.written === false);
}
