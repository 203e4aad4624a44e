import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Socket } from 'node:net';
import { transfer } from 'comlink';
import { LentSockets } from '../runtime/remote-socket.ts';
import type { WorkerHandle } from '../runtime/worker-life.ts';
import type { WorkerApi } from './worker-messages.ts';

/** Of a worker that takes no connections. */
const CLOSED = 2 ** 30;
/** Share by which another must have fewer: where there are many, chance spreads them well enough. */
const FEWER = 0.1;

/** Connections of each worker; none takes any yet. */
export function spreadMemory(workers: number): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(workers * Int32Array.BYTES_PER_ELEMENT);
  new Int32Array(memory).fill(CLOSED);
  return memory;
}

/** A worker has ended: nothing is passed on to it until it takes connections again. */
export function closeSpread(memory: SharedArrayBuffer | undefined, worker: number): void {
  if (memory) Atomics.store(new Int32Array(memory), worker, CLOSED);
}

/** Gives a connection to another worker: its end of it, and whose it is. */
export type HandOver = (listener: string, worker: number, address: string, port: MessagePort) => Promise<void>;

/** The main thread's part. */
export function handOverTo(workers: () => readonly Pick<WorkerHandle<WorkerApi>, 'index' | 'api'>[]): HandOver {
  return async (listener, to, address, port) => {
    const worker = workers().find(({ index }) => index === to);
    if (!worker) throw new Error(`worker ${to} is not up`);
    await worker.api.adopt(listener, address, transfer(port, [port]));
  };
}

/**
 * Which worker has the session of a connection. The kernel spreads connections over the workers' sockets by chance: of four,
 * all or three fall on one of two workers in five of eight starts, and that one is full when the other has time. So whoever
 * has got one passes it on to a worker that has fewer: the socket stays, its octets go to and fro (`runtime/remote-socket.ts`).
 */
export class SessionSpread {
  readonly #counts: Int32Array;
  readonly #index: number;
  readonly #handOver: HandOver;
  readonly #lent = new LentSockets();

  constructor(memory: SharedArrayBuffer, index: number, handOver: HandOver) {
    this.#counts = new Int32Array(memory);
    this.#index = index;
    this.#handOver = handOver;
  }

  /** This worker takes connections from now on; it may be said of each of its ports. */
  open(): void {
    Atomics.compareExchange(this.#counts, this.#index, CLOSED, 0);
  }

  /** It takes no more. */
  close(): void {
    Atomics.store(this.#counts, this.#index, CLOSED);
  }

  /** Sockets here whose sessions other workers have. */
  get lent(): number {
    return this.#lent.size;
  }

  /** A connection has come. @returns true when another worker has it now; else it is this one's, until `left` */
  passOn(listener: string, socket: Socket, address: string): boolean {
    const worker = this.#place();
    Atomics.add(this.#counts, worker, 1);
    if (worker === this.#index) return false;
    const { port1, port2 } = new MessageChannel();
    this.#lent.lend(socket, port1);
    this.#handOver(listener, worker, address, port2).catch(() => {
      // That worker has just ended, or the main thread does not answer: the peer connects again.
      this.#left(worker);
      socket.destroy();
    });
    return true;
  }

  /** A connection of this worker has ended. */
  left(): void {
    this.#left(this.#index);
  }

  #left(worker: number): void {
    // Not below none, nor of a worker that takes none.
    const count = Atomics.load(this.#counts, worker);
    if (count > 0 && count < CLOSED) Atomics.sub(this.#counts, worker, 1);
  }

  #place(): number {
    let best = this.#index;
    const own = Atomics.load(this.#counts, this.#index);
    let least = own;
    for (let i = 0; i < this.#counts.length; i++) {
      const count = Atomics.load(this.#counts, i);
      if (count >= least || count + Math.max(1, count * FEWER) > own) continue;
      best = i;
      least = count;
    }
    return best;
  }
}
