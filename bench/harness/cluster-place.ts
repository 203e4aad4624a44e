import { mkdtempSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../adapters/archive/embedded-postgres.ts';
import type { Bench } from '../scenario.ts';
import { end, keepTrackOf, removeFolder, start } from './children.ts';
import { NodePlace } from './node-process.ts';
import { freePort } from './smppload.ts';
import { until } from './wait.ts';

const UP_LIMIT_MS = 10_000;
/** The key that all nodes of a cluster seal with. */
const SECRET_KEY = '5a'.repeat(32);

/** What several nodes share, on this machine: a Redis that flushes each write, a database; and a place for each node. */
export class ClusterPlace implements AsyncDisposable {
  readonly nodes: readonly NodePlace[];
  readonly redisPid: number;
  readonly carrierPort: number;
  readonly #close: () => Promise<void>;

  private constructor(nodes: readonly NodePlace[], redisPid: number, carrierPort: number, close: () => Promise<void>) {
    this.nodes = nodes;
    this.redisPid = redisPid;
    this.carrierPort = carrierPort;
    this.#close = close;
  }

  /** @throws when there is no redis-server */
  static async make(bench: Bench, count: number, workers: number): Promise<ClusterPlace> {
    const folder = mkdtempSync(join(tmpdir(), 'hg-bench-cluster-'));
    keepTrackOf(folder);
    const port = await freePort();
    const settings = { port, dir: folder, bind: '127.0.0.1', save: '', appendonly: 'yes', appendfsync: 'always' };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const redis = start('redis-server', args, { stdio: 'ignore' });
    await until('redis-server is up', () => answers(port), UP_LIMIT_MS);
    const postgres: EmbeddedPostgres = await startEmbeddedPostgres({ folder: join(folder, 'postgres'), log: SILENT });
    const carrierPort = await freePort();
    const environment = {
      REDIS_URL: `redis://127.0.0.1:${port}`,
      DATABASE_URL: postgres.url,
      HELIOGRAPH_SECRET_KEY: SECRET_KEY,
    };
    const nodes: NodePlace[] = [];
    for (let i = 1; i <= count; i++) {
      nodes.push(await NodePlace.make(bench, { top: { workers, node_id: `node-${i}` }, carrierPort, environment }));
    }
    return new ClusterPlace(nodes, redis.pid!, carrierPort, async () => {
      for (const node of nodes) node[Symbol.dispose]();
      await postgres[Symbol.asyncDispose]();
      await end(redis, 'SIGTERM');
      removeFolder(folder);
    });
  }

  get hosts(): string[] {
    return this.nodes.map(({ port }) => `127.0.0.1:${port}`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close();
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('close', () => undefined).once('connect', () => socket.destroy());
  });
}

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };
