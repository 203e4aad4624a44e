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

/** Where the counters are not what the rows sum up to, by status: a line each. */
export async function countersWrong(url: string): Promise<string[]> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    // One statement sees one moment.
    const rows = await sql<{ status: string; rows: number; counted: number }[]>`
      SELECT status, coalesce(r.rows, 0) AS rows, coalesce(c.counted, 0) AS counted
      FROM (SELECT status, count(*)::int AS rows FROM message_fates GROUP BY status) r
      FULL JOIN (SELECT status, sum(count)::int AS counted FROM message_counts GROUP BY status) c USING (status)`;
    return rows
      .filter(row => row.rows !== row.counted)
      .map(row => `the archive counts ${row.counted} ${row.status} and has ${row.rows} rows of them`);
  } finally {
    await sql.end();
  }
}
