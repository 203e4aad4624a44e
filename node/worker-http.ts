import { believedClock } from '../runtime/believed-clock.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/log.ts';
import { AllowList } from '../actors/accounts/allow-ips.ts';
import type { Intake } from '../actors/batch/intake.ts';
import type { PublicIds } from '../actors/message/id.ts';
import type { MessageDesk } from '../actors/operations/message-desk.ts';
import type { MessageStore } from '../actors/ports.ts';
import type { KeyOwner } from '../adapters/http/caller.ts';
import type { ApiAccount, ApiDeps } from '../adapters/http/deps.ts';
import type { ApiCounters, ApiListener } from '../adapters/http/listener.ts';
import type { MessageLister } from '../adapters/http/message-lister.ts';
import { Problem, retryAfter } from '../adapters/http/problem.ts';
import type { SubmitCounters } from '../adapters/http/submitter.ts';
import { ApiKeyTable } from '../adapters/secrets/api-keys.ts';
import { statusOf } from '../adapters/smpp/codec/command-status.ts';
import type { HttpSettings, MainCalls, WorkerDirectory } from './worker-messages.ts';

export interface WorkerHttpDeps {
  readonly ids: PublicIds;
  readonly intake: Intake;
  readonly store: MessageStore;
  readonly desk: MessageDesk;
  readonly lister: MessageLister;
  readonly main: MainCalls;
  readonly counters: SubmitCounters;
  readonly account: (name: string) => ApiAccount | undefined;
  readonly urlProblem: (url: string) => string;
  readonly log: Logger;
}

/** Answers about the whole node are kept this long, so that a flood of questions does not reach the main thread. */
const FRESH_MS = 500;
/** Most connections at once in this worker. */
const MOST_CONNECTIONS = 10_000;

/** The REST API in a traffic worker. */
export class WorkerHttp {
  readonly #deps: WorkerHttpDeps;
  #keys = new ApiKeyTable<KeyOwner>([]);
  #destinations: ReadonlySet<string> = new Set();
  #listener: ApiListener | undefined;
  #closing = false;
  readonly counters: ApiCounters = { requests: 0, answers2xx: 0, answers4xx: 0, answers5xx: 0 };

  constructor(deps: WorkerHttpDeps) {
    this.#deps = deps;
  }

  /** Connections that have not ended. */
  get connections(): number {
    return this.#listener?.connections ?? 0;
  }

  configure({ apiKeys, destinations }: WorkerDirectory): void {
    this.#keys = new ApiKeyTable(
      apiKeys.map(({ stored, name, role, allowIps }) => {
        const list = AllowList.parse(allowIps);
        // The configuration was checked; a list that cannot be read must not become "anywhere".
        if (!list.ok) throw new Error(`API key ${name}: allow_ips: expected ${list.expected}, got ${list.got}`);
        return [stored, { name, role, allows: address => list.list.allows(address) }] as const;
      }),
    );
    this.#destinations = new Set(destinations);
  }

  /** Opens the port and returns it. What it needs is loaded now: a session can be bound before that. */
  async listen({ host, port, auth, version }: HttpSettings): Promise<number> {
    const [{ createApi }, { ApiListener }] = await Promise.all([
      import('../adapters/http/app.ts'),
      import('../adapters/http/listener.ts'),
    ]);
    const { ids, intake, store, desk, lister, main, counters, account, urlProblem, log } = this.#deps;
    const deps: ApiDeps = {
      guard: { auth, host },
      version,
      ids,
      now: believedClock.nowMs,
      monotonic: systemClock.monotonicMs,
      intake,
      draining: () => this.#closing,
      counters,
      ownerOf: key => this.#keys.find(key),
      account,
      urlProblem,
      isDestination: name => this.#destinations.has(name) || account(name) !== undefined,
      statusOf,
      find: id => store.find(id).catch(unavailable),
      desk: {
        cancel: (...which) => desk.cancel(...which).catch(unavailable),
        change: (...what) => desk.change(...what).catch(unavailable),
      },
      findArchived: async publicId => main.findArchived(publicId),
      list: query => lister.list(query).catch(unavailable),
      repush: async request => main.repush(request),
      repushed: async run => main.repushed(run),
      health: fresh(async () => main.health()),
      status: fresh(async () => main.status()),
      metrics: fresh(async () => main.metrics()),
      failed: error => log.error('request failed', { error: error as Error }),
    };
    const listener = new ApiListener({ host, port, maxConnections: MOST_CONNECTIONS }, createApi(deps), this.counters);
    this.#listener = listener;
    return listener.listen();
  }

  /** Takes no more connections; ends those that wait for nothing. May be called again. */
  close(): void {
    this.#closing = true;
    this.#listener?.close();
  }

  stop(): void {
    this.#listener?.stop();
  }
}

/** A thread that was asked has just ended: another takes its place. */
function unavailable(error: unknown): never {
  if (error instanceof Problem) throw error;
  throw new Problem('unavailable', 'a part of this node is being restarted', {}, retryAfter(1), error);
}

/** Asks at most once in FRESH_MS, and once at a time: whoever asks meanwhile gets the same answer. */
function fresh<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  let askedAt = 0;
  return () => {
    const now = systemClock.monotonicMs();
    if (answer !== undefined && now - askedAt < FRESH_MS) return answer;
    askedAt = now;
    const asked = ask().catch(unavailable);
    // A failure is not kept.
    asked.catch(() => {
      if (answer === asked) answer = undefined;
    });
    return (answer = asked);
  };
}
