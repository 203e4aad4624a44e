import { MessageChannel, Worker } from 'node:worker_threads';
import type { ResourceLimits } from 'node:worker_threads';
import type { Clock } from './clock.ts';
import { RuntimeError, describeError } from './errors.ts';
import { firstBeat, lookAtBeat, starvedMs } from './heartbeat.ts';
import type { BeatState } from './heartbeat.ts';
import { RpcClient } from './rpc.ts';
import type { Remoted } from './rpc.ts';
import type { Exit } from './supervisor-decide.ts';
import type { ThreadControl, ThreadFaces, ThreadMessage, ThreadStart } from './thread-messages.ts';
import type { Timer, Timers } from './timers.ts';

/** A thread of a pool that is up. It belongs to one life of the thread: the next life has another handle. */
export interface WorkerHandle<Api extends object> {
  readonly role: string;
  readonly index: number;
  /** 1 for the first life of this index, one more after each restart. */
  readonly life: number;
  /** The thread's own methods (`ThreadBody.api`). Every call settles: a dead thread rejects with `WorkerGone`. */
  readonly api: Remoted<Api>;
  readonly control: Remoted<ThreadControl>;
}

/** Why a thread ended, and the answer to every call that was pending then. */
export class WorkerGone extends RuntimeError {
  readonly role: string;
  readonly index: number;

  constructor(role: string, index: number, why: string, cause?: unknown) {
    super('WORKER_GONE', `${role} ${index} ${why}`, cause);
    this.role = role;
    this.index = index;
  }
}

export interface LifeOptions<Api extends object> {
  readonly role: string;
  /** The `.ts` file that calls `runThread`. */
  readonly entry: URL;
  /** `ThreadContext.data`, made anew at each start; it is cloned. */
  readonly data: (index: number) => unknown;
  readonly resourceLimits?: ResourceLimits;
  /** Milliseconds from the start of a thread until it must be ready. Default 60,000. */
  readonly startMs?: number;
  /** Milliseconds without a turn of its event loop after which a thread is ended. Default 2,000. */
  readonly stuckMs?: number;
  /** What `ThreadControl.stop` is given; the thread is ended one second after it. */
  readonly shutdownMs: number;
  /** From `armFatal`. */
  readonly fatal: SharedArrayBuffer;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly timers: Timers;
  readonly up: (worker: WorkerHandle<Api>) => void;
  /** After `up`: what this life held is void. Its pending calls have been rejected with the same error. */
  readonly down: (worker: WorkerHandle<Api>, reason: WorkerGone) => void;
}

const DEFAULT_START_MS = 60_000;
const DEFAULT_STUCK_MS = 2000;
/** `terminate()` does not end a thread that is inside native code. After this time the node has to end instead. */
const UNDEAD_MS = 5000;

/** One thread from its start to its end. */
export class WorkerLife<Api extends object> {
  readonly #options: LifeOptions<Api>;
  readonly #handle: WorkerHandle<Api>;
  readonly #beats: Int32Array<SharedArrayBuffer>;
  readonly #exited: (exit: Exit) => void;
  readonly #worker: Worker;
  readonly #rpc: RpcClient<ThreadFaces<Api>>;
  readonly #startLimit: Timer;
  readonly #undeadLimit: Timer;
  #phase: 'starting' | 'up' | 'ending' | 'ended' = 'starting';
  #beat: BeatState;
  #thread = 0;
  #asked = false;
  /** The first reason found is the one that is told: an error comes before the exit that it causes. */
  #reason: WorkerGone | undefined;

  constructor(
    options: LifeOptions<Api>,
    index: number,
    life: number,
    beats: Int32Array<SharedArrayBuffer>,
    exited: (exit: Exit) => void,
  ) {
    const { port1, port2 } = new MessageChannel();
    const { role, fatal, resourceLimits } = options;
    const given: ThreadStart = { role, index, beats: beats.buffer, fatal, rpc: port2, data: options.data(index) };
    this.#options = options;
    this.#beats = beats;
    this.#exited = exited;
    this.#worker = new Worker(options.entry, {
      name: `${role} ${index}`,
      workerData: given,
      transferList: [port2],
      ...(resourceLimits === undefined ? {} : { resourceLimits }),
    });
    this.#rpc = new RpcClient(port1);
    this.#handle = { role, index, life, api: this.#rpc.face('api'), control: this.#rpc.face('control') };
    this.#beat = firstBeat(0, options.clock.monotonicMs());
    const startMs = options.startMs ?? DEFAULT_START_MS;
    this.#startLimit = options.timers.timer(() => this.end(`was not ready within ${startMs / 1000} s`));
    this.#undeadLimit = options.timers.timer(() => this.#undead());
    this.#startLimit.start(startMs);
    this.#worker.on('message', (message: ThreadMessage) => {
      if (message.type === 'ready') this.#ready(message.thread);
    });
    this.#worker.on('error', error => {
      this.#reason ??= this.#gone(`failed: ${describeError(error)}`, error);
    });
    this.#worker.on('exit', code => this.#ended(code));
  }

  /** Present while the thread is up. */
  get handle(): WorkerHandle<Api> | undefined {
    return this.#phase === 'up' ? this.#handle : undefined;
  }

  /** Looks at the beat; ends a thread whose beat has stood still too long. */
  look(nowMs: number): void {
    if (this.#phase !== 'up') return;
    const beat = Atomics.load(this.#beats, this.#handle.index);
    this.#beat = lookAtBeat(this.#beat, beat, nowMs, starvedMs(this.#thread));
    const stuckMs = this.#options.stuckMs ?? DEFAULT_STUCK_MS;
    if (this.#beat.stillMs >= stuckMs) this.end(`was stuck for ${stuckMs / 1000} s`);
  }

  /** Graceful: asks the thread to stop, ends it when it has answered. One that is not up yet has nothing to finish. */
  stop(): void {
    this.#asked = true;
    if (this.#phase === 'starting') this.end('was stopped');
    if (this.#phase !== 'up') return;
    this.#handle.control
      .stop(this.#options.shutdownMs)
      .then(() => this.end('was stopped'))
      .catch((error: unknown) => this.end(`failed to stop: ${describeError(error)}`, error));
  }

  /** Ends the thread at once. */
  end(why: string, cause?: unknown): void {
    if (this.#phase === 'ending' || this.#phase === 'ended') return;
    this.#reason ??= this.#gone(why, cause);
    this.#leave('ending', this.#reason);
    this.#undeadLimit.start(UNDEAD_MS);
    void this.#worker.terminate();
  }

  #ready(thread: number): void {
    if (this.#phase !== 'starting') return;
    this.#phase = 'up';
    this.#startLimit.cancel();
    this.#thread = thread;
    const beat = Atomics.load(this.#beats, this.#handle.index);
    this.#beat = firstBeat(beat, this.#options.clock.monotonicMs(), starvedMs(thread));
    this.#options.up(this.#handle);
  }

  #ended(code: number): void {
    this.#undeadLimit.cancel();
    const reason = (this.#reason ??= this.#gone(`ended by itself with exit code ${code}`));
    this.#leave('ended', reason);
    this.#exited(this.#asked ? { type: 'normal' } : { type: 'crash', error: reason });
  }

  #leave(next: 'ending' | 'ended', reason: WorkerGone): void {
    const wasUp = this.#phase === 'up';
    this.#phase = next;
    this.#startLimit.cancel();
    this.#rpc.close(reason);
    if (wasUp) this.#options.down(this.#handle, reason);
  }

  #undead(): void {
    const error = this.#gone(`did not end within ${UNDEAD_MS / 1000} s of terminate()`, this.#reason);
    this.#exited({ type: 'undead', error });
  }

  #gone(why: string, cause?: unknown): WorkerGone {
    return new WorkerGone(this.#handle.role, this.#handle.index, why, cause);
  }
}
