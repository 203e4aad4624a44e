import postgres from 'postgres';
import type { ArchivedTimes } from './verdict.ts';

/**
 * How often each message of one load is in the archive, by the number its text begins with.
 *
 * @param url of a Postgres over TCP @param source the sender that the load gave
 */
export async function readArchive(url: string, source: string): Promise<ArchivedTimes> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    const times = new Map<number, number>();
    const rows = sql<{ number: string; times: number }[]>`
      SELECT substr(text, 2, 10) AS number, count(*)::int AS times FROM messages 
      WHERE kind = 0 AND source_addr = ${source} AND text LIKE 'M%' GROUP BY 1`;
    for await (const some of rows.cursor(10_000)) for (const row of some) times.set(Number(row.number), row.times);
    return times;
  } finally {
    await sql.end();
  }
}
