import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { proxy } from 'comlink';
import { systemClock } from '../runtime/clock.ts';
import { armFatal, fatal } from '../runtime/fatal.ts';
import { lockFolder, type FolderLock } from '../runtime/folder-lock.ts';
import { Lifecycle } from '../runtime/lifecycle.ts';
import { createLogger, type Logger, type LogRecord } from '../runtime/log.ts';
import { ThreadWiring } from '../runtime/thread-wiring.ts';
import { Timers } from '../runtime/timers.ts';
import type { WorkerHandle } from '../runtime/worker-life.ts';
import { WorkerPool } from '../runtime/worker-pool.ts';
import { duplicateMemory } from '../actors/accounts/duplicate-table.ts';
import { PublicIds, STRIPE_LIMIT } from '../actors/message/id.ts';
import { announceFirstStart, type FirstSecrets } from '../adapters/config/first-start.ts';
import type { Configuration, Seed } from '../adapters/config/schema.ts';
import { removeNodeFile, writeNodeFile } from '../adapters/control/node-file.ts';
import { serveControl, type ControlServer } from '../adapters/control/server.ts';
import { PasswordHasher } from '../adapters/secrets/password-hasher.ts';
import { checkServerTls } from '../adapters/smpp/server-tls.ts';
import { DEFAULT_TIMERS } from '../adapters/smpp/session-messages.ts';
import { AlarmWatch } from './alarm-watch.ts';
import type { ArchiveApi, ArchiveSetup } from './archive-thread.ts';
import { openBindCallback } from './bind-callback.ts';
import { Cluster, clusterSettingsOf, nodeIdIn, type ClusterSettings } from './cluster.ts';
import { ClusterServices } from './cluster-services.ts';
import { CrashHistory } from './crash-history.ts';
import { carriersFor, directoryFor, type DirectorySources } from './directory.ts';
import { Gatekeeper } from './gatekeeper.ts';
import { nodeIdOf, type Live, type LiveConfiguration } from './live-configuration.ts';
import { openLocal, openShared } from './open-configuration.ts';
import { Membership } from './membership.ts';
import type { MakeSink } from './carrier-logs.ts';
import { CarrierWatch } from './carrier-watch.ts';
import { RunningNode } from './node-control.ts';
import { NodeMetrics } from './node-metrics.ts';
import { restCalls } from './rest-calls.ts';
import { compileRouting, type CompiledRouting } from './routing.ts';
import { probe, SharedPorts } from './shared-ports.ts';
import { Simulators } from './simulators.ts';
import type { SimulatorApi } from './simulator-thread.ts';
import { gateSettings, serverTls, storeSettings, workerSetup } from './worker-settings.ts';
import { closeSpread, handOverTo, spreadMemory } from './session-spread.ts';
import { NodeStores, stripesFor } from './node-stores.ts';
import type { StoreThreadData } from './worker-stores.ts';
import { rehearsalFor } from './rehearsal-setup.ts';
import { WarmUp } from './warm-up.ts';
import type { MainCalls, WorkerApi, WorkerSetup } from './worker-messages.ts';

export interface NodeOptions {
  readonly configuration: Configuration;
  /** The sections of the file that seed the database, as far as it gives them. */
  readonly seed: Seed;
  readonly version: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Upsert the file's sections although this is not the first start. */
  readonly apply: boolean;
  readonly makeSink: MakeSink;
  /** Writes lines for people. */
  readonly show: (text: string) => void;
  readonly terminal: boolean;
}

const SECOND = 1000;
const STOP_MS = 5000;

/** One node: its threads, its configuration, its listeners, from start to end. */
export class Node {
  readonly #options: NodeOptions;
  readonly #timers = new Timers(systemClock);
  readonly #fatalFlag = armFatal();
  readonly #lock: FolderLock;
  readonly #wiring: ThreadWiring;
  readonly #hasher = new PasswordHasher();
  readonly #workerCount: number;
  readonly #archive: WorkerPool<ArchiveApi>;
  readonly #simulator: WorkerPool<SimulatorApi>;
  readonly #workers: WorkerPool<WorkerApi>;
  readonly #simulators: Simulators;
  readonly #crashes = new CrashHistory();
  readonly #shared: Pick<WorkerSetup, 'duplicates' | 'spread'>;
  readonly #wired = new WeakMap<object, Promise<void>>();
  readonly startedAt = systemClock.nowMs();
  #log!: Logger;
  #carriers!: CarrierWatch;
  #configuration!: LiveConfiguration;
  #gatekeeper!: Gatekeeper;
  #idKey!: Uint8Array;
  #routing!: CompiledRouting;
  readonly #ports = new SharedPorts();
  readonly #running = new RunningNode(this);
  readonly #metrics: NodeMetrics;
  #control: ControlServer | undefined;
  #lifecycle!: Lifecycle;
  #alarms: AlarmWatch | undefined;
  /** The message store, as the main thread asks it. */
  readonly stores: NodeStores;
  readonly warmUp: WarmUp;
  id = '';
  /** The first start is done: from here on a worker that comes up is set up at once. */
  #serving = false;
  readonly #clusterSettings: ClusterSettings | undefined;
  #membership: Membership | undefined;
  #services: ClusterServices | undefined;

  /** Takes the data folder. @throws FolderLockedError when another process has it */
  constructor(options: NodeOptions) {
    this.#options = options;
    const { data_dir, workers, messages } = options.configuration;
    mkdirSync(data_dir, { recursive: true, mode: 0o700 });
    this.#lock = lockFolder(data_dir);
    this.#workerCount = Math.min(workers ?? availableParallelism(), STRIPE_LIMIT);
    const duplicates = duplicateMemory(messages.duplicates_max, Math.random);
    this.#shared = { duplicates, spread: spreadMemory(this.#workerCount) };
    this.#wiring = new ThreadWiring(
      [
        ['worker', 'worker'],
        ['archive', 'worker'],
      ],
      (error, to) =>
        this.#log.warn('threads could not be wired', { to: `${to.role} ${to.index}`, error: error as Error }),
    );
    this.#clusterSettings =
      options.configuration.redis &&
      clusterSettingsOf(options.configuration, nodeIdIn(data_dir, options.configuration.node_id));
    const cluster = this.#clusterSettings;
    const storeData: Omit<StoreThreadData, 'careful'> = {
      cluster,
      folder: resolve(data_dir),
      settings: storeSettings(options.configuration),
      archives: options.configuration.archive.enabled,
      stripes: cluster ? [] : stripesFor(join(resolve(data_dir), 'store'), this.#workerCount),
    };
    this.#archive = this.#pool<ArchiveApi>('archive', './archive-thread.ts', 1, () => storeData);
    this.#simulator = this.#pool<SimulatorApi>('simulator', './simulator-thread.ts', 1, () => undefined);
    this.#simulators = new Simulators(this.#simulator);
    this.#workers = this.#pool<WorkerApi>('worker', './worker-thread.ts', this.#workerCount, index => ({
      ...storeData,
      careful: this.#crashes.isCareful(index, systemClock.monotonicMs()),
    }));
    this.stores = new NodeStores(() => this.#workers.workers, storeData.stripes);
    this.#metrics = new NodeMetrics(this, this.#workerCount);
    this.warmUp = new WarmUp(options.configuration.warm_up_messages, () => this.#log);
  }

  get configuration(): LiveConfiguration {
    return this.#configuration;
  }
  get settings(): Configuration {
    return this.#options.configuration;
  }
  get version(): string {
    return this.#options.version;
  }
  get ids(): PublicIds {
    return new PublicIds(this.#idKey);
  }
  get gatekeeper(): Gatekeeper {
    return this.#gatekeeper;
  }
  get log(): Logger {
    return this.#log;
  }
  get ports(): Readonly<Record<string, number>> {
    return this.#ports.taken;
  }
  get phase(): string {
    return this.#lifecycle?.phase ?? 'starting';
  }
  get workerCount(): number {
    return this.#workerCount;
  }
  get archiveApi(): WorkerHandle<ArchiveApi>['api'] | undefined {
    return this.#archive.workers[0]?.api;
  }
  get workers(): readonly WorkerHandle<WorkerApi>[] {
    return this.#workers.workers;
  }
  /** Undefined: this node is alone, or has not come so far yet. */
  get cluster(): Cluster | undefined {
    return this.#membership?.cluster;
  }
  get services(): ClusterServices | undefined {
    return this.#services;
  }
  /** Lines about damage, the newest last. */
  get alarms(): readonly string[] {
    return this.#alarms?.lines ?? [];
  }

  /** Brings everything up; resolves when the listeners are open. @throws Error with one line for people */
  async start(): Promise<void> {
    const { configuration, makeSink } = this.#options;
    const { listeners } = configuration;
    await probe(listeners.host, listeners.smpp.port, 'SMPP');
    await probe(listeners.host, listeners.api.port, 'REST API');
    const tls = serverTls(configuration);
    if (tls) {
      checkServerTls(tls);
      await probe(listeners.host, listeners.smpps.port, 'SMPP with TLS');
    }
    const settings = this.#clusterSettings;
    const cluster = settings && (await Cluster.open(settings, line => this.#log.error(line)));
    if (cluster) this.#membership = new Membership(cluster, this.#workerCount, () => this.#workers.workers);
    // Their stores come first: alone, the live configuration is in one of them.
    await this.#workers.start();
    const store = this.stores;
    this.id = cluster?.node ?? (await nodeIdOf(store, configuration.node_id));
    const sink = makeSink(this.id);
    this.#log = createLogger(sink, configuration.log.level, systemClock.nowMs);
    await this.#membership?.join(this.#log, this.version);
    this.#carriers = new CarrierWatch({
      timers: this.#timers,
      workers: () => this.#workers.workers,
      log: this.#log,
      configuration,
      node: this.id,
      makeSink,
      cluster,
    });
    const secrets = await this.#openConfiguration();
    this.#gatekeeper = new Gatekeeper({
      ...gateSettings(configuration, this.id, this.#workerCount),
      verify: (password, stored) => this.#hasher.verify(password, stored),
      log: this.#log,
      ratesChanged: account => this.#pushRates(account),
      cluster: this.#services?.binds,
      callback: await openBindCallback(configuration, {
        node: this.id,
        log: this.#log,
        names: () => this.#configuration.names(),
        changed: () => this.configurationChanged(false),
      }),
    });
    const { live } = this.#configuration;
    this.#gatekeeper.useAccounts(live.accounts);
    this.#carriers.use(live.carriers);
    this.#routing = compileRouting(live.routing);
    await this.#simulators.use(live.carriers);
    await this.#membership?.ready();
    await this.#services?.start();
    await Promise.all(this.#workers.workers.map(worker => this.#setUp(worker)));
    this.#serving = true;
    await this.#startRest(secrets);
  }

  /** The configuration has changed: every worker takes it over. */
  async configurationChanged(routingChanged: boolean): Promise<void> {
    const { live } = this.#configuration;
    this.#gatekeeper.useAccounts(live.accounts);
    this.#carriers.use(live.carriers);
    await this.#simulators.use(live.carriers);
    if (routingChanged) this.#routing = compileRouting(live.routing);
    await Promise.all(
      this.#workers.workers.map(async worker => {
        await worker.api.configure(directoryFor(worker.index, this.#sources));
        if (routingChanged) await worker.api.useTable(this.#routing.table, this.#routing.senders);
      }),
    );
  }

  /** Refuses new work, finishes the old, unbinds, ends the process. Resolves when only the end is left. */
  drain(): void {
    this.#lifecycle.stop();
  }

  /** Returns what the first start made up. */
  async #openConfiguration(): Promise<FirstSecrets | undefined> {
    const { configuration, environment, seed, apply } = this.#options;
    const options = {
      configuration,
      environment,
      hasher: this.#hasher,
      log: this.#log,
      apply: apply ? seed : undefined,
      changed: (before: Live) => this.#changedElsewhere(before),
    };
    const { cluster } = this;
    const opened = cluster ? await openShared(cluster, options) : await openLocal(this.stores, options);
    this.#configuration = opened.configuration;
    this.#idKey = opened.idKey;
    if (cluster && opened.keeper) {
      this.#services = new ClusterServices({
        cluster,
        configuration: opened.keeper,
        workers: this.#workerCount,
        log: this.#log,
        gatekeeper: () => this.#gatekeeper,
        configureCarriers: worker => this.#configureCarriers(worker),
        asked: (verb, body) => this.#running.asked(verb, body),
      });
    }
    return opened.secrets;
  }

  #changedElsewhere(before: Live): void {
    const routingChanged = before.routing.version !== this.#configuration.live.routing.version;
    this.configurationChanged(routingChanged).catch((error: unknown) =>
      this.#log.error('configuration of another node was not taken over', { error: error as Error }),
    );
  }

  async #configureCarriers(index: number): Promise<readonly number[]> {
    const worker = this.#workers.workers.find(each => each.index === index);
    return worker ? worker.api.configureCarriers(carriersFor(index, this.#sources)) : [];
  }

  get #sources(): DirectorySources {
    return {
      live: this.gatekeeper.completed(this.#configuration.live),
      workers: this.#workerCount,
      passwordOf: carrier => this.#configuration.passwordOf(carrier),
      secretOf: account => this.#configuration.secretOf(account),
      rateOf: (account, index) => this.#gatekeeper.rateOf(account, index),
      simulators: this.#simulators.places,
      settings: this.settings,
      slots: this.#services?.slots.here,
    };
  }

  /** What is in flight, then the answers to our unbinds, then to what came before those, then the last settles. */
  get #drainLimitMs(): number {
    return this.settings.drain_seconds * SECOND + DEFAULT_TIMERS.unbindMs * 2 + STOP_MS;
  }

  async #drainWorkers(): Promise<void> {
    this.#carriers.stop();
    // One that is gone has nothing in flight any more.
    const drained = this.#workers.workers.map(({ api }) => api.drain().catch(() => undefined));
    await Promise.all([...drained, this.#services?.drain()]);
  }

  #pushRates(account: string): void {
    for (const { api, index } of this.#workers.workers) {
      // A worker that is gone gets its share with the directory of its next life.
      api.setRate(account, this.#gatekeeper.rateOf(account, index)).catch(() => undefined);
    }
  }

  /** A traffic worker has come up, for the first time or again. */
  async #setUp(worker: WorkerHandle<WorkerApi>): Promise<void> {
    const { configuration } = this.#options;
    const { host, smpp, smpps, api } = configuration.listeners;
    this.#gatekeeper.workerUp(worker.index, worker.life);
    this.#services?.slots.workerDown(worker.index);
    await this.#wired.get(worker);
    const calls: MainCalls = {
      authorize: (index, request) => this.#gatekeeper.authorize(index, request),
      unbound: (_index, session, reason) => this.#gatekeeper.unbound(session, reason),
      handOver: handOverTo(() => this.#workers.workers),
      leaseOver: (_index, lease) => this.#services?.slots.over(lease),
      carrierBound: (index, carrier, count) => this.#carriers.bound(index, carrier, count),
      log: record => this.#carriers.log(record),
      ...restCalls(this, this.#running, this.#metrics),
    };
    const setup = workerSetup(configuration, this.#workerCount, {
      idKey: this.#idKey,
      directory: directoryFor(worker.index, this.#sources),
      ...this.#routing,
      metrics: this.#metrics.planFor(worker.index),
      gates: this.#services?.slots.memory,
      ...this.#shared,
    });
    await worker.api.setup(setup, proxy(calls));
    await worker.api.away(this.#carriers.away);
    // Slots that came while it was being set up.
    if (this.#services) await worker.api.configureCarriers(carriersFor(worker.index, this.#sources));
    const common = {
      host,
      proxyFrom: smpp.proxy_from,
      maxConnections: Math.ceil(smpp.max_connections / this.#workerCount) * 2,
      maxUnbound: smpp.max_unbound,
    };
    await this.#ports.open('smpp', worker.index, smpp.port, port => worker.api.listen({ ...common, port }));
    const tls = serverTls(configuration);
    if (tls) {
      await this.#ports.open('smpps', worker.index, smpps.port, port => worker.api.listen({ ...common, port, tls }));
    }
    await this.#ports.open('api', worker.index, api.port, port =>
      worker.api.listenHttp({ host, port, auth: api.auth, version: this.version }),
    );
    this.warmUp.start(worker, messages => worker.api.rehearse(rehearsalFor(setup, messages)));
  }

  async #startRest(secrets: FirstSecrets | undefined): Promise<void> {
    const { configuration, version, show, terminal } = this.#options;
    const { data_dir, listeners } = configuration;
    this.#lifecycle = new Lifecycle({
      clock: systemClock,
      timers: this.#timers,
      drain: [
        { name: 'sessions', limitMs: this.#drainLimitMs, run: () => this.#drainWorkers() },
        { name: 'stripes', limitMs: this.#drainLimitMs, run: async () => this.#membership?.retire() },
      ],
      stop: [
        { name: 'control socket', limitMs: SECOND, run: async () => this.#control?.close() },
        { name: 'archive', limitMs: STOP_MS, run: () => this.#archive.stop() },
        { name: 'services', limitMs: STOP_MS, run: async () => this.#services?.stop() },
        { name: 'cluster', limitMs: STOP_MS, run: async () => this.#membership?.leave() },
        { name: 'workers', limitMs: STOP_MS * 2, run: () => this.#workers.stop() },
        { name: 'simulator', limitMs: SECOND, run: () => this.#simulator.stop() },
        {
          name: 'data folder',
          limitMs: SECOND,
          run: async () => {
            removeNodeFile(data_dir);
            this.#lock.release();
          },
        },
      ],
      phaseChanged: phase => this.#log.info(`node is ${phase}`),
      stepFailed: (step, why) => this.#log.error('a part did not stop', { part: step, why }),
    });
    this.#lifecycle.takeSignals();
    this.#control = await serveControl(data_dir, this.#running);
    writeNodeFile(data_dir, {
      pid: process.pid,
      node: this.id,
      version,
      started: new Date(this.startedAt).toISOString(),
      host: listeners.host,
      ports: this.ports,
      controlSocket: this.#control.path,
    });
    this.#lifecycle.started();
    const ports = Object.entries(this.ports).map(([name, port]) => `${name} ${port}`);
    this.#log.info('node is up', { pid: process.pid, node: this.id, version, ports, workers: this.#workerCount });
    if (secrets) {
      const places = Object.entries(this.ports).map(([name, port]) => [name, { host: listeners.host, port }] as const);
      announceFirstStart({ dataDir: data_dir, secrets, listeners: Object.fromEntries(places) }, terminal, show);
    }
    this.#alarms = new AlarmWatch(this.#timers, () => this.stores.alarms(), this.#log);
    this.warmUp.begin(this.#timers);
    if (configuration.archive.enabled) await this.#archive.start();
  }

  async #archiveUp(worker: WorkerHandle<ArchiveApi>, wired: Promise<void>): Promise<void> {
    const { configuration } = this.#options;
    await wired;
    const log = proxy((record: LogRecord) => this.#log.log(record.level, record.message, record.fields));
    const setup: ArchiveSetup = {
      dataDir: resolve(configuration.data_dir),
      databaseUrl: configuration.database?.url,
      idKey: this.#idKey,
      nodeId: this.id,
    };
    await worker.api.setup(setup, log);
    this.warmUp.start(worker, messages => worker.api.rehearse(messages));
  }

  #pool<Api extends object>(
    role: string,
    entry: string,
    count: number,
    data: (index: number) => unknown,
  ): WorkerPool<Api> {
    return new WorkerPool<Api>({
      role,
      entry: new URL(entry, import.meta.url),
      count,
      data,
      shutdownMs: STOP_MS,
      fatal: this.#fatalFlag,
      clock: systemClock,
      timers: this.#timers,
      up: worker => this.#up(worker),
      down: (worker, reason) => this.#down(worker, reason),
      crashed: (thread, error) => this.#log?.error('thread ended', { thread, error: error as Error }),
      gaveUp: error => fatal(`${role} threads cannot be kept up`, error),
    });
  }

  #up<Api extends object>(worker: WorkerHandle<Api>): void {
    const wired = this.#wiring.up(worker);
    this.#wired.set(worker, wired);
    if (worker.role === 'worker') this.#membership?.workersChanged();
    let ready = wired;
    if (worker.role === 'simulator' && worker.life > 1) ready = this.configurationChanged(false);
    if (worker.role === 'worker' && this.#serving) ready = this.#setUp(worker as unknown as WorkerHandle<WorkerApi>);
    else if (worker.role === 'archive') ready = this.#archiveUp(worker as unknown as WorkerHandle<ArchiveApi>, wired);
    ready.catch((error: unknown) => {
      // One that was stopped while it was being set up has not failed.
      if (this.#lifecycle === undefined || this.#lifecycle.phase === 'serving')
        this.#log?.error('thread could not be set up', { error: error as Error });
    });
  }

  #down<Api extends object>(worker: WorkerHandle<Api>, reason: Error): void {
    this.#wiring.down(worker);
    if (worker.role === 'worker') this.#services?.slots.workerDown(worker.index);
    if (worker.role !== 'worker' || this.#lifecycle?.phase !== 'serving') return;
    this.#log?.warn('what the worker held is void', { worker: worker.index, reason: reason.message });
    this.#crashes.ended(worker.index, systemClock.monotonicMs());
    this.#gatekeeper.workerDown(worker.index);
    closeSpread(this.#shared.spread, worker.index);
    this.#carriers.workerDown(worker.index);
  }
}
