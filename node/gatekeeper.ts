import { randomInt } from 'node:crypto';
import { describeError } from '../runtime/errors.ts';
import type { Logger } from '../runtime/log.ts';
import { AllowList } from '../actors/accounts/allow-ips.ts';
import { BindRegistry, type BindLimits, type BindOwner } from '../actors/accounts/bind-registry.ts';
import { RateShares } from '../actors/accounts/rate-shares.ts';
import type { BindRequest, BindVerdict } from '../adapters/smpp/server-session.ts';
import { LogInGuard, type GuardSettings } from '../adapters/secrets/log-in-guard.ts';
import { PasswordVerifier, type SlowVerify } from '../adapters/secrets/password-verifier.ts';
import type { BindCallback } from './bind-callback.ts';
import type { Live, LiveAccount } from './live-configuration.ts';

export interface GatekeeperDeps {
  readonly node: string;
  /** Traffic workers of this node. */
  readonly workers: number;
  readonly verify: SlowVerify;
  readonly guard: GuardSettings;
  /** Tell the peer what was wrong. */
  readonly detailed: boolean;
  readonly statuses: Readonly<Record<'ESME_RBINDFAIL' | 'ESME_RALYBND' | 'ESME_RINVSYSID' | 'ESME_RINVPASWD', number>>;
  readonly monotonic: () => number;
  readonly log: Logger;
  /** `rateOf` this account gives other figures than before. */
  readonly ratesChanged: (account: string) => void;
  /** Undefined: this node is alone. */
  readonly cluster: ClusterBinds | undefined;
  /** Undefined: the configuration alone decides. */
  readonly callback: Pick<BindCallback, 'concerns' | 'accountOf' | 'accounts' | 'decide'> | undefined;
}

/** The sessions of all nodes, and what the others must hear. */
export interface ClusterBinds {
  /** @throws when it cannot be asked: nobody binds then */
  bind(
    number: number,
    account: string,
    type: BindRequest['type'],
    limits: BindLimits,
  ): Promise<{ readonly answer: 'bound' | 'too-many'; readonly elsewhere: number }>;
  unbind(number: number): void;
  /** An account's sessions on this node are others than before. */
  changed(account: string): void;
  /** A log-in from there was wrong. */
  failed(address: string, account: string): void;
}

type Refusal = 'ESME_RBINDFAIL' | 'ESME_RINVSYSID' | 'ESME_RINVPASWD';

/**
 * Every refusal leaves this long after its bind arrived, whatever its reason, so that it tells nothing: a password that
 * was looked at takes as long as an account that does not exist. When the hashes are behind it is a multiple of it.
 */
const REFUSAL_MS = 250;

interface Session {
  readonly owner: BindOwner;
  readonly account: string;
  /** A receiver has no part in the account's rate. */
  readonly maySubmit: boolean;
}

/** Decides who may bind: identity, password, address, number of binds; for all workers, so that limits hold over the node. */
export class Gatekeeper {
  readonly #deps: GatekeeperDeps;
  readonly #guard: LogInGuard;
  readonly #verifier: PasswordVerifier;
  readonly #registry = new BindRegistry();
  readonly #owners = new Map<number, BindOwner>();
  readonly #sessions = new Map<number, Session>();
  readonly #shares: RateShares;
  #accounts = new Map<string, LiveAccount>();
  #allowed = new Map<string, AllowList>();
  #nextSession: number;

  constructor(deps: GatekeeperDeps) {
    this.#deps = deps;
    this.#guard = new LogInGuard(deps.guard);
    this.#verifier = new PasswordVerifier(deps.verify);
    this.#shares = new RateShares(deps.workers);
    // A number names a session in the whole cluster, as good as always.
    this.#nextSession = deps.cluster ? randomInt(1, FIRST_NUMBERS) * NUMBERS_EACH + 1 : 1;
  }

  useAccounts(accounts: readonly LiveAccount[]): void {
    for (const known of this.#accounts.keys()) {
      if (!accounts.some(account => account.system_id === known)) this.#verifier.forget(known);
    }
    this.#accounts = new Map(accounts.map(account => [account.system_id, account]));
    this.#allowed = new Map(accounts.map(account => [account.system_id, allowListOf(account)]));
  }

  /** The configuration with what the callback said of accounts, its own too. */
  completed(live: Live): Live {
    const { callback } = this.#deps;
    return callback ? { ...live, accounts: callback.accounts(live.accounts) } : live;
  }

  sessionsOf(account: string): number {
    return this.#registry.count(account);
  }

  /** The part of an account's throughput that a worker may use, messages a second; 0: no limit. */
  rateOf(account: string, worker: number): number {
    return this.#shares.shareOf(account, worker, this.#account(account)?.throughput ?? 0);
  }

  /** A worker's life has begun: what its last life held is void. */
  workerUp(worker: number, life: number): void {
    const owner = { node: this.#deps.node, worker, epoch: life };
    this.#registry.join(owner);
    this.#owners.set(worker, owner);
  }

  workerDown(worker: number): void {
    const owner = this.#owners.get(worker);
    if (!owner) return;
    this.#registry.leave(owner);
    for (const [number, session] of this.#sessions) if (session.owner === owner) this.#forget(number, session);
  }

  async authorize(worker: number, request: BindRequest): Promise<BindVerdict> {
    const { systemId, address, type } = request;
    const arrivedMs = this.#deps.monotonic();
    if (!this.#guard.allows(address, systemId, arrivedMs))
      return this.#refuse(request, arrivedMs, 'ESME_RBINDFAIL', 'too many failures');
    const isAsked = this.#deps.callback?.concerns(this.#accounts.get(systemId)) ?? false;
    const refusal = isAsked ? await this.#askCallback(request, arrivedMs) : await this.#verify(request, arrivedMs);
    if (refusal) return refusal;
    const account = this.#account(systemId);
    if (!account) return this.#failed(request, arrivedMs, 'ESME_RINVSYSID', 'no such account');
    if (!account.enabled) return this.#refuse(request, arrivedMs, 'ESME_RBINDFAIL', 'account is disabled');
    const isOwn = account === this.#accounts.get(systemId);
    const allowed = isOwn ? this.#allowed.get(systemId) : allowListOf(account);
    if (!allowed?.allows(address)) return this.#failed(request, arrivedMs, 'ESME_RBINDFAIL', 'address not allowed');
    if (!isInRange(account, request))
      return this.#refuse(request, arrivedMs, 'ESME_RBINDFAIL', 'address_range not allowed');
    this.#guard.succeeded(address, systemId);
    const number = this.#nextSession++;
    let limits = limitsOf(account);
    try {
      if (!(await this.#bindInCluster(number, systemId, type, limits))) limits = NONE;
      // The cluster has decided.
      else if (this.#deps.cluster) limits = ANY;
    } catch (error) {
      return this.#refuse(request, arrivedMs, 'ESME_RBINDFAIL', `not decided: ${describeError(error)}`);
    }
    const owner = this.#owners.get(worker);
    const answer = owner ? this.#registry.bind(owner, number, systemId, type, limits) : 'stale';
    if (!owner || answer !== 'bound') {
      this.#deps.cluster?.unbind(number);
      const reason = `${account.binds} binds at most, of one type at most as many as it may have of that`;
      this.#deps.log.warn('bind refused', { account: systemId, peer: address, reason });
      // It has proved who it is: nothing is to be hidden from it.
      return { type: 'refused', status: this.#deps.statuses.ESME_RALYBND, delayMs: 0 };
    }
    const session: Session = { owner, account: systemId, maySubmit: type !== 'receiver' };
    this.#sessions.set(number, session);
    this.#share(session, 1);
    this.#deps.log.info('account bound', { account: systemId, peer: address, bind: type });
    return { type: 'accepted', session: number };
  }

  /** With what the callback said of it. */
  #account(systemId: string): LiveAccount | undefined {
    const known = this.#accounts.get(systemId);
    return this.#deps.callback ? this.#deps.callback.accountOf(systemId, known) : known;
  }

  /** @returns undefined when the password is right */
  async #verify(request: BindRequest, arrivedMs: number): Promise<BindVerdict | undefined> {
    const { systemId, password } = request;
    const account = this.#accounts.get(systemId);
    if (!account) return this.#failed(request, arrivedMs, 'ESME_RINVSYSID', 'no such account');
    let right: boolean;
    try {
      right = await this.#verifier.verify(systemId, Buffer.from(password, 'latin1'), account.passwordHash);
    } catch (error) {
      const reason = `not decided: ${describeError(error)}`;
      return this.#refuse(request, arrivedMs, 'ESME_RBINDFAIL', reason);
    }
    return right ? undefined : this.#failed(request, arrivedMs, 'ESME_RINVPASWD', 'wrong password');
  }

  /** @returns undefined when the callback lets it bind */
  async #askCallback(request: BindRequest, arrivedMs: number): Promise<BindVerdict | undefined> {
    const decision = await this.#deps.callback!.decide(request);
    if (decision.type === 'allowed') return undefined;
    const { type, reason } = decision;
    if (type === 'refused') return this.#failed(request, arrivedMs, 'ESME_RINVPASWD', `bind callback: ${reason}`);
    return this.#refuse(request, arrivedMs, 'ESME_RBINDFAIL', `not decided: bind callback: ${reason}`);
  }

  unbound(number: number, reason: string): void {
    const session = this.#sessions.get(number);
    if (!session) return;
    this.#forget(number, session);
    this.#registry.unbind(session.owner, number);
    this.#deps.log.info('account unbound', { account: session.account, reason });
  }

  /** What other nodes tell of an account's log-ins. */
  failedElsewhere(address: string, account: string): void {
    this.#guard.failed(address, account, this.#deps.monotonic());
  }

  /** Accounts whose rate is shared with other nodes' sessions, if they have some. */
  sharedAccounts(): string[] {
    return this.#shares.accounts.filter(account => (this.#account(account)?.throughput ?? 0) > 0);
  }

  /** Sessions that may submit are elsewhere, by account; there are so many nodes. */
  useElsewhere(elsewhere: ReadonlyMap<string, number>, nodes: number): void {
    const before = this.#shares.nodes;
    this.#shares.nodes = Math.max(1, nodes);
    for (const [account, sessions] of elsewhere) {
      if (this.#shares.changedElsewhere(account, sessions)) this.#deps.ratesChanged(account);
    }
    if (before === this.#shares.nodes) return;
    const known = [...this.#accounts.values()];
    const all = this.#deps.callback?.accounts(known) ?? known;
    for (const { system_id, throughput } of all) if (throughput > 0) this.#deps.ratesChanged(system_id);
  }

  async #bindInCluster(
    number: number,
    account: string,
    type: BindRequest['type'],
    limits: BindLimits,
  ): Promise<boolean> {
    const { cluster } = this.#deps;
    if (!cluster) return true;
    const { answer, elsewhere } = await cluster.bind(number, account, type, limits);
    this.#shares.changedElsewhere(account, elsewhere);
    return answer === 'bound';
  }

  #forget(number: number, session: Session): void {
    this.#sessions.delete(number);
    this.#deps.cluster?.unbind(number);
    this.#share(session, -1);
  }

  #share({ account, owner, maySubmit }: Session, by: 1 | -1): void {
    if (!maySubmit) return;
    this.#shares.changed(account, owner.worker, by);
    if ((this.#account(account)?.throughput ?? 0) === 0) return;
    this.#deps.ratesChanged(account);
    this.#deps.cluster?.changed(account);
  }

  #failed(request: BindRequest, arrivedMs: number, status: Refusal, reason: string): BindVerdict {
    this.#deps.cluster?.failed(request.address, request.systemId);
    if (this.#guard.failed(request.address, request.systemId, this.#deps.monotonic())) {
      this.#deps.log.warn('address refused for a time', { account: request.systemId, peer: request.address });
    }
    return this.#refuse(request, arrivedMs, status, reason);
  }

  #refuse({ systemId, address }: BindRequest, arrivedMs: number, status: Refusal, reason: string): BindVerdict {
    const { detailed, statuses, log, monotonic } = this.#deps;
    log.warn('bind refused', { account: systemId, peer: address, reason });
    const sinceMs = monotonic() - arrivedMs;
    return {
      type: 'refused',
      status: detailed ? statuses[status] : statuses.ESME_RBINDFAIL,
      delayMs: Math.ceil((sinceMs + 1) / REFUSAL_MS) * REFUSAL_MS - sinceMs,
    };
  }
}

const ANY: BindLimits = { total: Infinity };
const NONE: BindLimits = { total: 0 };
/** A node's first session has one of so many numbers, each so far from the next. */
const FIRST_NUMBERS = 9000;
const NUMBERS_EACH = 1_000_000;

function limitsOf(account: LiveAccount): BindLimits {
  return {
    total: account.binds,
    byType: {
      transmitter: account.binds_transmitter ?? Infinity,
      receiver: account.binds_receiver ?? Infinity,
      transceiver: account.binds_transceiver ?? Infinity,
    },
  };
}

const isSame = <T>(wanted: T | null, given: T): boolean => wanted === null || wanted === given;

/** Does the bind ask for the addresses the account is for? */
function isInRange(account: LiveAccount, { addrTon, addrNpi, addressRange }: BindRequest): boolean {
  const { addr_ton, addr_npi, address_range } = account;
  return isSame(addr_ton, addrTon) && isSame(addr_npi, addrNpi) && isSame(address_range, addressRange);
}

function allowListOf(account: LiveAccount): AllowList {
  const outcome = AllowList.parse(account.allow_ips);
  // The configuration was checked; a list that cannot be read must not become "anybody".
  if (!outcome.ok)
    throw new Error(`account ${account.system_id}: allow_ips: expected ${outcome.expected}, got ${outcome.got}`);
  return outcome.list;
}
