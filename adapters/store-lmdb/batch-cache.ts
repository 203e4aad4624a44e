import type { Batch } from '../../actors/message/batch.ts';

/** Octets of recent batches kept in memory: the claim, the receipts and the archive of a batch usually follow at once. */
const LIMIT = 24 * 1024 * 1024;

/** The most recently accepted batches, oldest out first. */
export class BatchCache {
  readonly #batches = new Map<number, Batch>();
  #octets = 0;

  get(number: number): Batch | undefined {
    return this.#batches.get(number);
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
    this.#batches.delete(number);
    this.#octets -= batch.buffer.length;
  }
}
