import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, realpath } from 'node:fs/promises';
import { connect as connectSocket, type Socket } from 'node:net';
import { setPriority } from 'node:os';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { ArchiveLog } from './archive-log.ts';
import { EmbeddedPostgresError, findPostgresBinaries, type PostgresBinaries } from './postgres-binaries.ts';
import {
  checkVersion,
  findPostmaster,
  hasRoom,
  isSmallVolume,
  prepareFolder,
  processesIn,
  removeStaleLocks,
  SOCKET_PORT,
  socketPath,
  startedWith,
  toolEnvironment,
  type PostgresFolder,
} from './postgres-files.ts';
import { chooseUser, type RunAs } from './postgres-user.ts';

/**
 * A real Postgres as a child process, on a Unix socket only, in the data folder. It survives a killed node, and the next
 * start adopts it; when it dies, it is started again.
 */
export interface EmbeddedPostgresOptions {
  /** The database's own folder: `<data folder>/postgres`. The data folder is ours alone (locked). */
  readonly folder: string;
  readonly log: ArchiveLog;
}

const READY_TIMEOUT_MS = 120_000;
const POLL_MS = 20;
const WATCH_MS = 500;
const BACKOFF_MS = 250;
const BACKOFF_MAX_MS = 5_000;
/** Up for this long: the next crash starts the back-off anew. */
const STEADY_MS = 30_000;
/** Messages come first: the scheduler gives a nice of 5 a third of the weight of 0. With 10 it fell behind a full load. */
const NICE = 5;
const STDERR_LIMIT = 2000;
const ORPHAN_DEADLINE_MS = 5_000;
const ANSWER_MS = 2_000;

/** Small: some 60 MB resident. Nothing here weakens durability: fsync, full_page_writes and synchronous_commit stay on. */
const SETTINGS = {
  listen_addresses: '',
  port: String(SOCKET_PORT),
  unix_socket_permissions: '0700',
  max_connections: '20',
  shared_buffers: '48MB',
  maintenance_work_mem: '16MB',
  max_worker_processes: '0',
  max_parallel_workers: '0',
  max_logical_replication_workers: '0',
  autovacuum_worker_slots: '2',
  autovacuum_max_workers: '1',
  wal_level: 'minimal',
  max_wal_senders: '0',
  io_method: 'sync',
  jit: 'off',
  min_wal_size: '64MB',
  max_wal_size: '512MB',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // Its stderr may end up in our log: never a statement, never a value.
  log_min_messages: 'warning',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
};
/** Fits a data volume of 64 MB, message store beside it (segments of 1 MB: `prepareFolder`). */
const SMALL_SETTINGS = { min_wal_size: '2MB', max_wal_size: '4MB', shared_buffers: '16MB' };

/**
 * Starts, or adopts, the database in `folder`; resolves when it takes connections.
 * @throws EmbeddedPostgresError when it cannot
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const binaries = await findPostgresBinaries();
  await mkdir(options.folder, { recursive: true, mode: 0o700 });
  const user = await chooseUser(binaries, options.folder);
  const prepared = await prepareFolder(options.folder, user, binaries);
  await checkVersion(prepared.cluster, binaries);
  const folder = { ...prepared, cluster: await realpath(prepared.cluster) };
  const small = await isSmallVolume(options.folder);
  const postgres = new EmbeddedPostgres(binaries, user, folder, small, options.log);
  await postgres.start();
  return postgres;
}

export class EmbeddedPostgres implements AsyncDisposable {
  /** As `drizzle/connect.ts` takes it. */
  readonly url: string;
  readonly runsAs: RunAs['kind'];
  readonly #program: string;
  readonly #args: readonly string[];
  readonly #user: RunAs;
  readonly #folder: PostgresFolder;
  readonly #log: ArchiveLog;
  #pid = 0;
  #adopted = false;
  #stopping = false;
  #restarts = 0;
  #failures = 0;
  #upSince = 0;
  #notBefore = 0;
  #stderr = '';
  #timer: NodeJS.Timeout | undefined;
  /** The look or the restart that is under way. */
  #watching: Promise<void> = Promise.resolve();
  readonly #onExit = (): void => this.#signal('SIGINT');

  constructor(binaries: PostgresBinaries, user: RunAs, folder: PostgresFolder, small: boolean, log: ArchiveLog) {
    const settings = { ...SETTINGS, ...(small ? SMALL_SETTINGS : {}) };
    this.#program = binaries.postgres;
    const asArguments = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    this.#args = ['-D', folder.cluster, '-k', folder.run, ...asArguments];
    this.#user = user;
    this.#folder = folder;
    this.#log = log;
    this.url = `postgres:///postgres?host=${encodeURIComponent(folder.run)}&user=postgres`;
    this.runsAs = user.kind;
  }

  /** Of the postmaster; 0 when there is none. */
  get pid(): number {
    return this.#pid;
  }
  /** True: it was running before this start. */
  get adopted(): boolean {
    return this.#adopted;
  }
  /** How often it was started again after it died. */
  get restarts(): number {
    return this.#restarts;
  }

  /** False: the rest of the volume is the message store's, whose messages come first. */
  hasRoom(): Promise<boolean> {
    return hasRoom(this.#folder.cluster);
  }

  /** Called once, by `startEmbeddedPostgres`. */
  async start(): Promise<void> {
    process.on('exit', this.#onExit);
    try {
      this.#adopted = await this.#adopt();
      if (!this.#adopted) await this.#launch();
    } catch (error) {
      process.off('exit', this.#onExit);
      throw error;
    }
    this.#look();
  }

  /** A fast shutdown; harder ones when it takes longer than `deadlineMs`: what was committed is safe in each. */
  async stop(deadlineMs = 10_000): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    clearTimeout(this.#timer);
    await this.#watching;
    process.off('exit', this.#onExit);
    await this.#end(deadlineMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Takes over a postmaster that a killed node left, if it answers and runs as this release would start it. */
  async #adopt(): Promise<boolean> {
    const { cluster, run } = this.#folder;
    const found = await findPostmaster(cluster);
    if (!found) {
      if (await answers(socketPath(run))) {
        throw new EmbeddedPostgresError(`${socketPath(run)}: a Postgres that this node cannot see is running there`);
      }
      return false;
    }
    this.#pid = found.pid;
    if (found.ready && (await startedWith(cluster, this.#args)) && (await answers(socketPath(run)))) {
      this.#upSince = performance.now();
      return true;
    }
    await this.#end(ORPHAN_DEADLINE_MS);
    return false;
  }

  async #launch(): Promise<void> {
    const { cluster } = this.#folder;
    await endOrphans(cluster);
    await removeStaleLocks(this.#folder);
    const [file = '', ...args] = [...this.#user.prefix, this.#program, ...this.#args];
    const child = spawn(file, args, {
      ...this.#user.identity,
      cwd: cluster,
      env: toolEnvironment(),
      // A session of its own: Ctrl+C on the terminal is for the node, which then stops it in order.
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#pid = child.pid ?? 0;
    this.#keepStderr(child);
    if (this.#pid !== 0) lowerPriority(this.#pid);
    await this.#untilReady(child);
    this.#upSince = performance.now();
  }

  async #untilReady(child: ChildProcess): Promise<void> {
    let failed: Error | undefined;
    child.once('error', error => (failed = error));
    child.unref();
    const deadline = performance.now() + READY_TIMEOUT_MS;
    for (;;) {
      if (failed) throw new EmbeddedPostgresError(`Postgres did not start: ${failed.message}`, failed);
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new EmbeddedPostgresError(`Postgres did not start: ${this.#lastWords()}`);
      }
      const found = await findPostmaster(this.#folder.cluster);
      if (found?.pid === child.pid && found?.ready) return;
      if (performance.now() > deadline || this.#stopping) {
        await this.#end(ORPHAN_DEADLINE_MS);
        throw new EmbeddedPostgresError(`Postgres was not ready after ${READY_TIMEOUT_MS} ms: ${this.#lastWords()}`);
      }
      await delay(POLL_MS);
    }
  }

  /** Looks every WATCH_MS whether it lives (an adopted one is no child of ours: nobody tells), and starts it again. */
  #look(): void {
    if (this.#stopping) return;
    this.#timer = setTimeout(() => {
      this.#watching = this.#watch();
    }, WATCH_MS).unref();
  }

  async #watch(): Promise<void> {
    const found = await findPostmaster(this.#folder.cluster);
    if (found === undefined || found.pid !== this.#pid) await this.#restart();
    this.#look();
  }

  /** At once, but for one that dies again and again. */
  async #restart(): Promise<void> {
    if (this.#pid !== 0) {
      this.#log.error({ pid: this.#pid, said: this.#lastWords() }, 'the embedded Postgres died; starting it again');
      this.#pid = 0;
    }
    const now = performance.now();
    if (now - this.#upSince > STEADY_MS) this.#failures = 0;
    if (now < this.#notBefore) return;
    this.#notBefore = now + Math.min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** this.#failures++);
    try {
      await this.#launch();
      this.#restarts++;
      this.#log.info({ pid: this.#pid, restarts: this.#restarts }, 'the embedded Postgres is up again');
    } catch (error) {
      this.#pid = 0;
      if (!this.#stopping)
        this.#log.error(
          { problem: error instanceof Error ? error.message : String(error) },
          'the embedded Postgres cannot be started',
        );
    }
  }

  async #end(deadlineMs: number): Promise<void> {
    const { cluster } = this.#folder;
    // Fast, immediate, at once: PostgreSQL manual, "Shutting Down the Server".
    const steps: readonly (readonly [NodeJS.Signals, number])[] = [
      ['SIGINT', deadlineMs],
      ['SIGQUIT', 2_000],
      ['SIGKILL', 2_000],
    ];
    for (const [signal, patience] of steps) {
      this.#signal(signal);
      if (await isGone(cluster, patience)) break;
    }
    await endOrphans(cluster);
    this.#pid = 0;
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#pid !== 0) trySignal(this.#pid, signal);
  }

  #keepStderr(child: ChildProcess): void {
    this.#stderr = '';
    const { stderr } = child;
    if (!stderr) return;
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_LIMIT);
    });
    (stderr as Socket).unref();
  }

  /** The last lines it wrote, as one. */
  #lastWords(): string {
    return this.#stderr.trim().split('\n').slice(-3).join(' | ');
  }
}

/**
 * Waits for what a killed postmaster left: its backends end by themselves as soon as they look up, or else are killed.
 * @throws EmbeddedPostgresError when even that does not end them (a disk that does not answer)
 */
async function endOrphans(cluster: string): Promise<void> {
  const start = performance.now();
  for (;;) {
    const pids = await processesIn(cluster);
    if (pids.length === 0) return;
    const waited = performance.now() - start;
    if (waited > 2 * ORPHAN_DEADLINE_MS) {
      throw new EmbeddedPostgresError(`processes ${pids.join(', ')} of an earlier Postgres do not end`);
    }
    if (waited > ORPHAN_DEADLINE_MS) for (const pid of pids) trySignal(pid, 'SIGKILL');
    await delay(POLL_MS);
  }
}

async function isGone(cluster: string, patienceMs: number): Promise<boolean> {
  const deadline = performance.now() + patienceMs;
  while (await findPostmaster(cluster)) {
    if (performance.now() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

/** True when a server takes connections at `path`. */
function answers(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connectSocket(path);
    const done = (answer: boolean) => (): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', done(true)).once('error', done(false)).setTimeout(ANSWER_MS, done(false));
  });
}

function trySignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has just ended by itself.
  }
}

function lowerPriority(pid: number): void {
  try {
    setPriority(pid, NICE);
  } catch {
    // It has ended already, which the caller will see; or the machine forbids it, which does no harm.
  }
}
