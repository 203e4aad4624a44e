import type { BatchState } from './batch-state.ts';
import { encodeState } from './batch-state.ts';
import type { Write } from './values.ts';
import { ledgerKey, numberKey, Tag } from './keys.ts';
import { encodeLedger } from './ledger-log.ts';

/** What has changed since the last commit. */
export class PendingWrites {
  #changed = new Set<BatchState>();
  #removed: BatchState[] = [];
  #values: [Buffer, Buffer | undefined][] = [];

  /** A single value; undefined removes it. */
  put(key: Buffer, value: Buffer | undefined): void {
    this.#values.push([key, value]);
  }

  /** The batch's state, and whatever of it is pending, is written. */
  touch(state: BatchState): void {
    if (state.dirty) return;
    state.dirty = true;
    this.#changed.add(state);
  }

  /** All that is kept of the batch goes. */
  remove(state: BatchState): void {
    this.#changed.delete(state);
    this.#removed.push(state);
  }

  /** Everything changed, as one transaction. */
  collect(write: Write): void {
    for (const [key, value] of this.#values) write(key, value);
    this.#values = [];
    for (const state of this.#changed) {
      state.dirty = false;
      if (state.pendingBatch) write(numberKey(Tag.batch, state.number), state.pendingBatch);
      state.pendingBatch = undefined;
      if (state.pendingLedger.length > 0) {
        const key = ledgerKey(state.number, state.ledgerCount++);
        write(key, encodeLedger(key, state.pendingLedger));
        state.pendingLedger = [];
      }
      write(numberKey(Tag.state, state.number), encodeState(state));
    }
    this.#changed = new Set();
    for (const state of this.#removed) {
      write(numberKey(Tag.batch, state.number), undefined);
      write(numberKey(Tag.state, state.number), undefined);
      for (let i = 0; i < state.ledgerCount; i++) write(ledgerKey(state.number, i), undefined);
    }
    this.#removed = [];
  }
}
