import type { Batch } from '../message/batch.ts';

/** Octets of batches kept in memory: the claim, the receipts and the archive of a batch usually follow one another. */
const LIMIT = 24 * 1024 * 1024;

/** The batches used last; the one whose use is longest ago goes first. */
export class BatchCache {
  readonly #batches = new Map<number, Batch>();
  /** Receipts and claims come in runs of one batch. */
  #last: Batch | undefined;
  #octets = 0;

  get(number: number): Batch | undefined {
    if (this.#last?.number === number) return this.#last;
    const batch = this.#batches.get(number);
    if (batch) {
      this.#batches.delete(number);
      this.#batches.set(number, batch);
      this.#last = batch;
    }
    return batch;
  }

  put(batch: Batch): void {
    this.delete(batch.number);
    this.#batches.set(batch.number, batch);
    this.#octets += batch.buffer.length;
    for (const number of this.#batches.keys()) {
      if (this.#octets <= LIMIT) break;
      this.delete(number);
    }
  }

  delete(number: number): void {
    const batch = this.#batches.get(number);
    if (!batch) return;
    if (this.#last === batch) this.#last = undefined;
    this.#batches.delete(number);
    this.#octets -= batch.buffer.length;
  }
}
