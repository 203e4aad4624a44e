import { execFile } from 'node:child_process';
import { chown, lstat, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { EmbeddedPostgresError, type PostgresBinaries } from './postgres-binaries.ts';

/**
 * As whom Postgres runs: it refuses to as root. A node that is root starts it as `nobody` where that user can reach the
 * program and the data folder, else as root of the machine that calls itself `nobody` in a user namespace of its own.
 */
export interface RunAs {
  readonly kind: 'self' | 'nobody' | 'user-namespace';
  /** Who must own the folders, on disk. */
  readonly uid: number;
  readonly gid: number;
  /** For `spawn`. */
  readonly identity: { readonly uid?: number; readonly gid?: number };
  /** Goes before the program and its arguments. */
  readonly prefix: readonly string[];
}

const NOBODY = 65_534;
const NAMESPACE = ['unshare', '--user', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`, '--'];
const AS_NOBODY: RunAs = {
  kind: 'nobody',
  uid: NOBODY,
  gid: NOBODY,
  identity: { uid: NOBODY, gid: NOBODY },
  prefix: [],
};
const IN_NAMESPACE: RunAs = { kind: 'user-namespace', uid: 0, gid: 0, identity: {}, prefix: NAMESPACE };

/**
 * @param folder where the database is to lie: it exists
 * @throws EmbeddedPostgresError when there is nobody that Postgres could run as here
 */
export async function chooseUser(binaries: PostgresBinaries, folder: string): Promise<RunAs> {
  const uid = process.getuid!();
  const self: RunAs = { kind: 'self', uid, gid: process.getgid!(), identity: {}, prefix: [] };
  const tried: string[] = [];
  const candidates = uid !== 0 ? [self] : (await othersReach(folder)) ? [AS_NOBODY, IN_NAMESPACE] : [IN_NAMESPACE];
  for (const candidate of candidates) {
    const problem = await tryRun(candidate, binaries);
    if (problem === '') return candidate;
    tried.push(`${candidate.kind}: ${problem}`);
  }
  throw new EmbeddedPostgresError(
    `the embedded Postgres cannot run here (${tried.join('; ')}): set DATABASE_URL to use a Postgres server`,
  );
}

/** Gives `folder` and all in it to whom Postgres runs as; nothing to do when the folder itself is theirs already. */
export async function giveTo(user: RunAs, folder: string): Promise<void> {
  const { uid } = await lstat(folder);
  if (uid === user.uid || user.kind === 'self') return;
  await chownAll(user, folder);
}

async function chownAll(user: RunAs, path: string): Promise<void> {
  // The folder itself last: only when all is done does its owner say so.
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const inside = join(path, entry.name);
    if (entry.isDirectory()) await chownAll(user, inside);
    else if (!entry.isSymbolicLink()) await chown(inside, user.uid, user.gid);
  }
  await chown(path, user.uid, user.gid);
}

/** True when every folder above `folder` can be passed by anybody. */
async function othersReach(folder: string): Promise<boolean> {
  for (let at = dirname(folder); ; at = dirname(at)) {
    const { mode } = await stat(at);
    if ((mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

/** '' when the program runs as `user`, else why not. */
function tryRun(user: RunAs, binaries: PostgresBinaries): Promise<string> {
  const [file, ...args] = [...user.prefix, binaries.postgres, '--version'] as const;
  return new Promise(resolve => {
    execFile(file, args, { ...user.identity, cwd: '/', timeout: 10_000 }, (error, _stdout, stderr) => {
      if (!error) return resolve('');
      const line = stderr.trim().split('\n')[0] ?? '';
      resolve(line === '' ? error.message.replace(/\s+/g, ' ') : line);
    });
  });
}
