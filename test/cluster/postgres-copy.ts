import postgres from 'postgres';
import type { PostgresServer } from '../support/postgres-server.ts';
import { waitUntil } from '../support/wait-until.ts';

/** What is in an unlogged table is gone after a crash: then rows are quick again. */
const SLOW_ROWS = `
  CREATE UNLOGGED TABLE IF NOT EXISTS slow_rows (seconds float8);
  CREATE OR REPLACE FUNCTION be_slow() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_sleep(seconds) FROM slow_rows; RETURN NEW; END $$;
  CREATE OR REPLACE TRIGGER be_slow BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION be_slow();
  INSERT INTO slow_rows VALUES (0.01)`;

/**
 * kill -9 of Postgres with some rows of a COPY read and others not: rows become slow, and what is in the middle of one is stopped,
 * looked at once more, and killed as it stands.
 */
export async function killInMidCopy(server: PostgresServer): Promise<void> {
  const sql = postgres(server.url, { max: 1, onnotice: () => undefined });
  const copying = async (): Promise<Set<number>> => {
    const rows = await sql<{ pid: number }[]>`SELECT pid FROM pg_stat_progress_copy WHERE tuples_processed > 0`;
    return new Set(rows.map(({ pid }) => pid));
  };
  try {
    await sql.unsafe(SLOW_ROWS);
    await waitUntil(
      'a COPY is half-way',
      async () => {
        const [pid] = await copying();
        if (pid === undefined) return false;
        process.kill(pid, 'SIGSTOP');
        if ((await copying()).has(pid)) return true;
        process.kill(pid, 'SIGCONT');
        return false;
      },
      30_000,
    );
    await server.kill();
  } finally {
    await sql.end({ timeout: 0 });
  }
}
