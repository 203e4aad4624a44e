import { describeError } from '../runtime/errors.ts';
import type { Logger } from '../runtime/log.ts';
import type { WorkerHandle } from '../runtime/worker-life.ts';
import type { Cluster } from './cluster.ts';
import { checkRoom, StripeKeeper } from './stripe-keeper.ts';
import type { WorkerApi } from './worker-messages.ts';

/** This node's workers as workers of the cluster: who they are for the others, who the others are, what stripes they have. */
export class Membership {
  readonly cluster: Cluster;
  readonly #workerCount: number;
  readonly #workers: () => readonly WorkerHandle<WorkerApi>[];
  #keeper: StripeKeeper | undefined;
  #log: Logger | undefined;
  /** Names on the bus of other nodes' workers, as ours know them. */
  #peers = '';

  constructor(cluster: Cluster, workerCount: number, workers: () => readonly WorkerHandle<WorkerApi>[]) {
    this.cluster = cluster;
    this.#workerCount = workerCount;
    this.#workers = workers;
  }

  /** The workers are up: the others see this node from here on. @throws RuntimeError when it has too many workers */
  async join(log: Logger, version: string): Promise<void> {
    const { cluster } = this;
    this.#log = log;
    log.info('cluster', { name: cluster.settings.name, promise: cluster.promise });
    cluster.onChange(() => void this.#tellPeers());
    await cluster.join({ version, workers: this.#workerCount, stripes: '', lives: await this.#lives() });
    checkRoom(cluster.members, cluster.node, this.#workerCount);
    this.#keeper = new StripeKeeper({ cluster, workers: this.#workers, workerCount: this.#workerCount, log });
    await this.#tellPeers(true);
  }

  /** Resolves when each worker has a stripe of its own. */
  async ready(): Promise<void> {
    await this.#keeper?.ready();
  }

  /** A worker has come up. */
  workersChanged(): void {
    if (!this.#keeper) return;
    this.#lives()
      .then(lives => this.cluster.tell({ lives }))
      .then(() => this.#tellPeers(true))
      .then(() => this.#keeper?.look())
      .catch((error: unknown) => this.#log?.warn('the cluster is not told of a worker', { why: describeError(error) }));
  }

  /** Its sessions are gone: its stripes are made ready for others. */
  async retire(): Promise<void> {
    await this.cluster.tell({ workers: 0 });
    await this.#keeper?.end();
    await Promise.all(this.#workers().map(({ api }) => api.retire().catch(() => undefined)));
  }

  async leave(): Promise<void> {
    await this.#keeper?.end();
    await this.cluster.leave();
  }

  async #lives(): Promise<string> {
    return (await Promise.all(this.#workers().map(({ api }) => api.life()))).join(',');
  }

  /** @param anyway also when nothing has changed: a worker has come up that knows nothing */
  async #tellPeers(anyway = false): Promise<void> {
    const lives = this.cluster.members
      .filter(({ node }) => node !== this.cluster.node)
      .flatMap(({ about }) => String(about['lives'] ?? '').split(','))
      .filter(life => life !== '');
    const peers = lives.join(',');
    if (peers === this.#peers && !anyway) return;
    this.#peers = peers;
    // One that is gone learns it in its next life.
    await Promise.all(this.#workers().map(({ api }) => api.usePeers(lives).catch(() => undefined)));
  }
}
