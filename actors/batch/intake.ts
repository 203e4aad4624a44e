import type { Actor } from '../../runtime/actor.ts';
import { NEW, type DuplicateRule } from '../accounts/duplicate-filter.ts';
import { partMarkOf } from '../long/concatenation.ts';
import { DraftsLike } from '../long/drafts-like.ts';
import { partitionOf, queueOf } from '../long/queue.ts';
import { apart } from '../long/shape.ts';
import { Shaper } from '../long/shaper.ts';
import type { Wrap } from '../long/wrap.ts';
import { decodePeer, type PeerCharset } from '../text/charset.ts';
import { encodeText } from '../text/encode.ts';
import { BatchBuilder } from '../message/batch.ts';
import { MessageDraft } from '../message/draft.ts';
import { BATCH_LIMIT } from '../message/id.ts';
import { Fate } from '../message/ledger.ts';
import { ArchiveMode, Kind, RecordFlag, WHOLE_GRACE_MS, plainDecisions } from '../message/record.ts';
import type { LedgerFrame } from '../ports.ts';
import { Refusal } from '../refusal.ts';
import type { CompiledTable } from '../routing/compiled.ts';
import { renumber, type RouteSenders } from '../routing/number-rules.ts';
import { lookup, NO_ROUTE } from '../routing/match.ts';
import type { Submitter, Waiting } from './batch-actor.ts';
import { Detour } from './detour.ts';
import type { IntakeDeps, IntakeMessage } from './intake-deps.ts';
import { ledgerOf, type Made } from './made.ts';
import { LOOP, Onward } from './onward.ts';
import type { Source } from './source.ts';

/**
 * Commits on their way while a batch that is not full waits: messages that arrive during a commit form the next batch,
 * so an idle node answers at once and a loaded one makes big batches.
 */
const IN_FLIGHT = 2;
/** Until it would be due for dispatch, which it never is: its end comes before. */
const NEVER_MS = 3_600_000;
/** Octets at which a batch is closed before it is full: long messages. */
const OCTET_LIMIT = 512 * 1024;

/**
 * Where this worker's messages come together: routes each, copies it into the open batch, and hands the batch over for its
 * commit. One per worker, so that all its sessions share one group commit.
 */
export class Intake implements Actor<IntakeMessage> {
  readonly #deps: IntakeDeps;
  readonly #builder = new BatchBuilder();
  #waiting: Waiting = { submitters: [], tokens: [] };
  #destination = '';
  /** When the first message of the open batch came in, monotonic ms. */
  #since = 0;
  #table: CompiledTable | undefined;
  #senders: RouteSenders = new Map();
  #inFlight = 0;
  #told = false;
  #draining = false;
  /** What goes from one carrier to another. */
  readonly onward: Onward;
  /** Which destinations get no new messages. */
  readonly detour = new Detour();
  /** Commits begun, and ended. */
  #begun = 0;
  #ended = 0;
  /** Who waits until so many have ended. */
  #barriers: { readonly at: number; readonly passed: () => void }[] = [];
  /** Where in the open batch the first of the messages is that are taken together; -1: none are. */
  #first = -1;
  #together = 0;
  /** What destinations want of messages, and accounts have them sent with. */
  readonly shaper: Shaper;
  #wrap: Wrap | undefined;
  #defaults: ReadonlyMap<string, string> = new Map();
  #parts = 1;
  readonly #renumbered = new MessageDraft();
  readonly #resent = new MessageDraft();
  readonly #drafts = new DraftsLike();
  readonly #peers = new DraftsLike();
  #made: Made | undefined;
  #attached: { readonly index: number; readonly made: Made }[] = [];
  readonly #decisions = plainDecisions(Kind.mt, ArchiveMode.full);

  constructor(deps: IntakeDeps) {
    this.#deps = deps;
    this.onward = new Onward(deps.settings, deps.duplicates, deps.looped);
    this.shaper = new Shaper(Math.floor(deps.random() * 0x10000));
  }

  /** Messages in the open batch. */
  get open(): number {
    return this.#builder.count;
  }

  get tableVersion(): number {
    return this.#table?.version ?? 0;
  }

  /** Where the message goes that `submit` took last; '' when a route dropped or answered it, or it was a duplicate. */
  get destination(): string {
    return this.#destination;
  }

  /** In how many messages it goes. */
  get parts(): number {
    return this.#parts;
  }

  /** Refuses new messages from here on. */
  drain(): void {
    this.#draining = true;
  }

  /** Where a message goes by the routes; undefined when no route forwards it. */
  destinationFor(m: MessageDraft, source: Source): string | undefined {
    const table = this.#table;
    if (!table) return undefined;
    const rule = this.#lookup(m, source, table);
    if (rule === NO_ROUTE) return source.kind === Kind.mt ? this.#defaults.get(source.name) : undefined;
    return table.actionOf(rule) === 'forward' ? table.textOf(rule) : undefined;
  }

  /** Where accounts' messages go that no route takes. */
  useDefaults(destinations: ReadonlyMap<string, string>): void {
    this.#defaults = destinations;
  }

  /** When the validity of a message ends that is taken now: as it asks for, within the bounds. ms since 1970 */
  expiryOf(m: MessageDraft, nowMs: number): number {
    const { validityMs, validityMaxMs } = this.#deps.settings;
    const from = Math.max(nowMs, m.deliverAfter);
    return m.expiresAt === 0 ? from + validityMs : Math.min(m.expiresAt, from + validityMaxMs);
  }

  /**
   * Routes and takes a message. The submitter is answered after the flush, in a later turn.
   *
   * @param destination where it goes whatever the routes say; it must be one that is known. '' = by the routes
   * @param made told of its id before the commit, to add to that
   * @returns 0 when it was taken, otherwise the command_status to refuse it with; the submitter hears nothing more then
   */
  submit(m: MessageDraft, source: Source, submitter: Submitter, token: number, destination = '', made?: Made): number {
    const table = this.#table;
    if (this.#draining || !table) return Refusal.throttled;
    if (source.rules !== undefined) {
      const status = source.rules.check(m);
      if (status !== 0) return status;
    }
    if (this.#full() && !this.#close()) return Refusal.throttled;
    const now = this.#deps.now();
    this.#made = made;
    if (source.numbers !== undefined) {
      m = Object.assign(this.#renumbered, m);
      renumber(m, source.numbers);
    }
    if (source.charset !== 'gsm7' && m.dataCoding === 0 && m.textLength > 0) m = this.#understood(m, source.charset);
    const { duplicates } = source;
    const status =
      duplicates === undefined
        ? this.#take(m, source, submitter, token, destination, table, now)
        : this.#takeOnce(m, source, duplicates, submitter, token, destination, table, now);
    if (status !== 0) return status;
    if (!this.#told) {
      this.#told = true;
      this.#deps.self.tell(FLUSH);
    }
    return 0;
  }

  #take(
    m: MessageDraft,
    source: Source,
    submitter: Submitter,
    token: number,
    destination: string,
    table: CompiledTable,
    now: number,
  ): number {
    this.#decide(m, source, now);
    const lane = m.priority > 3 ? 3 : m.priority;
    if (destination === '') return this.#route(m, source, submitter, token, lane, table, now);
    this.#decisions.route = 0;
    return this.#forward(m, destination, source.name, lane, submitter, token);
  }

  #takeOnce(
    m: MessageDraft,
    source: Source,
    rule: DuplicateRule,
    submitter: Submitter,
    token: number,
    destination: string,
    table: CompiledTable,
    now: number,
  ): number {
    const { duplicates } = this.#deps;
    const found = duplicates.enter(m, source.name, rule, submitter, token, now, this.#first < 0);
    if (found !== NEW) {
      this.#destination = '';
      this.#parts = 1;
      return found;
    }
    const own = duplicates.token;
    const status = this.#take(m, source, duplicates, own, destination, table, now);
    if (status !== 0) duplicates.drop(own);
    return status;
  }

  receive(message: IntakeMessage): void {
    if (message.type === 'flush') {
      this.#told = false;
      return;
    }
    // Each message by one whole table: what is open was routed by the old one.
    if (this.#builder.count > 0) this.#close();
    this.#table = message.table;
    this.#senders = message.senders;
  }

  turnEnd(): void {
    if (this.#deps.duplicates.hasRepeated) this.#deps.duplicates.answer();
    if (this.#builder.count > 0 && this.#inFlight < IN_FLIGHT) this.#close();
  }

  /** A commit has ended: what has gathered meanwhile goes. */
  ended(): void {
    this.#inFlight--;
    this.#ended++;
    if (this.#barriers.length > 0) this.#pass();
    this.numbersCame();
  }

  /** There are batch numbers again. */
  numbersCame(): void {
    if (this.#builder.count === 0 || this.#told) return;
    this.#told = true;
    this.#deps.self.tell(FLUSH);
  }

  /** Resolves when all that was taken so far is committed, or refused. */
  committed(): Promise<void> {
    const at = this.#begun + (this.#builder.count > 0 ? 1 : 0);
    if (at === this.#ended) return Promise.resolve();
    return new Promise(passed => this.#barriers.push({ at, passed }));
  }

  /**
   * The messages taken until `apart` are one submission to several recipients: they are known by the id of the first, as
   * far as they come into one batch. All in one turn.
   *
   * @param count how many there will be
   */
  together(count: number): void {
    if (this.#builder.count + count > BATCH_LIMIT) this.#close();
    this.#first = this.#builder.count;
    this.#together = count;
  }

  apart(): void {
    this.#first = -1;
  }

  /** What is decided about a message whatever its route. */
  #decide(m: MessageDraft, source: Source, now: number): void {
    const d = this.#decisions;
    d.kind = source.kind;
    d.archiveMode = source.archiveMode;
    d.flags = source.flags;
    d.hops = 0;
    d.part = 0;
    d.parts = 0;
    d.gathered = this.#made === undefined ? 0 : this.#made.count;
    d.deliverAfter = m.deliverAfter;
    d.expiresAt = this.expiryOf(m, now);
    this.#wrap = this.shaper.wrapOf(source.name);
    this.#parts = 1;
  }

  /** Adds it as the first rule that fits says. @returns 0, or the command_status to refuse it with */
  #route(
    m: MessageDraft,
    source: Source,
    submitter: Submitter,
    token: number,
    lane: number,
    table: CompiledTable,
    now: number,
  ): number {
    const rule = this.#lookup(m, source, table);
    if (rule === NO_ROUTE) {
      const destination = source.kind === Kind.mt ? this.#defaults.get(source.name) : undefined;
      if (destination === undefined) return this.#deps.settings.noRouteStatus;
      this.#decisions.route = 0;
      return this.#deliver(m, destination, source, lane, submitter, token);
    }
    const action = table.actionOf(rule);
    if (action === 'reject') return table.statusOf(rule);
    const d = this.#decisions;
    d.route = rule + 1;
    if (action === 'forward') {
      const taken = this.detour.ruleFor(rule, m, source, table, this.#deps.random);
      d.route = taken + 1;
      const destination = table.textOf(taken);
      const senders = this.#senders.size === 0 ? undefined : this.#senders.get(taken);
      if (senders !== undefined) renumber((m = Object.assign(this.#resent, m)), senders);
      return this.#deliver(m, destination, source, lane, submitter, token);
    }
    if (action === 'drop') {
      this.#add(m, '', source.name, lane, Fate.dropped, submitter, token);
      return 0;
    }
    const reply = this.#deps.reply(m, table.textOf(rule));
    this.#add(m, '', source.name, lane, Fate.replied, submitter, token);
    if (reply && (!this.#full() || this.#close())) {
      d.kind = Kind.mo;
      d.deliverAfter = 0;
      d.expiresAt = now + this.#deps.settings.validityMs;
      this.#add(reply, source.name, source.name, lane, Fate.queued, undefined, 0);
    }
    this.#destination = '';
    return 0;
  }

  /** Adds a message that goes there, or waits for the other parts first. @returns 0, or the status to refuse it with */
  #deliver(
    m: MessageDraft,
    destination: string,
    source: Source,
    lane: number,
    submitter: Submitter,
    token: number,
  ): number {
    const mark = source.gathers ? partMarkOf(m) : undefined;
    if (mark) {
      const queue = queueOf(partitionOf(m, source.name, mark, this.#deps.partitions));
      this.#add(m, queue, source.name, lane, Fate.queued, submitter, token);
      return 0;
    }
    if (source.kind === Kind.mt) return this.#forward(m, destination, source.name, lane, submitter, token);
    if (this.onward.isCarrier(destination)) return this.#sendOn(m, destination, source, lane, submitter, token);
    // What a carrier brings belongs to the application it is for.
    return this.#forward(m, destination, destination, lane, submitter, token);
  }

  /** What one carrier brings for another; what goes round ends here. @returns as `#forward` */
  #sendOn(m: MessageDraft, to: string, { name }: Source, lane: number, submitter: Submitter, token: number): number {
    const d = this.#decisions;
    d.hops = this.onward.hopsOf(m, name, to, submitter, token, this.#deps.now());
    if (d.hops === LOOP) {
      this.#add(m, '', name, lane, Fate.undeliverable, submitter, token);
      return 0;
    }
    d.kind = Kind.mt;
    const sent = this.onward.submitted(Object.assign(this.#resent, m));
    return this.onward.sent(this.#forward(sent, to, name, lane, this.#deps.duplicates, this.onward.token));
  }

  /** A message in its peer's own charset, as it is kept here: in GSM 7-bit, or in UCS-2 where that has not all of it. */
  #understood(m: MessageDraft, charset: Exclude<PeerCharset, 'gsm7'>): MessageDraft {
    const text = apart(textOf(m), m.dataCoding, m.esmClass);
    if (!text) return m;
    const { dataCoding, bytes } = encodeText(decodePeer(text.body, charset));
    return this.#peers.withText(m, { ...text, dataCoding, body: bytes });
  }

  #lookup(m: MessageDraft, source: Source, table: CompiledTable): number {
    return lookup(
      table,
      source.originIn(table),
      m.buffer,
      m.destAt,
      m.destLength,
      m.sourceAt,
      m.sourceLength,
      this.#deps.random(),
    );
  }

  /** Adds it as its destination wants it: in another coding, in parts, as it is. @returns 0, or the status to refuse with */
  #forward(
    m: MessageDraft,
    destination: string,
    owner: string,
    lane: number,
    submitter: Submitter,
    token: number,
  ): number {
    const shaped = this.shaper.mayShape(m, this.#wrap) ? this.shaper.shape(m, destination, this.#wrap) : undefined;
    if (!shaped?.parts) {
      this.#add(shaped ? shaped.message : m, destination, owner, lane, Fate.queued, submitter, token);
      return 0;
    }
    const { message, dataCoding, parts } = shaped;
    // All in one batch: a part's id tells that of the whole.
    if (this.#builder.count + parts.length >= BATCH_LIMIT && !this.#close()) return Refusal.throttled;
    this.#parts = parts.length;
    this.#inParts(message, dataCoding, parts, destination, owner, lane, submitter, token);
    return 0;
  }

  /** Adds a message that goes in parts: first itself, put aside until their fates have made its own, then each of them. */
  #inParts(
    m: MessageDraft,
    dataCoding: number,
    texts: readonly Buffer[],
    destination: string,
    owner: string,
    lane: number,
    submitter: Submitter,
    token: number,
  ): void {
    const d = this.#decisions;
    const { flags, expiresAt, deliverAfter, archiveMode } = d;
    const isAlone = this.#first < 0;
    if (isAlone) this.together(texts.length + 1);
    d.flags = flags | RecordFlag.whole;
    d.expiresAt = expiresAt + WHOLE_GRACE_MS;
    d.deliverAfter = d.expiresAt + NEVER_MS;
    d.parts = texts.length;
    this.#add(m, destination, owner, lane, Fate.queued, submitter, token);
    d.flags = flags;
    d.expiresAt = expiresAt;
    d.deliverAfter = deliverAfter;
    d.gathered = 0;
    if (archiveMode === ArchiveMode.full) d.archiveMode = ArchiveMode.metadata;
    this.#drafts.parts(m, texts, dataCoding);
    for (let i = 0; i < texts.length; i++) {
      d.part = i + 1;
      this.#add(this.#drafts.part(i), destination, owner, lane, Fate.queued, undefined, 0);
    }
    d.part = 0;
    d.parts = 0;
    if (isAlone) this.apart();
  }

  #full(): boolean {
    return this.#builder.full || (this.#builder.octets > OCTET_LIMIT && this.#first < 0);
  }

  #add(
    m: MessageDraft,
    destination: string,
    owner: string,
    lane: number,
    fate: Fate,
    submitter: Submitter | undefined,
    token: number,
  ): void {
    if (this.#builder.count === 0) this.#since = this.#deps.monotonic();
    this.#destination = destination;
    this.#decisions.group = this.#builder.group(destination, owner, lane);
    this.#decisions.fateAtBirth = fate;
    m.sibling = this.#first < 0 ? 0 : this.#builder.count - this.#first;
    m.siblings = this.#first < 0 ? 0 : this.#together;
    const index = this.#builder.add(m, this.#decisions);
    if (this.#made && submitter) {
      this.#attached.push({ index, made: this.#made });
      this.#made = undefined;
    }
    this.#waiting.submitters.push(submitter);
    this.#waiting.tokens.push(token);
  }

  #pass(): void {
    const passed = this.#barriers.filter(({ at }) => at <= this.#ended);
    this.#barriers = this.#barriers.filter(({ at }) => at > this.#ended);
    for (const barrier of passed) barrier.passed();
  }

  /** False when no batch number has come yet. */
  #close(): boolean {
    const number = this.#deps.numbers.take();
    if (number === 0) return false;
    const waiting = this.#waiting;
    this.#waiting = { submitters: [], tokens: [] };
    this.#inFlight++;
    this.#begun++;
    this.#first = -1;
    const attached = this.#attached;
    if (attached.length > 0) this.#attached = [];
    const ledger = attached.length === 0 ? NOTHING : ledgerOf(attached, number);
    this.#deps.commit(this.#builder.close(number, this.#deps.now(), this.tableVersion), waiting, this.#since, ledger);
    return true;
  }
}

const NOTHING: readonly LedgerFrame[] = [];
const textOf = (m: MessageDraft): Buffer => m.buffer.subarray(m.textAt, m.textAt + m.textLength);

const FLUSH: IntakeMessage = { type: 'flush' };
