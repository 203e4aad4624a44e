import type { MigrateResult, StartOptions } from '../adapters/cli/deps.ts';
import { startEmbeddedPostgres } from '../adapters/archive/embedded-postgres.ts';
import { loadConfiguration } from '../adapters/config/load.ts';
import { formatProblem } from '../adapters/config/problems.ts';
import { join, resolve } from 'node:path';
import { migrate } from '../drizzle/migrate.ts';
import { lockFolder } from '../runtime/folder-lock.ts';

/** Brings the database to this release, without starting a node. @throws Error with one line for people */
export async function migrateDatabase(options: StartOptions): Promise<MigrateResult> {
  const { configuration, problems } = loadConfiguration(options.config, { environment: options.environment });
  if (configuration === undefined) throw new Error(problems.map(formatProblem).join('\n'));
  if (configuration.database) return resultOf(await migrate(configuration.database.url));
  // The embedded database is the folder's: a node that runs on it has migrated it at its start.
  const lock = lockFolder(configuration.data_dir);
  const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const postgres = await startEmbeddedPostgres({
    folder: join(resolve(configuration.data_dir), 'postgres'),
    log: silent,
  });
  try {
    return resultOf(await migrate(postgres.url));
  } finally {
    await postgres[Symbol.asyncDispose]();
    lock.release();
  }
}

function resultOf({ from, to }: { from: number; to: number }): MigrateResult {
  return { applied: Array.from({ length: to - from }, (_, i) => String(from + i + 1).padStart(4, '0')), total: to };
}
