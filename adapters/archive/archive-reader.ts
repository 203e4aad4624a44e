import { desc, eq } from 'drizzle-orm';
import type { PublicIds } from '../../actors/message/id.ts';
import type { Database } from '../../drizzle/db.ts';
import { messageFates } from '../../drizzle/schema/archive.ts';
import { within } from './within.ts';

/** An archived message with its final state. Times are Dates; what does not apply, or was not kept, is null. */
export type ArchivedMessage = Omit<typeof messageFates.$inferSelect, 'address' | 'day'>;

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
   * The message that customers know by `publicId`; undefined when the archive has none. The id does not tell the day: the
   * days are looked through from the newest, one index probe each, and the first that has it ends the search.
   * @throws the driver's errors
   */
  async find(publicId: number): Promise<ArchivedMessage | undefined> {
    const address = this.#ids.fromPublic(publicId);
    const query = this.#db
      .select()
      .from(messageFates)
      .where(eq(messageFates.address, address))
      .orderBy(desc(messageFates.day))
      .limit(1);
    const [row] = await within(DEADLINE_MS, query.execute());
    if (!row) return undefined;
    const { address: _address, day: _day, ...message } = row;
    return message;
  }
}
