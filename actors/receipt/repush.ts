import type { NumberSource } from '../batch/number-source.ts';
import { MessageDraft } from '../message/draft.ts';
import type { MessageId } from '../message/id.ts';
import { Fate } from '../message/ledger.ts';
import { ArchiveMode, Kind, writeRecord, plainDecisions } from '../message/record.ts';
import type { MessageStore } from '../ports.ts';
import { PushEvent, queueOfUrl, type PushRequest } from '../push/push-request.ts';
import { ReceiptBatch, type ErrorWords } from './receipt-batch.ts';
import { errorText } from './receipt-rules.ts';

/** Receipts of an account that are sent once more, by when the last fate was known: from inclusive, to exclusive, ms since 1970. */
export interface RepushRange {
  readonly account: string;
  readonly from: number;
  readonly to: number;
}

/** How far a run of them has come. */
export interface RepushState extends RepushRange {
  readonly run: string;
  readonly pushed: number;
  readonly done: boolean;
}

/** What a receipt says, as the archive tells it. */
export interface RepushedReceipt {
  readonly id: MessageId;
  /** It names the message so many places before. */
  readonly as: number;
  /** ms since 1970. */
  readonly submittedAt: number;
  readonly doneAt: number;
  readonly fate: Fate;
  readonly error: number;
  /** Of the message, Latin-1. */
  readonly source: Address;
  readonly dest: Address;
  /** The first characters. */
  readonly text: string;
}

interface Address {
  readonly digits: string;
  readonly ton: number;
  readonly npi: number;
}

/** Most receipts pushed at once: a batch. */
export const REPUSH_AT_ONCE = 256;
/** Two addresses and a text's beginning. */
const RECORD_LIMIT = 1024;

const DECISIONS = plainDecisions(Kind.mt, ArchiveMode.counters);

/**
 * Puts receipts, REPUSH_AT_ONCE at most, into the queue of their account. Durable when it resolves.
 *
 * @param validityMs how long they are kept for it
 * @param push how it is told by HTTP, in place of its sessions
 * @returns why they were not taken; '' when they were
 */
export async function pushAgain(
  account: string,
  receipts: readonly RepushedReceipt[],
  store: Pick<MessageStore, 'append'>,
  numbers: NumberSource,
  nowMs: number,
  validityMs: number,
  words: ErrorWords,
  push: PushRequest | undefined,
): Promise<string> {
  const batch = new ReceiptBatch(() => nowMs + validityMs);
  batch.words = words;
  const queue = push ? queueOfUrl(push.url) : account;
  for (const { id, as, submittedAt, doneAt, fate, error, source, dest, text } of receipts) {
    const m = new MessageDraft();
    const record = Buffer.alloc(RECORD_LIMIT);
    m.buffer = Buffer.from(`${source.digits}${dest.digits}${text.slice(0, 20)}`, 'latin1');
    m.sourceLength = source.digits.length;
    m.sourceTon = source.ton;
    m.sourceNpi = source.npi;
    m.destAt = m.sourceLength;
    m.destLength = dest.digits.length;
    m.destTon = dest.ton;
    m.destNpi = dest.npi;
    m.textAt = m.destAt + m.destLength;
    m.textLength = m.buffer.length - m.textAt;
    m.sibling = as;
    writeRecord(record, 0, m, DECISIONS);
    const event = fate === Fate.delivered ? PushEvent.delivered : PushEvent.failed;
    if (push) batch.byPush({ request: push, event, carrier: '', carrierId: '', status: 0 });
    batch.add(queue, account, record, 0, id, submittedAt, doneAt, fate, errorText(error));
  }
  const number = numbers.take();
  if (number === 0) return 'the store gives no batch numbers';
  const outcome = await store.append({ batch: batch.close(number, nowMs), take: [], ledger: [], exempt: false });
  return outcome.type === 'done' ? '' : outcome.reason;
}
