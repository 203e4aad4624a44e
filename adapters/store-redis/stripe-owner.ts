import { randomUUID } from 'node:crypto';
import { RuntimeError } from '../../runtime/errors.ts';
import { commitArguments, type WriteList } from './commit-arguments.ts';
import type { RedisLine } from '../../runtime/redis/line.ts';
import { NoReplyError, RedisRefusedError } from '../../runtime/redis/line-errors.ts';
import type { Script } from '../../runtime/redis/script.ts';
import { COMMIT, RELEASE, RENEW, Reply, TAKE } from './scripts.ts';
import type { StripeKeys } from './stripe-keys.ts';

export interface OwnerSettings {
  /** Who this is. Never two at once with one name: of the same name the stripe is taken over without waiting. */
  readonly node: string;
  /** After so long without a sign of life another may take the stripe, ms. */
  readonly leaseMs: number;
  /** Replicas that must have a commit before it counts. */
  readonly replicas: number;
}

export interface OwnerDeps {
  readonly line: RedisLine;
  readonly keys: StripeKeys;
  readonly settings: OwnerSettings;
  /** Monotonic, ms. */
  readonly clock: () => number;
  readonly alarm: (line: string) => void;
  /** The stripe is another's: nothing can be written any more. Called once. */
  readonly lost: (error: StripeLostError) => void;
}

/** The stripe has another owner. */
export class StripeLostError extends RuntimeError {
  /** What became of the commit that was under way; undefined when that cannot be told. */
  readonly written: boolean | undefined;
  constructor(why: string, written: boolean | undefined) {
    super('STRIPE_LOST', why);
    this.written = written;
  }
}

/** A lease as somebody has watched it, on this machine's clock. */
export interface WatchedLease {
  readonly epoch: string;
  readonly renewals: string;
  /** When it was seen to move last, monotonic ms. */
  readonly since: number;
}

/** How it stands with a commit. */
interface Standing {
  readonly isThere: boolean;
  /** Enough replicas have all that is there. */
  readonly isSafe: boolean;
}

const PAUSE_MS = 50;
/** The lease of another is waited for a little longer than it lasts: two clocks do not run alike. */
export const LEASE_MARGIN = 1.1;
/** Refusals that mean: there is no room, or the disk is broken. Others pass (a failover, a start). */
const NO_ROOM = new Set(['OOM', 'MISCONF']);

/**
 * The right to write one stripe: a lease with an epoch, which every write is checked against in Redis. The lease is a
 * counter that moves with each sign of life; who wants the stripe watches it stand still, on a clock of its own (a TTL
 * would run on the clock of Redis's host, which may jump: R12). The owner trusts its lease from the moment it sent the
 * last sign of life that was answered.
 */
export class StripeOwner {
  readonly #deps: OwnerDeps;
  readonly #epoch: number;
  /** The last commit that counts. */
  #commit: number;
  #heldUntil: number;
  #lost: StripeLostError | undefined;
  #closing = false;
  #busy = false;
  readonly #timer: NodeJS.Timeout;
  /** Commits whose answer did not come and that were asked back. */
  asked = 0;

  private constructor(deps: OwnerDeps, epoch: number, commit: number, sentAt: number) {
    this.#deps = deps;
    this.#epoch = epoch;
    this.#commit = commit;
    this.#heldUntil = sentAt + deps.settings.leaseMs;
    this.#timer = setInterval(() => void this.#renew(), deps.settings.leaseMs / 4);
  }

  /**
   * Takes the stripe: at once when it is free or was this node's, else when its owner has shown no sign of life for the
   * lease time.
   *
   * @param before how somebody has watched its lease until now: a dead owner's is not waited for twice
   * @throws RuntimeError STRIPE_HELD naming the owner, or REDIS_DOWN, after `patienceMs`
   */
  static async take(deps: OwnerDeps, patienceMs: number, before?: WatchedLease): Promise<StripeOwner> {
    const { line, keys, settings, clock } = deps;
    const nonce = randomUUID();
    const deadline = clock() + patienceMs;
    let watched = before ?? { epoch: '', renewals: '', since: clock() };
    let held = '';
    for (;;) {
      try {
        const [owner, epoch, renewals] = await readMeta(line, keys);
        if (epoch !== watched.epoch || renewals !== watched.renewals) watched = { epoch, renewals, since: clock() };
        const free = owner === '' || owner === settings.node;
        if (free || clock() - watched.since >= settings.leaseMs * LEASE_MARGIN) {
          const sentAt = clock();
          const args = [settings.node, nonce, watched.epoch, watched.renewals];
          const { reply, isSafe } = await line.script(TAKE, [keys.meta, keys.epochs], args, settings.replicas);
          // Sent again when too few have it: a write that changes nothing else, for WAIT to wait for.
          if (reply[0] !== Reply.fenced && isSafe) return new StripeOwner(deps, reply[1]!, reply[2]!, sentAt);
        }
        held = free ? '' : owner;
      } catch (error) {
        if (!(error instanceof RuntimeError)) throw error;
        if (clock() >= deadline) throw error;
        await line.up(PAUSE_MS);
      }
      if (clock() >= deadline) {
        throw held === ''
          ? new RuntimeError(
              'REDIS_REPLICAS',
              `fewer than ${settings.replicas} replicas, or not all there are, confirm what is written`,
            )
          : new RuntimeError('STRIPE_HELD', `${keys.meta}: ${held} has it, and lives`);
      }
      await pause(Math.min(PAUSE_MS, settings.leaseMs / 20));
    }
  }

  /** True while nobody else can have the stripe. */
  get holds(): boolean {
    return this.#lost === undefined && this.#deps.clock() < this.#heldUntil;
  }

  /** Until when nobody else can have it, as far as is known now, monotonic ms. */
  get heldUntil(): number {
    return this.#lost === undefined ? this.#heldUntil : -Infinity;
  }

  get lost(): StripeLostError | undefined {
    return this.#lost;
  }

  /**
   * One commit, at most one at a time. Returns when it counts: it is written, flushed as Redis is set to, and enough
   * replicas have it. Where no answer comes it is asked for, and sent again if Redis has not had it, for as long as the
   * stripe is ours.
   *
   * @param canBeRefused return 'no-room' when Redis has none, instead of waiting for it
   * @throws StripeLostError saying whether it counts; NoReplyError when `abandon` was called meanwhile
   */
  async write(writes: WriteList, canBeRefused: boolean): Promise<'done' | 'no-room'> {
    const { line, keys } = this.#deps;
    const mine = this.#commit + 1;
    const args = [this.#epoch, mine, ...commitArguments(writes)];
    let mayBeThere = false;
    let inDoubt = false;
    let told = false;
    this.#busy = true;
    try {
      for (;;) {
        try {
          if (inDoubt) this.asked++;
          const standing: Standing = mayBeThere ? await this.#ask(mine) : await this.#send(args, mine);
          if (standing.isThere && standing.isSafe) {
            this.#commit = mine;
            return 'done';
          }
          // Not there: sent again. There, but too few replicas have it: asked until they do.
          mayBeThere = standing.isThere;
          if (standing.isThere) await pause(PAUSE_MS);
        } catch (error) {
          if (error instanceof StripeLostError || !(error instanceof RuntimeError)) throw error;
          mayBeThere = true;
          if (error instanceof NoReplyError) inDoubt = true;
          if (error instanceof RedisRefusedError && !told) {
            // What is in doubt may still arrive: it is not taken back.
            if (canBeRefused && !inDoubt && NO_ROOM.has(error.word)) return 'no-room';
            told = true;
            this.#deps.alarm(`${keys.meta}: commit ${mine} waits: ${error.message}`);
          }
          if (this.#closing) throw new NoReplyError('REDIS_NO_REPLY', line.trouble, error);
          await this.#reconnected(error);
        }
      }
    } finally {
      this.#busy = false;
    }
  }

  /** What is under way gets no answer. */
  abandon(): void {
    this.#closing = true;
    clearInterval(this.#timer);
  }

  /** Gives the stripe up, if Redis can be told: else it is free after the lease. */
  async release(): Promise<void> {
    const { line, keys } = this.#deps;
    this.abandon();
    if (this.#lost) return;
    await line.script(RELEASE, [keys.meta, keys.epochs], [this.#epoch]).catch(() => undefined);
  }

  async #renew(): Promise<void> {
    if (this.#busy || this.#lost || this.#closing) return;
    try {
      await this.#ask(this.#commit + 1);
    } catch (error) {
      // It is told by `lost`, or the lease runs out: `holds`.
      if (!(error instanceof RuntimeError)) throw error;
    }
  }

  #send(args: readonly (Buffer | number)[], mine: number): Promise<Standing> {
    return this.#spoken(COMMIT, this.#deps.keys.all, args, mine);
  }

  #ask(mine: number): Promise<Standing> {
    const { keys } = this.#deps;
    return this.#spoken(RENEW, [keys.meta, keys.epochs], [this.#epoch], mine);
  }

  /** Both are signs of life, and writes: what replicas have of them they have of all that was written before. */
  async #spoken(
    script: Script,
    keys: readonly string[],
    args: readonly (Buffer | number)[],
    mine: number,
  ): Promise<Standing> {
    const { line, settings, clock } = this.#deps;
    const sentAt = clock();
    const { reply, isSafe } = await line.script(script, keys, args, settings.replicas);
    this.#judge(reply, mine);
    if (isSafe) this.#heldUntil = Math.max(this.#heldUntil, sentAt + settings.leaseMs);
    return { isThere: reply[2] === mine, isSafe };
  }

  /** @throws StripeLostError when the reply says that the stripe is not ours, or not as we left it */
  #judge(reply: readonly number[], mine: number): void {
    const [what, epoch, commit, ours] = reply as [number, number, number, number];
    const { keys, alarm } = this.#deps;
    if (what === Reply.fenced) {
      const written = epoch < this.#epoch || ours < 0 ? undefined : ours >= mine;
      if (epoch < this.#epoch) alarm(`${keys.meta}: Redis has gone back to before this node took the stripe`);
      // Taken from a Redis that had less than we were told.
      else if (ours >= 0 && ours < this.#commit) alarm(`${this.#lossOf(ours)}, and the stripe has another owner`);
      throw this.#lose(`${keys.meta} has another owner since epoch ${epoch}; this was epoch ${this.#epoch}`, written);
    }
    if (commit === this.#commit || commit === this.#commit + 1) return;
    alarm(this.#lossOf(commit));
    throw this.#lose(`${keys.meta}: Redis has commit ${commit} where ${this.#commit} was confirmed`, undefined);
  }

  #lossOf(commit: number): string {
    const why = `${this.#deps.keys.meta}: Redis has commit ${commit} where ${this.#commit} was confirmed`;
    return `${why}: what came after it is lost, by more failures at once than replicas were waited for`;
  }

  #lose(why: string, written: boolean | undefined): StripeLostError {
    const error = new StripeLostError(why, written);
    if (!this.#lost) {
      this.#lost = error;
      clearInterval(this.#timer);
      this.#deps.lost(error);
    }
    return error;
  }

  /** Gives a connection that is just being made the time for it; a refusal passes by itself. */
  async #reconnected(error: RuntimeError): Promise<void> {
    await pause(error instanceof RedisRefusedError ? PAUSE_MS : PAUSE_MS / 10);
    await this.#deps.line.up(PAUSE_MS * 4);
  }
}

async function readMeta(line: RedisLine, keys: StripeKeys): Promise<[owner: string, epoch: string, renewals: string]> {
  const values = (await line.command('HMGET', keys.meta, 'owner', 'epoch', 'renewals')) as (Buffer | null)[];
  const [owner, epoch, renewals] = values.map(value => value?.toString() ?? '');
  return [owner!, epoch!, renewals!];
}

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));
