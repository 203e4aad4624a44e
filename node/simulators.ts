import type { WorkerPool } from '../runtime/worker-pool.ts';
import type { CarrierSettings } from '../adapters/config/schema.ts';
import type { SimulatorPlace } from './directory.ts';
import type { SimulatorApi } from './simulator-thread.ts';

/** The simulated carriers of a node, in a thread that starts with the first of them. */
export class Simulators {
  readonly #pool: WorkerPool<SimulatorApi>;
  /** Where they listen, by name. */
  readonly places = new Map<string, SimulatorPlace>();

  constructor(pool: WorkerPool<SimulatorApi>) {
    this.#pool = pool;
  }

  async use(carriers: readonly CarrierSettings[]): Promise<void> {
    const simulated = carriers.filter(carrier => carrier.protocol === 'simulator');
    if (simulated.length === 0) return;
    if (this.#pool.workers.length === 0) await this.#pool.start();
    for (const settings of simulated) {
      const port = await this.#pool.workers[0]!.api.serve(settings);
      this.places.set(settings.name, { host: '127.0.0.1', port });
    }
  }
}
