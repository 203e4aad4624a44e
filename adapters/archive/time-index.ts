import postgres from 'postgres';
import { createdAtOf } from '../../actors/message/batch.ts';
import type { OutboxItem } from '../../actors/ports.ts';
import type { Session } from '../../drizzle/session.ts';
import { pgDay } from './copy-encoder.ts';
import { partitionName } from './partitions.ts';

/** What is newer than this is looked through without an index. */
const EVERY_MS = 10_000;
/** A vacuum that is at it does the same work: the writer does not wait for it. */
const LOCK_TIMEOUT = '50ms';

/**
 * Keeps the index of times (migration 0004) up with what is written: PostgreSQL leaves new pages out until somebody says so,
 * and its autovacuum says so late, and too seldom under load. It reads them once, while they are in memory.
 */
export class TimeIndex {
  readonly #monotonic: () => number;
  readonly #days = new Set<number>();
  #keptAt: number;

  /** @param monotonic ms */
  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
    this.#keptAt = monotonic();
  }

  /** These are in the database now. */
  written(items: readonly OutboxItem[]): void {
    for (const { batch } of items) {
      const createdAt = createdAtOf(batch);
      if (!Number.isNaN(createdAt)) this.#days.add(pgDay(createdAt));
    }
  }

  /** Takes up what was written, when it is time to. @throws when the connection is lost */
  async keep(session: Session): Promise<void> {
    const now = this.#monotonic();
    if (this.#days.size === 0 || now - this.#keptAt < EVERY_MS) return;
    this.#keptAt = now;
    const partitions = JSON.stringify([...this.#days].map(day => partitionName('messages', day)));
    try {
      await session.transaction(async tx => {
        await tx.unsafe(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
        await tx`
          SELECT brin_summarize_new_values(i.indexrelid) FROM pg_inherits h
          JOIN pg_index i ON i.indexrelid = h.inhrelid JOIN pg_class c ON c.oid = i.indrelid
          WHERE h.inhparent = 'messages_accepted_at'::regclass
            AND c.relname IN (SELECT json_array_elements_text(${partitions}::json))`;
      });
      this.#days.clear();
    } catch (error) {
      // Locked, or its time was over: lists take longer until the next time.
      if (!(error instanceof postgres.PostgresError) || error.severity !== 'ERROR') throw error;
    }
  }
}
