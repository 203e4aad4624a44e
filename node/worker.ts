import type { MessagePort } from 'node:worker_threads';
import { transfer } from 'comlink';
import { believedClock } from '../runtime/believed-clock.ts';
import { systemClock } from '../runtime/clock.ts';
import { turnClock } from '../runtime/loop-clock.ts';
import { createLogger, type Logger } from '../runtime/log.ts';
import { RemoteSocket } from '../runtime/remote-socket.ts';
import type { PeerName } from '../runtime/thread-messages.ts';
import { Timers } from '../runtime/timers.ts';
import type { ThreadBody } from '../runtime/worker-thread.ts';
import { Throughput } from '../actors/accounts/limits.ts';
import { SubmitRules } from '../actors/accounts/submit-rules.ts';
import { carefulStore, type CarefulStore } from '../actors/careful-store.ts';
import { Source } from '../actors/batch/source.ts';
import type { BindActor } from '../actors/bind/bind-actor.ts';
import { PublicIds } from '../actors/message/id.ts';
import { ArchiveMode, Kind, RecordFlag } from '../actors/message/record.ts';
import { NO_ERROR_RULES, type RouteSettings } from '../actors/route/outcomes.ts';
import { MessageDesk } from '../actors/operations/message-desk.ts';
import { isPushQueue } from '../actors/push/push-request.ts';
import { urlProblem } from '../actors/push/push-url.ts';
import { Traffic } from '../actors/traffic.ts';
import { urlRules } from '../adapters/config/push-rules.ts';
import type { ApiAccount } from '../adapters/http/deps.ts';
import { MessageLister } from '../adapters/http/message-lister.ts';
import { SmppListener, type ListenerSettings } from '../adapters/smpp/listener.ts';
import { MessageWriter } from '../adapters/smpp/mapping.ts';
import type { BindRequest, ServerSession } from '../adapters/smpp/server-session.ts';
import { Congestion } from './congestion.ts';
import { LeaseGates, MEMBERSHIP } from './lease-gates.ts';
import { archivedFate } from './message-story.ts';
import type { RehearsalSetup } from './rehearsal-setup.ts';
import { formFor, withTexts } from './texts.ts';
import { TextSubmitter } from './text-submitter.ts';
import { trafficOf, WorkerCarriers } from './worker-carriers.ts';
import { WorkerHttp } from './worker-http.ts';
import { WorkerMetrics } from './worker-metrics.ts';
import { pushRouteSettings, WorkerPush } from './worker-push.ts';
import { SessionSpread } from './session-spread.ts';
import { WorkerStores, type StoreThreadData } from './worker-stores.ts';
import type { ClusterStores } from './cluster-stores.ts';
import type { StoreEvents, Stores } from './stores.ts';
import type {
  MainCalls,
  SendRequest,
  WorkerAccount,
  WorkerApi,
  WorkerCarrier,
  WorkerDirectory,
  WorkerSession,
  WorkerSetup,
  WorkerStatus,
} from './worker-messages.ts';

interface AccountHere {
  settings: WorkerAccount;
  readonly source: Source;
  readonly rate: Throughput;
}

/** Used where a destination is neither an account nor a carrier of ours any more: its queue is kept. */
const UNKNOWN: RouteSettings = {
  kind: 'carrier',
  throughput: 0,
  throttleMs: 1000,
  noAnswer: 'retry',
  errors: NO_ERROR_RULES,
  holdBack: undefined,
  onePerNumber: false,
};
const DRAIN_LOOK_MS = 20;
/** How long a worker whose predecessors crashed claims one message at a time. */
const CAREFUL_MS = 60_000;

/** A traffic worker: its actors, its listeners, its sessions with carriers. */
export class Worker implements ThreadBody<WorkerApi> {
  readonly #index: number;
  readonly #careful: boolean;
  readonly #timers = new Timers(systemClock);
  readonly #stores: Stores;
  /** The same, in a cluster. */
  readonly #shared: ClusterStores | undefined;
  #traffic: Traffic | undefined;
  #carefully: CarefulStore | undefined;
  #setup!: WorkerSetup;
  #main!: MainCalls;
  #log!: Logger;
  #writer!: MessageWriter;
  #ids!: PublicIds;
  #text!: TextSubmitter;
  /** By name: smpp, and smpps with TLS. */
  readonly #listeners = new Map<string, SmppListener>();
  #http: WorkerHttp | undefined;
  #metrics: WorkerMetrics | undefined;
  #desk!: MessageDesk;
  #lister!: MessageLister;
  readonly #congestion: Congestion;
  #turnedAway = 0;
  #gates: LeaseGates | undefined;
  /** Undefined: no connection is passed on to another worker. */
  #spread: SessionSpread | undefined;
  #rehearsing: Promise<void> | undefined;
  #stopping = false;
  readonly #accounts = new Map<string, AccountHere>();
  #carriers: WorkerCarriers | undefined;
  readonly api: WorkerApi;

  /** @param shared makes the stores of a node that is in a cluster */
  constructor(index: number, data: StoreThreadData, shared?: typeof ClusterStores) {
    this.#index = index;
    this.#careful = data.careful;
    const events: StoreEvents = {
      ready: destinations => this.#traffic?.ready(destinations),
      lapsed: stripes => {
        this.#traffic?.lapsed();
        this.#carefully?.lapsed(stripes);
      },
      resumed: () => this.#traffic?.resumed(),
      giveBack: stripes => this.#traffic?.giveBack(stripes),
      moved: () => this.#traffic?.moved(this.#stores.partitions.own),
    };
    this.#shared = data.cluster && shared && new shared(data, data.cluster, events);
    this.#stores = this.#shared ?? new WorkerStores(index, data, events);
    const { store } = this.#stores;
    this.#congestion = new Congestion(() => this.#stores.fill(), systemClock.monotonicMs);
    this.api = {
      setup: (setup, main) => this.#start(setup, main),
      listen: settings => this.#listen(settings),
      adopt: (listener, address, port) => {
        const adopting = this.#listeners.get(listener);
        if (adopting) adopting.connected(new RemoteSocket(port), address);
        else {
          port.close();
          this.#spread?.left();
        }
      },
      listenHttp: settings => this.#http!.listen(settings),
      configure: directory => this.#configure(directory),
      configureCarriers: carriers => this.#configureCarriers(carriers),
      setRate: (account, throughput) =>
        this.#accounts.get(account)?.rate.setRate(throughput, systemClock.monotonicMs()),
      rehearse: setup => this.#rehearse(setup),
      drain: () => this.#drain(),
      unbind: (account, session) => this.#unbind(account, session),
      away: carriers => this.#traffic?.avoided.away(new Set(carriers)),
      useTable: (memory, senders) => this.#traffic?.useTable(memory, senders),
      send: request => this.#send(request),
      pushAgain: async (account, receipts) => this.#traffic?.pushAgain(account, receipts) ?? 'starting',
      flushOrphans: () => this.#traffic?.flushOrphans() ?? 0,
      status: () => this.#status(),
      find: id => store.find(id),
      stats: () => this.#stores.store.ownStats(),
      getConfig: key => store.getConfig(key),
      putConfig: (key, value) => store.putConfig(key, value),
      alarms: () => this.#stores.alarms(),
      life: () => this.#inCluster().life,
      usePeers: lives => this.#inCluster().usePeers(lives),
      stripes: () => this.#inCluster().stripes,
      openStripe: (stripe, watched) => this.#inCluster().open(stripe, watched),
      releaseStripe: stripe => this.#inCluster().release(stripe),
      retire: () => this.#inCluster().retire(),
    };
  }

  connected(peer: PeerName, port: MessagePort): void {
    this.#stores.connected(peer, port);
  }

  async #rehearse(setup: RehearsalSetup): Promise<void> {
    // Loaded when the ports are open: a start does not wait for it.
    const { rehearse } = await import('./rehearsal.ts');
    const makeWorker = (index: number, data: StoreThreadData): Worker => new Worker(index, data);
    const { counters } = this.#traffic!;
    // What others have accepted may leave by a session here.
    const isOver = (): boolean => this.#stopping || counters.accepted > 0 || counters.sent > 0;
    this.#rehearsing = rehearse(setup, makeWorker, isOver);
    await this.#rehearsing;
  }

  /** Ends its traffic, whatever is under way, and closes its stripes: after `drain` nothing is. */
  async stop(): Promise<void> {
    this.#stopping = true;
    // What failed of it was told to whoever asked for it.
    await this.#rehearsing?.catch(() => undefined);
    this.#http?.stop();
    await this.#traffic?.stop();
    this.#metrics?.stop();
    await this.#stores.close();
  }

  #inCluster(): ClusterStores {
    if (!this.#shared) throw new Error('this node is alone');
    return this.#shared;
  }

  /**
   * Whoever is bound or waits for an answer is served to the end, so that a peer that goes when it is asked to is refused
   * nothing: only then are new messages refused. Other workers settle into the stripes kept here, so those stay open until
   * all of them are done.
   */
  async #drain(): Promise<void> {
    const traffic = this.#traffic;
    this.#stopping = true;
    if (!traffic) return;
    const { drainMs } = this.#setup;
    const until = systemClock.monotonicMs() + drainMs;
    this.#http?.close();
    this.#spread?.close();
    for (const listener of this.#listeners.values()) listener.drain(drainMs);
    this.#carriers?.drain();
    const awaited = (): boolean => (this.#http?.connections ?? 0) > 0 && systemClock.monotonicMs() < until;
    while (traffic.binds > 0 || awaited()) {
      await this.#pause(DRAIN_LOOK_MS);
      this.#http?.close();
    }
    traffic.drain();
    while (traffic.busy) await this.#pause(DRAIN_LOOK_MS);
    // What the sessions of others have said last.
    while ((this.#spread?.lent ?? 0) > 0 && systemClock.monotonicMs() < until) await this.#pause(DRAIN_LOOK_MS);
  }

  async #start(setup: WorkerSetup, main: MainCalls): Promise<void> {
    this.#setup = setup;
    this.#main = main;
    this.#gates = setup.gates && new LeaseGates(setup.gates);
    this.#spread =
      setup.spread &&
      new SessionSpread(setup.spread, this.#index, async (listener, worker, address, port) =>
        main.handOver(listener, worker, address, transfer(port, [port])),
      );
    this.#log = createLogger(record => main.log(record), 'debug', systemClock.nowMs).with({ worker: this.#index });
    this.#ids = new PublicIds(setup.idKey);
    this.#writer = new MessageWriter(this.#ids, turnClock.nowMs);
    this.#text = new TextSubmitter();
    if (this.#careful) {
      this.#carefully = carefulStore({
        store: this.#stores.store,
        monotonic: systemClock.monotonicMs,
        forMs: CAREFUL_MS,
        ready: destinations => this.#traffic?.ready(destinations),
      });
    }
    const push = new WorkerPush({
      setup: setup.push,
      ids: this.#ids,
      secretOf: account => this.#accounts.get(account)?.settings.pushSecret ?? '',
      index: this.#index,
      log: this.#log,
    });
    const traffic = new Traffic({
      name: `worker ${this.#index}`,
      store: this.#carefully ?? this.#stores.store,
      clock: { nowMs: believedClock.nowMs, monotonicMs: systemClock.monotonicMs },
      turnClock,
      ownQueues: async () => (await this.#stores.store.ownStats()).queues,
      idleMs: () => performance.eventLoopUtilization().idle,
      timers: this.#timers,
      random: Math.random,
      settings: setup.traffic,
      partitions: this.#stores.partitions,
      duplicates: setup.duplicates,
      looped: (from, to) => this.#carriers?.looped(from, to),
      push: push.traffic,
      committed: ms => this.#metrics?.committed(ms),
      answered: (side, ms) => this.#metrics?.answered(side, ms),
      routeSettings: destination => this.#routeSettings(destination),
      reply: (message, text) => this.#text.reply(message, text),
      failed: error => {
        // What this thread held cannot be trusted any more: its pool starts another, whose claims are fresh.
        setImmediate(() => {
          throw error;
        });
      },
    });
    await traffic.start();
    this.#traffic = traffic;
    traffic.useTable(setup.table, setup.senders);
    this.#desk = new MessageDesk({
      store: this.#stores.store,
      findArchived: async id => archivedFate(await main.findArchived(this.#ids.toPublic(id))),
      committed: () => traffic.intake.committed(),
    });
    this.#carriers = new WorkerCarriers({
      traffic,
      writer: this.#writer,
      timers: this.#timers,
      log: this.#log,
      stats: () => this.#stores.store.stats(),
      bound: (carrier, count) => main.carrierBound(this.#index, carrier, count),
      drainMs: setup.drainMs,
      gate: lease => this.#gates!.gate(lease),
      leaseOver: lease => main.leaseOver(this.#index, lease),
    });
    this.#lister = new MessageLister({
      ids: this.#ids,
      search: (match, limit) => this.#stores.store.search(match, limit),
      find: id => this.#stores.store.find(id),
      listArchived: async (match, from, limit) => main.listArchived(match, from, limit),
      archivedAt: async places => main.archivedAt(places),
    });
    const { allowHttp: allow_http, hosts, networks } = setup.push;
    const rules = urlRules({ allow_http, hosts, networks });
    const http = new WorkerHttp({
      ids: this.#ids,
      intake: traffic.intake,
      store: this.#stores.store,
      desk: this.#desk,
      lister: this.#lister,
      main,
      counters: traffic.counters,
      account: name => this.#apiAccount(name),
      urlProblem: url => urlProblem(url, rules),
      log: this.#log,
    });
    this.#http = http;
    this.#metrics = new WorkerMetrics(setup.metrics, `worker ${this.#index}`, this.#timers, () => ({
      ...traffic.counters,
      ...http.counters,
      turnedAway: this.#turnedAway,
    }));
    this.#configure(setup.directory);
  }

  #apiAccount(name: string): ApiAccount | undefined {
    const account = this.#accounts.get(name);
    if (!account) return undefined;
    const { settings, rate } = account;
    const { rules, numbers, duplicates } = account.source;
    const { archiveMode, enabled, push } = settings;
    return { archiveMode, enabled, rules, numbers, duplicates, rate, push };
  }

  /** Sessions of ESMEs, bound or not. */
  *#esmes(): Iterable<ServerSession> {
    for (const { sessions } of this.#listeners.values()) yield* sessions;
  }

  #listen(settings: ListenerSettings): Promise<number> {
    const name = settings.tls ? 'smpps' : 'smpp';
    this.#spread?.open();
    const listener = new SmppListener(settings, {
      passOn: (socket, address) => this.#spread?.passOn(name, socket, address) ?? false,
      left: () => this.#spread?.left(),
      timers: this.#timers,
      settings: this.#setup.server,
      desk: this.#desk,
      admission: this.#traffic!.admission,
      congestion: () => this.#congestion.state,
      sentAsData: account => this.#accounts.get(account)?.settings.dataSm ?? 'none',
      writer: this.#writer,
      ids: this.#ids,
      now: turnClock.nowMs,
      monotonic: systemClock.monotonicMs,
      authorize: request => Promise.resolve(this.#main.authorize(this.#index, request)),
      bind: (session, request) => this.#bindAccount(session, request),
      unbound: (number, reason) => this.#main.unbound(this.#index, number, reason),
      turnedAway: () => this.#turnedAway++,
      gate: this.#gates?.gate(MEMBERSHIP),
    });
    this.#listeners.set(name, listener);
    return listener.listen();
  }

  #bindAccount(session: ServerSession, request: BindRequest): BindActor {
    const account = this.#accounts.get(request.systemId);
    if (!account) throw new Error(`account ${request.systemId} was bound and is not in the directory`);
    const { window, deliverWindow } = account.settings;
    session.form = formFor(account.settings.texts);
    return this.#traffic!.bind(
      request.type === 'transmitter' ? '' : request.systemId,
      {
        receiveWindow: window,
        sendWindow: deliverWindow,
        responseTimeoutMs: this.#setup.server.timers.responseMs,
        overdue: 'tell',
      },
      { wire: session, source: account.source, rate: account.rate },
    );
  }

  /** Takes over a directory: what has not changed goes on undisturbed. */
  #configure(directory: WorkerDirectory): void {
    const { accounts, carriers } = directory;
    const now = systemClock.monotonicMs();
    for (const settings of accounts) {
      const known = this.#accounts.get(settings.systemId);
      if (!known) {
        const names = { owner: settings.systemId, sourceSmsc: settings.systemId, sourceType: 'SMPP' };
        const source = withTexts(new Source(names, Kind.mt, settings.archiveMode), settings.texts);
        source.rules = SubmitRules.of(settings.rules);
        source.duplicates = settings.duplicates;
        this.#accounts.set(settings.systemId, { settings, source, rate: new Throughput(settings.throughput, now) });
        continue;
      }
      known.rate.setRate(settings.throughput, now);
      known.settings = settings;
      known.source.archiveMode = settings.archiveMode;
      known.source.rules = SubmitRules.of(settings.rules);
      known.source.duplicates = settings.duplicates;
      withTexts(known.source, settings.texts);
    }
    const names = new Set(accounts.map(account => account.systemId));
    for (const name of this.#accounts.keys()) if (!names.has(name)) this.#accounts.delete(name);
    for (const session of this.#esmes()) {
      if (session.actor && !this.#accounts.get(session.account)?.settings.enabled) session.drain(this.#setup.drainMs);
    }
    this.#carriers!.configure(carriers);
    this.#http?.configure(directory);
    this.#traffic?.useShapes(directory.shapes, directory.wraps);
    this.#traffic?.useDestinations(directory.defaults, directory.carrierNames);
    this.#traffic?.useErrorWords(directory.errorWords);
    this.#traffic?.usePushes(
      new Map(accounts.flatMap(({ systemId, push }) => (push ? [[systemId, push] as const] : []))),
    );
    this.#traffic?.settingsChanged();
  }

  #configureCarriers(carriers: readonly WorkerCarrier[]): readonly number[] {
    this.#carriers?.configure(carriers);
    this.#traffic?.settingsChanged();
    return this.#carriers?.leases ?? [];
  }

  #routeSettings(destination: string): RouteSettings {
    const carrier = this.#carriers?.routeSettings(destination);
    if (carrier) return carrier;
    if (isPushQueue(destination)) return pushRouteSettings(UNKNOWN, this.#setup.traffic);
    if (this.#accounts.has(destination)) {
      return { ...UNKNOWN, kind: 'account' };
    }
    return UNKNOWN;
  }

  #send({ from, to, text, account }: SendRequest): Promise<{ id: number } | { status: number }> {
    const owner = account || OPERATOR;
    const mode = this.#accounts.get(owner)?.settings.archiveMode ?? ArchiveMode.full;
    const names = { owner, sourceSmsc: owner, sourceType: 'HTTP' };
    const source = new Source(names, Kind.mt, mode, RecordFlag.pull);
    return this.#text.submit(this.#traffic!.intake, source, from, to, text);
  }

  #unbind(account: string, number: number): number {
    let count = 0;
    for (const session of this.#esmes()) {
      if (session.account !== account || !session.actor || (number !== 0 && session.number !== number)) continue;
      session.drain(this.#setup.drainMs);
      count++;
    }
    return count;
  }

  #status(): WorkerStatus {
    const sessions: WorkerSession[] = [];
    for (const session of this.#esmes()) {
      const { account, peer, state, since, actor, bindType } = session;
      if (!actor) continue;
      sessions.push({
        id: session.number,
        name: account,
        side: 'account',
        peer,
        bind: bindType ?? '',
        state,
        since,
        used: actor.unanswered + actor.sending.used,
        size: actor.window,
        ...trafficOf(actor, session.version),
        reason: '',
      });
    }
    sessions.push(...this.#carriers!.sessions());
    this.#metrics?.write();
    const { counters, orphans, recent } = this.#traffic!;
    return {
      counters,
      sessions,
      connections: [...this.#listeners.values()].reduce((sum, { sessions }) => sum + sessions.size, 0),
      turnedAway: this.#turnedAway,
      apiConnections: this.#http?.connections ?? 0,
      orphans,
      recent,
    };
  }

  #pause(ms: number): Promise<void> {
    return new Promise(resolve => this.#timers.timer(resolve).start(ms));
  }
}

/** Whose messages the command line sends. */
const OPERATOR = 'operator';
