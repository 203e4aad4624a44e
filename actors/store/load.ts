import { DamagedBatchError, readBatch } from '../message/batch.ts';
import { indexOf, messageId, type MessageId } from '../message/id.ts';
import { L, LedgerFlag, What } from '../message/ledger.ts';
import { decodeState, groupFor, groupIndexOf, newBatchState, Standing, type BatchState } from './batch-state.ts';
import { ledgerKey, numberIn, numberKey, rangeOf, Tag } from './keys.ts';
import type { Probe } from './probation.ts';
import { carrierIdAt, decodeLedger, eachEntry, type LedgerPart } from './ledger-log.ts';
import type { Values } from './values.ts';

export interface Loaded {
  /** By age. */
  readonly states: readonly BatchState[];
  /** Of these, those whose value on the disk is not what it should be. */
  readonly rebuilt: readonly BatchState[];
  readonly correlations: readonly [carrier: string, carrierId: string, message: MessageId][];
  /** Writes that set damaged values aside. */
  readonly moves: readonly [Buffer, Buffer | undefined][];
  /** Messages that were claimed alone when the store was closed. */
  readonly probes: ReadonlyMap<MessageId, Probe>;
  readonly highest: number;
  readonly quarantined: number;
}

/**
 * Reads where every batch stands. What is damaged is named by `alarm`: a state is rebuilt from its batch and ledger, and a
 * batch whose messages are gone is set aside. Damage inside a batch is found when it is claimed.
 */
export function load(db: Values, alarm: (line: string) => void): Loaded {
  const loading = new Loading(db, alarm);
  loading.readStates();
  loading.readBatches();
  loading.readLedgers();
  loading.readProbes();
  return loading.done();
}

class Loading {
  readonly #db: Values;
  readonly #alarm: (line: string) => void;
  readonly #states = new Map<number, BatchState>();
  readonly #rebuilt: BatchState[] = [];
  readonly #correlations: [carrier: string, carrierId: string, message: MessageId][] = [];
  readonly #moves: [Buffer, Buffer | undefined][] = [];
  readonly #probes = new Map<MessageId, Probe>();
  #highest = 0;
  #quarantined: number;

  constructor(db: Values, alarm: (line: string) => void) {
    this.#db = db;
    this.#alarm = alarm;
    this.#quarantined = db.getKeysCount(rangeOf(Tag.quarantine));
  }

  readStates(): void {
    for (const { key, value } of this.#db.getRange(rangeOf(Tag.state))) {
      const number = this.#numberIn(key);
      try {
        this.#states.set(number, decodeState(number, value));
      } catch (error) {
        if (!(error instanceof DamagedBatchError)) throw error;
        this.#alarm(`batch ${number}: ${error.message}`);
        this.#moves.push([Buffer.from(key), undefined]);
      }
    }
  }

  readBatches(): void {
    const withoutBatch = new Set(this.#states.keys());
    for (const key of this.#db.getKeys(rangeOf(Tag.batch))) {
      const number = this.#numberIn(key);
      if (!withoutBatch.delete(number)) this.#rebuild(number);
    }
    for (const number of withoutBatch) {
      const state = this.#states.get(number)!;
      const accounts = [...new Set(state.groups.map(g => g.group.account))].join(', ');
      this.#alarm(`batch ${number}: its ${state.count} messages of ${accounts} are missing`);
      this.#states.delete(number);
      this.#moves.push([numberKey(Tag.state, number), undefined]);
      for (let i = 0; i < state.ledgerCount; i++) this.#moves.push([ledgerKey(number, i), undefined]);
    }
  }

  readLedgers(): void {
    const orphans = new Set<number>();
    for (const key of this.#db.getKeys(rangeOf(Tag.ledger))) {
      const number = this.#numberIn(key);
      if (this.#states.has(number)) continue;
      orphans.add(number);
      this.#moves.push([Buffer.from(key), undefined]);
    }
    for (const number of orphans) this.#alarm(`batch ${number}: of its ledger is left what nothing else belongs to`);
    for (const state of this.#states.values()) this.#correlate(state);
  }

  readProbes(): void {
    for (const { key, value } of this.#db.getRange(rangeOf(Tag.probe))) {
      this.#probes.set(messageId(numberIn(key), key[9]!), value[0] as Probe);
    }
  }

  done(): Loaded {
    return {
      states: [...this.#states.values()].sort((a, b) => a.number - b.number),
      rebuilt: this.#rebuilt,
      correlations: this.#correlations,
      moves: this.#moves,
      probes: this.#probes,
      highest: this.#highest,
      quarantined: this.#quarantined,
    };
  }

  #numberIn(key: Buffer): number {
    const number = numberIn(key);
    this.#highest = Math.max(this.#highest, number);
    return number;
  }

  /** The state of a batch whose state value is lost: its messages as accepted, then what the ledger says of them. */
  #rebuild(number: number): void {
    const key = numberKey(Tag.batch, number);
    const value = this.#db.get(key)!;
    try {
      const batch = readBatch(value, true);
      if (batch.number !== number) throw new DamagedBatchError(`names itself ${batch.number}`);
      const state = newBatchState(batch);
      for (const ledger of this.#db.getKeys({ start: ledgerKey(number, 0), end: ledgerKey(number, 2 ** 32 - 1) })) {
        state.ledgerCount = Buffer.from(ledger).readUInt32BE(9) + 1;
      }
      for (let i = 0; i < state.ledgerCount; i++) {
        for (const part of this.#ledgerValue(state, i)) eachEntry(part.entries, at => replay(state, part.entries, at));
      }
      this.#alarm(`batch ${number}: its state is rebuilt from its messages and ledger`);
      this.#states.set(number, state);
      this.#rebuilt.push(state);
    } catch (error) {
      if (!(error instanceof DamagedBatchError)) throw error;
      this.#alarm(`batch ${number} is damaged (${error.message}), and its state is lost: set aside`);
      this.#moves.push([numberKey(Tag.quarantine, number), value], [key, undefined]);
      this.#quarantined++;
    }
  }

  /** The carrier ids of the messages whose receipts have not come. */
  #correlate(state: BatchState): void {
    const { standing } = state;
    if (!standing.some(awaits)) return;
    // The newest counts: one that was sent elsewhere after a receipt of failure has been at several carriers.
    const own = new Map<number, [carrier: string, carrierId: string, message: MessageId]>();
    const add = ({ destination, entries }: LedgerPart): void =>
      eachEntry(entries, at => {
        const index = indexOf(entries.readDoubleLE(at));
        if (entries[at + L.what] !== What.settled || !awaits(standing[index]!)) return;
        own.set(index, [destination, carrierIdAt(entries, at), messageId(state.number, index)]);
      });
    for (let i = 0; i < state.ledgerCount; i++) for (const part of this.#ledgerValue(state, i)) add(part);
    this.#correlations.push(...own.values());
  }

  /** What is damaged is passed over: at worst a message goes a second time, or a receipt finds no message. */
  #ledgerValue(state: BatchState, index: number): LedgerPart[] {
    const key = ledgerKey(state.number, index);
    try {
      return decodeLedger(key, this.#db.get(key));
    } catch (error) {
      if (!(error instanceof DamagedBatchError)) throw error;
      if (!state.alarmed) {
        this.#alarm(`batch ${state.number}: ${error.message}; what happened to some of its messages is not known`);
      }
      state.alarmed = true;
      return [];
    }
  }
}

const awaits = (standing: number): boolean =>
  standing === Standing.awaiting || standing === Standing.awaitingArchived || standing === Standing.holding;

function replay(state: BatchState, entries: Buffer, at: number): void {
  const index = indexOf(entries.readDoubleLE(at));
  const group = state.groups[groupIndexOf(state, index)];
  if (!group || index >= state.count || state.standing[index] === Standing.done) return;
  const wasReady = state.standing[index] === Standing.ready;
  const isArchived = state.standing[index] === Standing.awaitingArchived;
  switch (entries[at + L.what] as What) {
    case What.settled:
      if (isArchived) return;
      if ((entries[at + L.flags]! & LedgerFlag.mayGoElsewhere) !== 0) state.standing[index] = Standing.holding;
      else if ((entries[at + L.flags]! & LedgerFlag.awaitsReceipt) !== 0) state.standing[index] = Standing.awaiting;
      else state.standing[index] = state.receipts ? Standing.done : Standing.final;
      break;
    case What.parked:
      if (isArchived) return;
      state.standing[index] = Standing.parked;
      (state.dueAt ??= new Float64Array(state.count))[index] = entries.readDoubleLE(at + L.at);
      break;
    case What.receipt:
      state.standing[index] = isArchived ? Standing.receiptDue : Standing.final;
      break;
    case What.rerouted: {
      if (isArchived) return;
      const to = groupFor(state, index, carrierIdAt(entries, at));
      if (wasReady) group.ready--;
      (state.groupIndex ??= new Uint8Array(state.count))[index] = to;
      state.standing[index] = Standing.ready;
      state.groups[to]!.ready++;
      return;
    }
    case What.released:
    case What.heldBack:
      return;
    default:
      throw new DamagedBatchError(`ledger: unknown entry ${entries[at + L.what]}`);
  }
  const isReady = state.standing[index] === Standing.ready;
  group.ready += Number(isReady) - Number(wasReady);
}
