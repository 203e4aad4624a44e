import { and, desc, eq, gte, inArray, lte, or, sql, type SQL } from 'drizzle-orm';
import type { PublicIds } from '../../actors/message/id.ts';
import { Fate } from '../../actors/message/ledger.ts';
import type { Match, Place } from '../../actors/ports.ts';
import type { Database } from '../../drizzle/db.ts';
import { messages, receipts } from '../../drizzle/schema/archive.ts';
import { archivedMessage, type ArchivedMessage } from './archive-reader.ts';
import { dayText, pgDay } from './copy-encoder.ts';
import { within } from './within.ts';

/** Connections of lists, and how long one of their statements may take: others do not wait for them. */
export const LIST_LIMITS = { max: 2, statementTimeoutMs: 4000 } as const;

/** Messages that match, newest first. */
export interface ArchivedPage {
  readonly rows: readonly ArchivedMessage[];
  /** It ended here, with enough or after enough work; `Match.before` goes on from here. undefined: there is no more. */
  readonly until: Place | undefined;
}

export interface ListerClock {
  /** ms since 1970. */
  readonly nowMs: () => number;
  readonly monotonicMs: () => number;
}

type Row = typeof messages.$inferSelect;

/** All of a page, with the time that it waits for a connection. */
const DEADLINE_MS = 12_000;
/** After this no further statement is begun. */
const WORK_MS = 2000;
/** How far back the first statement looks, and how much farther each looks than the one before. */
const FIRST_SPAN_MS = 1000;
const WIDER = 8;
/** Rows of one statement, and octets of text after which a page ends. */
const ROWS_AT_ONCE = 250;
const MOST_OCTETS = 2 * 1024 * 1024;
/** Another node's clock may be ahead. */
const AHEAD_MS = 3_600_000;

/**
 * Lists from the archive. There is no index but one of the time of acceptance that costs the writer nothing (migration
 * 0004): so it goes back in time in steps, each one statement over a window, and ends when it has enough or has worked long
 * enough.
 */
export class ArchiveLister {
  readonly #db: Database;
  readonly #ids: PublicIds;
  readonly #clock: ListerClock;

  constructor(db: Database, ids: PublicIds, clock: ListerClock) {
    this.#db = db;
    this.#ids = ids;
    this.#clock = clock;
  }

  /**
   * @param from accepted then or later, ms since 1970
   * @throws the driver's errors, and an error when the database does not answer in time
   */
  page(match: Match, from: number, limit: number): Promise<ArchivedPage> {
    return within(DEADLINE_MS, this.#page(match, from, limit));
  }

  /** The rows of messages that lie there, in no order. @throws as `page` */
  at(places: readonly Place[]): Promise<readonly ArchivedMessage[]> {
    return within(DEADLINE_MS, this.#at(places));
  }

  async #page(match: Match, from: number, limit: number): Promise<ArchivedPage> {
    const { nowMs, monotonicMs } = this.#clock;
    const now = nowMs();
    const end = monotonicMs() + WORK_MS;
    const rows: ArchivedMessage[] = [];
    let octets = 0;
    const start = match.before ?? { at: now + AHEAD_MS, id: 0 };
    let before = start;
    let span = FIRST_SPAN_MS;
    for (;;) {
      const low = Math.max(from, Math.min(now, before.at) - span);
      const wanted = Math.min(limit - rows.length, ROWS_AT_ONCE);
      let more: ArchivedMessage[];
      try {
        more = await this.#window(match, low, before, wanted);
      } catch (error) {
        // Too much for one statement; the next request begins with a small window again.
        if (isTimeout(error) && before !== start) return { rows, until: before };
        throw error;
      }
      for (const row of more) octets += (row.text?.length ?? 0) + (row.body?.length ?? 0) + (row.tlvs?.length ?? 0);
      rows.push(...more);
      if (rows.length >= limit || octets >= MOST_OCTETS) return { rows, until: this.#placeOf(rows.at(-1)!) };
      if (more.length === wanted) before = this.#placeOf(more.at(-1)!);
      else {
        if (low <= from) return { rows, until: undefined };
        before = { at: low, id: 0 };
        span *= WIDER;
      }
      if (monotonicMs() >= end) return { rows, until: before };
    }
  }

  async #window(match: Match, low: number, before: Place, limit: number): Promise<ArchivedMessage[]> {
    const found = this.#db.select().from(messages);
    const rows = await found
      .where(
        and(
          gte(messages.day, dayText(pgDay(low))),
          lte(messages.day, dayText(pgDay(before.at))),
          gte(messages.acceptedAt, new Date(low)),
          lte(messages.acceptedAt, new Date(before.at)),
          sql`(${messages.acceptedAt}, ${messages.address}) < (${instant(before.at)}, ${before.id}::bigint)`,
          ...conditions(match),
        ),
      )
      .orderBy(desc(messages.acceptedAt), desc(messages.address))
      .limit(limit);
    return this.#withReceipts(rows);
  }

  async #at(places: readonly Place[]): Promise<readonly ArchivedMessage[]> {
    const found = this.#db.select().from(messages);
    const days = [...new Set(places.map(({ at }) => dayText(pgDay(at))))];
    const addresses = places.map(({ id }) => id);
    return this.#withReceipts(
      await found.where(and(inArray(messages.day, days), inArray(messages.address, addresses))),
    );
  }

  /** Late receipts are of messages that were archived as sent. */
  async #withReceipts(rows: readonly Row[]): Promise<ArchivedMessage[]> {
    const sent = rows.filter(({ fate }) => fate === Fate.sent);
    if (sent.length === 0) return rows.map(row => archivedMessage(row, undefined));
    const days = [...new Set(sent.map(({ day }) => day))];
    const addresses = sent.map(({ address }) => address);
    const found = this.#db.select().from(receipts);
    const late = await found.where(and(inArray(receipts.day, days), inArray(receipts.address, addresses)));
    const byAddress = new Map(late.map(receipt => [receipt.address, receipt]));
    return rows.map(row => archivedMessage(row, byAddress.get(row.address)));
  }

  #placeOf({ acceptedAt, id }: ArchivedMessage): Place {
    return { at: acceptedAt.getTime(), id: this.#ids.fromPublic(id) };
  }
}

function conditions({ account, destination, visibleTo, source, dest, fate }: Match): (SQL | undefined)[] {
  return [
    account === undefined ? undefined : eq(messages.account, account),
    destination === undefined ? undefined : eq(messages.destination, destination),
    visibleTo === undefined ? undefined : or(eq(messages.account, visibleTo), eq(messages.destination, visibleTo)),
    source === undefined ? undefined : eq(messages.sourceAddr, source),
    dest === undefined ? undefined : eq(messages.destAddr, dest),
    fate === undefined ? undefined : sql`${lastFate} = ${fate}`,
  ];
}

/** `receipts` is asked about those alone that it may have something of. */
const lastFate = sql`CASE WHEN ${messages.fate} = ${sql.raw(String(Fate.sent))} THEN coalesce(
  (SELECT ${receipts.fate} FROM ${receipts} WHERE ${receipts.address} = ${messages.address} AND ${receipts.day} = ${messages.day}),
  ${messages.fate}) ELSE ${messages.fate} END`;

const instant = (ms: number): SQL => sql`${new Date(ms).toISOString()}::timestamptz`;

/** SQLSTATE 57014, query_canceled: `statement_timeout`. drizzle wraps the driver's error. */
function isTimeout(error: unknown): boolean {
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } };
  return code === '57014' || cause?.code === '57014';
}
