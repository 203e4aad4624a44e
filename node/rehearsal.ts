import { mkdtempSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { systemClock } from '../runtime/clock.ts';
import { isAlive } from '../runtime/is-alive.ts';
import { Link } from '../runtime/link/link.ts';
import { Timers } from '../runtime/timers.ts';
import { storeOver } from '../actors/store/store-link.ts';
import { SimulatedCarrier } from '../adapters/smpp/simulator/simulated-carrier.ts';
import { RehearsalClient } from './rehearsal-client.ts';
import { ACCOUNT, SIMULATED, type RehearsalSetup } from './rehearsal-setup.ts';
import type { HandOver } from './session-spread.ts';
import type { Worker } from './worker.ts';
import type { MainCalls, WorkerSetup } from './worker-messages.ts';
import type { StoreThreadData } from './worker-stores.ts';

type MakeWorker = (index: number, data: StoreThreadData) => Worker;

/**
 * Each with new workers, sessions and stores. Code that is optimized for the first objects of a class is thrown away when the
 * next ones come: fields have got other types, lists that are still empty look otherwise than those that were filled.
 */
const PERFORMANCES = 2;
const CLIENTS = 4;
const WINDOW = 500;
const LOOK_MS = 20;
const ARCHIVE_MS = 50;
const ARCHIVE_MESSAGES = 4096;
/** In memory, so that no disk is written to; else the temporary folder. */
const PLACES = ['/dev/shm', tmpdir()];
/** The first eighth of its ids begin with a zero, as some carriers' do. */
const FIRST_ID = 0x1000_0000_0000 - 5000;
/** A rehearsal's stores take at most 80 MB: what is left is for others. */
const ROOM_OCTETS = 512 * 1024 * 1024;

/**
 * A rehearsal: before messages come, this thread carries some thousands of its own making through all of its code
 * (sessions, stores, routes, receipts), between a client and a carrier on loopback and two workers that are this thread's
 * alone. V8 compiles what runs often, and without this it does so during the first seconds of traffic: measured on two cores,
 * 15 to 20 of the 55 to 70 µs of CPU that each of the first 200,000 messages cost.
 *
 * Nothing of it touches the node: its stores lie in memory and are removed, its configuration has one account and one
 * carrier, its ports are on loopback.
 *
 * @param makeWorker a worker like the one that this thread is
 * @param isOver looked at every LOOK_MS: true ends it at once
 */
export async function rehearse(setup: RehearsalSetup, makeWorker: MakeWorker, isOver: () => boolean): Promise<void> {
  const place = PLACES.find(hasRoom);
  if (place === undefined) throw new Error(`no room to warm up in ${PLACES.join(' or ')}: 512 MB must be free`);
  removeLeftovers(place);
  for (let i = 0; i < PERFORMANCES && !isOver(); i++) await perform(setup, makeWorker, isOver, place);
}

async function perform(
  setup: RehearsalSetup,
  makeWorker: MakeWorker,
  isOver: () => boolean,
  place: string,
): Promise<void> {
  const folder = mkdtempSync(join(place, `${PREFIX}${process.pid}-`));
  const stage = new Stage(setup, makeWorker, folder);
  const look = setInterval(() => {
    if (isOver()) stage.hurry();
  }, LOOK_MS);
  try {
    await stage.play();
  } finally {
    clearInterval(look);
    await stage.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

const PREFIX = 'heliograph-warm-up-';

/** What nodes have left behind that were killed while they warmed up: it is memory. */
function removeLeftovers(place: string): void {
  for (const name of readdirSync(place)) {
    const pid = Number(/^heliograph-warm-up-(\d+)-/.exec(name)?.[1] ?? process.pid);
    if (isAlive(pid)) continue;
    try {
      rmSync(join(place, name), { recursive: true, force: true });
    } catch {
      // Another user's, or another worker of this node was faster.
    }
  }
}

function hasRoom(place: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(place);
    return bavail * bsize >= ROOM_OCTETS;
  } catch {
    return false;
  }
}

/** Two workers, an archive that writes nothing, a carrier and applications. */
class Stage {
  readonly #setup: RehearsalSetup;
  readonly #makeWorker: MakeWorker;
  readonly #folder: string;
  readonly #timers = new Timers(systemClock);
  readonly #carrier: SimulatedCarrier;
  readonly #workers: Worker[] = [];
  readonly #archive: Link[] = [];
  #clients: RehearsalClient[] = [];
  #archiving: NodeJS.Timeout | undefined;
  #isOver = false;
  readonly #over = Promise.withResolvers<void>();

  constructor(setup: RehearsalSetup, makeWorker: MakeWorker, folder: string) {
    this.#setup = setup;
    this.#makeWorker = makeWorker;
    this.#folder = folder;
    this.#carrier = new SimulatedCarrier(SIMULATED, {
      clock: systemClock,
      timers: this.#timers,
      random: Math.random,
      firstId: FIRST_ID,
    });
  }

  /** Resolves when every message has its receipt, or after `hurry`. */
  async play(): Promise<void> {
    const carrierPort = await this.#carrier.listen();
    const ports: number[] = [];
    for (const [index, setup] of this.#setup.workers.entries()) {
      const worker = this.#makeWorker(index, this.#storeData());
      this.#workers.push(worker);
      await worker.api.setup(withCarrier(setup, carrierPort), this.#main());
      const limits = { proxyFrom: [], maxConnections: CLIENTS, maxUnbound: CLIENTS };
      ports.push(await worker.api.listen({ host: '127.0.0.1', port: 0, ...limits }));
    }
    this.#wire();
    if (this.#isOver) return;
    const messages = Math.ceil(this.#setup.messages / PERFORMANCES / CLIENTS);
    let left = messages * CLIENTS;
    const receipts = (count: number): void => {
      left -= count;
      if (left <= 0) this.#over.resolve();
    };
    // All by one port: half of the sessions are passed on to the other worker.
    this.#clients = Array.from({ length: CLIENTS }, () => {
      return new RehearsalClient({
        port: ports[0]!,
        account: ACCOUNT,
        messages,
        window: WINDOW,
        receipts,
      });
    });
    await this.#over.promise;
  }

  #main(): MainCalls {
    return emptyMain(async (listener, worker, address, port) =>
      this.#workers[worker]!.api.adopt(listener, address, port),
    );
  }

  hurry(): void {
    this.#isOver = true;
    this.#over.resolve();
    for (const client of this.#clients) client.close();
  }

  /** Everybody leaves before the stores are closed. */
  async end(): Promise<void> {
    this.hurry();
    clearInterval(this.#archiving);
    await Promise.all(this.#workers.map(worker => worker.api.drain()));
    for (const link of this.#archive) link.close();
    for (const worker of this.#workers) await worker.stop();
    await this.#carrier.close();
    this.#timers.close();
  }

  #storeData(): StoreThreadData {
    return {
      folder: this.#folder,
      cluster: undefined,
      settings: { maxQueued: 1_000_000, maxOutbox: 1_000_000, diskReserveOctets: 0, lingerMs: 1000, reserveOctets: 0 },
      archives: true,
      stripes: [[0], [1]],
      careful: false,
    };
  }

  /** As the threads of a node are. */
  #wire(): void {
    const [first, second] = this.#workers as [Worker, Worker];
    const between = new MessageChannel();
    first.connected({ role: 'worker', index: 1 }, between.port1);
    second.connected({ role: 'worker', index: 0 }, between.port2);
    const stores = this.#workers.map(worker => {
      const { port1, port2 } = new MessageChannel();
      worker.connected({ role: 'archive', index: 0 }, port1);
      const link = new Link(port2, { peer: 'the warm-up' });
      this.#archive.push(link);
      return storeOver(link);
    });
    this.#archiving = setInterval(() => {
      for (const store of stores) {
        store
          .outbox(ARCHIVE_MESSAGES)
          .then(items => store.archived(items.map(({ number, due }) => ({ number, due }))))
          // The link was closed meanwhile.
          .catch(() => undefined);
      }
    }, ARCHIVE_MS);
  }
}

function withCarrier(setup: WorkerSetup, port: number): WorkerSetup {
  const carriers = setup.directory.carriers.map(carrier => ({
    ...carrier,
    targets: carrier.targets.map(target => ({ ...target, places: [{ host: '127.0.0.1', port }] })),
  }));
  // As they come from the main thread: copies look otherwise to V8.
  return { ...setup, directory: { ...setup.directory, carriers: structuredClone(carriers) } };
}

const nobody = (): Promise<never> => Promise.reject(new Error('a warm-up has no main thread'));

/** A main thread that lets everybody in and knows nothing. */
function emptyMain(handOver: HandOver): MainCalls {
  let sessions = 0;
  return {
    authorize: () => ({ type: 'accepted', session: ++sessions }),
    unbound: () => undefined,
    handOver,
    log: () => undefined,
    findArchived: () => Promise.resolve(undefined),
    listArchived: nobody,
    archivedAt: nobody,
    health: nobody,
    status: nobody,
    metrics: nobody,
    leaseOver: () => undefined,
    carrierBound: () => undefined,
    repush: nobody,
    repushed: nobody,
  };
}
