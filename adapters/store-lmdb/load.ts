import type { Database } from 'lmdb';
import { DamagedBatchError, readBatch } from '../../actors/message/batch.ts';
import { indexOf, messageId, type MessageId } from '../../actors/message/id.ts';
import { L, LedgerFlag, What } from '../../actors/message/ledger.ts';
import { decodeState, groupFor, groupIndexOf, newBatchState, Standing, type BatchState } from './batch-state.ts';
import { ledgerKey, numberIn, numberKey, rangeOf, Tag } from './keys.ts';
import { carrierIdAt, decodeLedger, eachEntry, type LedgerPart } from './ledger-log.ts';

export interface Loaded {
  readonly states: BatchState[];
  readonly correlations: [carrier: string, carrierId: string, message: MessageId][];
  /** Writes that set damaged batches aside. */
  readonly moves: [Buffer, Buffer | undefined][];
  readonly highest: number;
  readonly quarantined: number;
}

/**
 * Reads where every batch stands. What is damaged is named by `alarm`: a state is rebuilt from its batch and ledger, a
 * batch that cannot be read is set aside when it is claimed.
 */
export function load(db: Database<Buffer, Buffer>, alarm: (line: string) => void): Loaded {
  const states = new Map<number, BatchState>();
  const moves: [Buffer, Buffer | undefined][] = [];
  let highest = 0;
  for (const { key, value } of db.getRange(rangeOf(Tag.state))) {
    const number = numberIn(key);
    highest = Math.max(highest, number);
    try {
      states.set(number, decodeState(number, value));
    } catch (error) {
      if (!(error instanceof DamagedBatchError)) throw error;
      alarm(`batch ${number}: ${error.message}; rebuilt from its messages and ledger`);
    }
  }
  for (const key of db.getKeys(rangeOf(Tag.batch))) {
    const number = numberIn(key);
    highest = Math.max(highest, number);
    if (states.has(number)) continue;
    const state = rebuild(db, number, alarm, moves);
    if (state) states.set(number, state);
  }
  const correlations: Loaded['correlations'] = [];
  for (const state of states.values()) correlate(db, state, correlations, alarm);
  const quarantined = db.getKeysCount(rangeOf(Tag.quarantine)) + moves.length / 2;
  const sorted = [...states.values()].sort((a, b) => a.number - b.number);
  return { states: sorted, correlations, moves, highest, quarantined };
}

/** The state of a batch whose state value is lost: its messages as accepted, then what the ledger says of them. */
function rebuild(
  db: Database<Buffer, Buffer>,
  number: number,
  alarm: (line: string) => void,
  moves: [Buffer, Buffer | undefined][],
): BatchState | undefined {
  const value = db.get(numberKey(Tag.batch, number));
  if (!value) return undefined;
  try {
    const batch = readBatch(value, true);
    if (batch.number !== number) throw new DamagedBatchError(`names itself ${batch.number}`);
    const state = newBatchState(batch);
    for (let value = db.get(ledgerKey(number, 0)); value; value = db.get(ledgerKey(number, state.ledgerCount))) {
      state.ledgerCount++;
      for (const part of decodeLedger(value)) eachEntry(part.entries, at => replay(state, part.entries, at));
    }
    return state;
  } catch (error) {
    if (!(error instanceof DamagedBatchError)) throw error;
    alarm(`batch ${number} is damaged (${error.message}): set aside`);
    moves.push([numberKey(Tag.quarantine, number), value], [numberKey(Tag.batch, number), undefined]);
    return undefined;
  }
}

function replay(state: BatchState, entries: Buffer, at: number): void {
  const index = indexOf(entries.readDoubleLE(at));
  const group = state.groups[groupIndexOf(state, index)];
  if (!group || index >= state.count) return;
  const wasReady = state.standing[index] === Standing.ready;
  switch (entries[at + L.what] as What) {
    case What.settled:
      state.standing[index] = entries[at + L.flags]! & LedgerFlag.awaitsReceipt ? Standing.awaiting : Standing.final;
      break;
    case What.parked:
      state.standing[index] = Standing.parked;
      (state.dueAt ??= new Float64Array(state.count))[index] = entries.readDoubleLE(at + L.at);
      break;
    case What.receipt:
      state.standing[index] = Standing.final;
      break;
    case What.released:
      state.standing[index] = Standing.ready;
      break;
    case What.rerouted: {
      const name = carrierIdAt(entries, at);
      if (wasReady) group.ready--;
      const to = groupFor(state, group.group, name);
      (state.groupIndex ??= new Uint8Array(state.count))[index] = to;
      state.standing[index] = Standing.ready;
      state.groups[to]!.ready++;
      return;
    }
    default:
      throw new DamagedBatchError(`ledger: unknown entry ${entries[at + L.what]}`);
  }
  const isReady = state.standing[index] === Standing.ready;
  group.ready += Number(isReady) - Number(wasReady);
}

/** The carrier ids of the messages whose receipts have not come. */
function correlate(
  db: Database<Buffer, Buffer>,
  state: BatchState,
  into: Loaded['correlations'],
  alarm: (line: string) => void,
): void {
  const { standing } = state;
  if (!standing.includes(Standing.awaiting) && !standing.includes(Standing.awaitingArchived)) return;
  const add = ({ destination, entries }: LedgerPart): void =>
    eachEntry(entries, at => {
      const index = indexOf(entries.readDoubleLE(at));
      const now = standing[index];
      if (entries[at + L.what] !== What.settled || (now !== Standing.awaiting && now !== Standing.awaitingArchived))
        return;
      const id = carrierIdAt(entries, at);
      into.push([destination, id, messageId(state.number, index)]);
    });
  for (let i = 0; i < state.ledgerCount; i++) {
    const value = db.get(ledgerKey(state.number, i));
    if (!value) continue;
    try {
      for (const part of decodeLedger(value)) add(part);
    } catch (error) {
      if (!(error instanceof DamagedBatchError)) throw error;
      alarm(`batch ${state.number}: ${error.message}; receipts of some of its messages will not be matched`);
    }
  }
}
