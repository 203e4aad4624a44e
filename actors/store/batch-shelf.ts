import { DamagedBatchError, Keep, readBatch, subsetOf, withRecord, type Batch, type Group } from '../message/batch.ts';
import { indexOf } from '../message/id.ts';
import { nextEntry } from '../message/ledger.ts';
import { BatchCache } from './batch-cache.ts';
import { Standing, type BatchState } from './batch-state.ts';
import { ledgerKey, numberKey, Tag } from './keys.ts';
import { decodeLedger, type LedgerPart } from './ledger-log.ts';
import type { Values } from './values.ts';

export interface ShelfDeps {
  readonly db: Pick<Values, 'get'>;
  readonly alarm: (line: string) => void;
  /** The batch cannot be read: it must be set aside. `value` is what is on the disk, if anything is. */
  readonly damaged: (state: BatchState, value: Buffer | undefined, why: string) => void;
}

/** The bytes of batches and ledgers, from memory or the disk, checked as they are read. */
export class BatchShelf {
  readonly #deps: ShelfDeps;
  readonly #cache = new BatchCache();

  constructor(deps: ShelfDeps) {
    this.#deps = deps;
  }

  /** A batch that has just come in. */
  put(batch: Batch): void {
    this.#cache.put(batch);
  }

  /** True when the batch can be read from memory. */
  has(state: BatchState): boolean {
    return state.pendingBatch !== undefined || this.#cache.get(state.number) !== undefined;
  }

  forget(state: BatchState): void {
    this.#cache.delete(state.number);
  }

  /** The batch, from the cache or the disk. A damaged one is reported; undefined then. */
  read(state: BatchState): Batch | undefined {
    const cached = this.#cache.get(state.number);
    if (cached) return cached;
    const value = state.pendingBatch ?? this.#deps.db.get(numberKey(Tag.batch, state.number));
    try {
      if (!value) throw new DamagedBatchError('is missing');
      const batch = readBatch(value, true);
      if (batch.number !== state.number) throw new DamagedBatchError(`names itself ${batch.number}`);
      this.#cache.put(batch);
      return batch;
    } catch (error) {
      if (!(error instanceof DamagedBatchError)) throw error;
      this.#deps.damaged(state, value, error.message);
      return undefined;
    }
  }

  /** The messages of a batch that `keep` names, as a batch; all of them without `keep`. Undefined when it is damaged. */
  copy(state: BatchState, keep: Uint8Array | undefined): Uint8Array | undefined {
    const batch = this.read(state);
    if (!batch) return undefined;
    if (!keep && !state.groupIndex) return Uint8Array.from(batch.buffer);
    return subsetOf(batch, keep ?? new Uint8Array(state.count).fill(1), groupsOf(state), state.groupIndex);
  }

  /** After its settled messages have left for the archive, a batch keeps only the others. */
  shrink(state: BatchState): void {
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
    const batch = this.read(state);
    if (!batch) return;
    state.pendingBatch = subsetOf(batch, keep, groupsOf(state), state.groupIndex);
    this.#cache.put(readBatch(state.pendingBatch, false));
  }

  /** Puts another record in the place of one. Returns that one's offset in `before`; undefined when the batch is damaged. */
  amend(
    state: BatchState,
    index: number,
    record: Uint8Array,
  ): { readonly before: Batch; readonly at: number } | undefined {
    const before = this.read(state);
    if (!before) return undefined;
    state.pendingBatch = withRecord(before, index, record);
    this.#cache.put(readBatch(state.pendingBatch, false));
    return { before, at: before.offsets[index]! };
  }

  /** The ledger entries of a batch, or of one of its messages, oldest first. */
  ledgerOf(state: BatchState, index?: number): Buffer {
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
      for (const part of this.#ledgerValue(state, i)) add(part.entries);
    }
    for (const part of state.pendingLedger) add(part.entries);
    return Buffer.concat(chunks);
  }

  #ledgerValue(state: BatchState, index: number): LedgerPart[] {
    const key = ledgerKey(state.number, index);
    try {
      return decodeLedger(key, this.#deps.db.get(key));
    } catch (error) {
      if (!(error instanceof DamagedBatchError)) throw error;
      if (!state.alarmed) {
        this.#deps.alarm(`batch ${state.number}: ${error.message}; what happened to some of its messages is not known`);
      }
      state.alarmed = true;
      return [];
    }
  }
}

export const groupsOf = (state: BatchState): Group[] => state.groups.map(g => g.group);
