import type { Submitter } from '../batch/batch-actor.ts';
import type { MessageId } from '../message/id.ts';
import { Fate } from '../message/ledger.ts';
import type { Receipt } from '../message/receipt.ts';
import type { ReceiptDesk } from '../receipt/receipt-desk.ts';
import { GATHERED, gatheredId } from './queue.ts';

interface News {
  readonly told: MessageId;
  readonly partition: number;
  left: number;
}

/** What became of a message that was put together becomes of each that it was put together from. */
export class FanOut implements Submitter {
  readonly #desk: Pick<ReceiptDesk, 'take'>;
  readonly #done: (told: MessageId, partition: number) => void;
  readonly #waiting = new Map<number, News>();
  #token = 1;

  /** @param done each of them has its receipt, flushed: the message that told so may go */
  constructor(desk: Pick<ReceiptDesk, 'take'>, done: (told: MessageId, partition: number) => void) {
    this.#desk = desk;
    this.#done = done;
  }

  get busy(): boolean {
    return this.#waiting.size > 0;
  }

  /** @param told the message that holds the receipt; `count`: how many it is about */
  take(receipt: Receipt, count: number, told: MessageId, partition: number): void {
    const token = this.#token++;
    this.#waiting.set(token, { told, partition, left: count });
    for (let place = 1; place <= count; place++) {
      const id = gatheredId(receipt.messageId, place);
      this.#desk.take({
        carrier: GATHERED,
        carrierId: id,
        written: id,
        others: undefined,
        phone: '',
        fate: receipt.fate,
        final: receipt.fate !== Fate.sent && receipt.fate !== Fate.queued,
        error: receipt.error,
        doneAt: receipt.doneAt,
        tlvs: undefined,
        submitter: this,
        token,
      });
    }
    if (count === 0) this.accepted(token);
  }

  accepted(token: number): void {
    const news = this.#waiting.get(token);
    if (!news || --news.left > 0) return;
    this.#waiting.delete(token);
    this.#done(news.told, news.partition);
  }

  refused(token: number): void {
    // Its message is long forgotten, or too many receipts wait for theirs: the others are told all the same.
    this.accepted(token);
  }

  inDoubt(): void {
    // Its thread ends; the next one finds the news again.
  }
}
