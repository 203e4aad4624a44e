import type { Timers } from '../../runtime/timers.ts';
import type { StoreStats } from '../ports.ts';
import type { RouteActor, RouteMessage } from '../route/route-actor.ts';
import type { PushClient } from './push-client.ts';
import { PushOutlet, type Budget } from './push-outlet.ts';
import { isPushQueue, originOfQueue } from './push-request.ts';

export interface PushSettings {
  /** Requests at once to one origin, and of this worker to all. */
  readonly connections: number;
  readonly inFlight: number;
  /** The n-th failure is tried again after base x factor^n, `limit` times. */
  readonly retry: { readonly baseMs: number; readonly factor: number; readonly limit: number };
  /** The same for receipts in Jasmin's format, always after the same pause. */
  readonly jasmin: { readonly retries: number; readonly delayMs: number };
  /** Workers of this node, and which of them this one is. */
  readonly workers: number;
  readonly index: number;
}

export interface PusherDeps {
  readonly client: PushClient;
  readonly settings: PushSettings;
  readonly timers: Timers;
  readonly monotonic: () => number;
  readonly stats: () => Promise<StoreStats>;
  /** The route of a push queue, made when there is none. */
  readonly route: (queue: string) => { readonly actor: RouteActor; tell(message: RouteMessage): boolean };
  /** Drops a route that has nothing under way. */
  readonly drop: (queue: string) => void;
  /** A receiver is left alone for a while, for this reason; '': it answers again. */
  readonly changed: (origin: string, reason: string) => void;
  readonly failed: (error: unknown) => void;
}

/** Origins that this worker has to do with at once: further ones wait until one of these has nothing left. */
const MOST_ORIGINS = 1000;
/** Seconds without a receipt after which an origin is forgotten. */
const IDLE_SECONDS = 60;
/** Every so many seconds, and at the start each second for a while, it is looked for queues that nobody has rung for. */
const LOOK_SECONDS = 60;
const START_SECONDS = 10;

interface Open {
  readonly outlet: PushOutlet;
  idle: number;
}

/**
 * Receipts that leave by HTTP from this worker. The queue of an origin (`queueOfUrl`) belongs to one worker of each node, so that
 * `connections` holds for a node; from there on it is a queue like any other, whose route claims, retries and settles.
 */
export class Pusher {
  readonly #deps: PusherDeps;
  readonly #open = new Map<string, Open>();
  /** Queues that have something ready and no place here yet. */
  readonly #waiting = new Set<string>();
  readonly #budget: Budget;
  #seconds = 0;
  #stopped = false;

  constructor(deps: PusherDeps) {
    this.#deps = deps;
    this.#budget = { left: deps.settings.inFlight };
  }

  /** Requests without an answer. */
  get busy(): boolean {
    return this.#budget.left < this.#deps.settings.inFlight;
  }

  /** This queue has something ready. */
  ready(queue: string): void {
    const known = this.#open.get(queue);
    if (this.#stopped || (known && !known.outlet.isClosed) || !this.#isMine(queue)) return;
    if (!known && this.#open.size >= MOST_ORIGINS) {
      this.#waiting.add(queue);
      return;
    }
    const { client, monotonic, timers, settings } = this.#deps;
    const route = this.#deps.route(queue);
    const outlet = new PushOutlet(settings.connections, {
      client,
      route,
      budget: this.#budget,
      monotonic,
      later: (ms, wake) => timers.timer(wake).start(ms),
      ended: () => this.#ended(),
      changed: reason => this.#deps.changed(originOfQueue(queue), reason),
    });
    this.#open.set(queue, { outlet, idle: 0 });
    route.tell({ type: 'outlet-up', outlet });
  }

  /** Once a second. */
  tick(): void {
    const second = this.#seconds++;
    if (second < START_SECONDS || second % LOOK_SECONDS === 0) this.#look().catch(this.#deps.failed);
    for (const [queue, open] of this.#open) {
      const { actor } = this.#deps.route(queue);
      open.idle = open.outlet.used === 0 && actor.isIdle ? open.idle + 1 : 0;
      if (open.idle === IDLE_SECONDS) open.outlet.close();
      if (open.idle <= IDLE_SECONDS) continue;
      this.#open.delete(queue);
      this.#deps.drop(queue);
    }
    for (const queue of this.#waiting) {
      if (this.#open.size >= MOST_ORIGINS) break;
      this.#waiting.delete(queue);
      this.ready(queue);
    }
  }

  /** Begins nothing new. */
  stop(): void {
    this.#stopped = true;
    for (const { outlet } of this.#open.values()) outlet.close();
  }

  /** Where all requests were under way others may begin now. */
  #ended(): void {
    if (this.#budget.left > this.#open.size) return;
    for (const { outlet } of this.#open.values()) outlet.roomAgain();
  }

  async #look(): Promise<void> {
    const { queues } = await this.#deps.stats();
    for (const { destination, ready } of queues) if (ready > 0 && isPushQueue(destination)) this.ready(destination);
  }

  #isMine(queue: string): boolean {
    const { workers, index } = this.#deps.settings;
    let hash = 0;
    for (let i = 0; i < queue.length; i++) hash = (Math.imul(hash, 31) + queue.charCodeAt(i)) | 0;
    return (hash >>> 0) % workers === index;
  }
}
