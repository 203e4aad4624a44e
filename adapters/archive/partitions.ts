import type { Session } from '../../drizzle/session.ts';
import { dayText, pgDay } from './copy-encoder.ts';

/** Tables partitioned by the day of the message. */
const PARTITIONED = ['messages', 'batches', 'receipts'] as const;
const AHEAD_DAYS = 2;
/** Dropping a partition locks the whole table: rather tried again later than others kept waiting. */
const LOCK_TIMEOUT = '2s';
/** Any constant: one node at a time changes partitions. */
const LOCK = 7_241_083_356;

/** Day partitions: made ahead and on demand, dropped when their days are over. Days are `pgDay`s. */
export class Partitions {
  readonly #session: Session;
  readonly #known = new Set<number>();

  constructor(session: Session) {
    this.#session = session;
  }

  /** Makes the partitions of these days, unless it did so before. */
  async ensure(days: Iterable<number>): Promise<void> {
    const missing = [...new Set(days)].filter(day => !this.#known.has(day));
    if (missing.length === 0) return;
    await this.#session.transaction(async tx => {
      await tx.unsafe(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
      await tx`SELECT pg_advisory_xact_lock(${LOCK})`;
      for (const day of missing) {
        for (const table of PARTITIONED) {
          const [present] = await tx`SELECT to_regclass(${partitionName(table, day)}) IS NOT NULL AS is`;
          if (present?.['is'] === true) continue;
          // Attached, not made as a partition: that would wait for every report, and every report for it.
          await tx.unsafe(`CREATE TABLE ${partitionName(table, day)} (LIKE ${table} INCLUDING DEFAULTS)`);
          await tx.unsafe(
            `ALTER TABLE ${table} ATTACH PARTITION ${partitionName(table, day)} ` +
              `FOR VALUES FROM ('${dayText(day)}') TO ('${dayText(day + 1)}')`,
          );
        }
      }
    });
    for (const day of missing) this.#known.add(day);
  }

  /** Yesterday to the day after tomorrow. */
  async ensureAhead(nowMs: number): Promise<void> {
    const today = pgDay(nowMs);
    const days = Array.from({ length: AHEAD_DAYS + 2 }, (_, i) => today - 1 + i);
    await this.ensure(days);
  }

  /**
   * Drops the days before the last `retentionDays` (today included) and the counters before the last `countsDays`.
   * Returns the days dropped, oldest first.
   */
  async dropOld(nowMs: number, retentionDays: number, countsDays: number): Promise<readonly string[]> {
    const today = pgDay(nowMs);
    const rows = await this.#session.sql<{ name: string }[]>`
      SELECT c.relname AS name FROM pg_inherits i
      JOIN pg_class c ON c.oid = i.inhrelid
      WHERE i.inhparent IN (${PARTITIONED[0]}::regclass, ${PARTITIONED[1]}::regclass, ${PARTITIONED[2]}::regclass)`;
    const keepFrom = `_${dayText(today - retentionDays + 1).replaceAll('-', '')}`;
    const old = rows.filter(({ name }) => name.slice(-9) < keepFrom).map(({ name }) => name);
    old.sort((a, b) => a.slice(-9).localeCompare(b.slice(-9)));
    for (const name of old) {
      await this.#session.transaction(async tx => {
        await tx.unsafe(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
        await tx.unsafe(`DROP TABLE IF EXISTS ${name}`);
      });
    }
    this.forget();
    await this.#session.sql`DELETE FROM message_counts WHERE minute < ${dayText(today - countsDays + 1)}::date`;
    return [...new Set(old.map(name => name.slice(-8)))];
  }

  /** Looks again before the next write: another node may have dropped some. */
  forget(): void {
    this.#known.clear();
  }
}

/** `messages_20261121`; the day last, so that names can be compared. */
export const partitionName = (table: string, day: number): string => `${table}_${dayText(day).replaceAll('-', '')}`;
