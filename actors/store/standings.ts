import { DamagedBatchError } from '../message/batch.ts';
import { batchNumberOf, indexOf, messageId, type MessageId } from '../message/id.ts';
import { Fate, L, LedgerFlag, nextEntry, What } from '../message/ledger.ts';
import { deliverAfterOf, expiresAtOf } from '../message/record.ts';
import type { FoundMessage, LedgerFrame } from '../ports.ts';
import type { BatchShelf } from './batch-shelf.ts';
import {
  groupFor,
  groupIndexOf,
  isWaiting,
  setAttempts,
  Standing,
  standingAfterReceipt,
  type BatchState,
} from './batch-state.ts';
import { Correlations } from './correlations.ts';
import { ExpiryIndex } from './expiry-index.ts';
import { carrierIdAt, settledEntry } from './ledger-log.ts';
import { Outbox } from './outbox.ts';
import { ParkedHeap } from './parked-heap.ts';
import { Probation, Probe } from './probation.ts';
import type { PendingWrites } from './pending-writes.ts';
import { Queues, type Taken } from './queues.ts';
import { Watchers } from './watchers.ts';

export interface StandingsDeps {
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
  /** Monotonic clock, ms. */
  readonly monotonic: () => number;
  readonly lingerMs: number;
  readonly writes: PendingWrites;
  /** Nothing is left to do for this batch. */
  readonly gone: (state: BatchState) => void;
  /** This message is poison. */
  readonly poison: (state: BatchState, index: number) => void;
  /** These queues have something ready that nobody was granted. */
  readonly ready: (destinations: readonly string[]) => void;
  readonly find: (id: MessageId) => FoundMessage | undefined;
}

/** Where every message stands, and every step from one standing to the next: all that the store keeps in memory. */
export class Standings {
  readonly correlations = new Correlations();
  readonly outbox: Outbox;
  readonly watchers: Watchers;
  readonly #deps: StandingsDeps;
  readonly #states = new Map<number, BatchState>();
  readonly #queues = new Queues();
  readonly #probation: Probation;
  readonly #parked: ParkedHeap;
  readonly #expiry = new ExpiryIndex();
  readonly #rang = new Set<string>();
  /** Parked messages that were given another time: when they are due, monotonic ms. */
  readonly #rescheduled = new Map<MessageId, number>();
  #messages = 0;

  constructor(deps: StandingsDeps) {
    this.#deps = deps;
    this.watchers = new Watchers(deps.find);
    this.outbox = new Outbox(deps.lingerMs, deps.monotonic);
    this.#probation = new Probation(deps.writes);
    this.#parked = new ParkedHeap(deps.monotonic, (state, index) => this.#unpark(state, index));
  }

  get batches(): number {
    return this.#states.size;
  }

  /** Messages of all batches, those that await nothing but receipts included. */
  get messages(): number {
    return this.#messages;
  }

  get queues(): Pick<Queues, 'stats' | 'batches' | 'waiting'> {
    return this.#queues;
  }

  /** All batches, those that are not durable yet too, in the order they came. */
  states(): Iterable<BatchState> {
    return this.#states.values();
  }

  /** A batch that is durable. */
  get(batchNumber: number): BatchState | undefined {
    const state = this.#states.get(batchNumber);
    return state?.durable ? state : undefined;
  }

  /** A batch that is being accepted: it is nobody's until `admit`. */
  accept(state: BatchState): void {
    this.#states.set(state.number, state);
    this.#messages += state.count;
    this.#deps.writes.touch(state);
  }

  /** A batch that was being accepted is not: nothing of it was written. */
  retract(state: BatchState): void {
    this.#states.delete(state.number);
    this.#messages -= state.count;
    this.#deps.gone(state);
  }

  /**
   * A batch is durable: its messages enter their queues, or are the caller's at once.
   *
   * @param owner undefined when the caller has ended meanwhile
   * @returns the groups granted
   */
  admit(state: BatchState, take: readonly string[], owner: number | undefined): number[] {
    const granted: number[] = [];
    state.durable = true;
    for (let g = 0; g < state.groups.length; g++) {
      const { group, ready } = state.groups[g]!;
      if (ready === 0) continue;
      // Granted only where nobody waits before them.
      const ours =
        owner !== undefined && take.includes(group.destination) && this.#queues.ready(group.destination) === 0;
      if (ours) granted.push(g);
      else this.#queues.count(group.destination, ready, 0, 0);
    }
    for (const g of granted) this.#grant(state, g, owner!);
    for (let g = 0; g < state.groups.length; g++) {
      if (state.groups[g]!.ready === 0) continue;
      this.#queues.offer(state, g);
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
      this.#queues.count(state.groups[g]!.group.destination, state.groups[g]!.ready, 0, 0);
      this.#queues.offer(state, g);
    }
    this.#track(state);
  }

  /** Messages that were claimed alone when the store was closed: their claimant did not live to settle them. */
  judge(probes: ReadonlyMap<MessageId, Probe>): void {
    for (const [id, probe] of probes) {
      const state = this.#states.get(batchNumberOf(id));
      const index = indexOf(id);
      this.#probation.put(id, probe);
      if (!state || !isWaiting(state.standing[index] ?? Standing.done)) {
        this.#probation.end(id);
        continue;
      }
      this.#leaveQueue(state, index);
      this.#condemn(state, index, probe);
    }
  }

  /** @param after as in `MessageStore.claim` */
  claim(destination: string, max: number, owner: number, after?: number): Taken[] {
    if (after !== undefined) return this.#queues.takeAfter(destination, max, after, owner);
    return this.#queues.take(destination, max, owner);
  }

  /** Claims one message; it must be flushed before it is given. */
  claimAlone(destination: string, owner: number): Taken | undefined {
    const [taken] = this.#queues.take(destination, 1, owner);
    if (taken) this.#probation.put(messageId(taken.state.number, taken.keep.indexOf(1)), Probe.alone);
    return taken;
  }

  /** Takes the entries of a claimant's frame into the states, and into the ledger of each batch. */
  record(frame: LedgerFrame, owner: number): void {
    const { destination } = frame;
    const entries = Buffer.from(frame.entries.buffer, frame.entries.byteOffset, frame.entries.byteLength);
    let partAt = 0;
    let partState: BatchState | undefined;
    for (let at = 0; at < entries.length;) {
      const next = nextEntry(entries, at);
      const id = entries.readDoubleLE(at);
      const state = this.#states.get(batchNumberOf(id));
      const kept = state && this.#apply(state, indexOf(id), destination, entries, at, owner) ? state : undefined;
      if (kept !== partState) {
        this.#log(partState, destination, entries.subarray(partAt, at));
        partAt = at;
        partState = kept;
      }
      at = next;
    }
    this.#log(partState, destination, entries.subarray(partAt));
    this.#ring();
  }

  /** A claimant has ended: what it had claimed is ready again, what it was to archive is due again. */
  release(owner: number): void {
    for (const state of this.#states.values()) {
      if (state.handedOut && state.handedTo === owner) this.outbox.giveBack(state);
      for (let i = 0; i < state.count; i++) {
        if (state.standing[i] !== Standing.claimed + owner) continue;
        const probe = this.#probation.of(messageId(state.number, i));
        this.#queues.count(state.groups[groupIndexOf(state, i)]!.group.destination, 0, -1, 0);
        if (probe) this.#condemn(state, i, probe);
        else this.#offerOne(state, i);
      }
    }
    this.#ring();
  }

  cancel(id: MessageId): 'done' | 'unknown' | 'in-flight' | 'final' {
    const state = this.#waitingAt(id);
    if (typeof state === 'string') return state;
    this.#leaveQueue(state, indexOf(id));
    this.#conclude(state, indexOf(id), Fate.deleted);
    return 'done';
  }

  amend(id: MessageId, record: Uint8Array, shelf: BatchShelf): 'done' | 'unknown' | 'in-flight' | 'final' {
    const state = this.#waitingAt(id);
    if (typeof state === 'string') return state;
    const index = indexOf(id);
    const was = shelf.amend(state, index, record);
    if (!was) return 'unknown';
    const now = Buffer.from(record.buffer, record.byteOffset, record.byteLength);
    this.#expiry.bring(state, expiresAtOf(now, 0));
    const deliverAfter = deliverAfterOf(now, 0);
    if (deliverAfter !== deliverAfterOf(was.before.buffer, was.at)) this.#reschedule(state, index, deliverAfter);
    this.#deps.writes.touch(state);
    this.#ring();
    return 'done';
  }

  /** Claims up to `max` messages whose validity has ended while they waited. */
  claimExpired(max: number, owner: number, shelf: Pick<BatchShelf, 'read'>): Taken[] {
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
        if (!isWaiting(standing) && standing < Standing.claimed) continue;
        const expiresAt = expiresAtOf(batch.buffer, batch.offsets[i]!);
        if (expiresAt > now || standing >= Standing.claimed || left === 0) {
          earliest = Math.min(earliest, expiresAt);
          continue;
        }
        this.#leaveQueue(state, i);
        this.#queues.count(state.groups[groupIndexOf(state, i)]!.group.destination, 0, 1, 0);
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

  /** Claims a message that is poison, if there is one; it must be flushed before it is given. */
  claimCondemned(owner: number): Taken[] {
    for (let place = this.#probation.takeCondemned(); place; place = this.#probation.takeCondemned()) {
      const { state, index } = place;
      if (state.standing[index] !== Standing.condemned) continue;
      this.#queues.count(state.groups[groupIndexOf(state, index)]!.group.destination, -1, 1, 0);
      state.standing[index] = Standing.claimed + owner;
      this.#probation.put(messageId(state.number, index), Probe.concluding);
      const keep = new Uint8Array(state.count);
      keep[index] = 1;
      return [{ state, keep, count: 1 }];
    }
    return [];
  }

  /** A batch that cannot be read: none of its messages will be given out. */
  setAside(state: BatchState): void {
    for (let i = 0; i < state.count; i++) {
      if (state.standing[i]! >= Standing.claimed) this.#unclaim(state, i);
      else this.#leaveQueue(state, i);
      state.standing[i] = Standing.done;
    }
    this.#remove(state);
    this.#ring();
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
    if (!this.watchers.isEmpty) this.watchers.look(state);
    this.outbox.consider(state);
    this.retire(state);
  }

  /** One entry. Returns whether it belongs into the ledger: it changed something that the state alone does not tell. */
  #apply(state: BatchState, index: number, destination: string, entries: Buffer, at: number, owner: number): boolean {
    const what = entries[at + L.what] as What;
    if (what === What.receipt || what === What.heldBack) return this.#receipt(state, index, destination, entries, at);
    const standing = state.standing[index] ?? Standing.done;
    if (standing === Standing.returned && what === What.rerouted) {
      // Nobody has looked at its validity while it was with a carrier.
      this.#expiry.bring(state, this.#deps.now());
    } else if (standing !== Standing.claimed + owner) {
      // The claim was void, and yet it was sent: if nobody has it now, nobody need send it again.
      if (what !== What.settled || !isWaiting(standing)) return false;
      this.#leaveQueue(state, index);
    } else {
      this.#unclaim(state, index);
    }
    switch (what) {
      case What.settled: {
        if ((entries[at + L.flags]! & LedgerFlag.awaitsReceipt) !== 0) {
          const holds = (entries[at + L.flags]! & LedgerFlag.mayGoElsewhere) !== 0;
          state.standing[index] = holds ? Standing.holding : Standing.awaiting;
          this.correlations.set(destination, entries, at, messageId(state.number, index));
        } else {
          state.standing[index] = state.receipts ? Standing.done : Standing.final;
        }
        setAttempts(state, index, entries[at + L.attempts]!);
        return true;
      }
      case What.parked: {
        const dueAt = entries.readDoubleLE(at + L.at);
        state.standing[index] = Standing.parked;
        (state.dueAt ??= new Float64Array(state.count))[index] = dueAt;
        this.#queues.count(state.groups[groupIndexOf(state, index)]!.group.destination, 0, 0, 1);
        this.#parked.add(state, index, dueAt - this.#deps.now());
        this.#deps.writes.touch(state);
        // A carrier that is only busy is no event: it may be so every second for days.
        return setAttempts(state, index, entries[at + L.attempts]!);
      }
      case What.released:
        // On the disk it was ready all the time.
        this.#offerOne(state, index);
        return false;
      case What.rerouted: {
        setAttempts(state, index, entries[at + L.attempts]!);
        const group = groupFor(state, index, carrierIdAt(entries, at));
        (state.groupIndex ??= new Uint8Array(state.count))[index] = group;
        this.#offerOne(state, index);
        return true;
      }
      default:
        throw new DamagedBatchError(`ledger: unknown entry ${entries[at + L.what]}`);
    }
  }

  #receipt(state: BatchState, index: number, destination: string, entries: Buffer, at: number): boolean {
    const standing = standingAfterReceipt(state, index, entries[at + L.what] === What.heldBack);
    if (standing < 0) return false;
    state.standing[index] = standing;
    this.correlations.delete(destination, entries, at, messageId(state.number, index));
    return true;
  }

  /** A message whose claimant ended while it had nothing else. The caller has taken it out of where it was. */
  #condemn(state: BatchState, index: number, probe: Probe): void {
    if (probe === Probe.concluding) {
      // Not even its end can be told: settled here, without a receipt.
      this.#probation.end(messageId(state.number, index));
      this.#conclude(state, index, Fate.undeliverable);
      return;
    }
    this.#deps.poison(state, index);
    state.standing[index] = Standing.condemned;
    this.#queues.count(state.groups[groupIndexOf(state, index)]!.group.destination, 1, 0, 0);
    this.#probation.condemn(state, index);
  }

  /** Settles a message of nobody. */
  #conclude(state: BatchState, index: number, fate: Fate): void {
    state.standing[index] = state.receipts ? Standing.done : Standing.final;
    const entry = settledEntry(messageId(state.number, index), fate, this.#deps.now());
    this.#log(state, state.groups[groupIndexOf(state, index)]!.group.destination, entry);
  }

  #unclaim(state: BatchState, index: number): void {
    this.#queues.count(state.groups[groupIndexOf(state, index)]!.group.destination, 0, -1, 0);
    if (!this.#probation.isEmpty) this.#probation.end(messageId(state.number, index));
  }

  /** A message that waits does so no more; the caller gives it its next standing. */
  #leaveQueue(state: BatchState, index: number): void {
    const standing = state.standing[index]!;
    if (!isWaiting(standing)) return;
    const group = state.groups[groupIndexOf(state, index)]!;
    if (standing === Standing.ready) group.ready--;
    const isParked = standing === Standing.parked;
    this.#queues.count(group.group.destination, isParked ? 0 : -1, 0, isParked ? -1 : 0);
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

  /** Where a message waits that is queued and not claimed, or why it is not. */
  #waitingAt(id: MessageId): BatchState | 'unknown' | 'in-flight' | 'final' {
    const state = this.get(batchNumberOf(id));
    const standing = state?.standing[indexOf(id)];
    if (!state || standing === undefined) return 'unknown';
    if (standing >= Standing.claimed) return 'in-flight';
    return isWaiting(standing) ? state : 'final';
  }

  /** A message that waits is to wait until then instead. */
  #reschedule(state: BatchState, index: number, dueAt: number): void {
    const delayMs = dueAt - this.#deps.now();
    if (state.standing[index] === Standing.condemned || (delayMs <= 0 && state.standing[index] === Standing.ready))
      return;
    this.#leaveQueue(state, index);
    if (delayMs <= 0) {
      this.#offerOne(state, index);
      return;
    }
    state.standing[index] = Standing.parked;
    (state.dueAt ??= new Float64Array(state.count))[index] = dueAt;
    this.#queues.count(state.groups[groupIndexOf(state, index)]!.group.destination, 0, 0, 1);
    // The time it had before is still in the heap: it means nothing any more.
    this.#rescheduled.set(messageId(state.number, index), this.#deps.monotonic() + delayMs);
    this.#parked.add(state, index, delayMs);
  }

  #unpark(state: BatchState, index: number): void {
    if (this.#rescheduled.size > 0) {
      const id = messageId(state.number, index);
      if (this.#deps.monotonic() < (this.#rescheduled.get(id) ?? 0)) return;
      this.#rescheduled.delete(id);
    }
    if (state.standing[index] !== Standing.parked || this.#states.get(state.number) !== state) return;
    this.#leaveQueue(state, index);
    this.#offerOne(state, index);
    this.#ring();
  }
}
