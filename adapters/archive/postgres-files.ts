import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  statfs,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedPostgresError, type PostgresBinaries } from './postgres-binaries.ts';
import { giveTo, type RunAs } from './postgres-user.ts';

/**
 * Files of the embedded Postgres, all under one folder of the node's data folder, mode 0700:
 *
 *     cluster/      what initdb made; complete or absent
 *     cluster.new/  an initdb under way: what a killed one left is removed
 *     run/          the socket; or, when that path is too long for a socket,
 *     run.path      the name of a folder under the temporary folder that has it
 */
export interface PostgresFolder {
  readonly cluster: string;
  /** Folder of the socket. */
  readonly run: string;
}

/** Postgres calls its socket by its port, here only a name. */
export const SOCKET_PORT = 5432;
/** `sun_path` of a Unix socket's address has 108 octets, the last one NUL. */
const SOCKET_PATH_LIMIT = 107;
/** A data volume below this gets a database that fits 64 MB. */
const SMALL_VOLUME = 1024 ** 3;

export const socketPath = (run: string): string => join(run, `.s.PGSQL.${SOCKET_PORT}`);

/** Free space that the database leaves alone: a tenth of a small volume, this much of others. */
const ROOM = 256 * 1024 ** 2;

/** True when the volume that `folder` is on has space for more than the message store needs to go on. */
export async function hasRoom(folder: string): Promise<boolean> {
  const { blocks, bavail, bsize } = await statfs(folder);
  return bavail * bsize > Math.min(ROOM, (blocks * bsize) / 10);
}

/** True when the volume that `folder` is on is small. */
export async function isSmallVolume(folder: string): Promise<boolean> {
  const { blocks, bsize } = await statfs(folder);
  return blocks * bsize < SMALL_VOLUME;
}

/**
 * Makes what is missing in `folder`, which exists: the database by initdb (about a second), a folder for the socket.
 * @throws EmbeddedPostgresError when initdb fails, or the database is another major version's
 */
export async function prepareFolder(folder: string, user: RunAs, binaries: PostgresBinaries): Promise<PostgresFolder> {
  await giveTo(user, folder);
  const cluster = join(folder, 'cluster');
  if (!existsSync(cluster)) await initialise(folder, cluster, user, binaries);
  const run = await runFolder(folder, user);
  return { cluster, run };
}

async function initialise(folder: string, cluster: string, user: RunAs, binaries: PostgresBinaries): Promise<void> {
  const fresh = `${cluster}.new`;
  await rm(fresh, { recursive: true, force: true });
  const args = ['-D', fresh, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-instructions'];
  // MB. Postgres fills a new segment with zeros and flushes it: one of the usual 16 holds up every other flush for 25 ms,
  // those that messages wait for too.
  args.push('--wal-segsize=1');
  await runTool([...user.prefix, binaries.initdb, ...args], user, folder);
  await rename(fresh, cluster);
  await syncFolder(folder);
}

/** Where the socket goes. Only its owner can enter, so whoever can connect may do everything. */
async function runFolder(folder: string, user: RunAs): Promise<string> {
  const run = join(folder, 'run');
  if (Buffer.byteLength(socketPath(run)) <= SOCKET_PATH_LIMIT) return makePrivate(run, user);
  const note = join(folder, 'run.path');
  const noted = await readFile(note, 'utf8').catch(() => '');
  if (noted !== '' && (await isPrivate(noted, user))) return noted;
  const made = await mkdtemp(join(tmpdir(), 'heliograph-'));
  if (Buffer.byteLength(socketPath(made)) > SOCKET_PATH_LIMIT) {
    throw new EmbeddedPostgresError(`${socketPath(made)}: too long for a socket; set TMPDIR to a shorter path`);
  }
  await makePrivate(made, user);
  await writeFile(note, made, { mode: 0o600 });
  return made;
}

async function makePrivate(path: string, user: RunAs): Promise<string> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  await chmod(path, 0o700);
  await giveTo(user, path);
  return path;
}

async function isPrivate(path: string, user: RunAs): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  return found !== undefined && found.isDirectory() && found.uid === user.uid && (found.mode & 0o077) === 0;
}

/** @throws EmbeddedPostgresError when `cluster` was made by another major version than `binaries` are */
export async function checkVersion(cluster: string, binaries: PostgresBinaries): Promise<void> {
  const made = (await readFile(join(cluster, 'PG_VERSION'), 'utf8')).trim();
  const package_ = await readFile(join(binaries.root, '..', 'package.json'), 'utf8');
  const ours = (JSON.parse(package_) as { version: string }).version.split('.')[0];
  if (made === ours) return;
  throw new EmbeddedPostgresError(
    `${cluster} is of Postgres ${made}, this release brings ${ours}: export it with the release that made it`,
  );
}

/** A running postmaster as `postmaster.pid` tells (PostgreSQL, miscadmin.h: line 1 the pid, line 8 the status). */
export interface Postmaster {
  readonly pid: number;
  readonly ready: boolean;
}

/** The live postmaster of `cluster`; undefined when there is none. A pid that has become somebody else's does not count. */
export async function findPostmaster(cluster: string): Promise<Postmaster | undefined> {
  const lines = await readFile(join(cluster, 'postmaster.pid'), 'utf8').then(
    text => text.split('\n'),
    () => [],
  );
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 1) return undefined;
  // Each postmaster's working directory is its cluster.
  const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '');
  if (cwd !== cluster) return undefined;
  return { pid, ready: lines[7]?.trim() === 'ready' };
}

/** True when that postmaster was started with exactly `args`: settings and paths of this release. */
export async function startedWith(cluster: string, args: readonly string[]): Promise<boolean> {
  // postmaster.opts: the program, then each argument in quotes.
  const options = await readFile(join(cluster, 'postmaster.opts'), 'utf8').catch(() => '');
  return options.endsWith(` ${args.map(arg => `"${arg}"`).join(' ')}\n`);
}

/**
 * Postmaster and backends in `cluster`, whoever started them: their working directory is there. Backends outlive a killed
 * postmaster until they notice, and nothing may start beside them.
 */
export async function processesIn(cluster: string): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async pid => ((await readlink(`/proc/${pid}/cwd`).catch(() => '')) === cluster ? Number(pid) : 0)),
  );
  return found.filter(pid => pid !== 0);
}

/**
 * Postgres does not start while a process has the pid in a lock file that a crash left, whatever process that is (where
 * nobody reaps, the dead one itself). So they are removed; there must be no `processesIn(cluster)`.
 */
export async function removeStaleLocks({ cluster, run }: PostgresFolder): Promise<void> {
  await rm(join(cluster, 'postmaster.pid'), { force: true });
  await rm(socketPath(run), { force: true });
  await rm(`${socketPath(run)}.lock`, { force: true });
}

async function runTool(command: readonly string[], user: RunAs, cwd: string): Promise<void> {
  const [file = '', ...args] = command;
  const child = spawn(file, args, {
    ...user.identity,
    cwd,
    env: toolEnvironment(),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (stderr.length < 4096) stderr += text;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  if (code === 0) return;
  throw new EmbeddedPostgresError(`initdb ended with ${code}: ${stderr.trim().replace(/\s+/g, ' ')}`);
}

/** No variable of the node's own reaches Postgres: PG* would change what it does. */
export const toolEnvironment = (): NodeJS.ProcessEnv => ({ PATH: process.env['PATH'], LANG: 'C', TZ: 'UTC' });

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
