import { join } from 'node:path';
import { connect } from '../../drizzle/connect.ts';

/** What the archive's database itself says, asked beside the node. */
export interface ArchiveRows {
  readonly rows: number;
  readonly distinct: number;
  readonly delivered: number;
}

export async function archiveRows(dataDir: string): Promise<ArchiveRows> {
  const folder = encodeURIComponent(join(dataDir, 'postgres/run'));
  const sql = connect(`postgres:///postgres?host=${folder}&user=postgres`, {
    max: 1,
    applicationName: 'heliograph bench',
    statementTimeoutMs: 60_000,
  });
  try {
    const [row] = await sql<[ArchiveRows]>`
      SELECT count(*)::int AS rows, count(DISTINCT address)::int AS distinct,
        count(*) FILTER (WHERE status = 'delivered')::int AS delivered
      FROM message_fates`;
    return { ...row };
  } finally {
    await sql.end();
  }
}
