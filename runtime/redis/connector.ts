import type { HostPort, RedisAddress } from './address.ts';
import { locateSlot } from './cluster-slots.ts';
import { connectionOptions, type ConnectionOptions, type LineSettings } from './connection-options.ts';
import { namedByMost } from './sentinels.ts';

/**
 * Where the next connection to the Redis that has one key leads: to the server, to the master that the Sentinels name, or
 * to the cluster's node that has the slot of the key. To be asked before each connection: a failover changes it.
 */
export class Connector {
  readonly #address: RedisAddress;
  readonly #settings: LineSettings;
  readonly #key: string;
  /** Nodes of the cluster that were seen last, the most likely first. */
  #nodes: readonly HostPort[];

  /** @param key any of the keys that it is for: they share a hash tag */
  constructor(address: RedisAddress, settings: LineSettings, key: string) {
    this.#address = address;
    this.#settings = settings;
    this.#key = key;
    this.#nodes = address.nodes;
  }

  /** A node of the cluster that was named as the right one. */
  likely(node: HostPort): void {
    this.#nodes = [node, ...this.#nodes];
  }

  /** @throws when no node of a cluster answers */
  async options(): Promise<ConnectionOptions> {
    const { mode, nodes, master, database, sentinelPassword } = this.#address;
    const common = connectionOptions(this.#address, this.#settings);
    if (mode === 'standalone') return { ...common, ...nodes[0], db: database };
    if (mode === 'cluster') return { ...common, ...(await this.#locate()) };
    const { tls } = common;
    return {
      ...common,
      sentinels: [...nodes],
      name: master,
      failoverDetector: true,
      sentinelRetryStrategy: () => null,
      ...(sentinelPassword !== '' && { sentinelPassword }),
      ...(tls && { sentinelTLS: tls, enableTLSForSentinelMode: true }),
    };
  }

  /**
   * Where the master is by all who could promote another: to be asked where it counts. Undefined when that cannot be told.
   *
   * @throws when no node of a cluster answers
   */
  async master(): Promise<ConnectionOptions | undefined> {
    if (this.#address.mode !== 'sentinel') return this.options();
    const named = await namedByMost(this.#address, this.#settings);
    return named && { ...connectionOptions(this.#address, this.#settings), ...named };
  }

  async #locate(): Promise<HostPort> {
    const found = await locateSlot(this.#address, this.#settings, this.#nodes, this.#key);
    this.#nodes = [...found.masters, ...this.#address.nodes];
    return found.owner;
  }
}
