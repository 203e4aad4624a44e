import { describeError, RuntimeError } from '../runtime/errors.ts';
import type { Logger } from '../runtime/log.ts';
import { BindTable } from '../adapters/cluster-redis/bind-table.ts';
import { CarrierSlots, SERVING } from './carrier-slots.ts';
import type { Cluster } from './cluster.ts';
import type { ClusterConfiguration } from './cluster-configuration.ts';
import type { ClusterBinds, Gatekeeper } from './gatekeeper.ts';
import { slotsOf } from './directory.ts';
import { NodePeers, PeerNotice } from './node-peers.ts';

export interface ClusterServicesDeps {
  readonly cluster: Cluster;
  readonly configuration: ClusterConfiguration;
  readonly workers: number;
  readonly log: Logger;
  readonly gatekeeper: () => Gatekeeper;
  /** A worker is to have other binds of carriers. Resolves with the leases that it has sessions by, ending ones too. */
  readonly configureCarriers: (worker: number) => Promise<readonly number[]>;
  /** What other nodes' main threads ask of this one. */
  readonly asked: (verb: number, body: unknown) => unknown;
}

/** Looks at what is counted over the cluster, in a lease time. */
const LOOKS_A_LEASE = 8;

/** What holds over the whole cluster and is no node's own: carriers' binds, accounts' binds and rates, the configuration. */
export class ClusterServices {
  readonly slots: CarrierSlots;
  readonly peers: NodePeers;
  readonly configuration: ClusterConfiguration;
  readonly #deps: ClusterServicesDeps;
  readonly #binds: BindTable;
  #timer: NodeJS.Timeout | undefined;
  #looking = false;
  #wasHere = true;
  #told = 0;
  /** By worker, how often it was told. */
  readonly #turns = new Map<number, number>();

  constructor(deps: ClusterServicesDeps) {
    this.#deps = deps;
    const { cluster, configuration, workers, log } = deps;
    this.configuration = configuration;
    this.slots = new CarrierSlots({
      cluster,
      wanted: () => {
        const carriers = configuration.current.carriers.filter(
          ({ enabled, protocol }) => enabled && protocol === 'smpp',
        );
        return carriers.map(carrier => ({ carrier: carrier.name, slots: slotsOf(carrier) }));
      },
      workers,
      changed: worker => void this.#configureCarriers(worker),
      log,
    });
    const { line, node, incarnation } = cluster;
    this.#binds = new BindTable({ line, cluster: cluster.settings.name, node, incarnation, late: () => cluster.late });
    this.peers = new NodePeers({ cluster, log, asked: deps.asked, told: (notice, body) => this.#heard(notice, body) });
  }

  /** What the gatekeeper needs of the other nodes. */
  get binds(): ClusterBinds {
    return {
      bind: (number, account, type, limits) => this.#binds.bind(number, account, type, limits),
      unbind: number => this.#binds.unbind(number),
      changed: account => this.peers.tell(PeerNotice.binds, account),
      failed: (address, account) => this.peers.tell(PeerNotice.logIn, [address, account]),
    };
  }

  /** From here on this node has its part of what is shared. */
  async start(): Promise<void> {
    const { cluster, configuration } = this.#deps;
    await cluster.tell({ phase: SERVING });
    await this.peers.start();
    this.slots.start();
    configuration.watch();
    this.#timer = setInterval(() => void this.#look(), cluster.settings.leaseMs / LOOKS_A_LEASE);
  }

  /** Takes nothing more, and gives up its carriers' binds as their sessions end. */
  async drain(): Promise<void> {
    await this.#deps.cluster.tell({ phase: 'draining' });
    await this.slots.drain();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.slots.stop();
    this.peers.close();
    await this.#binds.tidy();
    await this.#deps.configuration.close();
  }

  async #configureCarriers(worker: number): Promise<void> {
    const turn = (this.#turns.get(worker) ?? 0) + 1;
    this.#turns.set(worker, turn);
    try {
      const leases = await this.#deps.configureCarriers(worker);
      // Said before the latest change it says nothing about that.
      if (this.#turns.get(worker) === turn) this.slots.only(worker, leases);
    } catch (error) {
      // One that is being restarted gets its part with its directory.
      if (!(error instanceof Error)) throw error;
    }
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const { cluster, configuration, gatekeeper } = this.#deps;
    try {
      // While we were not seen the others may have removed what we had said.
      if (cluster.isHere && !this.#wasHere) this.#binds.doubt();
      this.#wasHere = cluster.isHere;
      await this.#binds.tidy();
      await this.#share(gatekeeper().sharedAccounts());
      if (this.#told !== configuration.version) {
        this.#told = configuration.version;
        await cluster.tell({ configuration: this.#told, table: configuration.current.routing.version });
      }
    } finally {
      this.#looking = false;
    }
  }

  async #share(accounts: readonly string[]): Promise<void> {
    const { cluster, gatekeeper, log } = this.#deps;
    try {
      gatekeeper().useElsewhere(await this.#binds.elsewhere(accounts), cluster.members.length);
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      log.debug('rates not shared anew', { why: describeError(error) });
    }
  }

  #heard(notice: number, body: unknown): void {
    const { gatekeeper } = this.#deps;
    if (notice === PeerNotice.logIn) {
      const [address, account] = body as [string, string];
      gatekeeper().failedElsewhere(address, account);
    } else if (
      notice === PeerNotice.binds &&
      gatekeeper()
        .sharedAccounts()
        .includes(body as string)
    ) {
      void this.#share([body as string]);
    }
  }
}
