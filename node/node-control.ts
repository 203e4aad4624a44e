import {
  ControlError,
  type AccountInfo,
  type ApplyResult,
  type CarrierInfo,
  type DrainResult,
  type FlushResult,
  type MessageStory,
  type MessageSummary,
  type NodeControl,
  type NodeStatus,
  type QueueInfo,
  type OutgoingText,
  type RepushInfo,
  type RepushRequest,
  type SendResult,
  type UnbindResult,
} from '../actors/node-control.ts';
import type { QueueStats } from '../actors/ports.ts';
import { isPushQueue } from '../actors/push/push-request.ts';
import { checkSeedData } from '../adapters/config/load.ts';
import { formatProblem } from '../adapters/config/problems.ts';
import type { AccountSettings, Seed } from '../adapters/config/schema.ts';
import { statusOf } from '../adapters/smpp/codec/command-status.ts';
import { RuntimeError } from '../runtime/errors.ts';
import { CarrierControl, carrierInfo, shownSession } from './carrier-control.ts';
import type { LiveAccount } from './live-configuration.ts';
import { eventsOf, storyOfArchived, summaryOfFound } from './message-story.ts';
import { clusterStatus } from './cluster-status.ts';
import type { Node } from './node.ts';
import { PeerVerb } from './node-peers.ts';
import { receiptRepushOf, type ReceiptRepush } from './receipt-repush.ts';
import { REFUSED } from './worker-carriers.ts';
import type { WorkerStatus } from './worker-messages.ts';
import { demandUnused } from './whose-destination.ts';

const MOST_SHOWN = 1000;
const RECENT = 20;

/** What an operator may ask of this node: the command line's and the panel's way in. */
export class RunningNode implements NodeControl {
  readonly #node: Node;
  readonly #carriers: CarrierControl;
  readonly #repush: ReceiptRepush;
  /** Changes of the configuration run one after the other. */
  #changing: Promise<unknown> = Promise.resolve();

  constructor(node: Node) {
    this.#node = node;
    this.#carriers = new CarrierControl({
      configuration: () => node.configuration,
      sessions: async () => (await Promise.all(node.workers.map(({ api }) => api.status()))).flatMap(w => w.sessions),
      take: seed => this.#take(seed),
      changed: () => node.configurationChanged(false),
    });
    this.#repush = receiptRepushOf(node);
  }

  async status(): Promise<NodeStatus> {
    const { services, cluster } = this.#node;
    if (!services || !cluster) return this.statusHere();
    const [own, others] = await Promise.all([this.statusHere(), services.peers.ask<NodeStatus>(PeerVerb.report, null)]);
    return clusterStatus(own, others, cluster, services.slots.holders());
  }

  /** Of this node alone. */
  async statusHere(): Promise<NodeStatus> {
    const node = this.#node;
    const live = node.gatekeeper.completed(node.configuration.live);
    const [store, archive, workers] = await Promise.all([
      node.stores.stats(),
      node.archiveApi?.stats(),
      Promise.all(node.workers.map(worker => worker.api.status())),
    ]);
    const carriers = new Set(live.carriers.map(carrier => carrier.name));
    const accounts = new Set(live.accounts.map(account => account.system_id));
    const queues = store.queues
      .filter(queue => queue.ready + queue.claimed + queue.parked > 0 || carriers.has(queue.destination))
      .sort((a, b) => b.ready + b.parked - a.ready - a.parked);
    const kindOf = (name: string): QueueInfo['kind'] => {
      if (carriers.has(name)) return 'carrier';
      if (accounts.has(name)) return 'account';
      return isPushQueue(name) ? 'webhook' : 'unknown';
    };
    const sessions = workers.flatMap(worker => worker.sessions);
    const total = sum(workers);
    return {
      node: {
        id: node.id,
        cluster: node.settings.cluster.name,
        version: node.version,
        pid: process.pid,
        startedAt: node.startedAt,
        state: node.phase === 'serving' ? 'running' : node.phase === 'starting' ? 'starting' : 'draining',
        dataDir: node.settings.data_dir,
        durability: node.settings.durability,
        workers: node.workerCount,
        warm: node.warmUp.isOver,
      },
      routing: {
        version: live.routing.version,
        routes: live.routing.routes.length,
        activatedAt: live.routing.activatedAt,
      },
      listeners: Object.entries(node.ports).map(([name, port]) => ({ name, host: node.settings.listeners.host, port })),
      sessions: sessions.slice(0, MOST_SHOWN).map(shownSession),
      sessionCount: sessions.length,
      carriers: live.carriers.map(carrier => carrierInfo(carrier, sessions)),
      queues: queues.slice(0, MOST_SHOWN).map(queue => ({
        destination: queue.destination,
        kind: kindOf(queue.destination),
        ready: queue.ready,
        inFlight: queue.claimed,
        parked: queue.parked,
        oldestAt: queue.oldestAt,
      })),
      queueCount: queues.length,
      messages: {
        accepted: total.accepted,
        refused: total.refused,
        sent: total.sent,
        retried: total.retried,
        failed: total.failed,
      },
      receipts: {
        received: total.receiptsDelivered + total.receiptsOther + total.receiptsUnmatched,
        delivered: total.receiptsDelivered,
        undelivered: total.receiptsOther,
        unmatched: total.receiptsUnmatched,
        passedOn: total.receiptsPassedOn,
        pushed: total.receiptsPushed,
        pushRetried: total.receiptPushesRetried,
        givenUp: total.receiptsGivenUp,
        toPush: waitingIn(queues.filter(({ destination }) => isPushQueue(destination))),
        awaited: store.awaitingReceipt,
      },
      store: {
        messages: store.messages,
        octets: store.octets,
        quarantined: store.quarantined,
        refusing: store.refusing,
      },
      archive: {
        state: archive?.state ?? 'off',
        behind: store.outboxMessages,
        written: archive?.messages ?? 0,
        problem: archive?.problem ?? '',
      },
      recent: await this.#recent(workers),
      alarms: this.#alarms(workers, store.refusing),
    };
  }

  async names(): Promise<readonly string[]> {
    return this.#node.configuration.names();
  }

  apply(data: unknown): Promise<ApplyResult> {
    return this.#change(async () => {
      const { seed, problems, warnings } = checkSeedData(data, 'apply', new Set(this.#node.configuration.names()));
      if (seed === undefined) {
        throw new ControlError('invalid', 'nothing was changed', problems.map(formatProblem));
      }
      await this.#take(seed);
      const { routing } = this.#node.configuration.live;
      return {
        tableVersion: routing.version,
        routes: routing.routes.length,
        changed: Object.fromEntries(Object.entries(seed).map(([section, entries]) => [section, entries.length])),
        warnings: warnings.map(formatProblem),
      };
    });
  }

  async drain(): Promise<DrainResult> {
    const { messages } = await this.#node.stores.stats();
    // The answer leaves before the socket it goes over is closed.
    setTimeout(() => this.#node.drain(), 50);
    return { queued: messages };
  }

  async send({ to, text, from, account }: OutgoingText): Promise<SendResult> {
    const worker = this.#node.workers[0];
    if (!worker) throw new ControlError('unavailable', 'no worker is up');
    const outcome = await worker.api.send({ to, text, from: from || 'heliograph', account });
    if ('status' in outcome) {
      const { name, text: meaning } = statusOf(outcome.status);
      throw new ControlError('refused', `${name}: ${meaning}`);
    }
    const found = await this.#node.stores.find(outcome.id);
    return { id: this.#node.ids.toPublic(outcome.id), destination: found?.destination ?? '' };
  }

  async message(publicId: number): Promise<MessageStory> {
    const { ids, stores, archiveApi, log } = this.#node;
    const found = await stores.find(ids.fromPublic(publicId));
    if (found) {
      return {
        ...summaryOfFound(found, publicId),
        attempts: found.attempts,
        dueAt: found.dueAt,
        tableVersion: found.tableVersion,
        foundIn: 'queue',
        events: eventsOf(found),
      };
    }
    try {
      const archived = await archiveApi?.find(publicId);
      if (archived) return storyOfArchived(archived, publicId);
    } catch (error) {
      log.warn('archive look-up failed', { error: error as Error });
      throw new ControlError('unavailable', 'not in the queues, and the archive cannot be asked now', [], error);
    }
    throw new ControlError('not-found', `no message has the id ${publicId}`);
  }

  async accounts(): Promise<readonly AccountInfo[]> {
    return this.#completed().map(account => this.#info(account));
  }

  addAccount(settings: unknown): Promise<AccountInfo> {
    return this.#change(async () => {
      const account = this.#account(settings);
      if (this.#find(account.system_id)) {
        throw new ControlError('conflict', `account ${account.system_id} exists: change it with "accounts set"`);
      }
      await this.#take({ accounts: [account] });
      return this.#info(this.#find(account.system_id)!);
    });
  }

  changeAccount(systemId: string, changes: unknown): Promise<AccountInfo> {
    return this.#change(async () => {
      const known = this.#find(systemId);
      if (!known) throw new ControlError('not-found', `no account is called ${systemId}`);
      const { passwordHash, ...rest } = { ...known, receipt_secret: this.#node.configuration.secretOf(known) };
      const given = changes as Partial<AccountSettings>;
      const password = given.password ?? UNCHANGED;
      const account = this.#account({ ...rest, ...given, system_id: systemId, password });
      if (given.password === undefined) {
        const { password: _, ...settings } = account;
        await this.#node.configuration.putAccount({ ...settings, passwordHash });
        await this.#node.configurationChanged(false);
      } else {
        await this.#take({ accounts: [account] });
      }
      return this.#info(this.#find(systemId)!);
    });
  }

  async unbindAccount(systemId: string, session: number): Promise<UnbindResult> {
    if (!this.#completed().some(account => account.system_id === systemId)) {
      throw new ControlError('not-found', `no account is called ${systemId}`);
    }
    const others = this.#node.services?.peers.ask<number>(PeerVerb.unbind, [systemId, session]) ?? [];
    const counts = [await this.#unbindHere(systemId, session), ...(await others).map(({ answer }) => answer ?? 0)];
    const sessions = counts.reduce((sum, count) => sum + count, 0);
    if (session !== 0 && sessions === 0) {
      throw new ControlError('not-found', `account ${systemId} has no session ${session}`);
    }
    return { sessions };
  }

  /** What another node of the cluster asks. */
  asked(verb: number, body: unknown): unknown {
    if (verb === PeerVerb.unbind) return this.#unbindHere(...(body as [string, number]));
    if (verb === PeerVerb.report) return this.statusHere();
    throw new RuntimeError('PEER_VERB', `this release knows no verb ${verb}`);
  }

  async #unbindHere(systemId: string, session: number): Promise<number> {
    const counts = await Promise.all(this.#node.workers.map(({ api }) => api.unbind(systemId, session)));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  removeAccount(systemId: string): Promise<void> {
    return this.#change(async () => {
      if (!this.#find(systemId)) throw new ControlError('not-found', `no account is called ${systemId}`);
      demandUnused(this.#node.configuration.live, systemId);
      await this.#node.configuration.removeAccount(systemId);
      await this.#node.configurationChanged(false);
    });
  }

  repushReceipts(request: RepushRequest): Promise<RepushInfo> {
    return this.#repush.start(request);
  }

  async flushReceipts(): Promise<FlushResult> {
    const counts = await Promise.all(this.#node.workers.map(({ api }) => api.flushOrphans()));
    return { flushed: counts.reduce((sum, count) => sum + count, 0) };
  }

  repushed(run: string): Promise<RepushInfo> {
    return this.#repush.find(run);
  }

  async carriers(): Promise<readonly CarrierInfo[]> {
    return this.#node.services ? (await this.status()).carriers : this.#carriers.list();
  }

  changeCarrier(name: string, changes: unknown): Promise<CarrierInfo> {
    return this.#change(() => this.#carriers.change(name, changes));
  }

  switchBind(name: string, slot: number, isStarted: boolean): Promise<CarrierInfo> {
    return this.#change(async () => this.#carriers.switchBind(name, slot, isStarted));
  }

  removeCarrier(name: string): Promise<void> {
    return this.#change(() => this.#carriers.remove(name));
  }

  async #take(seed: Seed): Promise<void> {
    await this.#node.configuration.apply(seed, Date.now());
    await this.#node.configurationChanged(seed.routes !== undefined);
  }

  #change<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#changing.then(change);
    this.#changing = done.catch(() => undefined);
    return done;
  }

  #account(settings: unknown): AccountSettings {
    const known = new Set(this.#node.configuration.names());
    const { seed, problems } = checkSeedData({ accounts: [settings] }, 'accounts', known);
    const account = seed?.accounts?.[0];
    if (!account) throw new ControlError('invalid', 'nothing was changed', problems.map(formatProblem));
    return account;
  }

  /** With those that a callback alone has named. */
  #completed(): readonly LiveAccount[] {
    return this.#node.gatekeeper.completed(this.#node.configuration.live).accounts;
  }

  #find(systemId: string): LiveAccount | undefined {
    return this.#node.configuration.live.accounts.find(account => account.system_id === systemId);
  }

  #info(account: LiveAccount): AccountInfo {
    const { system_id, enabled, description, binds, window, deliver_window, throughput, credits, allow_ips, archive } =
      account;
    const sessions = this.#node.gatekeeper.sessionsOf(system_id);
    return {
      system_id,
      enabled,
      description,
      sessions,
      binds,
      window,
      deliver_window,
      throughput,
      credits,
      allow_ips,
      archive,
    };
  }

  async #recent(workers: readonly WorkerStatus[]): Promise<MessageSummary[]> {
    const { ids, stores, archiveApi } = this.#node;
    const newest = workers
      .flatMap(worker => worker.recent)
      .sort((a, b) => b - a)
      .slice(0, RECENT);
    const summaries: MessageSummary[] = [];
    for (const id of newest) {
      const publicId = ids.toPublic(id);
      const found = await stores.find(id);
      if (found) {
        summaries.push(summaryOfFound(found, publicId));
        continue;
      }
      // Best effort: a list of examples must not fail because the archive is away.
      const archived = await archiveApi?.find(publicId).catch(() => undefined);
      if (archived) summaries.push(storyOfArchived(archived, publicId));
    }
    return summaries;
  }

  #alarms(workers: readonly WorkerStatus[], refusing: string): string[] {
    const alarms = [...this.#node.alarms];
    if (refusing !== '') alarms.push(`new messages are refused: ${refusing}`);
    const sessions = workers.flatMap(worker => worker.sessions).filter(session => session.side === 'carrier');
    for (const { name } of this.#node.configuration.live.carriers) {
      const own = sessions.filter(session => session.name === name);
      if (own.length === 0) continue;
      const refused = own.filter(session => session.reason.startsWith(REFUSED));
      if (!own.some(session => session.state.startsWith('BOUND'))) {
        alarms.push(`carrier ${name} has no session: ${own[0]!.reason}`);
      } else if (refused.length > 0) {
        const why = refused[0]!.reason.slice(REFUSED.length + 2);
        alarms.push(`carrier ${name} refuses ${refused.length} of ${own.length} sessions: ${why}`);
      }
    }
    return alarms;
  }
}

const waitingIn = (queues: readonly QueueStats[]): number =>
  queues.reduce((sum, { ready, claimed, parked }) => sum + ready + claimed + parked, 0);

/** Stands for a password that is not being changed, where the settings are checked as a whole. */
const UNCHANGED = 'unchanged'.slice(0, 8);

function sum(workers: readonly WorkerStatus[]): WorkerStatus['counters'] {
  const total: Record<string, number> = {};
  for (const { counters } of workers) {
    for (const [name, value] of Object.entries(counters)) total[name] = (total[name] ?? 0) + (value as number);
  }
  return total as unknown as WorkerStatus['counters'];
}
