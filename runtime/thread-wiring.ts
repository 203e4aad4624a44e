import { MessageChannel } from 'node:worker_threads';
import { transfer } from 'comlink';
import type { PeerName } from './thread-messages.ts';
import type { WorkerHandle } from './worker-life.ts';

type AnyWorker = Pick<WorkerHandle<object>, 'role' | 'index' | 'control'>;

/**
 * The main thread's plan of which threads talk to which: at each `up` it makes a channel to every live thread of the
 * roles that this one is wired to, and hands both ends over (`ThreadControl.connect`). The restart of either side gives
 * both a new port; the old one has closed by itself with the thread that died.
 */
export class ThreadWiring {
  readonly #wires: readonly (readonly [string, string])[];
  readonly #live = new Set<AnyWorker>();
  readonly #failed: (error: unknown, to: PeerName) => void;

  /**
   * @param wires pairs of roles, as `['worker', 'store']`; a role may be wired to itself
   * @param failed a live thread refused a port, or died while it was handed over (its next life gets a new one)
   */
  constructor(wires: readonly (readonly [string, string])[], failed: (error: unknown, to: PeerName) => void) {
    this.#wires = wires;
    this.#failed = failed;
  }

  /** To be called in the pools' `up`. Resolves when every thread concerned has its port, or has failed to take it. */
  async up(worker: AnyWorker): Promise<void> {
    const handed: Promise<void>[] = [];
    for (const peer of this.#live) {
      if (!this.#wired(worker.role, peer.role)) continue;
      const { port1, port2 } = new MessageChannel();
      handed.push(this.#hand(worker, peer, port1), this.#hand(peer, worker, port2));
    }
    this.#live.add(worker);
    await Promise.all(handed);
  }

  /** To be called in the pools' `down`. */
  down(worker: AnyWorker): void {
    this.#live.delete(worker);
  }

  #wired(a: string, b: string): boolean {
    return this.#wires.some(([x, y]) => (x === a && y === b) || (x === b && y === a));
  }

  async #hand(to: AnyWorker, peer: AnyWorker, port: MessageChannel['port1']): Promise<void> {
    try {
      await to.control.connect({ role: peer.role, index: peer.index }, transfer(port, [port]));
    } catch (error) {
      // The other end must see that nobody is here.
      port.close();
      this.#failed(error, { role: to.role, index: to.index });
    }
  }
}
