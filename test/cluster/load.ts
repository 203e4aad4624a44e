import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { compileSmppload, type LoadResult } from '../../bench/harness/smppload.ts';
import type { LoadOptions } from '../support/smppload.ts';

/** A session that the carrier has: its number, who it is with, submit_sm that came on it, receipts it has not answered. */
export type CarrierSession = readonly [session: number, peer: string, submits: number, unanswered: number];

/** What the generator has counted so far, every 100 ms. `t`: ms since it started. */
export interface Counts {
  readonly t: number;
  readonly e: 'counts';
  /** ESMEs that are bound. */
  readonly esmes: number;
  readonly sent: number;
  readonly acked: number;
  readonly rejected: number;
  readonly delivered: number;
  readonly duplicates: number;
  readonly dlr: number;
  readonly sessions: readonly CarrierSession[];
}

/** A carrier session was bound, or has ended; `sessions` are then bound. */
export interface SessionEvent {
  readonly t: number;
  readonly e: 'bound' | 'ended' | 'refused';
  readonly session: number;
  readonly peer: string;
  readonly sessions: number;
}

export interface TwiceEvent {
  readonly t: number;
  readonly e: 'twice';
  readonly message: number;
  readonly session: number;
  /** ms since it came first. */
  readonly after: number;
}

export type LoadEvent = Counts | SessionEvent | TwiceEvent;

export interface ClusterLoadResult extends LoadResult {
  readonly rej: Readonly<Record<string, number>>;
  /** Receipts whose number is not that of the message whose id they give. */
  readonly dlr_wrong: number;
  /** Receipts that the carrier sent again, since nobody had answered them. */
  readonly dlr_repeated: number;
  /** Most sessions the carrier had at once. */
  readonly sessions_max: number;
  /** Binds of its ESMEs that were not taken. */
  readonly binds_refused: number;
  /** `process.hrtime.bigint()` when it started: what `t` and the ledger count from. */
  readonly started_ns: number;
}

let loads = 0;

/** The generator (`bench/load/smppload.c`) for several nodes, and the carrier in it. */
export class ClusterLoad implements Disposable {
  /** Everything it has told, in order. */
  readonly events: LoadEvent[] = [];
  readonly result: Promise<ClusterLoadResult>;
  /** For the checker, once there is a result. */
  readonly ledger: string;
  /** The sender of its messages: each load has its own, by which the archive tells them apart. */
  readonly source: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'heliograph-load-'));
  readonly #stop: () => void;
  readonly #kill: () => void;
  #last: Counts = {
    t: 0,
    e: 'counts',
    esmes: 0,
    sent: 0,
    acked: 0,
    rejected: 0,
    delivered: 0,
    duplicates: 0,
    dlr: 0,
    sessions: [],
  };

  /** As account `load`, with receipts that are repeated until they are answered. @param options long names of the program */
  constructor(options: LoadOptions) {
    this.ledger = join(this.#folder, 'ledger');
    this.source = `LOAD${++loads}`;
    const all: LoadOptions = {
      'system-id': 'load',
      password: 'load',
      source: this.source,
      dlr: true,
      reconnect: true,
      'repeat-receipts': true,
      exact: true,
      events: 3,
      ledger: this.ledger,
      ...options,
    };
    const args = Object.entries(all).flatMap(([name, value]) =>
      value === true ? [`--${name}`] : [`--${name}`, String(value)],
    );
    const child = spawn(compileSmppload(), args, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
    this.#stop = () => void child.kill('SIGTERM');
    this.#kill = () => void child.kill('SIGKILL');
    process.once('exit', this.#kill);
    let output = '';
    let errors = '';
    child.stdout!.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-2000)));
    createInterface({ input: child.stdio[3] as Readable }).on('line', line =>
      this.#told(JSON.parse(line) as LoadEvent),
    );
    this.result = new Promise((resolve, reject) => {
      child.once('close', code => {
        process.off('exit', this.#kill);
        if (code === 0 && output !== '') resolve(JSON.parse(output) as ClusterLoadResult);
        else reject(new Error(`smppload ended with ${code}: ${errors.trim() || 'it said nothing'}`));
      });
    });
    this.result.catch(() => undefined);
  }

  /** The latest counts. */
  get counts(): Counts {
    return this.#last;
  }

  /** Asks it to end now and to tell what it has. */
  stop(): void {
    this.#stop();
  }

  [Symbol.dispose](): void {
    this.#kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #told(event: LoadEvent): void {
    this.events.push(event);
    if (event.e === 'counts') this.#last = event;
  }
}
