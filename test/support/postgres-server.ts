import { spawn, type ChildProcess } from 'node:child_process';
import { appendFileSync, realpathSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findPostgresBinaries } from '../../adapters/archive/postgres-binaries.ts';
import {
  findPostmaster,
  prepareFolder,
  processesIn,
  removeStaleLocks,
  toolEnvironment,
} from '../../adapters/archive/postgres-files.ts';
import { chooseUser } from '../../adapters/archive/postgres-user.ts';
import { at, HERE, type Place } from './place.ts';
import { waitUntil } from './wait-until.ts';

/** A real Postgres that is reached over TCP, as that of a cluster. */
export interface PostgresServer extends AsyncDisposable {
  readonly url: string;
  /** Connections end, what is under way is rolled back (SIGINT). */
  stop(): Promise<void>;
  /** kill -9 of the server and of all that serves its connections, at once. */
  kill(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** After `stop` or `kill`; resolves when it takes connections. At once when it is up. */
  start(): Promise<void>;
}

const PORT = 5432;

/** As `place` needs it: users are told apart by nothing, since nobody else can reach it. */
export async function startPostgresServer(place: Place = HERE, port = PORT): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), 'heliograph-pg-'));
  const binaries = await findPostgresBinaries();
  const user = await chooseUser(binaries, join(folder, 'postgres'));
  const prepared = await prepareFolder(folder, user, binaries);
  const files = { ...prepared, cluster: realpathSync(prepared.cluster) };
  appendFileSync(join(files.cluster, 'pg_hba.conf'), 'host all all 0.0.0.0/0 trust\n');
  const settings = { listen_addresses: place.address, port, max_connections: 100, timezone: 'UTC' };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  // A namespace can only be entered by root, who then becomes that user.
  const { uid, gid } = user.identity;
  const become = uid === undefined ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
  const [program, ...args] = [
    ...become,
    ...user.prefix,
    binaries.postgres,
    '-D',
    files.cluster,
    '-k',
    files.run,
    ...options,
  ];
  let child: ChildProcess | undefined;
  const reap = (): void => void child?.kill('SIGKILL');
  process.once('exit', reap);

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (signal === 'SIGKILL') killAll(await processesIn(files.cluster));
    else child?.kill(signal);
    await waitUntil('Postgres has ended', async () => (await processesIn(files.cluster)).length === 0, 30_000);
    child = undefined;
  };
  const start = async (): Promise<void> => {
    if (child !== undefined) return;
    await removeStaleLocks(files);
    const [file, rest] = at(place, program!, args);
    let said = '';
    const server = spawn(file, rest, {
      cwd: files.cluster,
      env: toolEnvironment(),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    server.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2000)));
    child = server;
    await waitUntil(
      'Postgres is ready',
      async () => {
        if (server.exitCode !== null) throw new Error(`Postgres ended with ${server.exitCode}: ${said}`);
        return (await findPostmaster(files.cluster))?.ready === true;
      },
      30_000,
    );
  };
  await start();
  return {
    url: `postgres://postgres@${place.address}:${port}/postgres`,
    stop: () => end('SIGINT'),
    kill: () => end('SIGKILL'),
    signal: signal => void child?.kill(signal),
    start,
    [Symbol.asyncDispose]: async () => {
      process.off('exit', reap);
      await end('SIGQUIT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has just ended.
    }
  }
}
