import { LOOK_MS } from './heartbeat.ts';
import type { Exit, Intensity } from './supervisor-decide.ts';
import { Supervisor } from './supervisor.ts';
import type { ChildSpec, SupervisorGaveUp } from './supervisor.ts';
import type { Timer } from './timers.ts';
import { WorkerLife } from './worker-life.ts';
import type { LifeOptions, WorkerHandle } from './worker-life.ts';

export interface PoolOptions<Api extends object> extends LifeOptions<Api> {
  /** Threads, at least 1. */
  readonly count: number;
  /** Default 10 restarts in 60 s, over all threads of the pool. */
  readonly intensity?: Intensity;
  /** A thread ended without being asked to; also one that never came up. */
  readonly crashed?: (thread: string, error: unknown, restarts: boolean) => void;
  /** The intensity was exceeded, or a thread cannot be ended. The others have been ended: end the node, with this error's line. */
  readonly gaveUp: (error: SupervisorGaveUp) => void;
}

const DEFAULT_INTENSITY: Intensity = { maxRestarts: 10, periodMs: 60_000 };
/** Between the deadline that a thread was told and its end by force. */
const STOP_GRACE_MS = 1000;

/** One thread of a pool over all its lives. */
class WorkerSlot<Api extends object> implements ChildSpec {
  readonly name: string;
  readonly restart = 'permanent';
  readonly shutdownMs: number;
  readonly #options: LifeOptions<Api>;
  readonly #index: number;
  readonly #beats: Int32Array<SharedArrayBuffer>;
  #lives = 0;
  #life: WorkerLife<Api> | undefined;

  constructor(options: LifeOptions<Api>, index: number, beats: Int32Array<SharedArrayBuffer>) {
    this.name = `${options.role} ${index}`;
    this.shutdownMs = options.shutdownMs + STOP_GRACE_MS;
    this.#options = options;
    this.#index = index;
    this.#beats = beats;
  }

  get life(): WorkerLife<Api> | undefined {
    return this.#life;
  }

  start(exited: (exit: Exit) => void): void {
    this.#life = new WorkerLife(this.#options, this.#index, ++this.#lives, this.#beats, exited);
  }

  shutdown(): void {
    this.#life?.stop();
  }

  kill(): void {
    this.#life?.end('was ended by its supervisor');
  }

  forgotten(): void {
    this.#life = undefined;
  }
}

/**
 * The main thread's side of N like threads: starts them, restarts the one that throws, exits, runs out of heap
 * (`resourceLimits`) or is stuck, stops them, and calls them by comlink. A pool of one is a single thread.
 */
export class WorkerPool<Api extends object> {
  readonly #slots: WorkerSlot<Api>[] = [];
  readonly #supervisor: Supervisor;
  readonly #options: PoolOptions<Api>;
  readonly #look: Timer;
  #waiting: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;

  constructor(options: PoolOptions<Api>) {
    this.#options = options;
    this.#supervisor = new Supervisor({
      name: `the supervisor of ${options.role} threads`,
      intensity: options.intensity ?? DEFAULT_INTENSITY,
      clock: options.clock,
      timers: options.timers,
      stopOrder: 'together',
      ...(options.crashed === undefined ? {} : { crashed: options.crashed }),
      escalate: error => this.#gaveUp(error),
    });
    const beats = new Int32Array(new SharedArrayBuffer(options.count * Int32Array.BYTES_PER_ELEMENT));
    const life: LifeOptions<Api> = { ...options, up: worker => this.#up(worker) };
    for (let index = 0; index < options.count; index++) this.#slots.push(new WorkerSlot(life, index, beats));
    this.#look = options.timers.timer(() => this.#lookAtAll());
  }

  /** Starts all threads; resolves when each is up. Rejects when the pool gives up before that. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      for (const slot of this.#slots) this.#supervisor.add(slot);
      this.#look.start(LOOK_MS);
    });
  }

  /** Stops all threads at the same time; resolves when they have ended. */
  async stop(): Promise<void> {
    await this.#supervisor.stop();
    this.#look.cancel();
  }

  /** The threads that are up now. */
  get workers(): readonly WorkerHandle<Api>[] {
    return this.#slots.flatMap(slot => slot.life?.handle ?? []);
  }

  #up(worker: WorkerHandle<Api>): void {
    this.#options.up(worker);
    if (this.workers.length < this.#slots.length) return;
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }

  #gaveUp(error: SupervisorGaveUp): void {
    this.#look.cancel();
    this.#waiting?.reject(error);
    this.#waiting = undefined;
    this.#options.gaveUp(error);
  }

  #lookAtAll(): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const slot of this.#slots) slot.life?.look(nowMs);
    this.#look.start(LOOK_MS);
  }
}
