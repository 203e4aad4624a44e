import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ArchiveLog } from '../../adapters/archive/archive-log.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../adapters/archive/embedded-postgres.ts';
import { connect } from '../../drizzle/connect.ts';

/** One real Postgres for a test file, a database for each test. */
export interface TestPostgres {
  readonly server: EmbeddedPostgres;
  /** Its data directory. */
  readonly cluster: string;
  /** Makes an empty database and returns its URL. */
  database(): Promise<string>;
  /** Starts it again after `server.stop()`, as another `server`. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export const silentLog: ArchiveLog = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** A log that keeps its lines. */
export function keptLog(): { readonly log: ArchiveLog; readonly lines: string[] } {
  const lines: string[] = [];
  const keep = (fields: object, message: string): void => {
    lines.push(`${message} ${JSON.stringify(fields)}`);
  };
  return { log: { info: keep, warn: keep, error: keep }, lines };
}

export async function startTestPostgres(): Promise<TestPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'heliograph-pg-'));
  const start = () => startEmbeddedPostgres({ folder: join(folder, 'postgres'), log: silentLog });
  let server = await start();
  let made = 0;
  return {
    get server() {
      return server;
    },
    cluster: join(folder, 'postgres', 'cluster'),
    database: async () => {
      const name = `test_${++made}`;
      const sql = connect(server.url, { max: 1, applicationName: 'test', statementTimeoutMs: 30_000 });
      await sql.unsafe(`CREATE DATABASE ${name}`);
      await sql.end();
      return server.url.replace('postgres:///postgres?', `postgres:///${name}?`);
    },
    restart: async () => {
      server = await start();
    },
    stop: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Polls until `condition` holds. @throws Error naming `what` after `timeoutMs` */
export async function waitUntil(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 30_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise(resolve => setTimeout(resolve, 10));
  }
}
