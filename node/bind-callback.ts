import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { systemClock } from '../runtime/clock.ts';
import { describeError } from '../runtime/errors.ts';
import type { Logger } from '../runtime/log.ts';
import type { CallbackAnswer, CallbackQuestion } from '../adapters/bind-callback/callback-client.ts';
import { checkAccountChanges } from '../adapters/config/account.ts';
import { completeAccount } from '../adapters/config/defaults.ts';
import type { AccountSettings, Configuration } from '../adapters/config/schema.ts';
import type { BindRequest } from '../adapters/smpp/server-session.ts';
import type { LiveAccount } from './live-configuration.ts';

export interface BindCallbackSettings {
  /** Which accounts it is asked about: those that the configuration does not have, or all. */
  readonly accounts: 'unknown' | 'all';
  /** How long a yes counts without asking, and how long while it cannot be asked. */
  readonly cacheMs: number;
  readonly outageMs: number;
}

export interface BindCallbackDeps {
  readonly node: string;
  readonly settings: BindCallbackSettings;
  readonly ask: (question: CallbackQuestion) => Promise<CallbackAnswer>;
  /** Names of all destinations. */
  readonly names: () => readonly string[];
  /** What it says of accounts has changed: resolves when every worker goes by it. */
  readonly changed: () => Promise<void>;
  readonly monotonic: () => number;
  readonly log: Logger;
}

export type CallbackDecision =
  | { readonly type: 'allowed' }
  /** It said no. */
  | { readonly type: 'refused'; readonly reason: string }
  | { readonly type: 'undecided'; readonly reason: string };

type GivenSettings = Partial<Omit<AccountSettings, 'system_id' | 'password'>>;

/** A yes: to this password, from this address, for this kind of bind. */
interface Yes {
  readonly mac: Buffer;
  readonly at: number;
}

/** Of the last yes answers; beyond it the oldest are forgotten. */
const MOST_KEPT = 100_000;
/** Accounts that are only its own. */
const MOST_ACCOUNTS = 100_000;

/**
 * Lets an HTTP callback decide who binds, and with which settings. What it says of an account holds on this node until it
 * says something else; accounts that the configuration does not have are known from their first bind on.
 */
export class BindCallback {
  readonly #deps: BindCallbackDeps;
  readonly #secret = randomBytes(32);
  readonly #kept = new Map<string, Yes>();
  readonly #given = new Map<string, GivenSettings>();
  #telling: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(deps: BindCallbackDeps) {
    this.#deps = deps;
  }

  concerns(known: LiveAccount | undefined): boolean {
    return known === undefined || this.#deps.settings.accounts === 'all';
  }

  /** The account as it is with what the callback said. @param known as the configuration has it, if it does */
  accountOf(systemId: string, known: LiveAccount | undefined): LiveAccount | undefined {
    const given = this.#given.get(systemId);
    // One that the configuration has got meanwhile is the configuration's.
    if (!given || !this.concerns(known)) return known;
    const base = known ?? completeAccount({ system_id: systemId, passwordHash: '' } as LiveAccount);
    return { ...base, ...given };
  }

  /** All accounts, its own too. */
  accounts(known: readonly LiveAccount[]): LiveAccount[] {
    const own = new Map(known.map(account => [account.system_id, account]));
    for (const systemId of this.#given.keys()) own.set(systemId, this.accountOf(systemId, own.get(systemId))!);
    return [...own.values()];
  }

  async decide(request: BindRequest): Promise<CallbackDecision> {
    const { settings, ask, monotonic, node, log } = this.#deps;
    const { systemId, password, address, type } = request;
    const key = `${systemId}\0${address}\0${type}`;
    const mac = createHmac('sha256', this.#secret).update(`${key}\0${password}`, 'latin1').digest();
    const yes = this.#kept.get(key);
    const isSame = yes !== undefined && timingSafeEqual(yes.mac, mac);
    const age = isSame ? monotonic() - yes.at : Infinity;
    if (age < settings.cacheMs) return { type: 'allowed' };
    const answer = await ask({ system_id: systemId, password, peer_address: address, bind: type, node });
    if (answer.type === 'refused') {
      if (isSame) this.#kept.delete(key);
      return answer;
    }
    if (answer.type === 'failed') {
      const { reason } = answer;
      if (age >= settings.outageMs) return { type: 'undecided', reason };
      log.warn('bind callback failed: its last answer counts', { account: systemId, peer: address, reason });
      return { type: 'allowed' };
    }
    const problem = await this.#take(systemId, answer.settings);
    if (problem !== '') return { type: 'undecided', reason: problem };
    this.#kept.delete(key);
    this.#kept.set(key, { mac, at: monotonic() });
    if (this.#kept.size > MOST_KEPT) this.#kept.delete(this.#kept.keys().next().value!);
    return { type: 'allowed' };
  }

  /** @returns why the settings cannot be used; '' when they are in use */
  async #take(systemId: string, given: unknown): Promise<string> {
    for (const secret of ['password', 'receipt_secret']) {
      if (typeof given === 'object' && given !== null && secret in given) return `account.${secret}: not taken here`;
    }
    const { settings, problems } = checkAccountChanges(given, new Set(this.#deps.names()));
    if (!settings) return `account: ${problems.join('; ')}`;
    const before = this.#given.get(systemId);
    if (before && JSON.stringify(before) === JSON.stringify(settings)) return '';
    if (!before && this.#given.size >= MOST_ACCOUNTS) return `${MOST_ACCOUNTS} accounts are known by it already`;
    this.#given.set(systemId, settings);
    try {
      await this.#tell();
      return '';
    } catch (error) {
      // A thread is being restarted: whoever binds next tells of it again.
      if (before) this.#given.set(systemId, before);
      else this.#given.delete(systemId);
      return describeError(error);
    }
  }

  /** Many accounts that come at once are told together. */
  #tell(): Promise<void> {
    if (!this.#telling) {
      return (this.#telling = this.#deps.changed().finally(() => (this.#telling = undefined)));
    }
    // What is being told now may be without the last one.
    this.#next ??= this.#telling
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.#tell();
      });
    return this.#next;
  }
}

/** The callback that the configuration names; undefined: none. @throws Error naming a file that cannot be read */
export async function openBindCallback(
  { bind_callback: settings }: Pick<Configuration, 'bind_callback'>,
  deps: Omit<BindCallbackDeps, 'settings' | 'ask' | 'monotonic'>,
): Promise<BindCallback | undefined> {
  if (!settings) return undefined;
  const { CallbackClient } = await import('../adapters/bind-callback/callback-client.ts');
  const { url, token, ca_file: caFile, accounts } = settings;
  const client = new CallbackClient({ url, token, caFile, timeoutMs: settings.timeout_seconds * SECOND });
  return new BindCallback({
    ...deps,
    settings: { accounts, cacheMs: settings.cache_seconds * SECOND, outageMs: settings.outage_seconds * SECOND },
    ask: question => client.ask(question),
    monotonic: systemClock.monotonicMs,
  });
}

const SECOND = 1000;
