import { messageId, type MessageId } from '../../actors/message/id.ts';
import { readBatch } from '../../actors/message/batch.ts';
import { Fate, LedgerFlag, LedgerWriter, What } from '../../actors/message/ledger.ts';
import { R, readRecord } from '../../actors/message/record.ts';
import { MessageDraft } from '../../actors/message/draft.ts';
import type { AppendOutcome, Claimed, LedgerFrame, MessageStore } from '../../actors/ports.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { batchOf, type TestMessage } from '../support/archive-items.ts';

/** One user of a store; `end` is its crash: the store learns of it, and nothing it asks afterwards counts. */
export interface TestClaimant {
  readonly store: MessageStore;
  end(): void;
}

/** An engine of the `MessageStore` port, opened. */
export interface OpenEngine {
  claimant(): TestClaimant;
  /** Lines about damage so far. */
  readonly alarms: readonly string[];
  /** Destinations told to have something ready so far. */
  readonly rang: readonly string[];
  close(): Promise<void>;
}

export interface EngineOptions {
  readonly clock: ManualClock;
  /** Most messages queued. */
  readonly maxQueued: number;
  /** How long a batch with open messages waits before its settled ones go to the archive, ms. */
  readonly lingerMs: number;
}

/** A place for one store, and how to open the store there. */
export interface Engine {
  open(options: EngineOptions): Promise<OpenEngine>;
  /** Removes all of it. */
  remove(): Promise<void>;
}

/** A clock of 2027. */
export function testClock(): ManualClock {
  const clock = new ManualClock();
  clock.wall = 1_800_000_000_000;
  return clock;
}

/** The machine's clock, where a test needs no other. */
export function systemTestClock(): ManualClock {
  const clock = new ManualClock();
  clock.nowMs = () => Date.now();
  clock.monotonicMs = () => performance.now();
  return clock;
}

export const FAR = 4_000_000_000_000;

/** A message of the contract tests: its text is unique, so what comes back can be told. */
export interface Sent extends TestMessage {
  readonly text: string;
}

export const sent = (text: string, more: Partial<TestMessage> = {}): Sent => ({ expiresAt: FAR, ...more, text });

/** One opened store with one claimant, and what tests do all the time. */
export class Bench {
  readonly engine: Engine;
  readonly options: EngineOptions;
  #open!: OpenEngine;
  #claimant!: TestClaimant;

  private constructor(engine: Engine, options: EngineOptions) {
    this.engine = engine;
    this.options = options;
  }

  static async open(engine: Engine, options: Partial<EngineOptions> = {}): Promise<Bench> {
    const bench = new Bench(engine, { clock: testClock(), maxQueued: 100_000, lingerMs: 0, ...options });
    await bench.#reopen();
    return bench;
  }

  get clock(): ManualClock {
    return this.options.clock;
  }
  get store(): MessageStore {
    return this.#claimant.store;
  }
  get alarms(): readonly string[] {
    return this.#open.alarms;
  }
  get rang(): readonly string[] {
    return this.#open.rang;
  }

  claimant(): TestClaimant {
    return this.#open.claimant();
  }

  /** The claimant of this bench crashes; another takes its place. */
  crash(): void {
    this.#claimant.end();
    this.#claimant = this.#open.claimant();
  }

  async reopen(): Promise<void> {
    await this.#open.close();
    await this.#reopen();
  }

  async remove(): Promise<void> {
    await this.#open.close();
    await this.engine.remove();
  }

  /** Commits a batch and returns its number. */
  async append(messages: readonly Sent[], take: readonly string[] = [], store = this.store): Promise<number> {
    const number = await store.allocate(1);
    const outcome = await appendAs(store, number, this.clock.nowMs(), messages, take);
    if (outcome.type !== 'done') throw new Error(`refused: ${outcome.reason}`);
    return number;
  }

  async #reopen(): Promise<void> {
    this.#open = await this.engine.open(this.options);
    this.#claimant = this.#open.claimant();
  }
}

export function appendAs(
  store: MessageStore,
  number: number,
  createdAt: number,
  messages: readonly Sent[],
  take: readonly string[] = [],
  more: { ledger?: readonly LedgerFrame[]; exempt?: boolean } = {},
): Promise<AppendOutcome> {
  const batch = batchOf(number, createdAt, messages);
  return store.append({ batch, take, ledger: more.ledger ?? [], exempt: more.exempt ?? false });
}

/** What a test tells of a message. */
export interface Told {
  readonly what: What;
  readonly fate?: Fate;
  readonly attempts?: number;
  readonly at?: number;
  /** The carrier's id; for `rerouted` the new destination. */
  readonly carrierId?: string;
  readonly awaitsReceipt?: boolean;
  /** With it: all of the message is kept until then. */
  readonly mayGoElsewhere?: boolean;
}

export function frame(destination: string, entries: readonly (readonly [MessageId, Told])[]): LedgerFrame {
  const writer = new LedgerWriter();
  for (const [id, told] of entries) {
    const carrierId = Buffer.from(told.carrierId ?? '', 'latin1');
    writer.add(
      id,
      told.what,
      told.fate ?? Fate.queued,
      told.attempts ?? 0,
      (told.awaitsReceipt ? LedgerFlag.awaitsReceipt : 0) | (told.mayGoElsewhere ? LedgerFlag.mayGoElsewhere : 0),
      0,
      told.at ?? 1,
      carrierId,
      0,
      carrierId.length,
    );
  }
  return { destination, entries: writer.take() };
}

export const SENT: Told = { what: What.settled, fate: Fate.sent, attempts: 1 };
export const RELEASED: Told = { what: What.released };
export const sentAs = (carrierId: string): Told => ({ ...SENT, carrierId, awaitsReceipt: true });
export const heldAs = (carrierId: string): Told => ({ ...sentAs(carrierId), mayGoElsewhere: true });
export const heldBack = (carrierId: string): Told => ({ what: What.heldBack, fate: Fate.undeliverable, carrierId });
export const receiptFor = (carrierId: string): Told => ({ what: What.receipt, fate: Fate.delivered, carrierId });
export const parkedUntil = (at: number, attempts = 1): Told => ({ what: What.parked, at, attempts });
export const reroutedTo = (destination: string): Told => ({ what: What.rerouted, carrierId: destination });

export interface Got {
  readonly id: MessageId;
  readonly text: string;
  readonly attempts: number;
  readonly destination: string;
  readonly account: string;
  readonly lane: number;
}

/** The messages of some claims, in the order they came. */
export function messagesIn(claims: readonly Claimed[]): Got[] {
  const got: Got[] = [];
  const draft = new MessageDraft();
  for (const { batch: bytes, attempts, count } of claims) {
    const batch = readBatch(bytes, true);
    const before = got.length;
    for (let i = 0; i < batch.count; i++) {
      const at = batch.offsets[i]!;
      if (at === 0) continue;
      readRecord(draft, batch.buffer, at);
      const { destination, account, lane } = batch.groups[batch.buffer[at + R.group]!]!;
      const text = batch.buffer.latin1Slice(draft.textAt, draft.textAt + draft.textLength);
      got.push({ id: messageId(batch.number, i), text, attempts: attempts[i] ?? 0, destination, account, lane });
    }
    if (got.length - before !== count) throw new Error(`a claim says ${count} messages and has ${got.length - before}`);
  }
  return got;
}

export async function claimed(store: MessageStore, destination: string, max = 10_000): Promise<Got[]> {
  return messagesIn(await store.claim(destination, max));
}

export const textsOf = (messages: readonly Got[]): string[] => messages.map(message => message.text);
