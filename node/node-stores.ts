import { existsSync, readdirSync } from 'node:fs';
import type { WorkerHandle } from '../runtime/worker-life.ts';
import { batchNumberOf, STRIPE_LIMIT, stripeOf, type MessageId } from '../actors/message/id.ts';
import type { FoundMessage, StoreStats } from '../actors/ports.ts';
import { addStats } from '../actors/store/store-stats.ts';
import type { WorkerApi } from './worker-messages.ts';

/**
 * Which stripes each worker keeps: one each, and those that an earlier start with more workers has left are shared out,
 * so that nothing is stranded when the number of workers changes.
 */
export function stripesFor(folder: string, workers: number): number[][] {
  const kept = existsSync(folder)
    ? readdirSync(folder)
        .filter(name => /^\d+$/.test(name))
        .map(Number)
    : [];
  const count = Math.min(STRIPE_LIMIT, Math.max(workers, ...kept.map(stripe => stripe + 1)));
  const stripes: number[][] = Array.from({ length: workers }, () => []);
  for (let stripe = 0; stripe < count; stripe++) stripes[stripe % workers]!.push(stripe);
  return stripes;
}

/** The message store as the main thread asks it: through the workers that keep it. */
export class NodeStores {
  readonly #workers: () => readonly WorkerHandle<WorkerApi>[];
  readonly #stripes: readonly (readonly number[])[];

  /** @param stripes by worker; none in a cluster, where each worker reaches all */
  constructor(workers: () => readonly WorkerHandle<WorkerApi>[], stripes: readonly (readonly number[])[]) {
    this.#workers = workers;
    this.#stripes = stripes;
  }

  async find(id: MessageId): Promise<FoundMessage | undefined> {
    return this.#keeper(stripeOf(batchNumberOf(id)))?.find(id);
  }

  async stats(): Promise<StoreStats> {
    return addStats(await Promise.all(this.#workers().map(worker => worker.api.stats())));
  }

  async alarms(): Promise<string[]> {
    // What every worker sees, such as a jump of the clock, is said once.
    return [...new Set((await Promise.all(this.#workers().map(worker => worker.api.alarms()))).flat())];
  }

  /** Alone, configuration lies in stripe 0. @throws while its worker is being restarted */
  async getConfig(key: string): Promise<Uint8Array | undefined> {
    return this.#configuration().getConfig(key);
  }

  async putConfig(key: string, value: Uint8Array | undefined): Promise<void> {
    await this.#configuration().putConfig(key, value);
  }

  #configuration(): WorkerHandle<WorkerApi>['api'] {
    const api = this.#keeper(0);
    if (!api) throw new Error('the configuration cannot be reached: its worker is being restarted');
    return api;
  }

  #keeper(stripe: number): WorkerHandle<WorkerApi>['api'] | undefined {
    if (this.#stripes.length === 0) return this.#workers()[0]?.api;
    return this.#workers().find(worker => this.#stripes[worker.index]?.includes(stripe))?.api;
  }
}
