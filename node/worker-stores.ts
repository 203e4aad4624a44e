import { join } from 'node:path';
import type { MessagePort } from 'node:worker_threads';
import { believedClock, describeJump, POLL_MS } from '../runtime/believed-clock.ts';
import { systemClock } from '../runtime/clock.ts';
import { turnClock } from '../runtime/loop-clock.ts';
import { fatal } from '../runtime/fatal.ts';
import { waitsForDisk } from '../runtime/heartbeat.ts';
import { Link } from '../runtime/link/link.ts';
import type { PeerName } from '../runtime/thread-messages.ts';
import type { Partitions } from '../actors/traffic-deps.ts';
import { LmdbStore, type StoreSettings } from '../adapters/store-lmdb/lmdb-store.ts';
import { onNotices, ring, serveStore, storeOver } from '../actors/store/store-link.ts';
import { StripedStore } from '../actors/store/striped-store.ts';
import type { ClusterSettings } from './cluster.ts';
import type { StoreEvents, Stores } from './stores.ts';

/** What main gives every worker at its start. */
export interface StoreThreadData {
  /** The data folder. */
  readonly folder: string;
  readonly settings: StoreSettings;
  /** Undefined: this node is alone. */
  readonly cluster: ClusterSettings | undefined;
  /** By worker: the stripes it keeps in the data folder; none in a cluster. */
  readonly stripes: readonly (readonly number[])[];
  /** False: there is no archive, what is settled goes. */
  readonly archives: boolean;
  /** The lives of this worker before ended one soon after the other: a message may be the cause. */
  readonly careful: boolean;
}

/** Whoever discards claims nothing. */
const NOBODY = 0;
const DISCARD_EVERY_MS = 50;
/** Of these, each so many-th also takes what is old enough. */
const AGED_EVERY = 10;

/**
 * The stripes that this worker keeps, each an LMDB environment in a folder of its own, and its links to the others.
 * A worker commits what comes in through it into its own stripe: the way of a message crosses no thread unless its
 * destination's session, or its receipt, is elsewhere.
 */
export class WorkerStores implements Stores {
  /** For this worker's traffic. */
  readonly store: StripedStore;
  /** Who gathers parts of long messages: each worker those that lie in its stripes. */
  readonly partitions: Partitions;
  readonly #data: StoreThreadData;
  readonly #engines = new Map<number, LmdbStore>();
  readonly #links = new Map<number, Link>();
  #discarding: NodeJS.Timeout | undefined;
  #discards = 0;
  /** The archive's link: it only asks. Held so that it lives as long as this thread. */
  #asking: Link | undefined;
  readonly #events: Pick<StoreEvents, 'ready' | 'lapsed'>;
  readonly #alarms: string[] = [];
  readonly #unheard = believedClock.onJump(event => this.#alarms.push(describeJump(event)));
  readonly #polling = setInterval(() => believedClock.poll(), POLL_MS);

  /**
   * Opens the stripes. Damage is set aside and told by `alarms`.
   */
  constructor(index: number, data: StoreThreadData, events: Pick<StoreEvents, 'ready' | 'lapsed'>) {
    this.#data = data;
    this.partitions = { all: data.stripes.flat(), own: data.stripes[index]! };
    this.#events = events;
    for (const stripe of data.stripes[index]!) this.#engines.set(stripe, this.#open(stripe));
    this.store = this.#claimant('waits', destinations => events.ready(destinations)).store;
    if (!data.archives) this.#discarding = setInterval(() => this.#discard(), DISCARD_EVERY_MS);
  }

  /** Lines about damage; each is given once. */
  alarms(): string[] {
    return this.#alarms.splice(0);
  }

  /** How full this worker's stripes are: 0 empty, 1 new messages are refused. */
  async fill(): Promise<number> {
    const { messages, refusing } = await this.store.ownStats();
    return refusing === '' ? messages / (this.#data.settings.maxQueued * this.#engines.size) : 1;
  }

  /** Another worker or the archive. */
  connected(peer: PeerName, port: MessagePort): void {
    if (peer.role === 'worker') this.#connectWorker(peer.index, port);
    else {
      const { store, end } = this.#claimant('refused');
      this.#asking = new Link(port, { peer: peer.role, service: serveStore(store), closed: end });
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#discarding);
    clearInterval(this.#polling);
    this.#unheard();
    this.#asking?.close();
    for (const engine of this.#engines.values()) await engine.close();
  }

  #discard(): void {
    this.#discards++;
    const aged = this.#discards % AGED_EVERY === 0;
    for (const engine of this.#engines.values()) engine.discardSettled(NOBODY, aged);
  }

  #connectWorker(index: number, port: MessagePort): void {
    const stripes = this.#data.stripes[index]!;
    const claimant = this.#claimant('refused');
    const tenure = { holds: true, isOver: false };
    const service = {
      ...serveStore(claimant.store),
      ...onNotices({
        ready: destinations => {
          this.store.rang(index, destinations);
          this.#events.ready(destinations);
        },
      }),
    };
    const link = new Link(port, {
      peer: `worker ${index}`,
      service,
      // After the last frame of its peer, however that ended.
      closed: () => {
        claimant.end();
        this.store.disconnect(index, store);
        if (this.#links.get(index) === link) this.#links.delete(index);
        tenure.isOver = true;
        this.store.lapsed();
        this.#events.lapsed(stripes);
      },
    });
    const store = storeOver(link);
    this.store.connect(index, stripes, { store, tenureOf: () => tenure });
    this.#links.set(index, link);
    // What waits here may be for sessions there, and the other way round: each looks once.
    const waiting = [...this.#engines.values()].flatMap(engine => engine.waiting());
    if (waiting.length > 0) ring(link, waiting);
  }

  /** This worker's own stripes, for one claimant. */
  #claimant(
    elsewhere: 'waits' | 'refused',
    ready?: (destinations: readonly string[]) => void,
  ): { readonly store: StripedStore; readonly end: () => void } {
    const claimants = [...this.#engines].map(([stripe, engine]) => [stripe, engine.claimant()] as const);
    return {
      store: new StripedStore(new Map(claimants.map(([stripe, { store }]) => [stripe, store])), elsewhere, ready),
      end: () => {
        for (const [, claimant] of claimants) claimant.end();
      },
    };
  }

  /** A store that does not open will not open for the worker's next life either: that ends the process. */
  #open(stripe: number): LmdbStore {
    const folder = join(this.#data.folder, 'store', String(stripe));
    try {
      return this.#engine(folder, stripe);
    } catch (error) {
      return fatal(`the store ${folder} cannot be opened`, error);
    }
  }

  #engine(folder: string, stripe: number): LmdbStore {
    const { settings } = this.#data;
    return new LmdbStore(
      folder,
      settings,
      {
        now: believedClock.nowMs,
        monotonic: systemClock.monotonicMs,
        atDisk: waits => {
          waitsForDisk(waits);
          turnClock.forget();
        },
        fatal: line => fatal(line),
        alarm: line => this.#alarms.push(line),
        ready: destinations => {
          this.#events.ready(destinations);
          for (const link of this.#links.values()) ring(link, destinations);
        },
      },
      stripe,
    );
  }
}
