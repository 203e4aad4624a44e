import { randomUUID } from 'node:crypto';
import type { RedisLine } from '../../runtime/redis/line.ts';
import { script } from '../../runtime/redis/script.ts';
import { clusterKey } from './keys.ts';

export interface LeaseTableDeps {
  readonly line: RedisLine;
  readonly cluster: string;
  /** Who this is; never two at once with one name: what bears its name it takes without waiting. */
  readonly node: string;
  /** After so long without a sign of life another may take it, ms. */
  readonly leaseMs: number;
  /** Replicas that must know of it before it counts. */
  readonly replicas: number;
  /** Monotonic, ms. */
  readonly clock: () => number;
  /** ms since 1970. */
  readonly wall: () => number;
}

/** A lease of ours. */
export interface Held {
  readonly epoch: number;
  /** Nobody else can have it before, on our monotonic clock: from when we sent the last sign of life that was answered. */
  readonly until: number;
  /** The same moment on the wall clock: while a machine is suspended only that one goes on. */
  readonly untilWall: number;
}

export interface TablePoll {
  /** Ours since this poll, and not ours any more. */
  readonly gained: readonly string[];
  readonly lost: readonly string[];
}

/**
 * A row is `1|epoch|renewals|owner|nonce`: what `Lease` keeps in fields, and what a release writes the next one must be able to
 * read. Of each lease that is renewed or given up the nonce of its taking must still be there; one is taken when it is
 * free, bears the taker's name, or stands as it was watched for the lease time.
 *
 * KEYS table. ARGV owner; number of renewals, their name and nonce; number of takings, their name, nonce, and the row as it
 * was seen ('' = none); then names and nonces of those given up, and 1 where the row is to go altogether.
 * Reply: 1 or 0 for each renewal, then for each taking its epoch or 0. O(number of leases named).
 */
const ACT = script(
  'lease-table',
  1,
  `
local function row(name)
  local v = redis.call('HGET', KEYS[1], name)
  if not v then return 0, 0, '', '', '' end
  local e, r, o, n = string.match(v, '^1|(%d+)|(%d+)|([^|]*)|([^|]*)$')
  if not e then return nil, 0, '?', '', v end
  return tonumber(e), tonumber(r), o, n, v
end
local function put(name, e, r, o, n)
  redis.call('HSET', KEYS[1], name, '1|' .. string.format('%.0f', e) .. '|' .. string.format('%.0f', r) .. '|' .. o .. '|' .. n)
end
local reply, at = {}, 3
for i = 1, tonumber(ARGV[2]) do
  local name, nonce = ARGV[at], ARGV[at + 1]
  local e, r, o, n = row(name)
  if e and n == nonce and o == ARGV[1] then
    put(name, e, r + 1, o, n)
    reply[#reply + 1] = 1
  else
    reply[#reply + 1] = 0
  end
  at = at + 2
end
local takings = tonumber(ARGV[at])
at = at + 1
for i = 1, takings do
  local name, nonce = ARGV[at], ARGV[at + 1]
  local e, r, o, n, v = row(name)
  if e and n == nonce and o == ARGV[1] then
    put(name, e, r + 1, o, n)
    reply[#reply + 1] = e
  elseif o == '' or o == ARGV[1] or v == ARGV[at + 2] then
    e = (e or 0) + 1
    put(name, e, r + 1, ARGV[1], nonce)
    reply[#reply + 1] = e
  else
    reply[#reply + 1] = 0
  end
  at = at + 3
end
while at < #ARGV do
  local name, nonce = ARGV[at], ARGV[at + 1]
  local e, r, o, n = row(name)
  if e and n == nonce and o == ARGV[1] then
    if ARGV[at + 2] == '1' then redis.call('HDEL', KEYS[1], name) else put(name, e, r + 1, '', n) end
  end
  at = at + 3
end
return reply
`,
);

/** The lease of another is waited for a little longer than it lasts: two clocks do not run alike. */
const MARGIN = 1.1;

interface Seen {
  readonly row: string;
  readonly since: number;
}

interface Own extends Held {
  readonly nonce: string;
}

/**
 * Many leases that are polled as one: whatever their number a poll is two calls, a look and an act. Otherwise as `Lease`.
 */
export class LeaseTable {
  readonly #deps: LeaseTableDeps;
  readonly #key: string;
  #seen = new Map<string, Seen>();
  readonly #held = new Map<string, Own>();
  /** Of takings that may have been done: said again, they are known again. */
  readonly #nonces = new Map<string, string>();
  /** Given up, and not yet told to Redis. */
  readonly #leaving = new Map<string, { readonly nonce: string; readonly forget: boolean }>();

  constructor(deps: LeaseTableDeps, name: string) {
    this.#deps = deps;
    this.#key = clusterKey(deps.cluster, name);
  }

  /** Ours, also while it has run out because Redis cannot be asked: `until` says so. */
  get held(): ReadonlyMap<string, Held> {
    return this.#held;
  }

  /** Whose each lease is as far as anybody knows, for people: also of those that show no sign of life. */
  get owners(): ReadonlyMap<string, string> {
    return new Map([...this.#seen].map(([name, { row }]) => [name, ownerIn(row)]));
  }

  /**
   * Renews what is ours, tells what was given up, and takes what `decide` wants.
   *
   * @param decide gets whose each lease is, '' of those that may be taken; one that is not in the map may be taken too
   * @throws RuntimeError when Redis cannot be asked: what is ours stays ours until it runs out
   */
  async poll(decide: (owners: ReadonlyMap<string, string>) => readonly string[]): Promise<TablePoll> {
    const { line, node, replicas: least, clock, wall } = this.#deps;
    const pairs = (await line.command('HGETALL', this.#key)) as Buffer[];
    this.#look(pairs, clock());
    const takings = decide(this.#free()).filter(name => !this.#held.has(name));
    const renewals = [...this.#held];
    const leaving = [...this.#leaving];
    const sent = { at: clock(), wall: wall() };
    const args: (string | number)[] = [node, renewals.length];
    for (const [name, { nonce }] of renewals) args.push(name, nonce);
    args.push(takings.length);
    for (const name of takings) args.push(name, this.#nonceFor(name), this.#seen.get(name)?.row ?? '');
    for (const [name, { nonce, forget }] of leaving) args.push(name, nonce, forget ? 1 : 0);
    const { reply, isSafe } = await line.script(ACT, [this.#key], args, least);
    for (const [name, told] of leaving) if (this.#leaving.get(name) === told) this.#leaving.delete(name);
    return this.#took(renewals, takings, reply, sent, isSafe);
  }

  /**
   * Gives it up: others may take it from the next poll on.
   *
   * @param forget nobody will want it any more
   */
  release(name: string, forget: boolean): void {
    const own = this.#held.get(name);
    if (!own) return;
    this.#held.delete(name);
    this.#leaving.set(name, { nonce: own.nonce, forget });
  }

  #look(pairs: readonly Buffer[], now: number): void {
    const seen = new Map<string, Seen>();
    for (let i = 0; i < pairs.length; i += 2) {
      const [name, row] = [pairs[i]!.toString(), pairs[i + 1]!.toString()];
      const known = this.#seen.get(name);
      seen.set(name, known?.row === row ? known : { row, since: now });
    }
    this.#seen = seen;
  }

  #free(): ReadonlyMap<string, string> {
    const { node, leaseMs, clock } = this.#deps;
    const now = clock();
    const owners = new Map<string, string>();
    for (const [name, { row, since }] of this.#seen) {
      const owner = ownerIn(row);
      // What bears our name and is not ours is of a life before this one, or was taken without our hearing of it.
      const isFree =
        owner === node ? !this.#held.has(name) && !this.#leaving.has(name) : now - since >= leaseMs * MARGIN;
      owners.set(name, isFree ? '' : owner);
    }
    return owners;
  }

  #took(
    renewals: readonly (readonly [string, Own])[],
    takings: readonly string[],
    reply: readonly number[],
    sent: { readonly at: number; readonly wall: number },
    counts: boolean,
  ): TablePoll {
    const gained: string[] = [];
    const lost: string[] = [];
    const { leaseMs } = this.#deps;
    const [until, untilWall] = [sent.at + leaseMs, sent.wall + leaseMs];
    for (const [i, [name, own]] of renewals.entries()) {
      // Given up meanwhile.
      if (this.#held.get(name) !== own) continue;
      if (reply[i] !== 1) {
        this.#held.delete(name);
        lost.push(name);
      } else if (counts) this.#held.set(name, { ...own, until, untilWall });
    }
    for (const [i, name] of takings.entries()) {
      const epoch = reply[renewals.length + i]!;
      // Where too few replicas know, the next poll says the same again.
      if (epoch === 0) this.#nonces.delete(name);
      if (epoch === 0 || !counts) continue;
      this.#held.set(name, { epoch, until, untilWall, nonce: this.#nonceFor(name) });
      this.#nonces.delete(name);
      gained.push(name);
    }
    return { gained, lost };
  }

  #nonceFor(name: string): string {
    const nonce = this.#nonces.get(name) ?? randomUUID();
    this.#nonces.set(name, nonce);
    return nonce;
  }
}

/** A row of a later release is somebody’s. */
function ownerIn(row: string): string {
  const parts = row.split('|');
  return parts[0] === '1' && parts.length === 5 ? parts[3]! : '?';
}
