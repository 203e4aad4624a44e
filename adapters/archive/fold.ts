import { BATCH_LIMIT, messageId } from '../../actors/message/id.ts';
import { Fate, L, nextEntry, What } from '../../actors/message/ledger.ts';

/**
 * What the ledger says about each message of one batch: the newest entry of each sort, by index. One is reused for all
 * batches, so nothing is allocated per message.
 */
export class Fold {
  /** Without its receipt. 0 = the ledger does not say. */
  readonly settledFate = new Uint8Array(BATCH_LIMIT);
  readonly settledAt = new Float64Array(BATCH_LIMIT);
  readonly settledError = new Float64Array(BATCH_LIMIT);
  readonly attempts = new Uint8Array(BATCH_LIMIT);
  /** Where its carrier's id lies in the ledger, and its octets; 0 octets = none. */
  readonly carrierIdAt = new Uint32Array(BATCH_LIMIT);
  readonly carrierIdLength = new Uint8Array(BATCH_LIMIT);
  /** 1 = a receipt came. */
  readonly receipt = new Uint8Array(BATCH_LIMIT);
  readonly receiptFate = new Uint8Array(BATCH_LIMIT);
  readonly receiptAt = new Float64Array(BATCH_LIMIT);
  readonly receiptError = new Float64Array(BATCH_LIMIT);

  /**
   * Reads the entries of batch `number`.
   * @throws RangeError for an entry that is cut short or about another batch
   */
  read(number: number, ledger: Buffer): void {
    this.#clear();
    const first = messageId(number, 0);
    let at = 0;
    while (at < ledger.length) {
      if (at + L.head > ledger.length) throw new RangeError(`ledger of batch ${number}: cut short at ${at}`);
      const index = ledger.readDoubleLE(at + L.id) - first;
      if (!(index >= 0 && index < BATCH_LIMIT)) {
        throw new RangeError(`ledger of batch ${number}: an entry about another batch at ${at}`);
      }
      this.#take(index, ledger, at);
      at = nextEntry(ledger, at);
    }
    if (at !== ledger.length) throw new RangeError(`ledger of batch ${number}: cut short at ${at}`);
  }

  /** What is known of a message's fate without its receipt. `bornAs`: the record's fate at birth. */
  fateBefore(index: number, bornAs: number): number {
    const fate = this.settledFate[index]!;
    if (fate !== 0) return fate;
    if (bornAs !== 0) return bornAs;
    // A receipt is only due for what was sent; the entry that said so has been dropped.
    return this.receipt[index] === 1 ? Fate.sent : Fate.unknown;
  }

  #take(index: number, ledger: Buffer, at: number): void {
    const what = ledger[at + L.what];
    if (what === What.receipt) {
      this.receipt[index] = 1;
      this.receiptFate[index] = ledger[at + L.fate]!;
      this.receiptAt[index] = ledger.readDoubleLE(at + L.at);
      this.receiptError[index] = ledger.readUInt32LE(at + L.error);
      return;
    }
    if (what === What.heldBack) return;
    this.attempts[index] = ledger[at + L.attempts]!;
    if (what !== What.settled) return;
    this.settledFate[index] = ledger[at + L.fate]!;
    this.settledAt[index] = ledger.readDoubleLE(at + L.at);
    this.settledError[index] = ledger.readUInt32LE(at + L.error);
    this.carrierIdAt[index] = at + L.head;
    this.carrierIdLength[index] = ledger[at + L.carrierIdLength]!;
  }

  #clear(): void {
    this.settledFate.fill(0);
    this.settledAt.fill(0);
    this.settledError.fill(0);
    this.attempts.fill(0);
    this.carrierIdLength.fill(0);
    this.receipt.fill(0);
  }
}
