import { statSync } from 'node:fs';
import { join } from 'node:path';
import { getSystemErrorName } from 'node:util';
import { readBatch } from '../../actors/message/batch.ts';
import { STRIPE_LIMIT, clockFloor } from '../../actors/message/id.ts';
import { Fate } from '../../actors/message/ledger.ts';
import type {
  AppendOutcome,
  AppendRequest,
  Claimed,
  ClaimedEnded,
  MessageStore,
  OutboxItem,
  RefusedBecause,
  StoreStats,
} from '../../actors/ports.ts';
import { BatchShelf } from '../../actors/store/batch-shelf.ts';
import { CLAIMANT_LIMIT, groupIndexOf, newBatchState, type BatchState } from '../../actors/store/batch-state.ts';
import { ConfigValues } from '../../actors/store/config-values.ts';
import { DiskSpace } from './disk-space.ts';
import { DATA_FILE } from './environment.ts';
import { GroupCommit } from './group-commit.ts';
import { configKey, messageKey, numberKey, Tag } from '../../actors/store/keys.ts';
import { load, type Loaded } from '../../actors/store/load.ts';
import { correlate, find, scan } from '../../actors/store/lookups.ts';
import { outcome } from '../../actors/store/outcome.ts';
import { Discarding } from '../../actors/store/discarding.ts';
import { PendingWrites } from '../../actors/store/pending-writes.ts';
import type { Taken } from '../../actors/store/queues.ts';
import { search } from '../../actors/store/search.ts';
import { Standings } from '../../actors/store/standings.ts';
import { encodeRoll, missingBatches, ROLL } from './roll.ts';
import { ValueStore } from './value-store.ts';

export interface StoreSettings {
  /** Most messages queued before new ones are refused. */
  readonly maxQueued: number;
  /** Most messages that are settled and wait for the archive before new ones are refused. */
  readonly maxOutbox: number;
  /** Free octets kept on the disk: below it new messages are refused. */
  readonly diskReserveOctets: number;
  /** How long a settled batch waits for receipts before its rows go to the archive without them, ms. */
  readonly lingerMs: number;
  /** Octets that the data file keeps ready for settles and receipts when the disk is full. */
  readonly reserveOctets: number;
}

export interface StoreDeps {
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
  /** Monotonic clock, ms. */
  readonly monotonic: () => number;
  /** This thread blocks, waiting for the disk, from `true` to `false`. */
  readonly atDisk: (waits: boolean) => void;
  /** A flush failed. Must end the process; no promise of the store resolves afterwards. */
  readonly fatal: (line: string, error: unknown) => void;
  /** Something is damaged and was set aside: one line that names it. */
  readonly alarm: (line: string) => void;
  /** These queues have something ready that nobody was granted. */
  readonly ready: (destinations: readonly string[]) => void;
}

/** One user of the store: a traffic worker, the archive. */
export interface Claimant {
  readonly store: MessageStore;
  /** It is gone: what it had claimed is ready again, what it was to archive is due again. Its store takes nothing more. */
  end(): void;
}

const NEXT_BATCH = 'next-batch-number';

/**
 * The message store on one machine: one stripe, LMDB with a journal before it, one writer. Batches are written once; what happens to their
 * messages is appended to a ledger; a small state per batch says where each message stands and is all that memory holds.
 */
export class LmdbStore {
  readonly #settings: StoreSettings;
  readonly #deps: StoreDeps;
  readonly #file: string;
  readonly #values: ValueStore;
  readonly #writes = new PendingWrites();
  readonly #commit: GroupCommit;
  readonly #standings: Standings;
  readonly #shelf: BatchShelf;
  readonly #config: ConfigValues;
  readonly #disk: DiskSpace;
  readonly #stripe: number;
  /** Counted within the stripe. */
  readonly #claimants: (Claimant | undefined)[] = [];
  #nextBatch: number;
  #quarantined = 0;
  readonly #discarding: Discarding;
  #stopping = false;

  /**
   * Opens or makes the store in `folder`. Damaged batches are quarantined and named by `alarm`.
   *
   * @param stripe which of the node's stores this is, 0 to STRIPE_LIMIT-1
   */
  constructor(folder: string, settings: StoreSettings, deps: StoreDeps, stripe = 0) {
    const { now, monotonic, alarm, ready } = deps;
    this.#settings = settings;
    this.#stripe = stripe;
    this.#deps = deps;
    this.#file = join(folder, DATA_FILE);
    this.#values = new ValueStore(folder, deps.now(), alarm);
    this.#disk = new DiskSpace(folder, settings.diskReserveOctets);
    this.#commit = new GroupCommit({
      values: this.#values,
      reserveOctets: settings.reserveOctets,
      atDisk: deps.atDisk,
      monotonic,
      collect: write => this.#writes.collect(write),
      fatal: error => deps.fatal(`flush of ${this.#values.writing} failed: ${describe(error)}`, error),
    });
    this.#shelf = new BatchShelf({
      db: this.#values,
      alarm,
      damaged: (state, value, why) => this.#quarantine(state, value, why),
    });
    this.#config = new ConfigValues(this.#values, this.#writes, alarm);
    const { lingerMs } = settings;
    this.#standings = new Standings({
      now,
      monotonic,
      lingerMs,
      writes: this.#writes,
      gone: state => this.#shelf.forget(state),
      poison: (state, index) => this.#poison(state, index),
      find: id => find(this.#standings, this.#shelf, id),
      ready,
    });
    this.#discarding = new Discarding(this.#standings.outbox);
    const loaded = load(this.#values.db, alarm);
    for (const [key, value] of loaded.moves) this.#writes.put(key, value);
    for (const state of loaded.rebuilt) this.#writes.touch(state);
    for (const state of loaded.states) this.#standings.adopt(state);
    this.#standings.judge(loaded.probes);
    for (const [carrier, id, message] of loaded.correlations)
      this.#standings.correlations.setText(carrier, id, message);
    this.#quarantined += loaded.quarantined;
    this.#callRoll(loaded);
    this.#nextBatch = Math.max(this.#storedNext(), Math.floor(loaded.highest / STRIPE_LIMIT) + 1, clockFloor(now()));
    this.#commit.enqueue(nobody);
  }

  /** A new claimant. @throws RangeError when there are CLAIMANT_LIMIT */
  claimant(): Claimant {
    let owner = this.#claimants.indexOf(undefined);
    if (owner < 0) owner = this.#claimants.length;
    if (owner === CLAIMANT_LIMIT)
      throw new RangeError(`the store has ${CLAIMANT_LIMIT} claimants, the most there can be`);
    const claimant: Claimant = {
      store: this.#port(owner, () => this.#claimants[owner] === claimant),
      end: () => {
        if (this.#claimants[owner] !== claimant) return;
        this.#standings.release(owner);
        this.#claimants[owner] = undefined;
        this.#commit.enqueue(nobody);
      },
    };
    this.#claimants[owner] = claimant;
    return claimant;
  }

  #port(owner: number, isLive: () => boolean): MessageStore {
    const standings = this.#standings;
    const shelf = this.#shelf;
    return {
      allocate: count => this.allocate(count),
      append: request => this.#append(request, owner, isLive),
      settle: async frames => {
        if (isLive()) for (const frame of frames) standings.record(frame, owner);
        await this.#flushed();
      },
      claim: async (destination, max, after) =>
        isLive() ? this.#claimed(standings.claim(destination, max, owner, after)) : [],
      claimAlone: async destination => {
        const taken = isLive() ? standings.claimAlone(destination, owner) : undefined;
        if (!taken) return undefined;
        await this.#flushed();
        return isLive() ? this.#claimed([taken])[0] : undefined;
      },
      claimEnded: async max => (isLive() ? this.#claimedEnded(max, owner) : []),
      correlate: async (carrier, ids) => correlate(standings, shelf, carrier, ids),
      find: async id => find(standings, shelf, id),
      cancel: async id => {
        const outcome = standings.cancel(id);
        if (outcome === 'done') await this.#flushed();
        return outcome;
      },
      amend: async (id, record) => {
        const outcome = standings.amend(id, record, shelf);
        if (outcome === 'done') await this.#flushed();
        return outcome;
      },
      search: (match, limit) => search(standings, shelf, this.#deps.monotonic, match, limit),
      outcome: (id, waitMs) => outcome(standings, shelf, id, waitMs, () => this.#flushed()),
      scan: async (destination, after, limit) => scan(standings, shelf, destination, after, limit),
      outbox: async max => (isLive() ? this.#handOut(max, owner) : []),
      archived: items => this.archived(items),
      outboxFailed: async numbers => {
        for (const number of numbers) {
          const state = standings.get(number);
          if (state) standings.outbox.giveBack(state);
        }
      },
      stats: async () => this.stats(),
      putConfig: (key, value) => this.putConfig(key, value),
      getConfig: async key => this.#config.get(key),
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

  async #append(request: AppendRequest, owner: number, isLive: () => boolean): Promise<AppendOutcome> {
    const batch = readBatch(request.batch, false);
    const reason = this.#stopping || !isLive() ? 'stopping' : request.exempt ? undefined : this.#refusal();
    if (reason) return { type: 'refused', reason };
    const state = newBatchState(batch);
    state.pendingBatch = batch.buffer;
    this.#standings.accept(state);
    this.#shelf.put(batch);
    for (const frame of request.ledger) this.#standings.record(frame, owner);
    const canBeRefused = !request.exempt && request.ledger.length === 0;
    const isDone = await new Promise<boolean>(resolve =>
      this.#commit.enqueue(
        () => resolve(true),
        canBeRefused
          ? () => {
              resolve(false);
              this.#standings.retract(state);
              return [numberKey(Tag.batch, state.number), numberKey(Tag.state, state.number)];
            }
          : undefined,
      ),
    );
    if (!isDone) return { type: 'refused', reason: 'disk-full' };
    return { type: 'done', granted: this.#standings.admit(state, request.take, isLive() ? owner : undefined) };
  }

  async archived(items: readonly { number: number; due: Uint8Array }[]): Promise<void> {
    for (const { number, due } of items) {
      const state = this.#standings.get(number);
      if (state) this.#archived(state, due);
    }
    await this.#flushed();
  }

  #archived(state: BatchState, due: Uint8Array): void {
    this.#standings.outbox.archived(state, due);
    this.#writes.touch(state);
    this.#shelf.shrink(state);
    this.#standings.retire(state);
  }

  /**
   * There is no archive: what is settled goes after a while (`Discarding`).
   *
   * @param aged false: only what is too much
   * @returns messages that went
   */
  discardSettled(owner: number, aged: boolean): number {
    let count = 0;
    for (const { state, due } of this.#discarding.take(owner, aged)) {
      for (const one of due) count += one;
      this.#archived(state, due);
    }
    if (count > 0) this.#commit.enqueue(nobody);
    return count;
  }

  async putConfig(key: string, value: Uint8Array | undefined): Promise<void> {
    this.#config.put(key, value);
    await this.#flushed();
  }

  /** Destinations that have something ready. */
  waiting(): string[] {
    return [...this.#standings.queues.waiting()];
  }
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
      octets: statSync(this.#file).size,
      refusing: this.#refusal() ?? '',
    };
  }

  /** Refuses new messages, flushes what is under way, closes. */
  async close(): Promise<void> {
    this.#stopping = true;
    this.#standings.stop();
    this.#config.put(ROLL, encodeRoll(Array.from(this.#standings.states(), ({ number }) => number)));
    // A full disk has no room for it: then there is none.
    this.#commit.enqueue(nobody, () => [Tag.config, Tag.configCopy].map(tag => configKey(tag, ROLL)));
    await this.#commit.close();
    await this.#values.close();
  }

  /** Names what was there at the last stop and is not. The roll goes: it is not kept up while messages come and go. */
  #callRoll(loaded: Loaded): void {
    let missing: string;
    try {
      missing = missingBatches(this.#config.get(ROLL), loaded);
    } catch (error) {
      missing = (error as Error).message;
    }
    if (missing !== '') this.#deps.alarm(missing);
    this.#config.put(ROLL, undefined);
  }

  #flushed(): Promise<void> {
    return new Promise(resolve => this.#commit.enqueue(resolve));
  }

  #refusal(): RefusedBecause | undefined {
    if (this.#disk.full(this.#deps.monotonic())) return 'disk-full';
    if (this.#standings.outbox.messages >= this.#settings.maxOutbox) return 'outbox-full';
    return this.#standings.messages >= this.#settings.maxQueued ? 'queue-full' : undefined;
  }

  #claimed(taken: readonly Taken[]): Claimed[] {
    const claimed: Claimed[] = [];
    for (const { state, keep, count } of taken) {
      const batch = this.#shelf.copy(state, count === state.count ? undefined : keep);
      if (batch) claimed.push({ batch, attempts: state.attempts ? Uint8Array.from(state.attempts) : NONE, count });
    }
    return claimed;
  }

  async #claimedEnded(max: number, owner: number): Promise<ClaimedEnded[]> {
    const expired = this.#claimed(this.#standings.claimExpired(max, owner, this.#shelf));
    const taken = this.#standings.claimCondemned(owner);
    if (taken.length > 0) await this.#flushed();
    const condemned = this.#claimed(taken);
    return [
      ...expired.map(claimed => ({ ...claimed, fate: Fate.expired })),
      ...condemned.map(claimed => ({ ...claimed, fate: Fate.undeliverable })),
    ];
  }

  /** Only what is flushed: a row in the archive must not tell what a crash undoes. */
  async #handOut(max: number, owner: number): Promise<OutboxItem[]> {
    const taken = this.#standings.outbox.take(max, owner);
    if (this.#commit.isStuck || taken.some(({ state }) => state.dirty)) await this.#flushed();
    const items: OutboxItem[] = [];
    for (const { state, due } of taken) {
      if (!state.handedOut) continue;
      const batch = this.#shelf.copy(state, due.includes(0) ? due : undefined);
      if (batch) items.push({ number: state.number, batch, due, ledger: this.#shelf.ledgerOf(state) });
    }
    return items;
  }

  #storedNext(): number {
    try {
      return this.#config.get(NEXT_BATCH)?.readDoubleLE(0) ?? 1;
    } catch (error) {
      // The clock's floor is above all that was ever given out.
      this.#deps.alarm((error as Error).message);
      return 1;
    }
  }

  /** A copy is kept; whoever claims what is given up tells its sender. */
  #poison(state: BatchState, index: number): void {
    const { account } = state.groups[groupIndexOf(state, index)]!.group;
    this.#deps.alarm(`batch ${state.number}: its message ${index}, of ${account}, crashes workers: it is given up`);
    const keep = new Uint8Array(state.count);
    keep[index] = 1;
    const copy = this.#shelf.copy(state, keep);
    if (!copy) return;
    this.#quarantined++;
    this.#writes.put(messageKey(Tag.quarantine, state.number, index), Buffer.from(copy));
  }

  #quarantine(state: BatchState, value: Buffer | undefined, why: string): void {
    const accounts = [...new Set(state.groups.map(g => g.group.account))].join(', ');
    this.#deps.alarm(
      `batch ${state.number} is damaged (${why}): its ${state.count} messages of ${accounts || 'nobody'} are set aside`,
    );
    this.#standings.setAside(state);
    this.#quarantined++;
    this.#writes.put(numberKey(Tag.quarantine, state.number), value ?? Buffer.alloc(0));
    this.#commit.enqueue(nobody);
  }
}

const NONE = new Uint8Array(0);
const nobody = (): void => undefined;

/** LMDB gives the number of the system's error: its name is what people look for. */
function describe(error: unknown): string {
  const { code, message } = error as { code?: string | number; message: string };
  const name = typeof code === 'number' && code > 0 && code < 200 ? getSystemErrorName(-code) : (code ?? 'error');
  return `${name} (${message})`;
}
