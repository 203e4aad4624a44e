import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { dissect, type Dissected } from './dissect.ts';

const run = promisify(execFile);

/** Why nothing can be captured here; undefined when it can. */
export async function noCapture(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'capturing needs root';
  try {
    await run('dumpcap', ['-i', 'lo', '-a', 'duration:0', '-w', '/dev/null', '-q']);
    return undefined;
  } catch (error) {
    return `no capture on the loopback: ${(error as Error).message.split('\n').at(-2)}`;
  }
}

/** Everything that goes over some TCP ports of the loopback, captured by dumpcap and read by tshark. */
export class Capture implements AsyncDisposable {
  readonly #ports: readonly number[];
  readonly #folder = mkdtempSync(join(tmpdir(), 'heliograph-capture-'));
  readonly #dumpcap: ChildProcess;
  /** Datagrams to itself, in the capture as well: what came before one that is seen there has been captured. */
  readonly #marker: Socket;
  #said = '';

  private constructor(ports: readonly number[], marker: Socket) {
    this.#ports = ports;
    this.#marker = marker;
    const filter = [...ports.map(port => `tcp port ${port}`), `udp port ${marker.address().port}`].join(' or ');
    // -B: MiB in the kernel, so that nothing is lost while this machine is busy.
    this.#dumpcap = spawn('dumpcap', ['-i', 'lo', '-f', filter, '-B', '64', '-w', this.#file], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#dumpcap.on('error', error => (this.#said += error.message));
    this.#dumpcap.stderr!.setEncoding('latin1').on('data', (text: string) => (this.#said += text));
  }

  /** Resolves when it captures. */
  static async start(ports: readonly number[]): Promise<Capture> {
    const marker = createSocket('udp4');
    marker.bind(0, '127.0.0.1');
    await once(marker, 'listening');
    const capture = new Capture(ports, marker);
    try {
      await capture.#mark('captured from here on');
      return capture;
    } catch (error) {
      await capture[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Ends the capture, and has tshark read it. */
  async stop(): Promise<Dissected> {
    await this.#mark('captured up to here');
    await this.#end();
    if (/^Packets received\/dropped.*\/[1-9]/m.test(this.#said)) throw new Error(`packets were lost: ${this.#said}`);
    return dissect(this.#file, this.#ports);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
    this.#marker.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #file(): string {
    return join(this.#folder, 'capture.pcapng');
  }

  async #end(): Promise<void> {
    const { exitCode, signalCode, pid } = this.#dumpcap;
    if (exitCode !== null || signalCode !== null || pid === undefined) return;
    const ended = once(this.#dumpcap, 'close');
    this.#dumpcap.kill('SIGINT');
    await ended;
  }

  /** Sends a word of our own until it is in the file. */
  async #mark(word: string): Promise<void> {
    const until = performance.now() + 20_000;
    while (!this.#written().includes(word)) {
      if (performance.now() > until) throw new Error(`"${word}" is not in the capture within 20 s: ${this.#said}`);
      this.#marker.send(word, this.#marker.address().port, '127.0.0.1');
      await new Promise(resolve => setTimeout(resolve, 20));
    }
  }

  #written(): Buffer {
    try {
      return readFileSync(this.#file);
    } catch {
      return Buffer.alloc(0);
    }
  }
}
