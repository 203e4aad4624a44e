import { randomUUID } from 'node:crypto';
import { RuntimeError } from '../../runtime/errors.ts';
import type { RedisLine } from '../../runtime/redis/line.ts';
import { script } from '../../runtime/redis/script.ts';
import { clusterKey } from './keys.ts';

export interface LeaseDeps {
  readonly line: RedisLine;
  /** Of the cluster: several may share a Redis. */
  readonly cluster: string;
  /** Who this is; never two at once with one name: what bears its name it takes without waiting. */
  readonly node: string;
  /** After so long without a sign of life another may take it, ms. */
  readonly leaseMs: number;
  /** Replicas that must know of it before it counts. */
  readonly replicas: number;
  /** Monotonic, ms. */
  readonly clock: () => number;
}

/**
 * Fields of a lease: `owner` ('' = free), `epoch`, which goes up with each taking, `renewals`, which moves with each sign of
 * life, and the `nonce` of the last taking, by which a taking whose answer was lost is known again. Reply: [1 = ours, epoch].
 *
 * KEYS lease. ARGV owner, nonce, epoch and renewals as watched for the lease time ('' = not watched that long).
 */
const TAKE = script(
  'take-lease',
  1,
  `
local m = redis.call('HMGET', KEYS[1], 'epoch', 'renewals', 'owner', 'nonce')
local epoch, owner = tonumber(m[1] or '0'), m[3] or ''
if m[4] == ARGV[2] then
  redis.call('HINCRBY', KEYS[1], 'renewals', 1)
  return {1, epoch}
end
if owner ~= '' and owner ~= ARGV[1] and (m[1] ~= ARGV[3] or m[2] ~= ARGV[4]) then return {0, epoch} end
redis.call('HSET', KEYS[1], 'epoch', epoch + 1, 'owner', ARGV[1], 'nonce', ARGV[2])
redis.call('HINCRBY', KEYS[1], 'renewals', 1)
return {1, epoch + 1}
`,
);

/** KEYS lease. ARGV epoch. */
const RENEW = script(
  'renew-lease',
  1,
  `
local epoch = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0')
if epoch ~= tonumber(ARGV[1]) then return {0, epoch} end
redis.call('HINCRBY', KEYS[1], 'renewals', 1)
return {1, epoch}
`,
);

/** KEYS lease. ARGV epoch. */
const RELEASE = script(
  'release-lease',
  1,
  `
local epoch = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0')
if epoch ~= tonumber(ARGV[1]) then return {0, epoch} end
redis.call('HSET', KEYS[1], 'owner', '')
return {1, epoch}
`,
);

/** The lease of another is waited for a little longer than it lasts: two clocks do not run alike. */
const MARGIN = 1.1;

export const leaseKey = (cluster: string, name: string): string => clusterKey(cluster, `lease:${name}`);

/**
 * A right that one node of a cluster has at a time, such as a slot of a carrier. `poll` is called every now and then, by
 * holder and candidates alike: it renews what is held, and takes what is free or whose holder has shown no sign of life
 * for the lease time, on our own clock. The epoch goes with whatever is written under the lease.
 */
export class Lease {
  readonly #deps: LeaseDeps;
  readonly #key: string;
  #nonce = randomUUID();
  #epoch = 0;
  #held = false;
  #heldUntil = -Infinity;
  #watched = { epoch: '', renewals: '', since: -Infinity };

  constructor(deps: LeaseDeps, name: string) {
    this.#deps = deps;
    this.#key = leaseKey(deps.cluster, name);
  }

  /**
   * True while nobody else can have it: from the moment we sent the last sign of life that was answered, for the lease time.
   * To be asked before every write under the lease.
   */
  get holds(): boolean {
    return this.#held && this.#deps.clock() < this.#heldUntil;
  }

  /** Goes up with each taking; 0 = never ours. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Renews or takes it. Returns whether it is ours; it is not when Redis cannot be asked and the lease has run out. */
  async poll(): Promise<boolean> {
    try {
      if (this.#held) await this.#renew();
      else await this.#take();
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
    }
    return this.holds;
  }

  /** Gives it up: others may take it at once. Where Redis cannot be told, after the lease time. */
  async release(): Promise<void> {
    if (!this.#held) return;
    this.#end();
    await this.#deps.line.script(RELEASE, [this.#key], [this.#epoch]).catch(() => undefined);
  }

  async #renew(): Promise<void> {
    const { line, leaseMs, replicas: least, clock } = this.#deps;
    const sentAt = clock();
    const epoch = this.#epoch;
    const { reply, replicas } = await line.script(RENEW, [this.#key], [epoch], least);
    // Given up, or taken anew, meanwhile.
    if (!this.#held || epoch !== this.#epoch) return;
    if (reply[0] !== 1) this.#end();
    else if (replicas >= least) this.#heldUntil = sentAt + leaseMs;
  }

  async #take(): Promise<void> {
    const { line, node, leaseMs, replicas: least, clock } = this.#deps;
    const values = (await line.command('HMGET', this.#key, 'owner', 'epoch', 'renewals')) as (Buffer | null)[];
    const [owner, epoch, renewals] = values.map(value => value?.toString() ?? '') as [string, string, string];
    const watched = this.#watched;
    if (epoch !== watched.epoch || renewals !== watched.renewals) this.#watched = { epoch, renewals, since: clock() };
    const isFree = owner === '' || owner === node;
    if (!isFree && clock() - this.#watched.since < leaseMs * MARGIN) return;
    const sentAt = clock();
    const { reply, replicas } = await line.script(TAKE, [this.#key], [node, this.#nonce, epoch, renewals], least);
    // Where too few replicas know, the next poll says the same again.
    if (reply[0] !== 1 || replicas < least) return;
    this.#held = true;
    this.#epoch = reply[1]!;
    this.#heldUntil = sentAt + leaseMs;
  }

  #end(): void {
    this.#held = false;
    this.#heldUntil = -Infinity;
    this.#nonce = randomUUID();
  }
}
