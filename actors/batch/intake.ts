import type { Actor, ActorSelf } from '../../runtime/actor.ts';
import { BatchBuilder } from '../message/batch.ts';
import type { MessageDraft } from '../message/draft.ts';
import { BATCH_LIMIT } from '../message/id.ts';
import { Fate } from '../message/ledger.ts';
import { ArchiveMode, Kind, type RecordDecisions } from '../message/record.ts';
import { Refusal } from '../refusal.ts';
import type { CompiledTable } from '../routing/compiled.ts';
import { lookup, NO_ROUTE } from '../routing/match.ts';
import type { Submitter, Waiting } from './batch-actor.ts';
import type { NumberSource } from './number-source.ts';
import type { Source } from './source.ts';

export interface IntakeSettings {
  /** Validity of a message that gives none, ms. */
  readonly validityMs: number;
  /** A longer one is cut to this, ms. */
  readonly validityMaxMs: number;
  /** command_status where no route fits. */
  readonly noRouteStatus: number;
}

export interface IntakeDeps {
  readonly self: ActorSelf<IntakeMessage>;
  readonly numbers: NumberSource;
  readonly settings: IntakeSettings;
  readonly now: () => number;
  readonly monotonic: () => number;
  /** 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
  /** Commits a batch: spawns its BatchActor, which calls `ended`. `since`: when its first message came in, monotonic ms. */
  readonly commit: (batch: Buffer, waiting: Waiting, since: number) => void;
  /** Makes the answer that a route gives to the sender of `message`, as a draft. Undefined when it cannot be answered. */
  readonly reply: (message: MessageDraft, text: string) => MessageDraft | undefined;
}

export type IntakeMessage = { readonly type: 'flush' } | { readonly type: 'table'; readonly table: CompiledTable };

/**
 * Commits on their way while a batch that is not full waits: messages that arrive during a commit form the next batch,
 * so an idle node answers at once and a loaded one makes big batches.
 */
const IN_FLIGHT = 2;
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
  #inFlight = 0;
  #told = false;
  #draining = false;
  /** Commits begun, and ended. */
  #begun = 0;
  #ended = 0;
  /** Who waits until so many have ended. */
  #barriers: { readonly at: number; readonly passed: () => void }[] = [];
  /** Where in the open batch the first of the messages is that are taken together; -1: none are. */
  #first = -1;
  #together = 0;
  readonly #decisions: RecordDecisions = {
    kind: Kind.mt,
    group: 0,
    fateAtBirth: 0,
    archiveMode: ArchiveMode.full,
    flags: 0,
    expiresAt: 0,
    deliverAfter: 0,
    route: 0,
    hops: 0,
  };

  constructor(deps: IntakeDeps) {
    this.#deps = deps;
  }

  /** Messages in the open batch. */
  get open(): number {
    return this.#builder.count;
  }

  get tableVersion(): number {
    return this.#table?.version ?? 0;
  }

  /** Where the message goes that `submit` took last; '' when a route dropped or answered it. */
  get destination(): string {
    return this.#destination;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Refuses new messages from here on. */
  drain(): void {
    this.#draining = true;
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
   * @returns 0 when it was taken, otherwise the command_status to refuse it with; the submitter hears nothing more then
   */
  submit(m: MessageDraft, source: Source, submitter: Submitter, token: number, destination = ''): number {
    const table = this.#table;
    if (this.#draining || !table) return Refusal.throttled;
    if (source.rules !== undefined) {
      const status = source.rules.check(m);
      if (status !== 0) return status;
    }
    if (this.#full() && !this.#close()) return Refusal.throttled;
    const now = this.#deps.now();
    this.#decide(m, source, now);
    const lane = m.priority > 3 ? 3 : m.priority;
    if (destination === '') {
      const status = this.#route(m, source, submitter, token, lane, table, now);
      if (status !== 0) return status;
    } else {
      this.#decisions.route = 0;
      this.#add(m, destination, source.name, lane, Fate.queued, submitter, token);
    }
    if (!this.#told) {
      this.#told = true;
      this.#deps.self.tell(FLUSH);
    }
    return 0;
  }

  receive(message: IntakeMessage): void {
    if (message.type === 'flush') {
      this.#told = false;
      return;
    }
    // Each message by one whole table: what is open was routed by the old one.
    if (this.#builder.count > 0) this.#close();
    this.#table = message.table;
  }

  turnEnd(): void {
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
    d.deliverAfter = m.deliverAfter;
    d.expiresAt = this.expiryOf(m, now);
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
    const rule = lookup(
      table,
      source.originIn(table),
      m.buffer,
      m.destAt,
      m.destLength,
      m.sourceAt,
      m.sourceLength,
      this.#deps.random(),
    );
    if (rule === NO_ROUTE) return this.#deps.settings.noRouteStatus;
    const action = table.actionOf(rule);
    if (action === 'reject') return table.statusOf(rule);
    const d = this.#decisions;
    d.route = rule + 1;
    if (action === 'forward') {
      const destination = table.textOf(rule);
      // What a carrier brings belongs to the application it is for.
      const owner = source.kind === Kind.mo ? destination : source.name;
      this.#add(m, destination, owner, lane, Fate.queued, submitter, token);
      return 0;
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
    this.#builder.add(m, this.#decisions);
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
    this.#deps.commit(this.#builder.close(number, this.#deps.now(), this.tableVersion), waiting, this.#since);
    return true;
  }
}

const FLUSH: IntakeMessage = { type: 'flush' };
