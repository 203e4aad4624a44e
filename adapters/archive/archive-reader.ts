import { and, desc, eq, gte, lt, type SQL } from 'drizzle-orm';
import { batchNumberOf, notBefore, type PublicIds } from '../../actors/message/id.ts';
import { FATE_NAMES } from '../../actors/message/ledger.ts';
import { Kind } from '../../actors/message/record.ts';
import type { Database } from '../../drizzle/db.ts';
import { messages, receipts } from '../../drizzle/schema/archive.ts';
import { dayText, pgDay } from './copy-encoder.ts';
import { within } from './within.ts';

type Row = typeof messages.$inferSelect;
type LateReceipt = Pick<typeof receipts.$inferSelect, 'fate' | 'doneAt' | 'error'>;

/** An archived message with its final state. Times are Dates; what does not apply, or was not kept, is null. */
export type ArchivedMessage = Omit<Row, 'address' | 'day' | 'kind' | 'receiptAs'> & {
  readonly kind: 'mt' | 'mo';
  /** The name of `fate` (`actors/message/ledger.ts`). */
  readonly status: string;
};

const DEADLINE_MS = 10_000;

/** Look-ups in the archive. */
export class ArchiveReader {
  readonly #db: Database;
  readonly #ids: PublicIds;

  constructor(db: Database, ids: PublicIds) {
    this.#db = db;
    this.#ids = ids;
  }

  /**
   * The message that customers know by `publicId`; undefined when the archive has none.
   * @throws the driver's errors, and an error when the database does not answer within 10 s
   */
  find(publicId: number): Promise<ArchivedMessage | undefined> {
    return within(DEADLINE_MS, this.#find(this.#ids.fromPublic(publicId)));
  }

  /**
   * The id tells about when its batch got its number, and from then on the days are few. That is no promise, so the others
   * are looked through too: newest first, one index probe each, with 90 of them some 15 ms of planning.
   */
  async #find(address: number): Promise<ArchivedMessage | undefined> {
    const day = dayText(pgDay(notBefore(batchNumberOf(address))) - 1);
    const row = (await this.#row(address, gte(messages.day, day))) ?? (await this.#row(address, lt(messages.day, day)));
    return row && this.#withReceipt(row);
  }

  async #row(address: number, days: SQL): Promise<Row | undefined> {
    const found = this.#db.select().from(messages);
    const [row] = await found
      .where(and(eq(messages.address, address), days))
      .orderBy(desc(messages.day))
      .limit(1);
    return row;
  }

  async #withReceipt(row: Row): Promise<ArchivedMessage> {
    const found = this.#db.select().from(receipts);
    const [late] = await found.where(and(eq(receipts.address, row.address), eq(receipts.day, row.day)));
    return archivedMessage(row, late);
  }
}

/** @param late its receipt, when that came after its row was written */
export function archivedMessage(row: Row, late: LateReceipt | undefined): ArchivedMessage {
  const { address: _, day: __, kind, receiptAs: ___, ...message } = row;
  if (late) {
    message.fate = late.fate;
    message.doneAt = late.doneAt;
    message.error = late.error;
  }
  const status = FATE_NAMES[message.fate] ?? String(message.fate);
  return { ...message, kind: kind === Kind.mo ? 'mo' : 'mt', status };
}
