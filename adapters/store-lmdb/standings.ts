import { DamagedBatchError } from '../../actors/message/batch.ts';
import { batchNumberOf, indexOf, messageId, type MessageId } from '../../actors/message/id.ts';
import { Fate, L, LedgerFlag, nextEntry, What } from '../../actors/message/ledger.ts';
import { expiresAtOf } from '../../actors/message/record.ts';
import type { LedgerFrame } from '../../actors/ports.ts';
import type { BatchShelf } from './batch-shelf.ts';
import { groupFor, groupIndexOf, Standing, type BatchState } from './batch-state.ts';
import { Correlations } from './correlations.ts';
import { ExpiryIndex } from './expiry-index.ts';
import { carrierIdAt } from './ledger-log.ts';
import { Outbox } from './outbox.ts';
import { ParkedHeap } from './parked-heap.ts';
import type { PendingWrites } from './pending-writes.ts';
import { Queues, type Taken } from './queues.ts';

export interface StandingsDeps {
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
  /** Monotonic clock, ms. */
  readonly monotonic: () => number;
  readonly lingerMs: number;
  readonly writes: PendingWrites;
  /** Nothing is left to do for this batch. */
  readonly gone: (state: BatchState) => void;
  readonly alarm: (line: string) => void;
  /** These queues have something ready that nobody was granted. */
  readonly ready: (destinations: readonly string[]) => void;
}

/** A claim that lapses this often with its worker is poison. */
const LAPSE_LIMIT = 3;

/** Where every message stands, and every step from one standing to the next: all that the store keeps in memory. */
export class Standings {
  readonly queues = new Queues();
  readonly correlations = new Correlations();
  readonly outbox: Outbox;
  readonly #deps: StandingsDeps;
  readonly #states = new Map<number, BatchState>();
  readonly #parked: ParkedHeap;
  readonly #expiry = new ExpiryIndex();
  readonly #rang = new Set<string>();
  #messages = 0;

  constructor(deps: StandingsDeps) {
    this.#deps = deps;
    this.outbox = new Outbox(deps.lingerMs, deps.monotonic);
    this.#parked = new ParkedHeap(deps.monotonic, (state, index) => this.#unpark(state, index));
  }

  get batches(): number {
    return this.#states.size;
  }

  /** Messages of all batches, those that await nothing but receipts included. */
  get messages(): number {
    return this.#messages;
  }

  get(batchNumber: number): BatchState | undefined {
    return this.#states.get(batchNumber);
  }

  /** A batch that is being accepted: it is nobody's until `admit`. */
  accept(state: BatchState): void {
    this.#states.set(state.number, state);
    this.#messages += state.count;
    this.#deps.writes.touch(state);
  }

  /** A batch is durable: its messages enter their queues, or are the caller's at once. Returns the groups granted. */
  admit(state: BatchState, take: readonly string[], owner: number): number[] {
    const granted: number[] = [];
    state.durable = true;
    for (let g = 0; g < state.groups.length; g++) {
      const { group, ready } = state.groups[g]!;
      if (ready === 0) continue;
      // Granted only where nobody waits before them.
      const ours = take.includes(group.destination) && this.queues.ready(group.destination) === 0;
      if (ours) granted.push(g);
      else this.queues.count(group.destination, ready, 0, 0);
    }
    for (const g of granted) this.#grant(state, g, owner);
    for (let g = 0; g < state.groups.length; g++) {
      if (state.groups[g]!.ready === 0) continue;
      this.queues.offer(state, g);
      this.#rang.add(state.groups[g]!.group.destination);
    }
    this.#track(state);
    this.#ring();
    return granted;
  }

  /** A batch found at start. */
  adopt(state: BatchState): void {
    this.#states.set(state.number, state);
    this.#messages += state.count;
    state.durable = true;
    for (let g = 0; g < state.groups.length; g++) {
      this.queues.count(state.groups[g]!.group.destination, state.groups[g]!.ready, 0, 0);
      this.queues.offer(state, g);
    }
    this.#track(state);
  }

  /** Takes the entries of a frame into the states, and into the ledger of each batch. */
  record(frame: LedgerFrame): void {
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

  /** What this claimant had claimed is ready again. */
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
      this.#deps.writes.touch(state);
    }
    this.#ring();
  }

  cancel(id: MessageId): 'done' | 'unknown' | 'in-flight' | 'final' {
    const state = this.#states.get(batchNumberOf(id));
    const index = indexOf(id);
    const standing = state?.standing[index];
    if (!state || standing === undefined) return 'unknown';
    if (standing >= Standing.claimed) return 'in-flight';
    if (standing !== Standing.ready && standing !== Standing.parked) return 'final';
    this.#leaveQueue(state, index);
    state.standing[index] = Standing.final;
    const entry = Buffer.alloc(L.head);
    entry.writeDoubleLE(id, L.id);
    entry[L.what] = What.settled;
    entry[L.fate] = Fate.deleted;
    entry.writeDoubleLE(this.#deps.now(), L.at);
    this.#log(state, state.groups[groupIndexOf(state, index)]!.group.destination, entry);
    return 'done';
  }

  /** Claims up to `max` messages whose validity has ended while they waited. */
  takeExpired(max: number, owner: number, shelf: BatchShelf): Taken[] {
    const now = this.#deps.now();
    const taken: Taken[] = [];
    let left = max;
    for (const state of this.#expiry.due(now)) {
      const batch = left > 0 ? shelf.read(state) : undefined;
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
        this.#leaveQueue(state, i);
        this.queues.count(state.groups[groupIndexOf(state, i)]!.group.destination, 0, 1, 0);
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

  /** A batch that cannot be read: none of its messages will be given out. */
  setAside(state: BatchState): void {
    for (let i = 0; i < state.count; i++) {
      const standing = state.standing[i]!;
      if (standing >= Standing.claimed) this.#unclaim(state, i);
      else this.#leaveQueue(state, i);
      state.standing[i] = Standing.done;
    }
    this.#remove(state);
  }

  /** A batch with nothing left to do goes. */
  retire(state: BatchState): void {
    if (!state.durable || state.handedOut) return;
    for (let i = 0; i < state.count; i++) if (state.standing[i] !== Standing.done) return;
    this.#remove(state);
  }

  stop(): void {
    this.#parked.stop();
  }

  #remove(state: BatchState): void {
    if (!this.#states.delete(state.number)) return;
    this.#messages -= state.count;
    this.#expiry.delete(state);
    this.outbox.forget(state);
    this.#deps.writes.remove(state);
    this.#deps.gone(state);
  }

  #grant(state: BatchState, g: number, owner: number): void {
    const group = state.groups[g]!;
    for (let i = 0; i < state.count; i++) {
      if (state.standing[i] === Standing.ready && groupIndexOf(state, i) === g)
        state.standing[i] = Standing.claimed + owner;
    }
    this.queues.count(group.group.destination, 0, group.ready, 0);
    group.ready = 0;
  }

  /** Parked messages, expiry and outbox of a batch that has just become durable or was found at start. */
  #track(state: BatchState): void {
    for (let i = 0; i < state.count; i++) {
      if (state.standing[i] !== Standing.parked) continue;
      this.queues.count(state.groups[groupIndexOf(state, i)]!.group.destination, 0, 0, 1);
      this.#parked.add(state, i, state.dueAt![i]! - this.#deps.now());
    }
    this.#expiry.add(state);
    this.outbox.consider(state);
    this.retire(state);
  }

  #ring(): void {
    if (this.#rang.size === 0) return;
    this.#deps.ready([...this.#rang]);
    this.#rang.clear();
  }

  #log(state: BatchState | undefined, destination: string, entries: Buffer): void {
    if (!state || entries.length === 0) return;
    state.pendingLedger.push({ destination, entries });
    this.#deps.writes.touch(state);
    this.outbox.consider(state);
    this.retire(state);
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
          this.correlations.set(destination, carrierIdAt(entries, at), messageId(state.number, index));
        } else {
          state.standing[index] = state.receipts ? Standing.done : Standing.final;
        }
        setAttempts(state, index, entries[at + L.attempts]!);
        return;
      }
      case What.parked: {
        if (standing < Standing.claimed) return;
        this.#unclaim(state, index);
        setAttempts(state, index, entries[at + L.attempts]!);
        const dueAt = entries.readDoubleLE(at + L.at);
        state.standing[index] = Standing.parked;
        (state.dueAt ??= new Float64Array(state.count))[index] = dueAt;
        this.queues.count(state.groups[groupIndexOf(state, index)]!.group.destination, 0, 0, 1);
        this.#parked.add(state, index, dueAt - this.#deps.now());
        return;
      }
      case What.receipt:
        if (standing === Standing.awaiting) state.standing[index] = Standing.final;
        else if (standing === Standing.awaitingArchived) state.standing[index] = Standing.receiptDue;
        else return;
        this.correlations.delete(destination, carrierIdAt(entries, at), messageId(state.number, index));
        return;
      case What.released:
        if (standing >= Standing.claimed) this.#makeReady(state, index, 'claimed');
        return;
      case What.rerouted: {
        if (standing < Standing.claimed) return;
        this.#unclaim(state, index);
        setAttempts(state, index, entries[at + L.attempts]!);
        const group = groupFor(state, state.groups[groupIndexOf(state, index)]!.group, carrierIdAt(entries, at));
        (state.groupIndex ??= new Uint8Array(state.count))[index] = group;
        this.#offerOne(state, index);
        return;
      }
      default:
        throw new DamagedBatchError(`ledger: unknown entry ${entries[at + L.what]}`);
    }
  }

  #unclaim(state: BatchState, index: number): void {
    this.queues.count(state.groups[groupIndexOf(state, index)]!.group.destination, 0, -1, 0);
  }

  /** A message that is ready or parked is that no more; the caller gives it its next standing. */
  #leaveQueue(state: BatchState, index: number): void {
    const group = state.groups[groupIndexOf(state, index)]!;
    if (state.standing[index] === Standing.ready) {
      group.ready--;
      this.queues.count(group.group.destination, -1, 0, 0);
    } else if (state.standing[index] === Standing.parked) {
      this.queues.count(group.group.destination, 0, 0, -1);
    }
  }

  #makeReady(state: BatchState, index: number, was: 'claimed' | 'parked'): void {
    const { destination } = state.groups[groupIndexOf(state, index)]!.group;
    this.queues.count(destination, 0, was === 'claimed' ? -1 : 0, was === 'parked' ? -1 : 0);
    this.#offerOne(state, index);
  }

  #offerOne(state: BatchState, index: number): void {
    const g = groupIndexOf(state, index);
    const group = state.groups[g]!;
    state.standing[index] = Standing.ready;
    group.ready++;
    this.queues.count(group.group.destination, 1, 0, 0);
    this.queues.offer(state, g);
    this.#rang.add(group.group.destination);
  }

  #unpark(state: BatchState, index: number): void {
    if (state.standing[index] !== Standing.parked || this.#states.get(state.number) !== state) return;
    this.#makeReady(state, index, 'parked');
    this.#ring();
  }
}

function setAttempts(state: BatchState, index: number, attempts: number): void {
  if (attempts > 0) (state.attempts ??= new Uint8Array(state.count))[index] = attempts;
}
