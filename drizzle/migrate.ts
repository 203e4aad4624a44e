import { readFile, readdir } from 'node:fs/promises';
import { Session, type Transaction } from './session.ts';

/**
 * Migrations: `migrations/NNNN_name.sql`, append only, each compatible with the release before it. All that are missing
 * are applied in one transaction, so a start that is killed, or two nodes that start together, leave no half schema.
 */
export interface Migrated {
  /** The schema's version before; 0 = an empty database. */
  readonly from: number;
  readonly to: number;
}

/** The database was migrated by a newer release: nothing was changed. `message` is one line for the operator. */
export class NewerDatabaseError extends Error {
  readonly code = 'DATABASE_NEWER';
  readonly found: number;
  readonly known: number;
  constructor(found: number, known: number) {
    super(
      `the database has schema version ${found}, this release knows versions up to ${known}: ` +
        'start the newer release, or give this one another database; nothing was changed',
    );
    this.name = 'NewerDatabaseError';
    this.found = found;
    this.known = known;
  }
}

interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

/** Any constant does, as long as all releases use the same. */
const LOCK = 7_241_083_355;
const FOLDER = new URL('./migrations/', import.meta.url);

/**
 * Brings the database up to this release's schema.
 * @param url as `connect` takes it
 * @throws NewerDatabaseError, and the driver's errors
 */
export async function migrate(url: string): Promise<Migrated> {
  await using session = new Session(url, { applicationName: 'heliograph migrate', statementTimeoutMs: 0 });
  return await session.transaction(applyMissing);
}

async function applyMissing(tx: Transaction): Promise<Migrated> {
  const migrations = await readMigrations();
  const known = migrations.at(-1)?.version ?? 0;
  await tx`SET LOCAL lock_timeout = 0`;
  await tx`SELECT pg_advisory_xact_lock(${LOCK})`;
  const from = await currentVersion(tx);
  if (from > known) throw new NewerDatabaseError(from, known);
  const missing = migrations.filter(m => m.version > from);
  if (from === 0) {
    await tx`CREATE TABLE schema_versions (
        version integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`;
  }
  for (const { version, name, sql: text } of missing) {
    await tx.unsafe(text).simple();
    await tx`INSERT INTO schema_versions (version, name) VALUES (${version}, ${name})`;
  }
  return { from, to: known };
}

async function currentVersion(tx: Transaction): Promise<number> {
  const [table] = await tx`SELECT to_regclass('schema_versions') IS NOT NULL AS present`;
  if (table?.['present'] !== true) return 0;
  const [row] = await tx<{ version: number }[]>`SELECT coalesce(max(version), 0) AS version FROM schema_versions`;
  return row?.version ?? 0;
}

async function readMigrations(): Promise<Migration[]> {
  const files = (await readdir(FOLDER)).filter(name => /^\d{4}_\w+\.sql$/.test(name)).sort();
  return Promise.all(
    files.map(async name => ({
      version: Number(name.slice(0, 4)),
      name: name.slice(0, -4),
      sql: await readFile(new URL(name, FOLDER), 'utf8'),
    })),
  );
}
