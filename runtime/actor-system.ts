import type { ActorRef, ActorSpec } from './actor.ts';
import { ActorCell } from './actor-cell.ts';
import type { CellHost, Turn } from './actor-cell.ts';
import type { Clock } from './clock.ts';
import { Mailbox } from './mailbox.ts';
import type { Intensity } from './supervisor-decide.ts';
import { Supervisor } from './supervisor.ts';
import type { SupervisorGaveUp } from './supervisor.ts';
import type { Timers } from './timers.ts';

export interface ActorSystemOptions {
  readonly name: string;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly timers: Timers;
  readonly intensity: Intensity;
  /** Milliseconds of turns before the sockets have theirs. Default 4. A turn under way is not cut short. */
  readonly burstMs?: number;
  /** An actor threw. It is restarted, or its queued messages went to `undelivered`. */
  readonly crashed?: (actor: string, error: unknown, restarts: boolean) => void;
  /** More restarts than `intensity` allows; every actor has been killed. In a worker: let the thread end. */
  readonly escalate: (error: SupervisorGaveUp) => void;
  /** Runs `burst` when the present turn of the event loop has been worked off. Default `setImmediate`. */
  readonly defer?: (burst: () => void) => void;
}

const DEFAULT_BURST_MS = 4;
// The run queue holds each actor at most once, so its bound is the number of actors; this is only the ring's limit.
const RUN_QUEUE_LIMIT = 2 ** 30;

/**
 * The actors of one thread, and their supervisor (one_for_one). Messages told while sockets and ports are read are
 * drained together afterwards: one `setImmediate` per burst, none per message, so a busier loop makes bigger batches.
 * Actors take turns, in the order in which they were first told something.
 */
export class ActorSystem {
  readonly #host: CellHost;
  readonly #supervisor: Supervisor;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #burstMs: number;
  readonly #defer: (burst: () => void) => void;
  readonly #runQueue = new Mailbox<Turn>(RUN_QUEUE_LIMIT);
  readonly #burst = (): void => this.#runBurst();
  #deferred = false;

  constructor(options: ActorSystemOptions) {
    this.#clock = options.clock;
    this.#burstMs = options.burstMs ?? DEFAULT_BURST_MS;
    this.#defer = options.defer ?? setImmediate;
    this.#supervisor = new Supervisor({ ...options, stopOrder: 'together' });
    this.#host = { supervisor: this.#supervisor, enqueue: cell => this.#enqueue(cell) };
  }

  /** Actors that have not ended. */
  get size(): number {
    return this.#supervisor.size;
  }

  /** @throws what `spec.create` throws; SUPERVISOR_NOT_RUNNING after `stop` or an escalation */
  spawn<M>(spec: ActorSpec<M>): ActorRef<M> {
    const cell = new ActorCell(spec, this.#host);
    this.#supervisor.add(cell);
    return cell;
  }

  /** Stops all actors at the same time, each within its `shutdownMs`; nothing can be spawned any more. */
  stop(): Promise<void> {
    return this.#supervisor.stop();
  }

  #enqueue(cell: Turn): void {
    this.#runQueue.push(cell);
    if (this.#deferred) return;
    this.#deferred = true;
    this.#defer(this.#burst);
  }

  #runBurst(): void {
    const endMs = this.#clock.monotonicMs() + this.#burstMs;
    const queue = this.#runQueue;
    try {
      while (queue.length > 0) {
        queue.shift().turn();
        if (this.#clock.monotonicMs() >= endMs) break;
      }
    } finally {
      this.#deferred = queue.length > 0;
      if (this.#deferred) this.#defer(this.#burst);
    }
  }
}
