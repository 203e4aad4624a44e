import type { Logger } from '../runtime/log.ts';
import { AllowList } from '../actors/accounts/allow-ips.ts';
import { BindRegistry, type BindOwner } from '../actors/accounts/bind-registry.ts';
import type { BindRequest, BindVerdict } from '../adapters/smpp/server-session.ts';
import { LogInGuard, type GuardSettings } from '../adapters/secrets/log-in-guard.ts';
import { PasswordVerifier, type SlowVerify } from '../adapters/secrets/password-verifier.ts';
import type { LiveAccount } from './live-configuration.ts';

export interface GatekeeperDeps {
  readonly node: string;
  readonly verify: SlowVerify;
  readonly guard: GuardSettings;
  /** Tell the peer what was wrong. */
  readonly detailed: boolean;
  readonly statuses: Readonly<
    Record<'ESME_RBINDFAIL' | 'ESME_RALYBND' | 'ESME_RINVSYSID' | 'ESME_RINVPASWD' | 'ESME_RSYSERR', number>
  >;
  readonly monotonic: () => number;
  readonly log: Logger;
}

type Refusal = 'ESME_RBINDFAIL' | 'ESME_RINVSYSID' | 'ESME_RINVPASWD';

/** Every refusal comes after the same delay, whatever its reason, so that it tells nothing. */
const REFUSAL_DELAY_MS = 250;

interface Session {
  readonly owner: BindOwner;
  readonly account: string;
}

/** Decides who may bind: identity, password, address, number of binds; for all workers, so that limits hold over the node. */
export class Gatekeeper {
  readonly #deps: GatekeeperDeps;
  readonly #guard: LogInGuard;
  readonly #verifier: PasswordVerifier;
  readonly #registry = new BindRegistry();
  readonly #owners = new Map<number, BindOwner>();
  readonly #sessions = new Map<number, Session>();
  #accounts = new Map<string, LiveAccount>();
  #allowed = new Map<string, AllowList>();
  #nextSession = 1;

  constructor(deps: GatekeeperDeps) {
    this.#deps = deps;
    this.#guard = new LogInGuard(deps.guard);
    this.#verifier = new PasswordVerifier(deps.verify);
  }

  useAccounts(accounts: readonly LiveAccount[]): void {
    for (const known of this.#accounts.keys()) {
      if (!accounts.some(account => account.system_id === known)) this.#verifier.forget(known);
    }
    this.#accounts = new Map(accounts.map(account => [account.system_id, account]));
    this.#allowed = new Map(accounts.map(account => [account.system_id, allowListOf(account)]));
  }

  sessionsOf(account: string): number {
    return this.#registry.count(account);
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
    for (const [number, session] of this.#sessions) if (session.owner === owner) this.#sessions.delete(number);
  }

  async authorize(worker: number, request: BindRequest): Promise<BindVerdict> {
    const { systemId, address, type } = request;
    const now = this.#deps.monotonic();
    if (!this.#guard.allows(address, systemId, now))
      return this.#refuse(request, 'ESME_RBINDFAIL', 'too many failures');
    const account = this.#accounts.get(systemId);
    if (!account) return this.#failed(request, 'ESME_RINVSYSID', 'no such account');
    let right: boolean;
    try {
      right = await this.#verifier.verify(systemId, Buffer.from(request.password, 'latin1'), account.passwordHash);
    } catch (error) {
      this.#deps.log.warn('bind not decided', { account: systemId, peer: address, error: error as Error });
      return { type: 'refused', status: this.#deps.statuses.ESME_RSYSERR, delayMs: REFUSAL_DELAY_MS };
    }
    if (!right) return this.#failed(request, 'ESME_RINVPASWD', 'wrong password');
    if (!account.enabled) return this.#refuse(request, 'ESME_RBINDFAIL', 'account is disabled');
    if (!this.#allowed.get(systemId)?.allows(address))
      return this.#failed(request, 'ESME_RBINDFAIL', 'address not allowed');
    this.#guard.succeeded(address, systemId);
    const owner = this.#owners.get(worker);
    const session = this.#nextSession++;
    const answer = owner ? this.#registry.bind(owner, session, systemId, type, { total: account.binds }) : 'stale';
    if (answer !== 'bound') {
      this.#deps.log.warn('bind refused', {
        account: systemId,
        peer: address,
        reason: `${account.binds} binds at most`,
      });
      return { type: 'refused', status: this.#deps.statuses.ESME_RALYBND, delayMs: 0 };
    }
    this.#sessions.set(session, { owner: owner!, account: systemId });
    this.#deps.log.info('account bound', { account: systemId, peer: address, bind: type });
    return { type: 'accepted', session };
  }

  unbound(number: number, reason: string): void {
    const session = this.#sessions.get(number);
    if (!session) return;
    this.#sessions.delete(number);
    this.#registry.unbind(session.owner, number);
    this.#deps.log.info('account unbound', { account: session.account, reason });
  }

  #failed(request: BindRequest, status: Refusal, reason: string): BindVerdict {
    if (this.#guard.failed(request.address, request.systemId, this.#deps.monotonic())) {
      this.#deps.log.warn('address refused for a time', { account: request.systemId, peer: request.address });
    }
    return this.#refuse(request, status, reason);
  }

  #refuse({ systemId, address }: BindRequest, status: Refusal, reason: string): BindVerdict {
    const { detailed, statuses, log } = this.#deps;
    log.warn('bind refused', { account: systemId, peer: address, reason });
    return {
      type: 'refused',
      status: detailed ? statuses[status] : statuses.ESME_RBINDFAIL,
      delayMs: REFUSAL_DELAY_MS,
    };
  }
}

function allowListOf(account: LiveAccount): AllowList {
  const outcome = AllowList.parse(account.allow_ips);
  // The configuration was checked; a list that cannot be read must not become "anybody".
  if (!outcome.ok)
    throw new Error(`account ${account.system_id}: allow_ips: expected ${outcome.expected}, got ${outcome.got}`);
  return outcome.list;
}
