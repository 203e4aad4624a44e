import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openControl } from '../../adapters/control/client.ts';
import type { NodeControl, NodeStatus } from '../../actors/node-control.ts';
import type { Bench } from '../scenario.ts';
import { end, exited, keepTrackOf, removeFolder, start } from './children.ts';
import { anonymousOctets, cpuUs, descendantsCpuUs } from './processes.ts';
import { freePort } from './smppload.ts';
import { pause, until } from './wait.ts';

/** Settings that a scenario adds to the configuration. */
export interface Extras {
  readonly accounts?: readonly object[];
  readonly carriers?: readonly object[];
  readonly routes?: readonly object[];
  readonly smpp?: object;
  /** At the top of the file: `workers`, `cluster` and the like. */
  readonly top?: object;
  /** Where the carrier listens; absent: a free port. */
  readonly carrierPort?: number;
  readonly environment?: Readonly<Record<string, string>>;
}

const UP_LIMIT_MS = 60_000;
const DRAIN_LOOK_MS = 250;
/** The embedded database is made at the first start. */
const ARCHIVE_UP_LIMIT_MS = 120_000;

/**
 * A fresh data folder and the configuration that goals are measured with: account `load` and carrier `sink` as in
 * `bench/README.md`. Removed with everything in it.
 */
export class NodePlace implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'hg-bench-'));
  readonly dataDir = join(this.folder, 'data');
  readonly port: number;
  readonly carrierPort: number;
  readonly #bench: Bench;
  readonly #config = join(this.folder, 'heliograph.json');
  readonly #log = join(this.folder, 'node.log');
  readonly #extra: Readonly<Record<string, string>>;

  private constructor(bench: Bench, port: number, carrierPort: number, extras: Extras) {
    keepTrackOf(this.folder);
    this.#bench = bench;
    this.port = port;
    this.carrierPort = carrierPort;
    this.#extra = extras.environment ?? {};
    const configuration = {
      ...extras.top,
      listeners: { smpp: { port, ...extras.smpp }, api: { port: 0 }, panel: { port: 0 } },
      accounts: [{ system_id: 'load', password: 'load', binds: 10, window: 1000 }, ...(extras.accounts ?? [])],
      carriers: [
        {
          name: 'sink',
          protocol: 'smpp',
          host: '127.0.0.1',
          port: carrierPort,
          system_id: 'r',
          password: 'r',
          bind: 'transceiver',
          binds: 2,
          window: 200,
          // The carrier comes after the node: no minute of back-off until it is seen.
          reconnect_seconds: 0.1,
          reconnect_max_seconds: 0.2,
        },
        ...(extras.carriers ?? []),
      ],
      routes: [{ called_prefix: '44', dest_smsc: 'sink' }, ...(extras.routes ?? [])],
    };
    writeFileSync(this.#config, JSON.stringify(configuration, undefined, 2));
  }

  static async make(bench: Bench, extras: Extras = {}): Promise<NodePlace> {
    return new NodePlace(bench, await freePort(), extras.carrierPort ?? (await freePort()), extras);
  }

  [Symbol.dispose](): void {
    removeFolder(this.folder);
  }

  /** Starts a node here; it is not up yet. */
  start(): NodeProcess {
    const log = openSync(this.#log, 'a');
    const { nodeArguments, root } = this.#bench;
    const args = [...nodeArguments, join(root, 'main.ts'), 'start', '--config', this.#config];
    const startedAt = performance.now();
    const child = start(process.execPath, args, { cwd: root, stdio: ['ignore', log, log], env: this.#environment() });
    closeSync(log);
    return new NodeProcess(child, this.dataDir, startedAt, () => this.#lastLines());
  }

  /** What is set for the bench's own shell must not reach the node. */
  #environment(): NodeJS.ProcessEnv {
    const foreign = /^(HELIOGRAPH_|NODE_OPTIONS$|REDIS_URL$|DATABASE_URL$|UV_THREADPOOL_SIZE$)/;
    const kept = Object.entries(process.env).filter(([name]) => !foreign.test(name));
    return { ...Object.fromEntries(kept), HELIOGRAPH_DATA_DIR: this.dataDir, NO_COLOR: '1', ...this.#extra };
  }

  #lastLines(): string {
    return readFileSync(this.#log, 'utf8').trim().split('\n').slice(-5).join('\n');
  }
}

/** A node as a process of its own. Disposed of, it is stopped as an operator would. */
export class NodeProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #dataDir: string;
  readonly #lastLines: () => string;
  /** When it was started, as `performance.now()`. */
  readonly startedAt: number;

  constructor(child: ChildProcess, dataDir: string, startedAt: number, lastLines: () => string) {
    this.#child = child;
    this.#dataDir = dataDir;
    this.startedAt = startedAt;
    this.#lastLines = lastLines;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Resolves when it serves and is warm, and with `archive` when the database takes rows. @throws with its last words when it ends */
  async up({ archive }: { archive: boolean }): Promise<void> {
    const limitMs = archive ? ARCHIVE_UP_LIMIT_MS : UP_LIMIT_MS;
    await until(
      'the node is up',
      async () => {
        this.assertAlive();
        const status = await this.#statusOrNone();
        // A tree from before the warm-up (compare.ts) does not tell.
        if (status?.node.state !== 'running' || (status.node as { warm?: boolean }).warm === false) return false;
        return !archive || status.archive.state === 'up';
      },
      limitMs,
    );
  }

  status(): Promise<NodeStatus> {
    return openControl(this.#dataDir).status();
  }

  /** As `heliograph apply`. */
  apply(seed: Parameters<NodeControl['apply']>[0]): ReturnType<NodeControl['apply']> {
    return openControl(this.#dataDir).apply(seed);
  }

  /** Waits until nothing is queued and everything is archived, at most `limitMs`. @returns what is left, '' for nothing */
  async drained(limitMs: number): Promise<string> {
    const endMs = performance.now() + limitMs;
    for (;;) {
      const { store, archive } = await this.status();
      if (store.messages === 0 && archive.behind === 0) return '';
      if (performance.now() > endMs) return `${store.messages} messages in the store, ${archive.behind} to archive`;
      await pause(DRAIN_LOOK_MS);
    }
  }

  /** CPU time so far, all threads, µs. */
  cpuUs(): number {
    return cpuUs(this.pid);
  }

  /** The same of its database's processes. */
  databaseCpuUs(): number {
    return descendantsCpuUs(this.pid);
  }

  /** @throws with its last words when it has ended */
  assertAlive(): void {
    const { exitCode, signalCode } = this.#child;
    if (exitCode === null && signalCode === null) return;
    throw new Error(`the node ended with ${exitCode ?? signalCode}:\n${this.#lastLines()}`);
  }

  anonymousMb(): number {
    this.assertAlive();
    return Math.round(anonymousOctets(this.pid) / 1e6);
  }

  kill(): Promise<number | null> {
    return end(this.#child, 'SIGKILL');
  }

  /** SIGTERM. @throws when it does not end well */
  async stop(): Promise<void> {
    const code = await end(this.#child, 'SIGTERM', 60_000);
    if (code !== 0) throw new Error(`the node ended with ${code ?? 'SIGKILL'} at its stop:\n${this.#lastLines()}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.#child, 'SIGTERM', 60_000);
    await exited(this.#child);
  }

  async #statusOrNone(): Promise<NodeStatus | undefined> {
    try {
      return await this.status();
    } catch {
      // Not there yet.
      return undefined;
    }
  }
}
