import type { Actor, ActorSelf } from '../../runtime/actor.ts';
import type { NumberSource } from '../batch/number-source.ts';
import type { Submitter, Waiting } from '../batch/batch-actor.ts';
import { BatchBuilder } from '../message/batch.ts';
import { isSameNumber, type CarrierId } from '../message/correlation-key.ts';
import { MessageDraft } from '../message/draft.ts';
import type { MessageId } from '../message/id.ts';
import { CARRIER_ID_LIMIT, Fate, LedgerWriter, What } from '../message/ledger.ts';
import { RECEIPT_LIMIT, writeReceipt } from '../message/receipt.ts';
import { ArchiveMode, Kind, R, readRecord, RecordFlag, type RecordDecisions } from '../message/record.ts';
import type { Correlated, LedgerFrame, MessageStore } from '../ports.ts';
import { Refusal } from '../refusal.ts';
import type { Deliveries, Delivery } from '../route/delivery.ts';
import type { OwnReceipts } from '../route/outcomes.ts';
import type { SlotHolder } from '../route/settler.ts';

/** A receipt as it came from a carrier. */
export interface IncomingReceipt {
  readonly carrier: string;
  /** The carrier's id of the message, as its response most likely gave it. */
  readonly carrierId: string;
  /** Other ids that the message may be known under; undefined when there are none. */
  readonly others: readonly CarrierId[] | undefined;
  /** Where there are others: the number the message went to, which tells the right one. Latin-1. */
  readonly phone: string;
  readonly fate: Fate;
  /** False for an intermediate one: the message is still on its way. */
  readonly final: boolean;
  /** `err:` as it stood there. */
  readonly error: string;
  /** ms since 1970. */
  readonly doneAt: number;
  /** Answered when what the receipt brings is flushed. */
  readonly submitter: Submitter;
  readonly token: number;
}

export interface ReceiptSettings {
  /** How long a receipt waits for the id it names: it may come before the response that gives the id. ms */
  readonly orphanWaitMs: number;
  /** Most of them waiting. */
  readonly orphanMax: number;
  /** How long a receipt is kept for its account, ms. */
  readonly validityMs: number;
}

/** What is counted, by plain additions. */
export interface ReceiptCounters {
  receiptsDelivered: number;
  receiptsOther: number;
  /** Receipts that named no message of ours. */
  receiptsUnmatched: number;
  failed: number;
}

export type ReceiptMessage =
  | { readonly type: 'changed' }
  | { readonly type: 'tick' }
  | { readonly type: 'woken' }
  | {
      readonly type: 'correlated';
      readonly asked: readonly Asked[];
      readonly found: Correlated;
    }
  | { readonly type: 'settled'; readonly waiting: Waiting };

export interface ReceiptDeps {
  readonly self: ActorSelf<ReceiptMessage>;
  readonly store: Pick<MessageStore, 'correlate' | 'settle'>;
  readonly numbers: NumberSource;
  readonly deliveries: Deliveries;
  readonly settings: ReceiptSettings;
  readonly counters: ReceiptCounters;
  readonly now: () => number;
  readonly monotonic: () => number;
  /** Commits a batch of receipts together with the fates they tell. */
  readonly commit: (batch: Buffer, waiting: Waiting, ledger: readonly LedgerFrame[]) => void;
  /** Sends `woken` after `ms`; one at a time is asked for. */
  readonly wake: (ms: number) => void;
  /** Has the store know of every answer that has come so far. */
  readonly settled: () => void;
  readonly failed: (error: unknown) => void;
}

/** A receipt whose message is looked for. */
interface Asked {
  readonly receipt: IncomingReceipt;
  /** How long it is looked for, monotonic ms; 0 = it has not been looked for yet. */
  readonly until: number;
  /** Under which of its ids: 0 = `carrierId`, then `others`, then `carrierId` again whoever the message went to. */
  readonly turn: number;
  /** A message has that id, but it went to somebody else. */
  readonly doubtful: boolean;
}

/** Correlations asked for at once. */
const ASKING = 1;
const ASK_LIMIT = 1024;
/**
 * Most receipts without a message have only come before the response that names it, or before that is flushed: they are
 * looked for again soon, for a second; what is older at every tick. (At every tick alone, thousands waited for nothing
 * under load, until their session's window was full and receipts were refused.)
 */
const SOON_MS = 50;
const YOUNG_MS = 1000;

/**
 * Receipts of this worker: finds the message a carrier's receipt is about, makes receipts of our own for what failed,
 * expired or arrived at an application, and commits each together with the fate it tells.
 */
export class ReceiptDesk implements Actor<ReceiptMessage>, OwnReceipts {
  readonly #deps: ReceiptDeps;
  readonly #builder = new BatchBuilder();
  #waiting: Waiting = { submitters: [], tokens: [] };
  /** Fates that need no receipt: settled without a batch. */
  #quiet: Waiting = { submitters: [], tokens: [] };
  readonly #ledgers = new Map<string, LedgerWriter>();
  readonly #quietLedgers = new Map<string, LedgerWriter>();
  #incoming: Asked[] = [];
  /** Not found so far, for a second at most. */
  #young: Asked[] = [];
  /** Not found for longer. */
  #orphans: Asked[] = [];
  #waking = false;
  #asking = 0;
  #committing = 0;
  #settling = 0;
  #told = false;
  readonly #draft = new MessageDraft();
  readonly #original = new MessageDraft();
  readonly #scratch = Buffer.alloc(RECEIPT_LIMIT + 256);
  readonly #idScratch = Buffer.alloc(CARRIER_ID_LIMIT);
  readonly #decisions: RecordDecisions;

  constructor(deps: ReceiptDeps) {
    this.#deps = deps;
    this.#decisions = {
      kind: Kind.receipt,
      group: 0,
      fateAtBirth: 0,
      archiveMode: ArchiveMode.counters,
      flags: 0,
      expiresAt: 0,
      deliverAfter: 0,
      route: 0,
      hops: 0,
    };
  }

  /** Receipts that wait for the id they name. */
  get orphans(): number {
    return this.#young.length + this.#orphans.length;
  }

  /** True while a fate that is known here is not flushed. */
  get busy(): boolean {
    const known = this.#builder.count + this.#quiet.submitters.length;
    return known + this.#incoming.length + this.#asking + this.#committing + this.#settling > 0;
  }

  /** Takes a carrier's receipt; its submitter is answered in a later turn. */
  take(receipt: IncomingReceipt): void {
    this.#incoming.push({ receipt, until: 0, turn: 0, doubtful: false });
    this.#changed();
  }

  conclude(
    delivery: Delivery,
    index: number,
    destination: string,
    fate: Fate,
    error: number,
    attempts: number,
    holder: SlotHolder | undefined,
    slot: number,
  ): void {
    const { buffer, createdAt } = delivery.batch;
    const at = delivery.at(index);
    const id = delivery.id(index);
    const now = this.#deps.now();
    if (fate !== Fate.delivered) this.#deps.counters.failed++;
    const wanted = buffer[at + R.kind] === Kind.mt && wantsReceipt(buffer, at, fate);
    const ledgers = wanted ? this.#ledgers : this.#quietLedgers;
    writerFor(ledgers, destination).add(id, What.settled, fate, attempts, 0, error, now, undefined, 0, 0);
    const waiting = wanted ? this.#waiting : this.#quiet;
    waiting.submitters.push(holder && slot >= 0 ? new SlotRelease(holder) : undefined);
    waiting.tokens.push(slot);
    if (wanted) {
      const account = delivery.batch.groups[buffer[at + R.group]!]!.account;
      this.#add(account, buffer, at, id, createdAt, now, fate, errorText(error));
    }
    this.#deps.deliveries.fated(delivery);
    this.#changed();
  }

  receive(message: ReceiptMessage): void {
    switch (message.type) {
      case 'changed':
        this.#told = false;
        return;
      case 'tick':
        this.#incoming = this.#incoming.concat(this.#orphans);
        this.#orphans = [];
        return;
      case 'woken':
        this.#waking = false;
        this.#incoming = this.#incoming.concat(this.#young);
        this.#young = [];
        return;
      case 'correlated':
        this.#asking--;
        this.#correlated(message.asked, message.found);
        return;
      case 'settled':
        this.#settling--;
        answerAll(message.waiting);
        return;
      default:
        message satisfies never;
    }
  }

  turnEnd(): void {
    this.#ask();
    // At once: in the same transaction as the response that came with the receipt.
    if (this.#builder.count > 0) this.#close();
    if (this.#quiet.submitters.length > 0) this.#settleQuiet();
  }

  /** A commit has ended. */
  ended(): void {
    this.#committing--;
  }

  #ask(): void {
    if (this.#incoming.length === 0 || this.#asking >= ASKING) return;
    // The responses that gave the ids may lie in the same octets as the receipts.
    this.#deps.settled();
    const incoming = this.#incoming.splice(0, ASK_LIMIT);
    const byCarrier = new Map<string, Asked[]>();
    for (const asked of incoming) {
      const carrier = carrierOf(asked);
      const same = byCarrier.get(carrier);
      if (same) same.push(asked);
      else byCarrier.set(carrier, [asked]);
    }
    const { store, self, failed } = this.#deps;
    for (const [carrier, asked] of byCarrier) {
      this.#asking++;
      const ids = asked.map(idOf);
      store.correlate(carrier, ids).then(found => self.tell({ type: 'correlated', asked, found }), failed);
    }
  }

  #correlated(asked: readonly Asked[], found: Correlated): void {
    const { buffer, byteOffset, byteLength } = found.records;
    const records = Buffer.from(buffer, byteOffset, byteLength);
    for (let i = 0; i < asked.length; i++) {
      if (asked[i]!.receipt.others) this.#judge(asked[i]!, found, i, records);
      else if (found.ids[i] === 0) this.#orphan(asked[i]!);
      else this.#matched(asked[i]!, found, i, records);
    }
    if (this.#incoming.length > 0) this.#changed();
  }

  /**
   * A receipt whose id may be read in more ways than one: the reading is right whose message went to the number the
   * receipt is from. Where none did, numbers are written differently there, and the likeliest reading counts.
   */
  #judge(asked: Asked, found: Correlated, place: number, records: Buffer): void {
    const { receipt, until, turn } = asked;
    const last = receipt.others!.length + 1;
    const isKnown = found.ids[place] !== 0;
    if (isKnown && (turn === last || isFrom(receipt.phone, records, found.offsets[place]!))) {
      this.#matched(asked, found, place, records);
      return;
    }
    const doubtful = asked.doubtful || (isKnown && turn === 0);
    if (turn < last - 1) this.#incoming.push({ receipt, until, turn: turn + 1, doubtful });
    else if (turn < last && doubtful) this.#incoming.push({ receipt, until, turn: last, doubtful });
    else this.#orphan(asked);
  }

  #matched(asked: Asked, found: Correlated, place: number, records: Buffer): void {
    const { receipt } = asked;
    const id = found.ids[place]!;
    const at = found.offsets[place]!;
    // Told before, and flushed before: the carrier repeats itself because it has not had our answer.
    if (found.final[place] === 1) {
      receipt.submitter.accepted(receipt.token, id);
      return;
    }
    const wanted = receipt.final
      ? wantsReceipt(records, at, receipt.fate)
      : isPushed(records, at) && (records[at + R.registeredDelivery]! & 0x10) !== 0;
    if (!receipt.final && !wanted) {
      receipt.submitter.accepted(receipt.token, id);
      return;
    }
    if (receipt.final) {
      if (receipt.fate === Fate.delivered) this.#deps.counters.receiptsDelivered++;
      else this.#deps.counters.receiptsOther++;
      const ledger = writerFor(wanted ? this.#ledgers : this.#quietLedgers, carrierOf(asked));
      const error = errorNumber(receipt.error);
      const idLength = this.#idScratch.latin1Write(idOf(asked));
      ledger.add(id, What.receipt, receipt.fate, 0, 0, error, receipt.doneAt, this.#idScratch, 0, idLength);
    }
    const waiting = wanted ? this.#waiting : this.#quiet;
    waiting.submitters.push(receipt.submitter);
    waiting.tokens.push(receipt.token);
    if (wanted) {
      const account = found.accounts[found.account[place]!]!;
      this.#add(account, records, at, id, found.submittedAt[place]!, receipt.doneAt, receipt.fate, receipt.error);
    }
  }

  /** Adds a receipt about the message at `at` to the open batch. The submitter has been added already. */
  #add(
    account: string,
    buffer: Buffer,
    at: number,
    messageId: MessageId,
    submittedAt: number,
    doneAt: number,
    fate: Fate,
    error: string,
  ): void {
    const original = this.#original;
    readRecord(original, buffer, at);
    const scratch = this.#scratch;
    const m = this.#draft;
    m.buffer = scratch;
    let to = writeReceipt(scratch, 0, {
      // Of several recipients' messages their sender knows the first id; the receipt says whose it is by its source.
      messageId: messageId - buffer[at + R.sibling]!,
      submittedAt,
      doneAt,
      fate,
      error,
      text: buffer.latin1Slice(original.textAt, original.textAt + Math.min(20, original.textLength)),
    });
    m.textAt = 0;
    m.textLength = to;
    m.sourceAt = to;
    to += buffer.copy(scratch, to, original.destAt, original.destAt + original.destLength);
    m.sourceLength = original.destLength;
    m.sourceTon = original.destTon;
    m.sourceNpi = original.destNpi;
    m.destAt = to;
    buffer.copy(scratch, to, original.sourceAt, original.sourceAt + original.sourceLength);
    m.destLength = original.sourceLength;
    m.destTon = original.sourceTon;
    m.destNpi = original.sourceNpi;
    m.esmClass = 0x04;
    const d = this.#decisions;
    d.group = this.#builder.group(account, account, RECEIPT_LANE);
    d.expiresAt = this.#deps.now() + this.#deps.settings.validityMs;
    this.#builder.add(m, d);
    if (this.#builder.full) this.#close();
  }

  #close(): void {
    const number = this.#deps.numbers.take();
    if (number === 0) {
      // Numbers are fetched far ahead: none left means a store that has not answered for more than a thousand batches.
      this.#deps.failed(new Error('the store gives no batch numbers'));
      return;
    }
    const waiting = this.#waiting;
    this.#waiting = { submitters: [], tokens: [] };
    this.#committing++;
    this.#deps.commit(this.#builder.close(number, this.#deps.now(), 0), waiting, framesOf(this.#ledgers));
  }

  #settleQuiet(): void {
    const waiting = this.#quiet;
    this.#quiet = { submitters: [], tokens: [] };
    this.#settling++;
    const { store, self, failed } = this.#deps;
    store.settle(framesOf(this.#quietLedgers)).then(() => self.tell({ type: 'settled', waiting }), failed);
  }

  #orphan({ receipt, until }: Asked): void {
    const now = this.#deps.monotonic();
    if (until > 0 && until <= now) {
      this.#deps.counters.receiptsUnmatched++;
      receipt.submitter.accepted(receipt.token, 0);
    } else if (this.orphans >= this.#deps.settings.orphanMax) {
      // It is the carrier's to send again.
      receipt.submitter.refused(receipt.token, Refusal.queueFull);
    } else {
      const { orphanWaitMs } = this.#deps.settings;
      const asked = { receipt, until: until || now + orphanWaitMs, turn: 0, doubtful: false };
      const isYoung = asked.until - now > orphanWaitMs - YOUNG_MS;
      (isYoung ? this.#young : this.#orphans).push(asked);
      if (!isYoung || this.#waking) return;
      this.#waking = true;
      this.#deps.wake(SOON_MS);
    }
  }

  #changed(): void {
    if (this.#told) return;
    this.#told = true;
    this.#deps.self.tell(CHANGED);
  }
}

const CHANGED: ReceiptMessage = { type: 'changed' };

/** The carrier and the id under which the message is looked for. */
const carrierOf = ({ receipt, turn }: Asked): string => receipt.others?.[turn - 1]?.carrier ?? receipt.carrier;
const idOf = ({ receipt, turn }: Asked): string => receipt.others?.[turn - 1]?.id ?? receipt.carrierId;

/** Did the message at `at` go to this phone? */
function isFrom(phone: string, record: Buffer, at: number): boolean {
  const destAt = at + R.head + record[at + R.sourceLength]!;
  const number = Buffer.from(phone, 'latin1');
  return isSameNumber(number, 0, number.length, record, destAt, record[at + R.destLength]!);
}
/** Receipts go behind messages from phones, which lie in lane 1 or above only when their carrier says so. */
const RECEIPT_LANE = 0;

const isPushed = (record: Buffer, at: number): boolean => (record[at + R.flags]! & RecordFlag.pull) === 0;

/** Does registered_delivery (SMPP v3.4 §5.2.17, bits 1 and 0) ask for a receipt of this fate, and is there a queue for it? */
function wantsReceipt(record: Buffer, at: number, fate: Fate): boolean {
  if (!isPushed(record, at)) return false;
  switch (record[at + R.registeredDelivery]! & 0x03) {
    case 1:
      return true;
    case 2:
      return fate !== Fate.delivered;
    case 3:
      return fate === Fate.delivered;
    default:
      return false;
  }
}

function writerFor(ledgers: Map<string, LedgerWriter>, destination: string): LedgerWriter {
  let writer = ledgers.get(destination);
  if (!writer) ledgers.set(destination, (writer = new LedgerWriter()));
  return writer;
}

function framesOf(ledgers: ReadonlyMap<string, LedgerWriter>): LedgerFrame[] {
  const frames: LedgerFrame[] = [];
  for (const [destination, writer] of ledgers) {
    if (writer.count > 0) frames.push({ destination, entries: writer.take() });
  }
  return frames;
}

function answerAll({ submitters, tokens }: Waiting): void {
  for (let i = 0; i < submitters.length; i++) submitters[i]?.accepted(tokens[i]!, 0);
}

/** `err:` of a receipt has three characters. */
const errorText = (error: number): string => String(error % 1000).padStart(3, '0');

/** `err:` as a number; 0 for none, and for what is no number. */
function errorNumber(error: string): number {
  if (error === '000' || error.length > 9) return 0;
  let value = 0;
  for (let i = 0; i < error.length; i++) {
    const digit = error.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return 0;
    value = value * 10 + digit;
  }
  return value;
}

/** Lets a window slot go when the commit that it waits for is flushed. */
class SlotRelease implements Submitter {
  readonly #holder: SlotHolder;
  constructor(holder: SlotHolder) {
    this.#holder = holder;
  }
  accepted(slot: number): void {
    this.#holder.release(slot);
  }
  refused(slot: number): void {
    this.#holder.release(slot);
  }
  inDoubt(): void {
    // Its thread ends.
  }
}
