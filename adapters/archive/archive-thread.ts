import postgres from 'postgres';
import type { PublicIds } from '../../actors/message/id.ts';
import { createdAtOf } from '../../actors/message/batch.ts';
import type { MessageStore, OutboxItem } from '../../actors/ports.ts';
import { shownUrl } from '../../drizzle/connect.ts';
import { migrate, NewerDatabaseError } from '../../drizzle/migrate.ts';
import { Session } from '../../drizzle/session.ts';
import type { ArchiveLog } from './archive-log.ts';
import { ArchiveWriter, type ChunkResult } from './archive-writer.ts';
import type { DecodeText } from './message-row.ts';
import { Partitions } from './partitions.ts';
import type { Patience } from './patience.ts';
import { Pressure } from './pressure.ts';
import { TimeIndex } from './time-index.ts';
import { Upkeep } from './upkeep.ts';
import { within } from './within.ts';

/**
 * The archive's loop: from the store's outbox to Postgres, and "archived" back. It never slows messages: while the
 * database is away it waits, longer each time, and the outbox (bounded by the store) grows.
 */
export interface ArchiveDeps {
  readonly store: Pick<MessageStore, 'outbox' | 'archived' | 'outboxFailed'>;
  /** As `drizzle/connect.ts` takes it. */
  readonly databaseUrl: string;
  readonly ids: PublicIds;
  readonly decode: DecodeText;
  /** ms since 1970, for partitions and retention. */
  readonly nowMs: () => number;
  /** ms that never go back: by them a jump of `nowMs` is known. */
  readonly monotonicMs: () => number;
  readonly log: ArchiveLog;
  /** Days that messages are kept, today included: 1 or more. */
  readonly retentionDays: number;
  /** The same for minute counters. */
  readonly countsDays: number;
  /** False: the disk is needed for messages (`EmbeddedPostgres.hasRoom`). Absent: a server's disk is its own affair. */
  readonly hasRoom?: () => Promise<boolean>;
  /** When to put work off for traffic's sake. Absent: never. */
  readonly patience?: Patience;
  /**
   * Gives the database's process that writes the rows what traffic leaves of the cores, or, where the archive falls behind with
   * that, a share of its own. Called whenever one of them changes, and at each chunk again while it returns false: it could not.
   * Absent: the database has cores of its own.
   */
  readonly share?: (backendPid: number, isPressed: boolean) => boolean;
  /** For one chunk, in case the server is there but silent; 60,000 when absent. */
  readonly chunkDeadlineMs?: number;
  /** The database belongs to a newer release: nothing was changed, and nothing will be archived. */
  readonly onNewerDatabase: (error: NewerDatabaseError) => void;
}

export interface ArchiveStats {
  readonly state: 'starting' | 'up' | 'down';
  /** Since the start: rows of messages, late receipts, transactions. */
  readonly messages: number;
  readonly receipts: number;
  readonly chunks: number;
  /** Batches archived before with another body; batches that could not be written and stay in the store. */
  readonly conflicts: number;
  readonly refused: number;
  /** Age, when it was committed, of the oldest batch of the last chunk, ms. */
  readonly lagMs: number;
  /** What is wrong now; '' when nothing is. */
  readonly problem: string;
}

export interface Archive {
  stats(): ArchiveStats;
  /** Finishes the chunk under way, unless that takes longer than `deadlineMs`, and closes its connections. */
  stop(deadlineMs: number): Promise<void>;
}

/**
 * Messages in one transaction: enough to make its fixed cost small, 3 MB of WAL at 680 octets each. Messages wait behind such a
 * burst: Postgres takes a core for it, and flushes it. At half of the full load the slowest hundredth of the answers took 35 ms
 * with 16,384, 30 ms with 8,192, 27 ms with this.
 */
const CHUNK_MESSAGES = 4_096;
/** The same when the archive is behind: workers that are busy answer once a turn, and a turn takes long. */
const PRESSED_CHUNK_MESSAGES = 16_384;
/**
 * Asked of the store at once: it copies them between two commits, a few milliseconds' work. A quarter of a pressed chunk, and
 * workers that are busy give less than comes in.
 */
const SLICE_MESSAGES = 8_192;
/** Told to the store at once. */
const SLICE_BATCHES = 64;
/** A chunk smaller than this is followed by a pause, so that the next is larger. */
const SMALL_CHUNK = 1_024;
const PAUSE_MS = 100;
const IDLE_MS = 200;
const STATEMENT_TIMEOUT_MS = 30_000;
const CHUNK_DEADLINE_MS = 60_000;
const BACKOFF_MS = 500;
const BACKOFF_MAX_MS = 10_000;

export function startArchive(deps: ArchiveDeps): Archive {
  const loop = new ArchiveLoop(deps);
  const ended = loop.run();
  return {
    stats: () => loop.stats(),
    stop: deadlineMs => loop.stop(ended, deadlineMs),
  };
}

class ArchiveLoop {
  readonly #deps: ArchiveDeps;
  readonly #deadlineMs: number;
  readonly #stopping = new AbortController();
  #session: Session | undefined;
  #partitions: Partitions | undefined;
  #writer: ArchiveWriter | undefined;
  readonly #times = new TimeIndex(() => performance.now());
  #state: ArchiveStats['state'] = 'starting';
  #problem = '';
  #failures = 0;
  readonly #upkeep: Upkeep;
  readonly #pressure: Pressure;
  #backendPid = 0;
  #isShared = true;
  /** The next chunk, gathered while the database works at the one before. */
  #ahead: Promise<OutboxItem[]> | undefined;
  #messages = 0;
  #receipts = 0;
  #chunks = 0;
  #conflicts = 0;
  #refused = 0;
  #lagMs = 0;

  constructor(deps: ArchiveDeps) {
    this.#deps = deps;
    this.#deadlineMs = deps.chunkDeadlineMs ?? CHUNK_DEADLINE_MS;
    this.#upkeep = new Upkeep(deps);
    this.#pressure = new Pressure(deps.monotonicMs, () => this.#shareCores());
  }

  stats(): ArchiveStats {
    return {
      state: this.#state,
      messages: this.#messages,
      receipts: this.#receipts,
      chunks: this.#chunks,
      conflicts: this.#conflicts,
      refused: this.#refused,
      lagMs: this.#lagMs,
      problem: this.#problem,
    };
  }

  async stop(ended: Promise<void>, deadlineMs: number): Promise<void> {
    this.#stopping.abort();
    const hurry = setTimeout(() => void this.#disconnect(), deadlineMs);
    await ended;
    clearTimeout(hurry);
    await this.#disconnect();
  }

  /** Ends when stopped, or when the database is a newer release's. Never rejects. */
  async run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      let wait = 0;
      try {
        await this.#ready();
        const isPatient = this.#state === 'up' && this.#deps.patience?.waits() === true;
        const written = isPatient ? 0 : await this.#chunk();
        this.#up();
        if (written === 0) wait = IDLE_MS;
        else if (written < SMALL_CHUNK) wait = PAUSE_MS;
        if (!isPatient) await within(this.#deadlineMs, this.#times.keep(this.#session!));
      } catch (error) {
        if (error instanceof NewerDatabaseError) return this.#newer(error);
        wait = await this.#failed(error);
      }
      if (wait > 0) await pause(wait, signal);
    }
    await this.#giveBack();
  }

  /** Connected, migrated, partitions made, old ones dropped. */
  async #ready(): Promise<void> {
    const { databaseUrl, ids, decode, log } = this.#deps;
    if (!this.#writer) {
      if (this.#state === 'starting') {
        const { from, to } = await migrate(databaseUrl);
        if (from !== to) log.info({ from, to }, 'database migrated');
      }
      this.#session = new Session(databaseUrl, {
        applicationName: 'heliograph archive',
        statementTimeoutMs: STATEMENT_TIMEOUT_MS,
      });
      this.#partitions = new Partitions(this.#session);
      this.#writer = new ArchiveWriter(this.#session, this.#partitions, ids, decode);
      this.#backendPid = await within(this.#deadlineMs, this.#session.backendPid());
      this.#shareCores();
    }
    const due = this.#upkeep.due();
    if (due === undefined) return;
    const { nowMs: now, mayDrop } = due;
    await within(this.#deadlineMs, this.#partitions!.ensureAhead(now));
    this.#upkeep.done(due);
    if (mayDrop) await this.#dropOld(now);
    else log.warn({}, 'the wall clock has jumped: what retention says by the new time is looked at in an hour');
  }

  async #dropOld(now: number): Promise<void> {
    const { retentionDays, countsDays, log } = this.#deps;
    try {
      const dropped = await within(this.#deadlineMs, this.#partitions!.dropOld(now, retentionDays, countsDays));
      if (dropped.length > 0) log.info({ days: dropped }, 'days dropped from the archive: their retention is over');
    } catch (error) {
      if (!(error instanceof postgres.PostgresError)) throw error;
      // Mostly a report that holds a lock: no reason not to write.
      log.warn({ problem: nameError(error) }, 'old days could not be dropped from the archive: tried again in an hour');
    }
  }

  get #chunkMessages(): number {
    return this.#pressure.isPressed ? PRESSED_CHUNK_MESSAGES : CHUNK_MESSAGES;
  }

  #shareCores(): void {
    this.#isShared = this.#deps.share?.(this.#backendPid, this.#pressure.isPressed) ?? true;
  }

  /** Writes what the outbox has, up to a chunk. Returns the messages that were in it. */
  async #chunk(): Promise<number> {
    const { store, nowMs, hasRoom } = this.#deps;
    if (hasRoom && !(await hasRoom())) throw new Error('the data volume is nearly full: what is left is for messages');
    const ahead = this.#ahead;
    this.#ahead = undefined;
    const items = await (ahead ?? this.#gather());
    const isFull = messagesIn(items) >= this.#chunkMessages;
    this.#pressure.saw(isFull);
    if (!this.#isShared) this.#shareCores();
    if (items.length === 0) return 0;
    if (isFull) {
      this.#ahead = this.#gather();
      // Whoever takes it hears of it.
      this.#ahead.catch(() => undefined);
    }
    try {
      const result = await within(this.#deadlineMs, this.#writer!.write(items));
      this.#account(result);
      this.#times.written(items);
      const refused = new Set(result.refused.map(r => r.number));
      // What was refused stays with the store: given out again at its next start, never lost.
      const done = refused.size === 0 ? items : items.filter(item => !refused.has(item.number));
      for (let i = 0; i < done.length; i += SLICE_BATCHES) {
        await store.archived(done.slice(i, i + SLICE_BATCHES).map(({ number, due }) => ({ number, due })));
      }
    } catch (error) {
      await store.outboxFailed(items.map(item => item.number));
      throw error;
    }
    this.#lagMs = Math.max(0, nowMs() - oldest(items));
    return messagesIn(items);
  }

  /** Up to a chunk of what the outbox has. */
  async #gather(): Promise<OutboxItem[]> {
    const items: OutboxItem[] = [];
    for (let messages = 0; messages < this.#chunkMessages;) {
      const slice = await this.#deps.store.outbox(Math.min(SLICE_MESSAGES, this.#chunkMessages));
      if (slice.length === 0) break;
      items.push(...slice);
      messages += messagesIn(slice);
    }
    return items;
  }

  /** What was gathered and will not be written. */
  async #giveBack(): Promise<void> {
    const items = await (this.#ahead ?? Promise.resolve([])).catch(() => []);
    this.#ahead = undefined;
    if (items.length > 0) await this.#deps.store.outboxFailed(items.map(item => item.number)).catch(() => undefined);
  }

  #account(result: ChunkResult): void {
    const { log } = this.#deps;
    this.#chunks++;
    this.#messages += result.messages;
    this.#receipts += result.receipts;
    this.#conflicts += result.conflicts.length;
    this.#refused += result.refused.length;
    if (result.conflicts.length > 0) {
      log.error({ batches: result.conflicts }, 'batch numbers used twice: the archive keeps what it had under them');
    }
    for (const { number, reason } of result.refused) {
      log.error({ batch: number, reason }, 'batch cannot be archived: it stays in the message store');
    }
  }

  #up(): void {
    if (this.#state !== 'up') this.#deps.log.info({ database: shownUrl(this.#deps.databaseUrl) }, 'archive is up');
    this.#state = 'up';
    this.#problem = '';
    this.#failures = 0;
  }

  /** Starts anew with another connection; returns how long to wait before. */
  async #failed(error: unknown): Promise<number> {
    await this.#disconnect();
    if (this.#stopping.signal.aborted) return 0;
    const wait = Math.min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** this.#failures++);
    const problem = nameError(error);
    // One line when it goes down or the reason changes, not one a retry.
    if (problem !== this.#problem) this.#deps.log.warn({ problem, retryMs: wait }, 'archive is down; messages flow');
    if (this.#state === 'up') this.#state = 'down';
    this.#problem = problem;
    return wait;
  }

  async #disconnect(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    this.#writer = undefined;
    this.#partitions = undefined;
    await session?.end(0);
  }

  #newer(error: NewerDatabaseError): void {
    this.#state = 'down';
    this.#problem = error.message;
    this.#deps.onNewerDatabase(error);
  }
}

/** Never a statement's values: an error's message can quote a message's text. */
function nameError(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (/^(22|23)/.test(code)) return `SQLSTATE ${code}`;
  return code === '' ? error.message : `${code}: ${error.message}`;
}

function oldest(items: readonly OutboxItem[]): number {
  let at = Infinity;
  for (const { batch } of items) {
    const createdAt = createdAtOf(batch);
    if (createdAt < at) at = createdAt;
  }
  return at;
}

const messagesIn = (items: readonly OutboxItem[]): number => items.reduce((sum, { due }) => sum + ones(due), 0);

function ones(bits: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bits.length; i++) sum += bits[i]!;
  return sum;
}

/** Resolves after `ms`, or at once when `signal` fires. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}
