import { isGatheringQueue } from '../long/queue.ts';
import { BatchBuilder } from '../message/batch.ts';
import { MessageDraft } from '../message/draft.ts';
import { EXTRAS_LIMIT, writeExtras } from '../message/extras.ts';
import type { MessageId } from '../message/id.ts';
import { Fate } from '../message/ledger.ts';
import { RECEIPT_LIMIT, writeReceipt, type Receipt } from '../message/receipt.ts';
import { ArchiveMode, copyShort, Kind, R, readRecord, RecordFlag, plainDecisions } from '../message/record.ts';
import { extrasOfNews, type PushNews } from '../push/push-request.ts';
import { LONG_FLAGS } from './receipt-rules.ts';
import { attachTlvs } from './vendor-tlvs.ts';

/** Receipts go behind messages from phones, which lie in lane 1 or above only when their carrier says so. */
const RECEIPT_LANE = 0;

/** By account: errors in its own words (`accounts[].receipt_errors`). */
export type ErrorWords = ReadonlyMap<string, ReadonlyMap<string, string>>;
export const NO_WORDS: ErrorWords = new Map();

/** Receipts for accounts, as messages of a batch. */
export class ReceiptBatch {
  /** From the next one on. */
  words = NO_WORDS;
  readonly #builder = new BatchBuilder();
  readonly #expiry: () => number;
  readonly #draft = new MessageDraft();
  readonly #original = new MessageDraft();
  readonly #receipt: Omit<Receipt, 'text'> = { messageId: 0, submittedAt: 0, doneAt: 0, fate: Fate.sent, error: '' };
  readonly #scratch = Buffer.alloc(RECEIPT_LIMIT + 256);
  #news: PushNews | undefined;
  readonly #decisions = plainDecisions(Kind.receipt, ArchiveMode.counters);

  /** @param expiry until when a receipt that is added now waits for its account, ms since 1970 */
  constructor(expiry: () => number) {
    this.#expiry = expiry;
  }

  get count(): number {
    return this.#builder.count;
  }

  get full(): boolean {
    return this.#builder.full;
  }

  /** The next one is about a message in parts. */
  ofParts(delivered: number, parts: number): void {
    this.#decisions.part = delivered;
    this.#decisions.parts = parts;
  }

  /** The next one leaves by HTTP. */
  byPush(news: PushNews): void {
    this.#news = news;
  }

  /**
   * Adds a receipt about the message whose record is at `at`.
   *
   * @param queue the account's own, one that leaves by HTTP, or where what becomes of parts is gathered
   */
  add(
    queue: string,
    account: string,
    buffer: Buffer,
    at: number,
    messageId: MessageId,
    submittedAt: number,
    doneAt: number,
    fate: Fate,
    error: string,
    tlvs?: Buffer,
  ): void {
    const original = this.#original;
    readRecord(original, buffer, at);
    const scratch = this.#scratch;
    const m = this.#draft;
    const isGathered = isGatheringQueue(queue);
    const news = this.#news;
    this.#news = undefined;
    m.buffer = scratch;
    const r = this.#receipt;
    // Of several recipients' messages their sender knows the first id; the receipt says whose it is by its source. Of one
    // in parts it hears as of the whole.
    r.messageId = isGathered ? messageId : messageId - buffer[at + R.sibling]!;
    r.submittedAt = submittedAt;
    r.doneAt = doneAt;
    r.fate = fate;
    r.error = this.words.size > 0 && !isGathered ? (this.words.get(account)?.get(error) ?? error) : error;
    let to = writeReceipt(scratch, 0, r, buffer, original.textAt, original.textLength);
    m.textAt = 0;
    m.textLength = to;
    m.sourceAt = to;
    to = copyShort(buffer, original.destAt, original.destLength, scratch, to);
    m.sourceLength = original.destLength;
    m.sourceTon = original.destTon;
    m.sourceNpi = original.destNpi;
    m.destAt = to;
    copyShort(buffer, original.sourceAt, original.sourceLength, scratch, to);
    m.destLength = original.sourceLength;
    m.destTon = original.sourceTon;
    m.destNpi = original.sourceNpi;
    m.esmClass = 0x04;
    m.tlvsLength = 0;
    const attached = news ? withNews(news, tlvs) : tlvs;
    if (attached) attachTlvs(m, m.destAt + m.destLength, attached);
    const d = this.#decisions;
    d.group = this.#builder.group(queue, account, RECEIPT_LANE);
    d.expiresAt = this.#expiry();
    d.flags = 0;
    m.flags = news ? RecordFlag.extras | RecordFlag.pushed : 0;
    if (isGathered) {
      d.flags = buffer[at + R.flags]! & LONG_FLAGS;
      d.part = buffer[at + R.part]!;
      d.parts = buffer[at + R.parts]!;
      d.gathered = buffer[at + R.gathered]!;
    }
    this.#builder.add(m, d);
    d.part = 0;
    d.parts = 0;
    d.gathered = 0;
  }

  /** The batch; another begins. @param nowMs since 1970 */
  close(number: number, nowMs: number): Buffer {
    return this.#builder.close(number, nowMs, 0);
  }
}

/** The extras that say how a receipt leaves by HTTP, and the TLVs of its carrier. */
function withNews(news: PushNews, tlvs: Buffer | undefined): Buffer {
  const extras = Buffer.alloc(EXTRAS_LIMIT);
  const own = extras.subarray(0, writeExtras(extras, 0, extrasOfNews(news)));
  return tlvs ? Buffer.concat([own, tlvs]) : own;
}
