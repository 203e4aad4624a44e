import type { MessagePort } from 'node:worker_threads';
import { believedClock, describeJump, POLL_MS } from '../runtime/believed-clock.ts';
import { systemClock } from '../runtime/clock.ts';
import { describeError, RuntimeError } from '../runtime/errors.ts';
import { Bus } from '../runtime/link/bus.ts';
import type { FramePort } from '../runtime/link/link.ts';
import type { PeerName } from '../runtime/thread-messages.ts';
import { STRIPE_LIMIT } from '../actors/message/id.ts';
import type { Tenure } from '../actors/ports.ts';
import type { StripedStore } from '../actors/store/striped-store.ts';
import type { Partitions } from '../actors/traffic-deps.ts';
import { RedisStore } from '../adapters/store-redis/redis-store.ts';
import type { RedisStoreSettings } from '../adapters/store-redis/store-settings.ts';
import type { WatchedLease } from '../adapters/store-redis/stripe-owner.ts';
import type { ClusterSettings } from './cluster.ts';
import { StoreFace } from './store-face.ts';
import { StorePeer } from './store-peer.ts';
import type { StoreEvents, Stores } from './stores.ts';
import type { StoreThreadData } from './worker-stores.ts';

const LOOK_MS = 100;
const BEATS_A_LEASE = 8;
/** How long a stripe that another has is waited for, and a Redis that cannot be reached: the caller asks again. */
const PATIENCE_MS = 1000;
/** How long what others have claimed of a stripe is waited for that is to be given away. */
const RETIRE_MS = 8000;
const RETIRE_LOOK_MS = 20;
/** Whoever discards claims nothing. */
const NOBODY = 0;
const DISCARD_EVERY_MS = 50;
/** Of these, each so many-th also takes what is old enough. */
const AGED_EVERY = 10;

/**
 * The stripes of a cluster that this worker owns at the moment, each with a connection of its own to Redis, and its links
 * to the other workers, of this node (ports) and of others (the bus). Which stripes it is to have the main thread says.
 */
export class ClusterStores implements Stores {
  readonly store: StripedStore;
  readonly #data: StoreThreadData;
  readonly #cluster: ClusterSettings;
  readonly #events: StoreEvents;
  readonly #engines = new Map<number, RedisStore>();
  /** The own stripes, for each who asks. */
  readonly #faces = new Set<StoreFace>();
  readonly #own: StoreFace;
  readonly #peers = new Map<number | string, StorePeer>();
  readonly #bus: Bus;
  readonly #alarms: string[] = [];
  readonly #unheard = believedClock.onJump(event => this.#alarms.push(describeJump(event)));
  readonly #timers: NodeJS.Timeout[] = [];
  /** Those that did not hold when it was looked last. */
  #unheld = new Set<Tenure>();
  #discards = 0;
  #closing = false;

  constructor(data: StoreThreadData, cluster: ClusterSettings, events: StoreEvents) {
    this.#data = data;
    this.#cluster = cluster;
    this.#events = events;
    this.#own = this.#face('waits', destinations => events.ready(destinations));
    this.store = this.#own.store;
    const { address, name, leaseMs } = cluster;
    this.#bus = new Bus({
      address,
      settings: cluster,
      cluster: name,
      leaseMs,
      clock: systemClock.monotonicMs,
      linked: (peer, port) => this.#linked(peer, port),
    });
    this.#timers.push(
      setInterval(() => believedClock.poll(), POLL_MS),
      setInterval(() => this.#look(), LOOK_MS),
      setInterval(() => this.#beat(), leaseMs / BEATS_A_LEASE),
    );
    if (!data.archives) this.#timers.push(setInterval(() => this.#discard(), DISCARD_EVERY_MS));
  }

  get partitions(): Partitions {
    return { all: ALL_STRIPES, own: [...this.#engines.keys()] };
  }

  /** This worker's name on the bus. */
  get life(): string {
    return this.#bus.life;
  }

  /** The stripes it has now. */
  get stripes(): number[] {
    return [...this.#engines.keys()];
  }

  /** The workers of all other nodes, by their names on the bus. */
  usePeers(lives: readonly string[]): void {
    this.#bus.usePeers(new Set(lives));
  }

  /**
   * Takes a stripe and loads it.
   *
   * @param watched its lease, as the main thread has watched it
   * @returns whether it is ours now; when not, somebody else has it, or Redis cannot be asked
   */
  async open(stripe: number, watched: WatchedLease): Promise<boolean> {
    if (this.#engines.has(stripe)) return true;
    if (this.#closing) return false;
    let engine: RedisStore;
    try {
      engine = await RedisStore.open(
        this.#cluster.address,
        stripe,
        this.#storeSettings(),
        {
          now: believedClock.nowMs,
          monotonic: systemClock.monotonicMs,
          leaseClock: systemClock.monotonicMs,
          alarm: line => this.#alarms.push(line),
          ready: destinations => this.#ready(destinations),
          lost: error => this.#lost(stripe, error),
        },
        watched,
      );
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      if (error.code !== 'STRIPE_HELD') this.#alarms.push(`stripe ${stripe}: ${describeError(error)}`);
      return false;
    }
    if (this.#closing || engine.ended) {
      await engine.close();
      return false;
    }
    this.#engines.set(stripe, engine);
    for (const face of this.#faces) face.add(stripe, engine);
    this.#beat();
    this.#events.moved();
    this.#ready(engine.waiting());
    return true;
  }

  /**
   * Gives a stripe away: first nothing more is claimed from it, what is claimed and not sent comes back, what is sent is
   * answered; so nothing is sent twice.
   */
  async release(stripe: number): Promise<void> {
    const engine = this.#engines.get(stripe);
    if (!engine) return;
    await this.#retire([stripe]);
    if (this.#engines.get(stripe) !== engine) return;
    this.#remove(stripe);
    await engine.close();
  }

  /** Nothing more is claimed from any of its stripes; resolves when nothing is claimed, or is not waited for any more. */
  retire(): Promise<void> {
    return this.#retire(this.stripes);
  }

  alarms(): string[] {
    return this.#alarms.splice(0);
  }

  async fill(): Promise<number> {
    const { messages, refusing } = await this.store.ownStats();
    const most = this.#data.settings.maxQueued * Math.max(1, this.#engines.size);
    return refusing === '' ? messages / most : 1;
  }

  connected(peer: PeerName, port: MessagePort): void {
    const isWorker = peer.role === 'worker';
    // Its end is the thread's: nothing holds any more.
    const over = this.#meet(isWorker ? peer.index : peer.role, `${peer.role} ${peer.index}`, port, isWorker, () =>
      over(),
    );
  }

  async close(): Promise<void> {
    this.#closing = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#unheard();
    const engines = [...this.#engines.values()];
    for (const stripe of this.stripes) this.#remove(stripe);
    await Promise.all(engines.map(engine => engine.close()));
    this.#bus.close();
    for (const peer of this.#peers.values()) peer.link.close();
  }

  #storeSettings(): RedisStoreSettings {
    const { maxQueued, maxOutbox, lingerMs } = this.#data.settings;
    return { ...this.#cluster, patienceMs: PATIENCE_MS, maxQueued, maxOutbox, lingerMs };
  }

  #face(elsewhere: 'waits' | 'refused', ready?: (destinations: readonly string[]) => void): StoreFace {
    const face = new StoreFace(elsewhere, ready);
    for (const [stripe, engine] of this.#engines) face.add(stripe, engine);
    this.#faces.add(face);
    return face;
  }

  #linked(life: string, port: FramePort): () => void {
    return this.#meet(life, `worker ${life} of another node`, port, true, () => undefined);
  }

  /**
   * @param closed the link has closed
   * @returns to be called when the claims of the peer have lapsed
   */
  #meet(name: number | string, title: string, port: FramePort, isWorker: boolean, closed: () => void): () => void {
    const face = this.#face('refused');
    const peer: StorePeer = new StorePeer(port, {
      title,
      leaseMs: this.#cluster.leaseMs,
      clock: systemClock.monotonicMs,
      served: face.store,
      rang: destinations => {
        this.store.rang(name, destinations);
        this.#events.ready(destinations);
      },
      holdsNow: (stripes, gone) => {
        if (gone.length > 0) this.#lapsed(gone);
        this.store.holds(name, stripes);
      },
      giveBack: stripes => this.#events.giveBack(stripes),
      answer: () => this.#beatTo(peer),
      closed: () => {
        if (this.#peers.get(name) === peer) this.#peers.delete(name);
        this.store.disconnect(name, peer.store);
        this.#lapsed(peer.stripes);
        closed();
      },
    });
    this.#peers.set(name, peer);
    if (isWorker) this.store.connect(name, [], peer);
    this.#beatTo(peer);
    // What waits here may be for sessions there, and the other way round: each looks once.
    const waiting = this.#waiting();
    if (isWorker && waiting.length > 0) peer.ring(waiting);
    return () => {
      this.#faces.delete(face);
      face.end();
    };
  }

  #tenures(): Tenure[] {
    const peers = [...this.#peers.values()];
    return [...this.#engines.values(), ...peers.flatMap(peer => peer.tenures())];
  }

  #waiting(): string[] {
    return [...new Set([...this.#engines.values()].flatMap(engine => engine.waiting()))];
  }

  #ready(destinations: readonly string[]): void {
    if (destinations.length === 0) return;
    this.#events.ready(destinations);
    for (const peer of this.#peers.values()) peer.ring(destinations);
  }

  #lost(stripe: number, error: RuntimeError): void {
    const engine = this.#engines.get(stripe);
    // Lost while it was being opened: whoever opens it looks.
    if (!engine) return;
    this.#alarms.push(describeError(error));
    this.#remove(stripe);
    // What it has under way ends by itself.
    void engine.close();
  }

  #lapsed(stripes: readonly number[]): void {
    this.store.lapsed();
    this.#events.lapsed(stripes);
  }

  #remove(stripe: number): void {
    this.#engines.delete(stripe);
    for (const face of this.#faces) face.remove(stripe);
    this.#lapsed([stripe]);
    this.#beat();
    this.#events.moved();
  }

  async #retire(stripes: readonly number[]): Promise<void> {
    const engines = stripes.flatMap(stripe => this.#engines.get(stripe) ?? []);
    for (const engine of engines) engine.retire();
    this.#events.giveBack(stripes);
    for (const peer of this.#peers.values()) peer.giveBack(stripes);
    const until = systemClock.monotonicMs() + RETIRE_MS;
    while (engines.some(engine => !engine.ended && engine.claimed > 0) && systemClock.monotonicMs() < until) {
      await new Promise(resolve => setTimeout(resolve, RETIRE_LOOK_MS));
    }
  }

  /** What was not held and is again may be sent, and claimed. */
  #look(): void {
    const unheld = new Set(this.#tenures().filter(tenure => !tenure.holds));
    const isBack = [...this.#unheld].some(tenure => !unheld.has(tenure) && !tenure.isOver);
    this.#unheld = unheld;
    if (!isBack) return;
    this.#events.resumed();
    this.#ready(this.#waiting());
  }

  #beat(): void {
    for (const peer of this.#peers.values()) this.#beatTo(peer);
  }

  #beatTo(peer: StorePeer): void {
    peer.beat([...this.#engines].map(([stripe, engine]) => [stripe, engine.heldUntil] as const));
  }

  #discard(): void {
    this.#discards++;
    const aged = this.#discards % AGED_EVERY === 0;
    for (const engine of this.#engines.values()) {
      // Lost meanwhile: its next owner discards it.
      engine.discardSettled(NOBODY, aged).catch(() => undefined);
    }
  }
}

const ALL_STRIPES: readonly number[] = Array.from({ length: STRIPE_LIMIT }, (_, stripe) => stripe);
