import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NodeStatus } from '../../actors/node-control.ts';
import { openControl } from '../../adapters/control/client.ts';
import { readNodeFile } from '../../adapters/control/node-file.ts';
import { at, HERE, type Place } from './place.ts';
import { runNode, type Ran } from './run.ts';

const MAIN = fileURLToPath(new URL('../../main.ts', import.meta.url));
/** An embedded Postgres is not waited for by a start, but two cores can be busy, and three nodes start at once. */
const UP_WITHIN_MS = 90_000;
const LOOK_MS = 10;

export interface NodeProcessOptions {
  /** As in the configuration file. Ports that it leaves out are taken freely; `archive.enabled` is false and `warm_up_messages` 0 unless given. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Kept afterwards when given (to start again on it); made, and removed with the node, when not. */
  readonly dataDir?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Further arguments of `start`. */
  readonly args?: readonly string[];
  /** Where it runs; its listeners take that address. */
  readonly place?: Place;
}

/** One line of the node's log. */
export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A node in a process of its own, as an operator would run it: `await using node = await startNode({ config })`. */
export class NodeProcess {
  readonly dataDir: string;
  /** By listener; of the real start, so port 0 has become a number. */
  readonly ports: Readonly<Record<string, number>>;
  readonly #child: ChildProcess;
  readonly #output: Output;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #ended: Promise<number | null>;
  readonly #remove: readonly string[];

  constructor(started: Started, ports: Readonly<Record<string, number>>) {
    this.dataDir = started.dataDir;
    this.ports = ports;
    this.#child = started.child;
    this.#output = started.output;
    this.#environment = started.environment;
    this.#ended = started.ended;
    this.#remove = started.remove;
  }

  get pid(): number {
    return this.#child.pid!;
  }
  /** The exit code; null after a signal, undefined while it runs. */
  get exitCode(): number | null | undefined {
    return this.isUp ? undefined : this.#child.exitCode;
  }
  get isUp(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }
  get stdout(): string {
    return this.#output.stdout;
  }
  get stderr(): string {
    return this.#output.stderr;
  }
  /** Resolves with the exit code when the process has ended by itself or by what was sent to it. */
  get ended(): Promise<number | null> {
    return this.#ended;
  }

  /** The lines of its log so far that are log lines. @param message only those that say this */
  logs(message?: string): LogLine[] {
    const lines: LogLine[] = [];
    for (const line of this.#output.stdout.split('\n')) {
      if (!line.startsWith('{') || !line.endsWith('}')) continue;
      const record = JSON.parse(line) as LogLine;
      if (message === undefined || record.msg === message) lines.push(record);
    }
    return lines;
  }

  /** Runs `heliograph ARGS --data DIR` against it, to its end. */
  command(...args: readonly string[]): Promise<Ran> {
    return runNode(MAIN, [...args, '--data', this.dataDir], { environment: this.#environment });
  }

  /** What `heliograph status --json` prints, without the process of a command line, which would load what is tested. */
  status(): Promise<NodeStatus> {
    return openControl(this.dataDir).status();
  }

  /** Polls `status` until it is as wanted, and returns it. */
  async statusWhen(
    description: string,
    wanted: (status: NodeStatus) => boolean,
    limitMs = 10_000,
  ): Promise<NodeStatus> {
    const until = performance.now() + limitMs;
    for (;;) {
      const status = await this.status();
      if (wanted(status)) return status;
      if (performance.now() > until) {
        throw new Error(`not within ${limitMs} ms: ${description}: ${JSON.stringify(status)}`);
      }
      await new Promise(resolve => setTimeout(resolve, LOOK_MS));
    }
  }

  /** Anonymous memory of the process, octets. */
  rssAnon(): number {
    const line = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'));
    return Number(line![1]) * 1024;
  }

  /** Asks it to drain and end. Resolves with the exit code: 0 when all went well. */
  stop(signal: 'SIGTERM' | 'SIGINT' = 'SIGTERM'): Promise<number | null> {
    this.#child.kill(signal);
    return this.#ended;
  }

  /** It stands still, its sockets stay open (SIGSTOP). */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  /** It goes on where it was (SIGCONT). */
  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  /** Ends it without a word (SIGKILL). */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    for (const folder of this.#remove) rmSync(folder, { recursive: true, force: true });
  }
}

interface Output {
  stdout: string;
  stderr: string;
}

interface Started {
  readonly dataDir: string;
  readonly child: ChildProcess;
  readonly output: Output;
  readonly environment: Readonly<Record<string, string>>;
  readonly ended: Promise<number | null>;
  readonly remove: readonly string[];
}

const running = new Set<ChildProcess>();
// A test file that fails half-way leaves nothing behind.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts `main.ts` and resolves when its listeners are open. @throws Error with all it said when it ends before */
export async function startNode(options: NodeProcessOptions): Promise<NodeProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'heliograph-node-'));
  const dataDir = options.dataDir ?? join(folder, 'data');
  const file = join(folder, 'config.json');
  const place = options.place ?? HERE;
  writeFileSync(file, JSON.stringify(withFreePorts(options.config, place)));
  const environment = { PATH: process.env['PATH'] ?? '', HELIOGRAPH_DATA_DIR: dataDir, ...options.env };
  const [program, args] = at(place, process.execPath, [MAIN, 'start', '--config', file, ...(options.args ?? [])]);
  const child = spawn(program, args, {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const output: Output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  const ended = new Promise<number | null>(resolve => {
    child.once('close', code => {
      running.delete(child);
      resolve(code);
    });
  });
  const started: Started = { dataDir, child, output, environment, ended, remove: [folder] };
  try {
    return new NodeProcess(started, await portsOf(started));
  } catch (error) {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

async function portsOf({ dataDir, child, output }: Started): Promise<Readonly<Record<string, number>>> {
  const until = performance.now() + UP_WITHIN_MS;
  for (;;) {
    const file = readNodeFile(dataDir);
    if (file?.pid === child.pid) return file!.ports;
    const hasEnded = child.exitCode !== null || child.signalCode !== null;
    if (hasEnded || performance.now() > until) {
      const what = hasEnded ? `ended with ${child.exitCode ?? child.signalCode}` : `is not up in ${UP_WITHIN_MS} ms`;
      throw new Error(`the node ${what}:\n${output.stderr}\n${output.stdout}`);
    }
    await new Promise(resolve => setTimeout(resolve, LOOK_MS));
  }
}

type Section = Readonly<Record<string, unknown>> | undefined;

function withFreePorts(config: Readonly<Record<string, unknown>>, { address }: Place): object {
  const listeners: Record<string, unknown> = { host: address, ...(config['listeners'] as Section) };
  const freely = (name: string): object => ({ port: 0, ...(listeners[name] as Section) });
  return {
    warm_up_messages: 0,
    ...config,
    listeners: { ...listeners, smpp: freely('smpp'), api: freely('api'), panel: freely('panel') },
    archive: { enabled: false, ...(config['archive'] as Section) },
  };
}
