import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../../adapters/archive/embedded-postgres.ts';
import { findPostgresBinaries, linkLibraries } from '../../../adapters/archive/postgres-binaries.ts';
import { processesIn } from '../../../adapters/archive/postgres-files.ts';
import { connect } from '../../../drizzle/connect.ts';
import { keptLog, silentLog, waitUntil } from '../../support/test-postgres.ts';

const ROOT = process.getuid!() === 0;
const HOLDER = new URL('../../support/postgres-holder.ts', import.meta.url).pathname;

let parent: string;
let folder: string;
let started: EmbeddedPostgres[];
let holders: Holder[];

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'heliograph-embedded-'));
  await chmod(parent, 0o755);
  folder = join(parent, 'postgres');
  started = [];
  holders = [];
});
afterEach(async () => {
  for (const holder of holders) holder.kill('SIGKILL');
  for (const postgres of started) await postgres.stop();
  expect(await processesIn(join(folder, 'cluster'))).toEqual([]);
  await rm(parent, { recursive: true, force: true });
});

async function start(log = silentLog): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ folder, log });
  started.push(postgres);
  return postgres;
}

type Holder = ChildProcessByStdio<Writable, Readable, null>;

/** A node of its own that starts the database. Resolves with the postmaster's pid. */
async function hold(): Promise<{ holder: Holder; pid: number }> {
  const holder = spawn(process.execPath, [HOLDER, folder], { stdio: ['pipe', 'pipe', 'inherit'] });
  holders.push(holder);
  const line = await new Promise<string>((resolve, reject) => {
    holder.stdout.once('data', (data: Buffer) => resolve(data.toString()));
    holder.once('exit', code => reject(new Error(`holder ended with ${code}`)));
  });
  return { holder, pid: Number(line) };
}

async function ended(holder: Holder): Promise<number | null> {
  if (holder.exitCode !== null || holder.signalCode !== null) return holder.exitCode;
  return new Promise(resolve => {
    holder.once('exit', resolve);
  });
}

async function query(postgres: EmbeddedPostgres, text: string): Promise<Record<string, unknown>[]> {
  const sql = connect(postgres.url, { max: 1, applicationName: 'test', statementTimeoutMs: 10_000 });
  try {
    return [...(await sql.unsafe(text))];
  } finally {
    await sql.end();
  }
}

const uidOf = async (pid: number): Promise<number> =>
  Number(/^Uid:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))![1]);

/** Field 19 of /proc/pid/stat: 16 fields come between it and the name. */
const nice = async (pid: number): Promise<number> =>
  Number((await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]!.split(' ')[16]);

/** No such process, or one that only waits for its parent to notice. */
const isDead = async (pid: number): Promise<boolean> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => 'State:\tZ');
  return status.includes('State:\tZ');
};

/** True when the user `nobody` can get at the Postgres that npm installed. */
async function nobodyReaches(path: string): Promise<boolean> {
  for (let at = path; at !== '/'; at = join(at, '..')) if (((await stat(at)).mode & 0o001) === 0) return false;
  return true;
}

describe('a start', () => {
  test('makes the database, flushed and closed to the network; the second finds it', async () => {
    const first = await start();
    const [settings] = await query(
      first,
      `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit,
        current_setting('full_page_writes') AS pages, current_setting('data_checksums') AS sums,
        current_setting('listen_addresses') AS listen, current_setting('server_encoding') AS encoding,
        current_setting('TimeZone') AS zone`,
    );
    expect(settings).toEqual({
      fsync: 'on',
      commit: 'on',
      pages: 'on',
      sums: 'on',
      listen: '',
      encoding: 'UTF8',
      zone: 'UTC',
    });
    for (const name of ['cluster', 'run']) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o700);
    await query(first, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.stop();
    expect(first.pid).toBe(0);

    const second = await start();
    expect([second.adopted, second.restarts]).toEqual([false, 0]);
    expect(await query(second, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  test('gives way to the messages', async () => {
    const { pid } = await start();
    expect(await nice(pid)).toBe(5);
    const all = await processesIn(join(folder, 'cluster'));
    expect(all.length).toBeGreaterThan(3);
    for (const one of all) expect(await nice(one)).toBe(5);
  });

  test('a first start that was killed in initdb leaves nothing that counts', async () => {
    await mkdir(join(folder, 'cluster.new', 'base'), { recursive: true });
    await writeFile(join(folder, 'cluster.new', 'PG_VERSION'), '18\n');
    const postgres = await start();
    expect(await query(postgres, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(existsSync(join(folder, 'cluster.new'))).toBe(false);
  });

  test('a folder whose path is too long for a socket', async () => {
    folder = join(parent, 'x'.repeat(60), 'y'.repeat(60), 'postgres');
    const first = await start();
    const run = await readFile(join(folder, 'run.path'), 'utf8');
    expect((await stat(run)).mode & 0o777).toBe(0o700);
    expect(await query(first, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await first.stop();
    const second = await start();
    expect(await readFile(join(folder, 'run.path'), 'utf8')).toBe(run);
    expect(second.url).toBe(first.url);
    await second.stop();
    await rm(run, { recursive: true });
  });

  test('a database of another Postgres version: one line, nothing changed', async () => {
    await (await start()).stop();
    await writeFile(join(folder, 'cluster', 'PG_VERSION'), '17\n');
    await expect(start()).rejects.toThrow(/^\S+cluster is of Postgres 17, this release brings 18: [^\n]+$/);
    expect(await readdir(folder)).toEqual(['cluster', 'run']);
  });

  test("a damaged database: Postgres's own words, in one line", async () => {
    await (await start()).stop();
    await rm(join(folder, 'cluster', 'global', 'pg_control'));
    await expect(start()).rejects.toThrow(/^Postgres did not start: [^\n]*pg_control[^\n]*$/);
  });

  test('libraries whose links npm did not make are linked', async () => {
    const { root } = await findPostgresBinaries();
    const copy = join(parent, 'package', 'native');
    await mkdir(copy, { recursive: true });
    const { rm: remove } = await import('node:fs/promises');
    await cp(join(root, 'pg-symlinks.json'), join(copy, 'pg-symlinks.json'));
    const links = JSON.parse(await readFile(join(copy, 'pg-symlinks.json'), 'utf8')) as { target: string }[];
    await cp(join(root, 'lib'), join(copy, 'lib'), { recursive: true, verbatimSymlinks: true });
    for (const { target } of links) await remove(join(copy, '..', target));
    await symlink('wrong', join(copy, 'lib', 'unrelated'));
    await linkLibraries(copy);
    for (const { target } of links) expect((await stat(join(copy, '..', target))).size).toBeGreaterThan(1000);
  });
});

describe.skipIf(!ROOT)('as root (skipped for others: they run Postgres as themselves)', () => {
  test('runs as nobody where nobody can reach the files', async context => {
    const { root } = await findPostgresBinaries();
    if (!(await nobodyReaches(root))) context.skip('the checkout itself is closed to nobody');
    const postgres = await start();
    expect([postgres.runsAs, await uidOf(postgres.pid)]).toEqual(['nobody', 65_534]);
    expect((await stat(join(folder, 'cluster', 'base'))).uid).toBe(65_534);
  });

  test('under a folder that only root can enter: in a user namespace; and opened later, as nobody', async context => {
    const { root } = await findPostgresBinaries();
    await chmod(parent, 0o700);
    const closed = await start();
    expect([closed.runsAs, await uidOf(closed.pid)]).toEqual(['user-namespace', 0]);
    expect((await stat(join(folder, 'cluster', 'base'))).uid).toBe(0);
    await query(closed, 'CREATE TABLE kept AS SELECT 42 AS answer');
    const { pid } = closed;
    await closed.stop();
    expect(await isDead(pid)).toBe(true);

    if (!(await nobodyReaches(root))) context.skip('the checkout itself is closed to nobody');
    await chmod(parent, 0o755);
    const open = await start();
    expect(open.runsAs).toBe('nobody');
    expect(await query(open, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    await open.stop();
    await chmod(parent, 0o700);
    const again = await start();
    expect(again.runsAs).toBe('user-namespace');
    expect(await query(again, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  test("a killed node's database is adopted in a user namespace, too", async () => {
    await chmod(parent, 0o700);
    const { holder, pid } = await hold();
    holder.kill('SIGKILL');
    await ended(holder);
    const postgres = await start();
    expect([postgres.adopted, postgres.pid, postgres.runsAs]).toEqual([true, pid, 'user-namespace']);
  });
});

describe('when something dies', () => {
  test('the node, by SIGKILL: the next start adopts its Postgres, and stops it at its end', async () => {
    const { holder, pid } = await hold();
    holder.kill('SIGKILL');
    await ended(holder);
    const postgres = await start();
    expect([postgres.adopted, postgres.pid]).toEqual([true, pid]);
    expect(await query(postgres, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await postgres.stop();
    expect(await isDead(pid)).toBe(true);
  });

  test('the node, in good order but without a stop: Postgres ends with it', async () => {
    const { holder, pid } = await hold();
    holder.stdin.write('exit');
    expect(await ended(holder)).toBe(3);
    await waitUntil('Postgres to end', () => isDead(pid));
  });

  test('node and Postgres, by SIGKILL: started anew, also when another process has its pid', async () => {
    const { holder, pid } = await hold();
    holder.kill('SIGKILL');
    process.kill(pid, 'SIGKILL');
    await ended(holder);
    const file = join(folder, 'cluster', 'postmaster.pid');
    await waitUntil('backends to end', async () => (await processesIn(join(folder, 'cluster'))).length === 0);
    const lines = (await readFile(file, 'utf8')).split('\n');
    await writeFile(file, [String(process.pid), ...lines.slice(1)].join('\n'));
    const postgres = await start();
    expect(postgres.adopted).toBe(false);
    expect(await query(postgres, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('Postgres, by SIGKILL, its own or an adopted one: started again, what was committed is there', async () => {
    const { holder } = await hold();
    holder.kill('SIGKILL');
    await ended(holder);
    const { log, lines } = keptLog();
    const postgres = await start(log);
    await query(postgres, 'CREATE TABLE kept (answer int)');
    for (let round = 1; round <= 3; round++) {
      await query(postgres, `INSERT INTO kept VALUES (${round})`);
      process.kill(postgres.pid, 'SIGKILL');
      await waitUntil('a restart', () => postgres.restarts === round && postgres.pid !== 0);
      await waitUntil('an answer', () =>
        query(postgres, 'SELECT 1').then(
          () => true,
          () => false,
        ),
      );
      expect(await query(postgres, 'SELECT count(*)::int AS count FROM kept')).toEqual([{ count: round }]);
    }
    expect(lines.filter(line => line.startsWith('the embedded Postgres died'))).toHaveLength(3);
  });

  test("an older release's settings: not adopted but stopped and started anew", async () => {
    const { holder, pid } = await hold();
    holder.kill('SIGKILL');
    await ended(holder);
    const file = join(folder, 'cluster', 'postmaster.opts');
    await writeFile(file, (await readFile(file, 'utf8')).replace('max_connections=20', 'max_connections=19'));
    const postgres = await start();
    expect(postgres.adopted).toBe(false);
    expect(postgres.pid).not.toBe(pid);
    expect(await isDead(pid)).toBe(true);
  });

  test('a stop while it is being started again', async () => {
    const { log, lines } = keptLog();
    const postgres = await start(log);
    process.kill(postgres.pid, 'SIGKILL');
    await waitUntil('the death to be seen', () => lines.length > 0);
    await postgres.stop();
    expect(postgres.pid).toBe(0);
  });

  test('a frozen Postgres is stopped all the same', async () => {
    const postgres = await start();
    process.kill(postgres.pid, 'SIGSTOP');
    await postgres.stop(200);
    expect(await processesIn(join(folder, 'cluster'))).toEqual([]);
  });
});
