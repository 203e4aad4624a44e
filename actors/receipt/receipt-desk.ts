import type { Actor, ActorSelf } from '../../runtime/actor.ts';
import type { NumberSource } from '../batch/number-source.ts';
import type { Waiting } from '../batch/batch-actor.ts';
import type { MessageId } from '../message/id.ts';
import { CARRIER_ID_LIMIT, Fate, What } from '../message/ledger.ts';
import { Kind, R } from '../message/record.ts';
import type { Correlated, LedgerFrame, MessageStore } from '../ports.ts';
import { isPushQueue, PushEvent } from '../push/push-request.ts';
import { Pushes, type PushDefaults } from '../push/pushes.ts';
import { Refusal } from '../refusal.ts';
import type { Deliveries, Delivery } from '../route/delivery.ts';
import type { OwnReceipts } from '../route/outcomes.ts';
import type { Along, Settler, SlotHolder } from '../route/settler.ts';
import { AnswerOf } from './answer-of.ts';
import type { Elsewhere } from './elsewhere.ts';
import { carrierOf, idOf, type Asked, type IncomingReceipt } from './incoming.ts';
import { errorNumber, errorText, intermediateTo, isFrom, isMade, receiptTo } from './receipt-rules.ts';
import { ReceiptBatch, type ErrorWords } from './receipt-batch.ts';
import type { ReceiptCounters, ReceiptSettings } from './receipt-settings.ts';
import type { Whole, WholeOutcome } from './whole.ts';

export type ReceiptMessage =
  | { readonly type: 'changed' }
  | { readonly type: 'tick' }
  | { readonly type: 'woken' }
  /** What waits for the id it names does so no longer. */
  | { readonly type: 'flush' }
  | {
      readonly type: 'correlated';
      readonly asked: readonly Asked[];
      readonly found: Correlated;
    };

export interface ReceiptDeps {
  readonly self: ActorSelf<ReceiptMessage>;
  readonly store: Pick<MessageStore, 'correlate'>;
  readonly settler: Settler;
  readonly numbers: NumberSource;
  readonly deliveries: Deliveries;
  /** Where a message goes after a receipt of failure. */
  readonly elsewhere: Elsewhere;
  readonly settings: ReceiptSettings;
  readonly counters: ReceiptCounters;
  readonly now: () => number;
  readonly monotonic: () => number;
  /** Commits a batch of receipts together with the fates they tell. */
  readonly commit: (batch: Buffer, waiting: Waiting, ledger: readonly LedgerFrame[]) => void;
  /** Sends `woken` after `ms`; one at a time is asked for. */
  readonly wake: (ms: number) => void;
  readonly failed: (error: unknown) => void;
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
 * expired or arrived at an application, and commits them together with the fates they tell, and with the responses they
 * came with. Where a turn has more receipts than a batch holds, the fates go with the last batch: what a crash may cost is
 * that a receipt is told twice.
 */
export class ReceiptDesk implements Actor<ReceiptMessage>, OwnReceipts {
  readonly #deps: ReceiptDeps;
  readonly #batch: ReceiptBatch;
  /** Who brought the receipts of the open batch. */
  #waiting: Waiting = { submitters: [], tokens: [] };
  /** Not looked at yet. */
  #incoming: IncomingReceipt[] = [];
  /** The store is to be asked. */
  #unknown: Asked[] = [];
  /** Not found so far, for a second at most. */
  #young: Asked[] = [];
  /** Not found for longer. */
  #orphans: Asked[] = [];
  #waking = false;
  #asking = 0;
  #committing = 0;
  #told = false;
  readonly #idScratch = Buffer.alloc(CARRIER_ID_LIMIT);
  readonly #pushes: Pushes;

  constructor(deps: ReceiptDeps) {
    this.#deps = deps;
    this.#batch = new ReceiptBatch(() => deps.now() + deps.settings.validityMs);
    this.#pushes = new Pushes(this.#batch);
  }

  /** How accounts want errors told, from the next receipt on. */
  useWords(words: ErrorWords): void {
    this.#batch.words = words;
  }

  /** Which accounts are told by HTTP, from the next receipt on. */
  usePushes(defaults: PushDefaults): void {
    this.#pushes.defaults = defaults;
  }

  /** Receipts that wait for the id they name. */
  get orphans(): number {
    return this.#young.length + this.#orphans.length;
  }

  /** True while a receipt that is known here is not flushed. */
  get busy(): boolean {
    const known = this.#batch.count + this.#incoming.length + this.#unknown.length;
    return known + this.#asking + this.#committing > 0;
  }

  /** Receipts are about to be committed: what the settler has gathered goes with them. */
  get isDue(): boolean {
    return this.#batch.count > 0 || this.#incoming.length > 0;
  }

  /** Takes a carrier's receipt; its submitter is answered in a later turn. */
  take(receipt: IncomingReceipt): void {
    this.#incoming.push(receipt);
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
    const { settler, deliveries, counters, now } = this.#deps;
    const { buffer, createdAt } = delivery.batch;
    const at = delivery.at(index);
    const id = delivery.id(index);
    const nowMs = now();
    if (fate !== Fate.delivered && fate !== Fate.sent) {
      if (isPushQueue(destination)) counters.receiptsGivenUp++;
      else counters.failed++;
    }
    settler.writer(destination).add(id, What.settled, fate, attempts, 0, error, nowMs, undefined, 0, 0);
    settler.added(holder, slot);
    const { account } = delivery.batch.groups[buffer[at + R.group]!]!;
    const usual = receiptTo(buffer, at, id, account, fate);
    if (usual !== account || isMade(this.#deps.settings.own, fate)) {
      // That it was sent is no fate; whatever else ends it here has not been told by a receipt.
      const event = fate === Fate.delivered ? PushEvent.delivered : PushEvent.rejected;
      const queue =
        fate === Fate.sent ? usual : this.#pushes.queueFor(usual, buffer, at, account, event, destination, '', error);
      if (queue !== '') {
        this.#add(queue, account, buffer, at, id, createdAt, nowMs, fate, errorText(error));
        this.#changed();
      }
    }
    deliveries.fated(delivery);
  }

  taken(delivery: Delivery, index: number, destination: string, carrierId: string): void {
    const { buffer, groups, createdAt } = delivery.batch;
    const at = delivery.at(index);
    const { account } = groups[buffer[at + R.group]!]!;
    const queue = this.#pushes.queueFor('', buffer, at, account, PushEvent.accepted, destination, carrierId);
    if (queue === '') return;
    this.#add(queue, account, buffer, at, delivery.id(index), createdAt, this.#deps.now(), Fate.sent, '000');
    this.#changed();
  }

  delayed(delivery: Delivery, index: number, destination: string, error: number): void {
    const { buffer, groups, createdAt } = delivery.batch;
    const at = delivery.at(index);
    const id = delivery.id(index);
    const { account } = groups[buffer[at + R.group]!]!;
    if (buffer[at + R.kind] !== Kind.mt) return;
    const usual = intermediateTo(buffer, at, id, account) === account ? account : '';
    const queue = this.#pushes.queueFor(usual, buffer, at, account, PushEvent.buffered, destination, '');
    if (queue === '') return;
    this.#add(queue, account, buffer, at, id, createdAt, this.#deps.now(), Fate.sent, errorText(error));
    this.#changed();
  }

  /**
   * Settles a message that went in parts with what became of them, and in the same commit what told so.
   *
   * @param told where the news of its parts lie, and their ids
   */
  concludeWhole(
    whole: Whole,
    outcome: WholeOutcome,
    told: { readonly queue: string; readonly ids: readonly MessageId[] },
  ): void {
    const { settler } = this.#deps;
    const { id, record, at, account, destination, createdAt } = whole;
    const { fate, error, doneAt } = outcome;
    settler.writer(destination).add(id, What.settled, fate, 0, 0, errorNumber(error), doneAt, undefined, 0, 0);
    settler.added(undefined, -1);
    for (const each of told.ids) {
      settler.writer(told.queue).add(each, What.settled, Fate.delivered, 0, 0, 0, doneAt, undefined, 0, 0);
      settler.added(undefined, -1);
    }
    const event = fate === Fate.delivered ? PushEvent.delivered : PushEvent.failed;
    const usual = receiptTo(record, at, id, account, fate);
    const queue =
      fate === Fate.sent ? usual : this.#pushes.queueFor(usual, record, at, account, event, destination, '');
    if (queue === '') return;
    this.#batch.ofParts(outcome.delivered, outcome.parts);
    this.#add(queue, account, record, at, id, createdAt, doneAt, fate, error);
    this.#changed();
  }

  receive(message: ReceiptMessage): void {
    switch (message.type) {
      case 'changed':
        this.#told = false;
        return;
      case 'tick':
        this.#unknown = this.#unknown.concat(this.#orphans);
        this.#orphans = [];
        return;
      case 'woken':
        this.#waking = false;
        this.#unknown = this.#unknown.concat(this.#young);
        this.#young = [];
        return;
      case 'flush':
        this.#flush();
        return;
      case 'correlated':
        this.#asking--;
        this.#correlated(message.asked, message.found);
        return;
      default:
        message satisfies never;
    }
  }

  turnEnd(): void {
    if (this.#incoming.length > 0) this.#matchIncoming();
    const { settler } = this.#deps;
    if (this.#batch.count > 0) this.#close(settler.along());
    // From here on the store knows of every response that has come: it can be asked.
    else settler.handOver();
    this.#ask();
  }

  /** A commit has ended. */
  ended(): void {
    this.#committing--;
  }

  /** Those whose message has just been sent, as the response in front of them says, go to the store together with it. */
  #matchIncoming(): void {
    const { justSent } = this.#deps.settler;
    for (const receipt of this.#incoming) {
      const asked: Asked = { receipt, until: 0, turn: 0, doubtful: false };
      const place = justSent.count > 0 ? this.#placeOf(asked) : -1;
      if (place < 0) {
        asked.turn = 0;
        this.#unknown.push(asked);
        continue;
      }
      const delivery = justSent.deliveryOf(place);
      const index = justSent.indexOf(place);
      const { buffer, groups, createdAt, tableVersion } = delivery.batch;
      const at = delivery.at(index);
      if (receipt.final) justSent.tell(place);
      const { account } = groups[buffer[at + R.group]!]!;
      this.#matched(asked, delivery.id(index), account, buffer, at, createdAt, tableVersion);
    }
    this.#incoming = [];
  }

  /** Leaves `asked.turn` at the reading of its id that is right; -1 when none is of a message that has just been sent. */
  #placeOf(asked: Asked): number {
    const { justSent } = this.#deps.settler;
    const { others, phone } = asked.receipt;
    const readings = others ? others.length : 0;
    for (asked.turn = 0; asked.turn <= readings; asked.turn++) {
      const length = this.#idScratch.latin1Write(idOf(asked));
      const place = justSent.find(carrierOf(asked), this.#idScratch, 0, length);
      if (place < 0) continue;
      if (!others) return place;
      const delivery = justSent.deliveryOf(place);
      if (isFrom(phone, delivery.batch.buffer, delivery.at(justSent.indexOf(place)))) return place;
    }
    return -1;
  }

  #ask(): void {
    if (this.#unknown.length === 0 || this.#asking >= ASKING) return;
    const unknown = this.#unknown.splice(0, ASK_LIMIT);
    const byCarrier = new Map<string, Asked[]>();
    for (const asked of unknown) {
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
      else this.#found(asked[i]!, found, i, records);
    }
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
      this.#found(asked, found, place, records);
      return;
    }
    const doubtful = asked.doubtful || (isKnown && turn === 0);
    if (turn < last - 1) this.#unknown.push({ receipt, until, turn: turn + 1, doubtful });
    else if (turn < last && doubtful) this.#unknown.push({ receipt, until, turn: last, doubtful });
    else this.#orphan(asked);
  }

  #found(asked: Asked, found: Correlated, place: number, records: Buffer): void {
    const { submitter, token } = asked.receipt;
    const id = found.ids[place]!;
    const account = found.accounts[found.account[place]!]!;
    // Told before: the carrier repeats itself because it has not had our answer.
    if (found.final[place] === 1) submitter.accepted(token, id);
    else {
      const tableVersion = found.held ? found.held[place]! : 0;
      this.#matched(asked, id, account, records, found.offsets[place]!, found.submittedAt[place]!, tableVersion);
    }
  }

  /**
   * @param at where the message's record is in `records`
   * @param tableVersion by which it was routed; 0: it cannot go elsewhere any more
   */
  #matched(
    asked: Asked,
    id: MessageId,
    account: string,
    records: Buffer,
    at: number,
    submittedAt: number,
    tableVersion: number,
  ): void {
    const { submitter, token, fate, final, error, doneAt, tlvs } = asked.receipt;
    if (final && tableVersion !== 0 && fate !== Fate.delivered) {
      const next = this.#deps.elsewhere.next(asked, id, account, records, at, tableVersion);
      if (next !== '') {
        this.#sendElsewhere(asked, id, account, records, at, submittedAt, next);
        return;
      }
    }
    const usual = final ? receiptTo(records, at, id, account, fate) : intermediateTo(records, at, id, account);
    const event = final ? eventOf(fate) : PushEvent.buffered;
    const queue = this.#pushes.queueFor(usual, records, at, account, event, carrierOf(asked), asked);
    const wanted = queue !== '';
    if (final) this.#tell(asked, id, wanted ? undefined : new AnswerOf(submitter, id));
    else if (!wanted) submitter.accepted(token, id);
    if (!wanted) return;
    // First: the batch may be full with this one.
    this.#waiting.submitters.push(submitter);
    this.#waiting.tokens.push(token);
    this.#add(queue, account, records, at, id, submittedAt, doneAt, fate, error, tlvs);
  }

  /** The receipt is not passed on. Its sender hears of it where it wants intermediate notifications. */
  #sendElsewhere(
    asked: Asked,
    id: MessageId,
    account: string,
    records: Buffer,
    at: number,
    submittedAt: number,
    next: string,
  ): void {
    const { settler, counters, now } = this.#deps;
    const { submitter, token, error } = asked.receipt;
    this.#deps.elsewhere.tell(asked, id, next);
    counters.receiptsHeldBack++;
    counters.rerouted++;
    const isMt = records[at + R.kind] === Kind.mt;
    const usual = isMt && intermediateTo(records, at, id, account) === account ? account : '';
    const queue = this.#pushes.queueFor(usual, records, at, account, PushEvent.buffered, carrierOf(asked), asked);
    settler.added(queue === '' ? new AnswerOf(submitter, id) : undefined, token);
    if (queue === '') return;
    this.#waiting.submitters.push(submitter);
    this.#waiting.tokens.push(token);
    this.#add(queue, account, records, at, id, submittedAt, now(), Fate.sent, error);
  }

  /** The final fate of a message. @param then released when that is flushed */
  #tell(asked: Asked, id: MessageId, then: SlotHolder | undefined): void {
    const { settler, counters } = this.#deps;
    const { fate, error, doneAt, token } = asked.receipt;
    if (fate === Fate.delivered) counters.receiptsDelivered++;
    else counters.receiptsOther++;
    const scratch = this.#idScratch;
    const idLength = scratch.latin1Write(idOf(asked));
    settler
      .writer(carrierOf(asked))
      .add(id, What.receipt, fate, 0, 0, errorNumber(error), doneAt, scratch, 0, idLength);
    settler.added(then, token);
  }

  /** Adds a receipt about the message at `at` to the open batch. The submitter has been added already. */
  #add(
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
    this.#batch.add(queue, account, buffer, at, messageId, submittedAt, doneAt, fate, error, tlvs);
    if (this.#batch.full) this.#close(undefined);
  }

  /** @param along the fates it tells, and whatever else has gathered */
  #close(along: Along | undefined): void {
    const number = this.#deps.numbers.take();
    if (number === 0) {
      // Numbers are fetched far ahead: none left means a store that has not answered for more than a thousand batches.
      this.#deps.failed(new Error('the store gives no batch numbers'));
      return;
    }
    const waiting = this.#waiting;
    this.#waiting = { submitters: [], tokens: [] };
    if (along) {
      waiting.submitters.push(along.submitter);
      waiting.tokens.push(0);
    }
    this.#committing++;
    this.#deps.commit(this.#batch.close(number, this.#deps.now()), waiting, along?.frames ?? []);
  }

  #flush(): void {
    for (const asked of [...this.#young.splice(0), ...this.#orphans.splice(0)]) this.#giveUp(asked.receipt);
  }

  #giveUp({ submitter, token }: IncomingReceipt): void {
    this.#deps.counters.receiptsUnmatched++;
    submitter.accepted(token, 0);
  }

  #orphan({ receipt, until }: Asked): void {
    const now = this.#deps.monotonic();
    if (until > 0 && until <= now) {
      this.#giveUp(receipt);
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

/** What a carrier's receipt tells as the last word. */
const eventOf = (fate: Fate): PushEvent =>
  fate === Fate.delivered || fate === Fate.accepted ? PushEvent.delivered : PushEvent.failed;
