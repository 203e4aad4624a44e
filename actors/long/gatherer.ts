import type { Actor, ActorSelf } from '../../runtime/actor.ts';
import type { Submitter } from '../batch/batch-actor.ts';
import type { Intake } from '../batch/intake.ts';
import type { Made } from '../batch/made.ts';
import { Source } from '../batch/source.ts';
import { readBatch, type Batch } from '../message/batch.ts';
import { MessageDraft } from '../message/draft.ts';
import { batchNumberOf, messageId, stripeOf, type MessageId } from '../message/id.ts';
import { Fate, LedgerFlag, What, type LedgerWriter } from '../message/ledger.ts';
import { readReceipt } from '../message/receipt.ts';
import { deliverAfterOf, expiresAtOf, Kind, R, readRecord, RecordFlag, type ArchiveMode } from '../message/record.ts';
import type { Claimed, FoundMessage, MessageStore } from '../ports.ts';
import type { ReceiptDesk } from '../receipt/receipt-desk.ts';
import type { Whole } from '../receipt/whole.ts';
import { Refusal } from '../refusal.ts';
import { Delivery, type Deliveries } from '../route/delivery.ts';
import type { Settler } from '../route/settler.ts';
import { partMarkOf } from './concatenation.ts';
import { FanOut } from './fan-out.ts';
import { checkOf, idOf, keyOf, PartSets, type HeldPart, type PartSet } from './part-sets.ts';
import { putTogether } from './put-together.ts';
import { GATHERED, gatheredId, queueOf, queueOfMessage } from './queue.ts';
import { NewsOfWholes, outcomeOf, type WholeNews } from './whole-news.ts';

export interface GathererSettings {
  /** How long parts wait for the others; then they go on as they came. ms */
  readonly timeoutMs: number;
  /**
   * Most parts that wait, in this worker; beyond it the oldest go on as they came. And most messages in parts of which some
   * have told their fates and others have not; beyond it the oldest is told what is known.
   */
  readonly maxParts: number;
}

/** What is counted, by plain additions. */
export interface GathererCounters {
  /** Messages put together. */
  gathered: number;
  /** Parts that went on as they came: others of them did not come in time, or there were too many. */
  partsAlone: number;
}

export type GathererMessage =
  | { readonly type: 'ready'; readonly partition: number }
  | { readonly type: 'claimed'; readonly partition: number; readonly claimed: readonly Claimed[] }
  | { readonly type: 'found'; readonly news: WholeNews; readonly found: FoundMessage | undefined }
  /** From here on it gathers these. */
  | { readonly type: 'partitions'; readonly own: readonly number[] }
  | { readonly type: 'tick' };

export interface GathererDeps {
  readonly self: ActorSelf<GathererMessage>;
  readonly store: Pick<MessageStore, 'claim' | 'find'>;
  readonly deliveries: Deliveries;
  readonly settler: Settler;
  readonly desk: ReceiptDesk;
  readonly intake: Intake;
  /** Partitions that this worker, and no other, gathers at first. */
  readonly own: readonly number[];
  readonly settings: GathererSettings;
  readonly counters: GathererCounters;
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly failed: (error: unknown) => void;
}

const CLAIM = 512;
/** News of a message that is not concluded: whether there still is one is asked after this long, and again. */
const LOOK_MS = 600_000;
const LOOKS_A_TICK = 256;

/**
 * Puts together what belongs together (`queue.ts`): parts into messages, before they are routed on, and what became of the
 * parts of a message into what became of the message. All that waits here is claimed and lies in the store, so nothing is
 * lost with this actor: the next one claims it again.
 */
export class Gatherer implements Actor<GathererMessage>, Submitter {
  readonly #deps: GathererDeps;
  readonly #sets = new PartSets();
  readonly #wholes = new NewsOfWholes();
  readonly #fanOut: FanOut;
  #own: ReadonlySet<number>;
  /** Partitions that may have something ready. */
  readonly #ready: Set<number>;
  #claiming = false;
  readonly #submitted = new Map<number, PartSet>();
  #token = 1;
  /** Complete, and refused for now. */
  #refused: PartSet[] = [];
  readonly #sources = new Map<string, Source>();
  readonly #draft = new MessageDraft();

  constructor(deps: GathererDeps) {
    this.#deps = deps;
    this.#own = new Set(deps.own);
    this.#ready = new Set(deps.own);
    this.#fanOut = new FanOut(deps.desk, (id, partition) => this.#settle(queueOf(partition), id, Fate.delivered));
  }

  /** Parts that wait for others. */
  get waiting(): number {
    return this.#sets.held;
  }

  /** True while a message that was put together here is not committed, or its end not told. */
  get busy(): boolean {
    return this.#submitted.size > 0 || this.#fanOut.busy;
  }

  receive(message: GathererMessage): void {
    switch (message.type) {
      case 'ready':
        this.#ready.add(message.partition);
        return;
      case 'claimed':
        this.#claiming = false;
        if (message.claimed.length === 0) return;
        this.#ready.add(message.partition);
        for (const claimed of message.claimed) this.#take(claimed, message.partition);
        if (!this.#own.has(message.partition)) this.#use([...this.#own]);
        return;
      case 'found':
        this.#found(message.news, message.found);
        return;
      case 'partitions':
        this.#use(message.own);
        return;
      case 'tick':
        this.#tick();
        return;
      default:
        message satisfies never;
    }
  }

  turnEnd(): void {
    this.#claim();
  }

  /** A message that was put together is flushed, and its parts are settled with it. */
  accepted(token: number): void {
    const set = this.#submitted.get(token)!;
    this.#submitted.delete(token);
    this.#deps.counters.gathered++;
    this.#sets.remember(set, this.#deps.monotonic() + this.#deps.settings.timeoutMs);
  }

  refused(token: number): void {
    this.#refused.push(this.#submitted.get(token)!);
    this.#submitted.delete(token);
  }

  inDoubt(): void {
    // Its thread ends; the next one finds the parts, or finds them settled.
  }

  /** A message that went in parts has come to its end before all of them told theirs. Its claim is the caller's. */
  end(whole: Whole): void {
    const news = this.#wholes.get(whole.id);
    const outcome = outcomeOf(news, whole.record[whole.at + R.parts]!, this.#deps.now());
    this.#wholes.delete(whole.id);
    this.#conclude(whole, outcome, news?.ids ?? []);
  }

  /** What it holds of partitions that another worker gathers is given back, for that one to claim. */
  #use(own: readonly number[]): void {
    for (const partition of own) if (!this.#own.has(partition)) this.#ready.add(partition);
    this.#own = new Set(own);
    for (const partition of this.#ready) if (!this.#own.has(partition)) this.#ready.delete(partition);
    const underWay = new Set(this.#submitted.values());
    for (const set of this.#sets.sets) {
      const partition = partitionOfPart(set.parts[0]!);
      if (this.#own.has(partition) || underWay.has(set)) continue;
      this.#sets.remove(set);
      this.#refused = this.#refused.filter(refused => refused !== set);
      for (const part of set.parts) this.#release(queueOf(partition), idOf(part), part.attempts);
    }
    for (const news of this.#wholes.all) {
      if (this.#own.has(stripeOf(batchNumberOf(news.id)))) continue;
      this.#wholes.delete(news.id);
      for (const id of news.ids) this.#release(queueOfMessage(news.id), id, 0);
    }
  }

  #release(queue: string, id: MessageId, attempts: number): void {
    const { settler, now } = this.#deps;
    settler.writer(queue).add(id, What.released, Fate.queued, attempts, 0, 0, now(), undefined, 0, 0);
    settler.added(undefined, -1);
  }

  #claim(): void {
    if (this.#claiming) return;
    const [partition] = this.#ready;
    if (partition === undefined) return;
    this.#ready.delete(partition);
    this.#claiming = true;
    const { store, self, failed } = this.#deps;
    store.claim(queueOf(partition), CLAIM).then(claimed => self.tell({ type: 'claimed', partition, claimed }), failed);
  }

  #take(claimed: Claimed, partition: number): void {
    const batch = readBatch(claimed.batch, false);
    for (let i = 0; i < batch.count; i++) {
      const at = batch.offsets[i]!;
      if (at === 0) continue;
      if (batch.buffer[at + R.kind] === Kind.receipt) this.#news(batch, i, partition);
      else this.#part(batch, i, claimed.attempts[i] ?? 0, partition);
    }
  }

  #news(batch: Batch, index: number, partition: number): void {
    const { buffer } = batch;
    const at = batch.offsets[index]!;
    const m = this.#draft;
    readRecord(m, buffer, at);
    const receipt = readReceipt(buffer, m.textAt, m.textLength);
    const told = messageId(batch.number, index);
    const part = buffer[at + R.part]!;
    if ((m.flags & RecordFlag.part) === 0) {
      this.#fanOut.take(receipt, buffer[at + R.gathered]!, told, partition);
      return;
    }
    const { fate, error, doneAt, messageId: id } = receipt;
    const lookAt = this.#deps.monotonic() + LOOK_MS;
    const news = this.#wholes.add(id - part, part, buffer[at + R.parts]!, fate, error, doneAt, told, lookAt);
    if (news.known === news.fates.length) this.#look(news);
    else if (this.#wholes.size > this.#deps.settings.maxParts) this.#giveUpNews();
  }

  /** The oldest message whose parts have not all told their fates is told what is known. */
  #giveUpNews(): void {
    for (const news of this.#wholes.all) {
      if (news.givenUp || news.concluding) continue;
      news.givenUp = true;
      this.#look(news);
      return;
    }
  }

  /** Whether there is a message to conclude. */
  #look(news: WholeNews): void {
    if (news.concluding) return;
    news.concluding = true;
    const { store, self, failed } = this.#deps;
    store.find(news.id).then(found => self.tell({ type: 'found', news, found }), failed);
  }

  #found(news: WholeNews, found: FoundMessage | undefined): void {
    news.concluding = false;
    if (this.#wholes.get(news.id) !== news) return;
    if (!found || found.fate !== Fate.queued) {
      // It was cancelled, or has been concluded before: nobody is to be told.
      this.#wholes.delete(news.id);
      for (const id of news.ids) this.#settle(queueOfMessage(news.id), id, Fate.delivered);
      return;
    }
    if (news.known < news.fates.length && !news.givenUp) return;
    this.#wholes.delete(news.id);
    const { id, account, destination, createdAt } = found;
    const record = Buffer.from(found.record.buffer, found.record.byteOffset, found.record.byteLength);
    const outcome = outcomeOf(news, news.fates.length, this.#deps.now());
    this.#conclude({ id, account, destination, createdAt, record, at: 0 }, outcome, news.ids);
  }

  #conclude(whole: Whole, outcome: ReturnType<typeof outcomeOf>, ids: readonly MessageId[]): void {
    this.#deps.desk.concludeWhole(whole, outcome, { queue: queueOfMessage(whole.id), ids });
  }

  #part(batch: Batch, index: number, attempts: number, partition: number): void {
    const { counters, settings, monotonic } = this.#deps;
    const m = this.#draft;
    readRecord(m, batch.buffer, batch.offsets[index]!);
    const mark = partMarkOf(m);
    const account = accountOf(batch, index);
    const part: HeldPart = { batch, index, attempts, sequence: mark?.sequence ?? 0, check: checkOf(m) };
    if (!mark) {
      this.#alone(part, partition);
      return;
    }
    const giveUp = (set: PartSet): void => {
      counters.partsAlone += set.parts.length;
      for (const each of set.parts) this.#alone(each, partition);
    };
    const placed = this.#sets.place(keyOf(m, account, mark), mark.total, part, monotonic(), giveUp);
    if (placed.type === 'repeated') this.#settle(queueOf(partition), idOf(part), Fate.sent);
    else if (placed.type === 'complete') this.#submit(placed.set);
    else if (this.#sets.held > settings.maxParts) this.#giveUp(this.#sets.sets[Symbol.iterator]().next().value);
  }

  #submit(set: PartSet): void {
    const parts = inOrder(set);
    const drafts = parts.map(draftOf);
    let expiresAt = Infinity;
    let deliverAfter = 0;
    for (const { batch, index } of set.parts) {
      expiresAt = Math.min(expiresAt, expiresAtOf(batch.buffer, batch.offsets[index]!));
      deliverAfter = Math.max(deliverAfter, deliverAfterOf(batch.buffer, batch.offsets[index]!));
    }
    const token = this.#token++;
    const m = putTogether(drafts, expiresAt, deliverAfter);
    const awaits = (m.flags & RecordFlag.gathered) !== 0;
    const made: Made = {
      count: set.parts.length,
      made: (id, ledger) => this.#settleParts(set, id, awaits, ledger),
    };
    const status = this.#deps.intake.submit(m, this.#sourceOf(set.parts[0]!), this, token, '', made);
    if (status === 0) this.#submitted.set(token, set);
    else if (status === Refusal.throttled) this.#refused.push(set);
    else this.#reject(set, status);
  }

  /** In the commit of the message that they make: they are sent, and what becomes of it will be what becomes of them. */
  #settleParts(set: PartSet, id: MessageId, awaits: boolean, ledger: (destination: string) => LedgerWriter): void {
    const now = this.#deps.now();
    const writer = ledger(GATHERED);
    const flags = awaits ? LedgerFlag.awaitsReceipt : 0;
    set.parts.forEach((part, i) => {
      const name = awaits ? Buffer.from(gatheredId(id, i + 1), 'latin1') : NO_NAME;
      writer.add(idOf(part), What.settled, Fate.sent, part.attempts, flags, 0, now, name, 0, name.length);
    });
  }

  /** No route takes the message that they make. */
  #reject(set: PartSet, status: number): void {
    const { deliveries, desk } = this.#deps;
    this.#sets.remove(set);
    for (const { batch, index, attempts } of set.parts) {
      const delivery = new Delivery(batch, attemptsAt(batch, index, attempts), 1);
      deliveries.add(delivery);
      const { destination } = batch.groups[batch.buffer[batch.offsets[index]! + R.group]!]!;
      desk.conclude(delivery, index, destination, Fate.rejected, status, attempts, undefined, -1);
    }
  }

  #giveUp(set: PartSet): void {
    this.#sets.remove(set);
    this.#deps.counters.partsAlone += set.parts.length;
    for (const part of set.parts) this.#alone(part, partitionOfPart(part));
  }

  /** A part goes on as it came. */
  #alone(part: HeldPart, partition: number): void {
    const { intake, settler, deliveries, desk, now } = this.#deps;
    const { batch, index, attempts } = part;
    const m = draftOf(part);
    const queue = queueOf(partition);
    const destination = intake.destinationFor(m, this.#sourceOf(part));
    if (destination === undefined) {
      const delivery = new Delivery(batch, attemptsAt(batch, index, attempts), 1);
      deliveries.add(delivery);
      desk.conclude(delivery, index, queue, Fate.rejected, 0, attempts, undefined, -1);
      return;
    }
    const name = Buffer.from(destination);
    const writer = settler.writer(queue);
    writer.add(idOf(part), What.rerouted, Fate.queued, attempts, 0, 0, now(), name, 0, name.length);
    settler.added(undefined, -1);
  }

  #settle(queue: string, id: MessageId, fate: Fate): void {
    const { settler, now } = this.#deps;
    settler.writer(queue).add(id, What.settled, fate, 0, 0, 0, now(), undefined, 0, 0);
    settler.added(undefined, -1);
  }

  #tick(): void {
    const { monotonic, settings } = this.#deps;
    const nowMs = monotonic();
    const refused = this.#refused;
    this.#refused = [];
    for (const set of refused) this.#submit(set);
    for (const set of this.#sets.sets) {
      if (nowMs - set.since < settings.timeoutMs) break;
      if (!set.submitted) this.#giveUp(set);
    }
    this.#sets.forget(nowMs);
    let looks = 0;
    for (const news of this.#wholes.all) {
      if (looks++ === LOOKS_A_TICK) break;
      if (news.lookAt > nowMs) continue;
      news.lookAt = nowMs + LOOK_MS;
      this.#look(news);
    }
  }

  /** Whose message it is, as routes see it. */
  #sourceOf({ batch, index }: HeldPart): Source {
    const at = batch.offsets[index]!;
    const kind = batch.buffer[at + R.kind]! as Kind;
    const mode = batch.buffer[at + R.archiveMode]! as ArchiveMode;
    const owner = accountOf(batch, index);
    const key = `${kind} ${mode} ${owner}`;
    let source = this.#sources.get(key);
    if (!source) {
      source = new Source({ owner, sourceSmsc: owner, sourceType: 'SMPP' }, kind, mode);
      this.#sources.set(key, source);
    }
    return source;
  }
}

const NO_NAME = Buffer.alloc(0);

const accountOf = (batch: Batch, index: number): string =>
  batch.groups[batch.buffer[batch.offsets[index]! + R.group]!]!.account;

/** By the queue that it was claimed from. */
function partitionOfPart({ batch, index }: HeldPart): number {
  const { destination } = batch.groups[batch.buffer[batch.offsets[index]! + R.group]!]!;
  return Number(destination.slice(destination.indexOf('/') + 1));
}

function attemptsAt(batch: Batch, index: number, attempts: number): Uint8Array {
  const all = new Uint8Array(attempts === 0 ? 0 : batch.count);
  if (attempts > 0) all[index] = attempts;
  return all;
}

function draftOf({ batch, index }: HeldPart): MessageDraft {
  const m = new MessageDraft();
  readRecord(m, batch.buffer, batch.offsets[index]!);
  return m;
}

/** Each part once, by its number. */
function inOrder({ parts, total }: PartSet): HeldPart[] {
  const sorted: HeldPart[] = [];
  for (let sequence = 1; sequence <= total; sequence++) sorted.push(parts.find(part => part.sequence === sequence)!);
  return sorted;
}
