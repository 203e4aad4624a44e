import { and, asc, eq, gte, isNull, lt, lte, or, sql } from 'drizzle-orm';
import type { RepushedReceipt, RepushRange, RepushState } from '../../actors/receipt/repush.ts';
import type { Fate } from '../../actors/message/ledger.ts';
import { Kind } from '../../actors/message/record.ts';
import type { Database } from '../../drizzle/db.ts';
import { messages, receiptRuns, receipts } from '../../drizzle/schema/archive.ts';
import { dayText, pgDay } from './copy-encoder.ts';
import { within } from './within.ts';

/** What looks through days of messages may take as long as the connection lets it. */
const DEADLINE_MS = 40_000;
/** How long after its holder was heard of last another node may go on with a run, s. */
const TAKEN_AFTER_S = 60;

/** A run as the database has it. */
export interface ReceiptRun extends RepushState {
  /** Somebody else is at it. */
  readonly taken: boolean;
  /** All before this address are done. */
  readonly next: number;
}

/**
 * Runs of receipts that are sent again (migration 0003), and the receipts themselves. Each call is one statement, or two
 * of which the first changes nothing when it is repeated.
 *
 * @throws the driver's errors, and an error when the database does not answer in time
 */
export class ReceiptRuns {
  readonly #db: Database;
  readonly #holder: string;

  /** @param holder this node */
  constructor(db: Database, holder: string) {
    this.#db = db;
    this.#holder = holder;
  }

  /** The run of that name, made when there is none, held by this node unless somebody else is at it. */
  begin(run: string, { account, from, to }: RepushRange): Promise<ReceiptRun> {
    return within(DEADLINE_MS, this.#begin(run, account, new Date(from), new Date(to)));
  }

  find(run: string): Promise<ReceiptRun | undefined> {
    return within(DEADLINE_MS, this.#find(run));
  }

  /** This node is still at it. @returns false: it is not its any more */
  async hold(run: string): Promise<boolean> {
    return this.#change(run, { heardAt: sql`now()` });
  }

  /** So many more have been pushed, all before `next` are done. @returns false: the run is not this node's any more */
  advance(run: string, next: number, pushed: number, isDone: boolean): Promise<boolean> {
    return this.#change(run, {
      nextAddress: next,
      pushed: sql`${receiptRuns.pushed} + ${pushed}`,
      heardAt: sql`now()`,
      ...(isDone ? { doneAt: sql`now()` } : {}),
    });
  }

  /**
   * The final receipts of a range, in the order in which their messages were accepted, from an address on.
   *
   * @param range by when the last fate was known; from inclusive, to exclusive
   * @param reachMs how long before it a message may have been accepted
   */
  receipts(range: RepushRange, next: number, limit: number, reachMs: number): Promise<RepushedReceipt[]> {
    return within(DEADLINE_MS, this.#receipts(range, next, limit, reachMs));
  }

  async #begin(run: string, account: string, fromAt: Date, toAt: Date): Promise<ReceiptRun> {
    const holder = this.#holder;
    await this.#db.insert(receiptRuns).values({ run, account, fromAt, toAt, holder }).onConflictDoNothing();
    await this.#db
      .update(receiptRuns)
      .set({ holder, heardAt: sql`now()` })
      .where(
        and(
          eq(receiptRuns.run, run),
          isNull(receiptRuns.doneAt),
          or(
            eq(receiptRuns.holder, holder),
            lt(receiptRuns.heardAt, sql`now() - make_interval(secs => ${TAKEN_AFTER_S})`),
          ),
        ),
      );
    return (await this.#find(run))!;
  }

  async #find(name: string): Promise<ReceiptRun | undefined> {
    const [row] = await this.#db.select().from(receiptRuns).where(eq(receiptRuns.run, name));
    if (!row) return undefined;
    const { run, account, fromAt, toAt, doneAt, nextAddress, pushed, holder } = row;
    return {
      run,
      account,
      from: fromAt.getTime(),
      to: toAt.getTime(),
      pushed,
      done: doneAt !== null,
      next: nextAddress,
      taken: doneAt === null && holder !== this.#holder,
    };
  }

  async #change(run: string, values: Parameters<ReturnType<Database['update']>['set']>[0]): Promise<boolean> {
    const changed = this.#db
      .update(receiptRuns)
      .set(values)
      .where(and(eq(receiptRuns.run, run), eq(receiptRuns.holder, this.#holder), isNull(receiptRuns.doneAt)))
      .returning({ run: receiptRuns.run });
    return (await within(DEADLINE_MS, Promise.resolve(changed))).length > 0;
  }

  async #receipts(range: RepushRange, next: number, limit: number, reachMs: number): Promise<RepushedReceipt[]> {
    const fate = sql<number>`coalesce(${receipts.fate}, ${messages.fate})`;
    const at = sql`coalesce(${receipts.doneAt}, ${messages.doneAt}, ${messages.settledAt})`;
    const asked = sql`${messages.registeredDelivery} & 3`;
    const rows = await this.#db
      .select({
        address: messages.address,
        acceptedAt: messages.acceptedAt,
        doneAt: sql<string>`(extract(epoch from ${at}) * 1000)::bigint`,
        fate,
        error: sql<
          string | null
        >`case when ${receipts.address} is null then ${messages.error} else ${receipts.error} end`,
        source: messages.sourceAddr,
        sourceTon: messages.sourceTon,
        sourceNpi: messages.sourceNpi,
        dest: messages.destAddr,
        destTon: messages.destTon,
        destNpi: messages.destNpi,
        text: sql<string | null>`left(${messages.text}, 20)`,
        as: messages.receiptAs,
      })
      .from(messages)
      .leftJoin(receipts, and(eq(receipts.address, messages.address), eq(receipts.day, messages.day)))
      .where(
        and(
          gte(messages.day, dayText(pgDay(range.from - reachMs))),
          lte(messages.day, dayText(pgDay(range.to))),
          gte(messages.address, next),
          eq(messages.account, range.account),
          eq(messages.kind, Kind.mt),
          sql`${messages.receiptAs} >= 0`,
          sql`${at} >= ${new Date(range.from).toISOString()}::timestamptz`,
          sql`${at} < ${new Date(range.to).toISOString()}::timestamptz`,
          // Final states (SMPP v3.4 §5.2.28) of which registered_delivery (§5.2.17) asks for a receipt.
          sql`${fate} between 2 and 8`,
          sql`(${asked} = 1 or (${asked} = 2 and ${fate} <> 2) or (${asked} = 3 and ${fate} = 2))`,
        ),
      )
      .orderBy(asc(messages.address))
      .limit(limit);
    return rows.map(row => ({
      id: row.address,
      as: row.as ?? 0,
      submittedAt: row.acceptedAt.getTime(),
      doneAt: Number(row.doneAt),
      fate: row.fate as Fate,
      error: Number(row.error ?? 0),
      source: { digits: row.source, ton: row.sourceTon, npi: row.sourceNpi },
      dest: { digits: row.dest, ton: row.destTon, npi: row.destNpi },
      text: row.text ?? '',
    }));
  }
}
