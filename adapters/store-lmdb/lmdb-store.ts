import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { open, type Database } from 'lmdb';
import { DamagedBatchError, Keep, readBatch, subsetOf, type Batch, type Group } from '../../actors/message/batch.ts';
import { batchNumberOf, clockFloor, indexOf, messageId, type MessageId } from '../../actors/message/id.ts';
import { Fate, L, LedgerFlag, nextEntry, What } from '../../actors/message/ledger.ts';
import { expiresAtOf } from '../../actors/message/record.ts';
import type {
  AppendOutcome,
  AppendRequest,
  Claimed,
  Correlated,
  FoundMessage,
  LedgerFrame,
  MessageStore,
  OutboxItem,
  StoreStats,
} from '../../actors/ports.ts';
import { BatchCache } from './batch-cache.ts';
import { encodeState, groupFor, groupIndexOf, newBatchState, Standing, type BatchState } from './batch-state.ts';
import { Correlations } from './correlations.ts';
import { DiskSpace } from './disk-space.ts';
import { GroupCommit, type Write } from './group-commit.ts';
import { configKey, ledgerKey, numberKey, Tag } from './keys.ts';
import { decodeLedger, encodeLedger, type LedgerPart } from './ledger-log.ts';
import { load } from './load.ts';
import { Outbox } from './outbox.ts';
import { ParkedHeap } from './parked-heap.ts';
import { Queues, type Taken } from './queues.ts';
import { ExpiryIndex } from './expiry-index.ts';
import { CorrelatedBuilder } from './records.ts';

export interface StoreSettings {
  /** Most messages queued before new ones are refused. */
  readonly maxQueued: number;
  /** Free octets kept on the disk: below it new messages are refused. */
  readonly diskReserveOctets: number;
  /** How long a settled batch waits for receipts before its rows go to the archive without them, ms. */
  readonly lingerMs: number;
}

export interface StoreDeps {
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
  /** Monotonic clock, ms. */
  readonly monotonic: () => number;
  /** A flush failed. Must end the process; no promise of the store resolves afterwards. */
  readonly fatal: (line: string, error: unknown) => void;
  /** Something is damaged and was set aside: one line that names it. */
  readonly alarm: (line: string) => void;
  /** These queues have something ready that nobody was granted. */
  readonly ready: (destinations: readonly string[]) => void;
}

const NEXT_BATCH = 'next-batch-number';
/** A claim that lapses this often with its worker is poison. */
const LAPSE_LIMIT = 3;

/**
 * The message store on one machine: one LMDB environment, one writer. Batches are written once; what happens to their
 * messages is appended to a ledger; a small state per batch says where each message stands and is all that memory holds.
 */
export class LmdbStore {
  readonly #settings: StoreSettings;
  readonly #deps: StoreDeps;
  readonly #file: string;
  readonly #db: Database<Buffer, Buffer>;
  readonly #commit: GroupCommit;
  readonly #states = new Map<number, BatchState>();
  readonly #queues = new Queues();
  readonly #correlations = new Correlations();
  readonly #cache = new BatchCache();
  readonly #disk: DiskSpace;
  readonly #parked: ParkedHeap;
  readonly #expiry = new ExpiryIndex();
  readonly #outbox: Outbox;
  #dirty = new Set<BatchState>();
  #removed: BatchState[] = [];
  #configWrites: [Buffer, Buffer | undefined][] = [];
  #rang = new Set<string>();
  #nextBatch: number;
  #messages = 0;
  #quarantined = 0;
  #stopping = false;

  /** Opens or makes the store in `folder`. Damaged batches are quarantined and named by `alarm`. */
  constructor(folder: string, settings: StoreSettings, deps: StoreDeps) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#settings = settings;
    this.#deps = deps;
    this.#file = join(folder, 'data.mdb');
    this.#db = open<Buffer, Buffer>({
      path: folder,
      encoding: 'binary',
      keyEncoding: 'binary',
      // Flushed means flushed (L3, L5): no overlap of sync and the next transaction, verified meta pages.
      overlappingSync: false,
      safeRestore: true,
      noReadAhead: true,
      cache: false,
    } as Parameters<typeof open<Buffer, Buffer>>[0]);
    this.#disk = new DiskSpace(folder, settings.diskReserveOctets);
    this.#parked = new ParkedHeap(deps.monotonic, (state, index) => this.#unpark(state, index));
    this.#outbox = new Outbox(settings.lingerMs, deps.monotonic);
    this.#commit = new GroupCommit({
      db: this.#db,
      folder,
      collect: write => this.#collect(write),
      fatal: error => deps.fatal(`flush of ${this.#file} failed: ${describe(error)}`, error),
    });
    const loaded = load(this.#db, deps.alarm);
    for (const state of loaded.states) this.#adopt(state);
    for (const [carrier, id, message] of loaded.correlations) this.#correlations.set(carrier, id, message);
    for (const [key, value] of loaded.moves) this.#configWrites.push([key, value]);
    this.#quarantined = loaded.quarantined;
    const stored = this.#db.get(configKey(NEXT_BATCH));
    this.#nextBatch = Math.max(stored ? stored.readDoubleLE(0) : 1, loaded.highest + 1, clockFloor(deps.now()));
    if (this.#configWrites.length > 0) this.#commit.enqueue(() => undefined);
  }

  /** The port for one claimant (a traffic worker). @param owner 0 to 200 */
  forOwner(owner: number): MessageStore {
    return {
      allocate: count => this.allocate(count),
      append: request => this.append(request, owner),
      settle: frames => this.settle(frames),
      claim: async (destination, max) => this.#claimed(this.#queues.take(destination, max, owner)),
      claimExpired: async max => this.#claimed(this.#takeExpired(max, owner)),
      correlate: async (carrier, ids) => this.#correlate(carrier, ids),
      find: async id => this.#find(id),
      cancel: id => this.#cancel(id),
      scan: async (destination, after, limit) => this.#scan(destination, after, limit),
      outbox: async max => this.#handOut(max),
      archived: items => this.archived(items),
      outboxFailed: async numbers => {
        for (const number of numbers) {
          const state = this.#states.get(number);
          if (state) this.#outbox.giveBack(state);
        }
      },
      stats: async () => this.stats(),
      putConfig: (key, value) => this.putConfig(key, value),
      getConfig: async key => this.#db.get(configKey(key)),
    };
  }

  async allocate(count: number): Promise<number> {
    const first = Math.max(this.#nextBatch, 1);
    this.#nextBatch = first + count;
    const value = Buffer.allocUnsafe(8);
    value.writeDoubleLE(this.#nextBatch);
    this.#configWrites.push([configKey(NEXT_BATCH), value]);
    await this.#flushed();
    return first;
  }

  async append(request: AppendRequest, owner: number): Promise<AppendOutcome> {
    const batch = readBatch(request.batch, false);
    if (!request.exempt) {
      const reason = this.#stopping ? 'stopping' : this.#refusal();
      if (reason) return { type: 'refused', reason };
    }
    const state = newBatchState(batch);
    state.pendingBatch = batch.buffer;
    this.#states.set(state.number, state);
    this.#messages += state.count;
    this.#cache.put(batch);
    this.#touch(state);
    for (const frame of request.ledger) this.#record(frame);
    await this.#flushed();
    return { type: 'done', granted: this.#admit(state, request.take, owner) };
  }

  async settle(frames: readonly LedgerFrame[]): Promise<void> {
    for (const frame of frames) this.#record(frame);
    await this.#flushed();
  }

  async archived(items: readonly { number: number; due: Uint8Array }[]): Promise<void> {
    for (const { number, due } of items) {
      const state = this.#states.get(number);
      if (!state) continue;
      this.#outbox.archived(state, due);
      this.#touch(state);
      this.#shrink(state);
      this.#retire(state);
    }
    await this.#flushed();
  }

  async putConfig(key: string, value: Uint8Array | undefined): Promise<void> {
    this.#configWrites.push([configKey(key), value && Buffer.from(value)]);
    await this.#flushed();
  }

  /** A worker is gone: what it had claimed is ready again. */
  release(owner: number): void {
    const claimed = Standing.claimed + owner;
    for (const state of this.#states.values()) {
      let lapsed = 0;
      for (let i = 0; i < state.count; i++) {
        if (state.standing[i] !== claimed) continue;
        lapsed++;
        this.#makeReady(state, i, 'claimed');
      }
      if (lapsed === 0) continue;
      if (++state.lapses > LAPSE_LIMIT)
        this.#deps.alarm(`batch ${state.number}: its claim lapsed ${state.lapses} times`);
      this.#touch(state);
    }
    this.#commit.enqueue(() => undefined);
    this.#ring();
  }

  stats(): StoreStats {
    const { batches, messages } = this.#outbox.waiting();
    return {
      queues: this.#queues.stats(),
      batches: this.#states.size,
      messages: this.#messages,
      awaitingReceipt: this.#correlations.size,
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
    this.#parked.stop();
    await this.#commit.idle();
    await this.#db.close();
  }

  #flushed(): Promise<void> {
    return new Promise(resolve => this.#commit.enqueue(resolve));
  }

  #refusal(): 'queue-full' | 'disk-full' | undefined {
    if (this.#disk.full(this.#deps.monotonic())) return 'disk-full';
    return this.#messages >= this.#settings.maxQueued ? 'queue-full' : undefined;
  }

  /** Everything changed since the last commit, as one transaction. */
  #collect(write: Write): void {
    for (const [key, value] of this.#configWrites) write(key, value);
    this.#configWrites = [];
    for (const state of this.#dirty) {
      state.dirty = false;
      if (state.pendingBatch) write(numberKey(Tag.batch, state.number), state.pendingBatch);
      state.pendingBatch = undefined;
      if (state.pendingLedger.length > 0) {
        write(ledgerKey(state.number, state.ledgerCount++), encodeLedger(state.pendingLedger));
        state.pendingLedger = [];
      }
      write(numberKey(Tag.state, state.number), encodeState(state));
    }
    this.#dirty = new Set();
    for (const state of this.#removed) {
      write(numberKey(Tag.batch, state.number), undefined);
      write(numberKey(Tag.state, state.number), undefined);
      for (let i = 0; i < state.ledgerCount; i++) write(ledgerKey(state.number, i), undefined);
    }
    this.#removed = [];
  }

  #touch(state: BatchState): void {
    if (state.dirty) return;
    state.dirty = true;
    this.#dirty.add(state);
  }

  /** A batch is durable: its messages enter their queues, or are the caller's at once. Returns the groups granted. */
  #admit(state: BatchState, take: readonly string[], owner: number): number[] {
    const granted: number[] = [];
    state.durable = true;
    for (let g = 0; g < state.groups.length; g++) {
      const { group, ready } = state.groups[g]!;
      if (ready === 0) continue;
      // Granted only where nobody waits before them.
      const ours = take.includes(group.destination) && this.#queues.ready(group.destination) === 0;
      if (ours) granted.push(g);
      else this.#queues.count(group.destination, ready, 0, 0);
    }
    for (const g of granted) this.#grant(state, g, owner);
    for (let g = 0; g < state.groups.length; g++) {
      if (state.groups[g]!.ready === 0) continue;
      this.#queues.offer(state, g);
      this.#rang.add(state.groups[g]!.group.destination);
    }
    this.#track(state);
    this.#ring();
    return granted;
  }

  #grant(state: BatchState, g: number, owner: number): void {
    const group = state.groups[g]!;
    for (let i = 0; i < state.count; i++) {
      if (state.standing[i] === Standing.ready && groupIndexOf(state, i) === g)
        state.standing[i] = Standing.claimed + owner;
    }
    this.#queues.count(group.group.destination, 0, group.ready, 0);
    group.ready = 0;
  }

  /** Parked messages, expiry and outbox of a batch that has just become durable or was found at start. */
  #track(state: BatchState): void {
    for (let i = 0; i < state.count; i++) {
      if (state.standing[i] !== Standing.parked) continue;
      this.#queues.count(state.groups[groupIndexOf(state, i)]!.group.destination, 0, 0, 1);
      this.#parked.add(state, i, state.dueAt![i]! - this.#deps.now());
    }
    this.#expiry.add(state);
    this.#outbox.consider(state);
    this.#retire(state);
  }

  #adopt(state: BatchState): void {
    this.#states.set(state.number, state);
    this.#messages += state.count;
    state.durable = true;
    for (let g = 0; g < state.groups.length; g++) {
      this.#queues.count(state.groups[g]!.group.destination, state.groups[g]!.ready, 0, 0);
      this.#queues.offer(state, g);
    }
    this.#track(state);
  }

  #ring(): void {
    if (this.#rang.size === 0) return;
    this.#deps.ready([...this.#rang]);
    this.#rang.clear();
  }

  /** Takes the entries of a frame into the states, and into the ledger of each batch. */
  #record(frame: LedgerFrame): void {
    const entries = Buffer.from(frame.entries.buffer, frame.entries.byteOffset, frame.entries.byteLength);
    let partAt = 0;
    let partState: BatchState | undefined;
    for (let at = 0; at < entries.length;) {
      const next = nextEntry(entries, at);
      const id = entries.readDoubleLE(at);
      const state = this.#states.get(batchNumberOf(id));
      if (state !== partState) {
        this.#log(partState, frame.destination, entries.subarray(partAt, at));
        partAt = at;
        partState = state;
      }
      if (state) this.#apply(state, indexOf(id), frame.destination, entries, at);
      at = next;
    }
    this.#log(partState, frame.destination, entries.subarray(partAt));
    this.#ring();
  }

  #log(state: BatchState | undefined, destination: string, entries: Buffer): void {
    if (!state || entries.length === 0) return;
    state.pendingLedger.push({ destination, entries });
    this.#touch(state);
    this.#outbox.consider(state);
    this.#retire(state);
  }

  #apply(state: BatchState, index: number, destination: string, entries: Buffer, at: number): void {
    const standing = state.standing[index];
    if (standing === undefined) return;
    switch (entries[at + L.what] as What) {
      case What.settled: {
        if (standing < Standing.claimed) return;
        this.#unclaim(state, index);
        const awaits = (entries[at + L.flags]! & LedgerFlag.awaitsReceipt) !== 0;
        if (awaits) {
          state.standing[index] = Standing.awaiting;
          this.#correlations.set(destination, carrierIdAt(entries, at), messageId(state.number, index));
        } else {
          state.standing[index] = state.receipts ? Standing.done : Standing.final;
        }
        this.#setAttempts(state, index, entries[at + L.attempts]!);
        return;
      }
      case What.parked: {
        if (standing < Standing.claimed) return;
        this.#unclaim(state, index);
        this.#setAttempts(state, index, entries[at + L.attempts]!);
        const dueAt = entries.readDoubleLE(at + L.at);
        state.standing[index] = Standing.parked;
        (state.dueAt ??= new Float64Array(state.count))[index] = dueAt;
        this.#queues.count(state.groups[groupIndexOf(state, index)]!.group.destination, 0, 0, 1);
        this.#parked.add(state, index, dueAt - this.#deps.now());
        return;
      }
      case What.receipt:
        if (standing === Standing.awaiting) state.standing[index] = Standing.final;
        else if (standing === Standing.awaitingArchived) state.standing[index] = Standing.receiptDue;
        else return;
        this.#correlations.delete(destination, carrierIdAt(entries, at), messageId(state.number, index));
        return;
      case What.released:
        if (standing >= Standing.claimed) this.#makeReady(state, index, 'claimed');
        return;
      case What.rerouted: {
        if (standing < Standing.claimed) return;
        this.#unclaim(state, index);
        this.#setAttempts(state, index, entries[at + L.attempts]!);
        const group = groupFor(state, state.groups[groupIndexOf(state, index)]!.group, carrierIdAt(entries, at));
        (state.groupIndex ??= new Uint8Array(state.count))[index] = group;
        this.#offerOne(state, index);
        return;
      }
      default:
        throw new DamagedBatchError(`ledger: unknown entry ${entries[at + L.what]}`);
    }
  }

  #setAttempts(state: BatchState, index: number, attempts: number): void {
    if (attempts > 0) (state.attempts ??= new Uint8Array(state.count))[index] = attempts;
  }

  #unclaim(state: BatchState, index: number): void {
    this.#queues.count(state.groups[groupIndexOf(state, index)]!.group.destination, 0, -1, 0);
  }

  #makeReady(state: BatchState, index: number, was: 'claimed' | 'parked'): void {
    const { destination } = state.groups[groupIndexOf(state, index)]!.group;
    this.#queues.count(destination, 0, was === 'claimed' ? -1 : 0, was === 'parked' ? -1 : 0);
    this.#offerOne(state, index);
  }

  #offerOne(state: BatchState, index: number): void {
    const g = groupIndexOf(state, index);
    const group = state.groups[g]!;
    state.standing[index] = Standing.ready;
    group.ready++;
    this.#queues.count(group.group.destination, 1, 0, 0);
    this.#queues.offer(state, g);
    this.#rang.add(group.group.destination);
  }

  #unpark(state: BatchState, index: number): void {
    if (state.standing[index] !== Standing.parked || this.#states.get(state.number) !== state) return;
    this.#makeReady(state, index, 'parked');
    this.#ring();
  }

  #takeExpired(max: number, owner: number): Taken[] {
    const now = this.#deps.now();
    const taken: Taken[] = [];
    let left = max;
    for (const state of this.#expiry.due(now)) {
      const batch = left > 0 ? this.#read(state) : undefined;
      if (!batch) {
        if (this.#states.has(state.number)) this.#expiry.add(state);
        continue;
      }
      const entry: Taken = { state, keep: new Uint8Array(state.count), count: 0 };
      let earliest = Infinity;
      for (let i = 0; i < state.count; i++) {
        const standing = state.standing[i]!;
        if (standing !== Standing.ready && standing !== Standing.parked && standing < Standing.claimed) continue;
        const expiresAt = expiresAtOf(batch.buffer, batch.offsets[i]!);
        if (expiresAt > now || standing >= Standing.claimed || left === 0) {
          earliest = Math.min(earliest, expiresAt);
          continue;
        }
        const group = state.groups[groupIndexOf(state, i)]!;
        if (standing === Standing.ready) group.ready--;
        this.#queues.count(
          group.group.destination,
          standing === Standing.ready ? -1 : 0,
          1,
          standing === Standing.parked ? -1 : 0,
        );
        state.standing[i] = Standing.claimed + owner;
        entry.keep[i] = 1;
        entry.count++;
        left--;
      }
      state.expiresAt = earliest;
      this.#expiry.add(state);
      if (entry.count > 0) taken.push(entry);
    }
    return taken;
  }

  #claimed(taken: readonly Taken[]): Claimed[] {
    const claimed: Claimed[] = [];
    for (const { state, keep, count } of taken) {
      const batch = this.#read(state);
      if (!batch) continue;
      const whole = count === state.count && !state.groupIndex;
      claimed.push({
        batch: whole ? Uint8Array.from(batch.buffer) : subsetOf(batch, keep, groupsOf(state), state.groupIndex),
        attempts: state.attempts ? Uint8Array.from(state.attempts) : NONE,
      });
    }
    return claimed;
  }

  /** The batch's bytes, from the cache or the disk. A damaged one is set aside and named; undefined then. */
  #read(state: BatchState): Batch | undefined {
    const cached = this.#cache.get(state.number);
    if (cached) return cached;
    const value = state.pendingBatch ?? this.#db.get(numberKey(Tag.batch, state.number));
    try {
      if (!value) throw new DamagedBatchError('is missing');
      const batch = readBatch(value, true);
      if (batch.number !== state.number) throw new DamagedBatchError(`names itself ${batch.number}`);
      this.#cache.put(batch);
      return batch;
    } catch (error) {
      if (!(error instanceof DamagedBatchError)) throw error;
      this.#quarantine(state, value, error.message);
      return undefined;
    }
  }

  #quarantine(state: BatchState, value: Buffer | undefined, why: string): void {
    const accounts = [...new Set(state.groups.map(g => g.group.account))].join(', ');
    this.#deps.alarm(
      `batch ${state.number} is damaged (${why}): its ${state.count} messages of ${accounts || 'nobody'} are set aside`,
    );
    for (let i = 0; i < state.count; i++) {
      const standing = state.standing[i]!;
      const group = state.groups[groupIndexOf(state, i)]!;
      if (standing === Standing.ready) {
        group.ready--;
        this.#queues.count(group.group.destination, -1, 0, 0);
      } else if (standing === Standing.parked) {
        this.#queues.count(group.group.destination, 0, 0, -1);
      } else if (standing >= Standing.claimed) {
        this.#queues.count(group.group.destination, 0, -1, 0);
      }
      state.standing[i] = Standing.done;
    }
    this.#quarantined++;
    this.#configWrites.push([numberKey(Tag.quarantine, state.number), value ?? Buffer.alloc(0)]);
    this.#remove(state);
    this.#commit.enqueue(() => undefined);
  }

  #correlate(carrier: string, carrierIds: readonly string[]): Correlated {
    const found = new CorrelatedBuilder(carrierIds.length);
    for (let i = 0; i < carrierIds.length; i++) {
      const id = this.#correlations.get(carrier, carrierIds[i]!);
      const state = id === undefined ? undefined : this.#states.get(batchNumberOf(id));
      const batch = state && this.#read(state);
      if (id === undefined || !state || !batch) continue;
      const index = indexOf(id);
      const standing = state.standing[index];
      const final = standing !== Standing.awaiting && standing !== Standing.awaitingArchived;
      const { account } = state.groups[groupIndexOf(state, index)]!.group;
      found.add(i, id, final, state.createdAt, account, batch, index);
    }
    return found.done();
  }

  #find(id: MessageId): FoundMessage | undefined {
    const state = this.#states.get(batchNumberOf(id));
    const batch = state && this.#read(state);
    const index = indexOf(id);
    if (!state || !batch || !batch.offsets[index]) return undefined;
    const at = batch.offsets[index];
    const { group } = state.groups[groupIndexOf(state, index)]!;
    const standing = state.standing[index]!;
    const ledger = this.#ledgerOf(state, index);
    return {
      id,
      account: group.account,
      destination: group.destination,
      createdAt: state.createdAt,
      tableVersion: batch.tableVersion,
      record: Uint8Array.from(batch.buffer.subarray(at, at + batch.buffer.readUInt32LE(at))),
      fate: lastFate(ledger) || (batch.buffer[at + 6]! as Fate),
      attempts: state.attempts?.[index] ?? 0,
      dueAt: standing === Standing.parked ? state.dueAt![index]! : 0,
      claimed: standing >= Standing.claimed,
      ledger,
    };
  }

  async #cancel(id: MessageId): Promise<'done' | 'unknown' | 'in-flight' | 'final'> {
    const state = this.#states.get(batchNumberOf(id));
    const index = indexOf(id);
    const standing = state?.standing[index];
    if (!state || standing === undefined) return 'unknown';
    if (standing >= Standing.claimed) return 'in-flight';
    if (standing !== Standing.ready && standing !== Standing.parked) return 'final';
    const group = state.groups[groupIndexOf(state, index)]!;
    if (standing === Standing.ready) group.ready--;
    this.#queues.count(
      group.group.destination,
      standing === Standing.ready ? -1 : 0,
      0,
      standing === Standing.parked ? -1 : 0,
    );
    state.standing[index] = Standing.final;
    const entry = Buffer.alloc(L.head);
    entry.writeDoubleLE(id, L.id);
    entry[L.what] = What.settled;
    entry[L.fate] = Fate.deleted;
    entry.writeDoubleLE(this.#deps.now(), L.at);
    this.#log(state, group.group.destination, entry);
    await this.#flushed();
    return 'done';
  }

  #scan(destination: string, after: MessageId, limit: number): FoundMessage[] {
    const found: FoundMessage[] = [];
    for (const state of this.#queues.batches(destination)) {
      for (let i = 0; i < state.count && found.length < limit; i++) {
        const id = messageId(state.number, i);
        if (id <= after || state.standing[i] !== Standing.ready) continue;
        if (state.groups[groupIndexOf(state, i)]!.group.destination !== destination) continue;
        const message = this.#find(id);
        if (message) found.push(message);
      }
      if (found.length >= limit) break;
    }
    return found;
  }

  #handOut(max: number): OutboxItem[] {
    const items: OutboxItem[] = [];
    for (const { state, due } of this.#outbox.take(max)) {
      const batch = this.#read(state);
      if (!batch) continue;
      const whole = !state.groupIndex && !due.includes(0);
      items.push({
        number: state.number,
        batch: whole ? Uint8Array.from(batch.buffer) : subsetOf(batch, due, groupsOf(state), state.groupIndex),
        due,
        ledger: this.#ledgerOf(state),
      });
    }
    return items;
  }

  /** The ledger entries of a batch, or of one of its messages, oldest first. */
  #ledgerOf(state: BatchState, index?: number): Buffer {
    const chunks: Buffer[] = [];
    const add = (entries: Buffer): void => {
      if (index === undefined) {
        chunks.push(entries);
        return;
      }
      for (let at = 0; at < entries.length;) {
        const next = nextEntry(entries, at);
        if (indexOf(entries.readDoubleLE(at)) === index) chunks.push(entries.subarray(at, next));
        at = next;
      }
    };
    for (let i = 0; i < state.ledgerCount; i++) {
      const value = this.#db.get(ledgerKey(state.number, i));
      if (value) for (const part of this.#decode(state, value)) add(part.entries);
    }
    for (const part of state.pendingLedger) add(part.entries);
    return Buffer.concat(chunks);
  }

  #decode(state: BatchState, value: Buffer): LedgerPart[] {
    try {
      return decodeLedger(value);
    } catch (error) {
      if (!(error instanceof DamagedBatchError)) throw error;
      this.#deps.alarm(`batch ${state.number}: ${error.message}; what happened to some of its messages is not known`);
      return [];
    }
  }

  /** A batch with nothing left to do goes. */
  #retire(state: BatchState): void {
    if (!state.durable || state.handedOut) return;
    let left = 0;
    for (let i = 0; i < state.count; i++) if (state.standing[i] !== Standing.done) left++;
    if (left === 0) this.#remove(state);
  }

  /** After its settled messages have left for the archive, a batch keeps only the others. */
  #shrink(state: BatchState): void {
    const keep = new Uint8Array(state.count);
    let kept = 0;
    for (let i = 0; i < state.count; i++) {
      const standing = state.standing[i];
      if (standing === Standing.done) continue;
      kept++;
      const stub = standing === Standing.awaitingArchived || standing === Standing.receiptDue;
      keep[i] = stub ? Keep.stub : Keep.whole;
    }
    if (kept === 0 || kept * 2 > state.count) return;
    const batch = this.#read(state);
    if (!batch) return;
    state.pendingBatch = subsetOf(batch, keep, groupsOf(state), state.groupIndex);
    this.#cache.put(readBatch(state.pendingBatch, false));
  }

  #remove(state: BatchState): void {
    if (!this.#states.delete(state.number)) return;
    this.#messages -= state.count;
    this.#cache.delete(state.number);
    this.#expiry.delete(state);
    this.#outbox.forget(state);
    this.#dirty.delete(state);
    this.#removed.push(state);
  }
}

const NONE = new Uint8Array(0);

const groupsOf = (state: BatchState): Group[] => state.groups.map(g => g.group);

function carrierIdAt(entries: Buffer, at: number): string {
  return entries.latin1Slice(at + L.head, at + L.head + entries[at + L.carrierIdLength]!);
}

function lastFate(ledger: Buffer): Fate {
  let fate: number = Fate.queued;
  for (let at = 0; at < ledger.length; at = nextEntry(ledger, at)) {
    const what = ledger[at + L.what];
    if (what === What.settled || what === What.receipt) fate = ledger[at + L.fate]!;
  }
  return fate as Fate;
}

function describe(error: unknown): string {
  const cause = error as NodeJS.ErrnoException;
  const errno = cause.code ?? 'error';
  return `${typeof errno === 'string' ? errno : `errno ${String(errno)}`} (${cause.message})`;
}
