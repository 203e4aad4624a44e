import { RuntimeError } from '../../runtime/errors.ts';
import type { RedisLine } from '../../runtime/redis/line.ts';
import { script } from '../../runtime/redis/script.ts';
import type { BindLimits, BindType } from '../../actors/accounts/bind-registry.ts';
import { clusterKey } from './keys.ts';
import { membersKey } from './members.ts';

export interface BindTableDeps {
  readonly line: RedisLine;
  readonly cluster: string;
  readonly node: string;
  /** Of this node's life: another one's rows count no more. */
  readonly incarnation: string;
  /** Nodes whose heartbeat is late: their rows do not count meanwhile. */
  readonly late: () => readonly string[];
}

/**
 * What all scripts have: who lives, and for an account's rows which count. A row is `node|incarnation|number` and the first
 * letter of its type, which must never change; it counts while its node lives in that incarnation and is not late.
 */
const COUNTING = `
local function living(members, late)
  local owners, slow = {}, {}
  for _, node in ipairs(late) do slow[node] = true end
  local rows = redis.call('HGETALL', members)
  for i = 1, #rows, 2 do
    local ok, row = pcall(cjson.decode, rows[i + 1])
    local incarnation = ok and type(row) == 'table' and row.incarnation or ''
    owners[rows[i] .. '|' .. incarnation] = slow[rows[i]] and 'late' or 'here'
  end
  return owners
end
local function count(key, owners, own)
  local counts, elsewhere, dead = {t = 0, r = 0, x = 0}, 0, {}
  local rows = redis.call('HGETALL', key)
  for i = 1, #rows, 2 do
    local owner, kind = string.match(rows[i], '^([^|]*|[^|]*)|'), rows[i + 1]
    local state = owner and owners[owner]
    if not state then dead[#dead + 1] = rows[i]
    elseif state == 'here' and counts[kind] then
      counts[kind] = counts[kind] + 1
      if kind ~= 'r' and owner ~= own then elsewhere = elsewhere + 1 end
    end
  end
  return counts, elsewhere, dead
end
`;

/**
 * Binds a session if its account has room over the cluster; rows of dead nodes go. Asked again for a session that is bound
 * it says so.
 *
 * KEYS rows of the account, members. ARGV owner, number, kind, most in all, most of this kind ('' = as many as in all),
 * then the late nodes. Reply: 1 or 0, and how many sessions that may submit are on other nodes. O(rows + nodes).
 */
const BIND = script(
  'bind-session',
  1,
  `${COUNTING}
local row = ARGV[1] .. '|' .. ARGV[2]
local owners = living(KEYS[2], {unpack(ARGV, 6)})
owners[ARGV[1]] = 'here'
local counts, elsewhere, dead = count(KEYS[1], owners, ARGV[1])
local isBound = redis.call('HEXISTS', KEYS[1], row) == 1
local most = tonumber(ARGV[5])
local hasRoom = counts.t + counts.r + counts.x < tonumber(ARGV[4]) and (not most or counts[ARGV[3]] < most)
for _, gone in ipairs(dead) do redis.call('HDEL', KEYS[1], gone) end
if isBound then return {1, elsewhere} end
if not hasRoom then return {0, elsewhere} end
redis.call('HSET', KEYS[1], row, ARGV[3])
return {1, elsewhere}
`,
);

/**
 * KEYS members, then the rows of some accounts. ARGV owner, then the late nodes. Reply: for each account how many sessions
 * that may submit are on other nodes.
 */
const ELSEWHERE = script(
  'count-binds',
  1,
  `${COUNTING}
local owners = living(KEYS[1], {unpack(ARGV, 2)})
local reply = {}
for i = 2, #KEYS do
  local _, elsewhere = count(KEYS[i], owners, ARGV[1])
  reply[#reply + 1] = elsewhere
end
return reply
`,
);

const KINDS: Readonly<Record<BindType, string>> = { transmitter: 't', receiver: 'r', transceiver: 'x' };
/** Accounts asked about in one call. */
const CHUNK = 100;

interface Row {
  readonly account: string;
  readonly kind: string;
}

/**
 * The sessions of accounts over the whole cluster, in Redis: how many an account has is decided there, in one place, for
 * all nodes. What this node says of its sessions is said again after Redis could not be reached, and a row that could not
 * be removed is removed later.
 */
export class BindTable {
  readonly #deps: BindTableDeps;
  readonly #owner: string;
  /** By number: sessions of this node. */
  readonly #own = new Map<number, Row>();
  /** By number: ended sessions whose rows may still be there. */
  readonly #ended = new Map<number, Row>();
  #isSure = true;
  #tidying = false;

  constructor(deps: BindTableDeps) {
    this.#deps = deps;
    this.#owner = `${deps.node}|${deps.incarnation}`;
  }

  /**
   * @param number of the session, once in this life of the node
   * @returns `elsewhere`: sessions of the account on other nodes that may submit
   * @throws RuntimeError when Redis cannot be asked: nothing is bound
   */
  async bind(
    number: number,
    account: string,
    type: BindType,
    { total, byType }: BindLimits,
  ): Promise<{ readonly answer: 'bound' | 'too-many'; readonly elsewhere: number }> {
    const { line, cluster, late } = this.#deps;
    const row = { account, kind: KINDS[type] };
    const most = byType?.[type] ?? Infinity;
    const limit = Number.isFinite(most) ? most : '';
    try {
      const { reply } = await line.script(
        BIND,
        [this.#key(account), membersKey(cluster)],
        [this.#owner, number, row.kind, total, limit, ...late()],
      );
      if (reply[0] === 1) this.#own.set(number, row);
      return { answer: reply[0] === 1 ? 'bound' : 'too-many', elsewhere: reply[1]! };
    } catch (error) {
      // It may have been done.
      this.#ended.set(number, row);
      throw error;
    }
  }

  /** A session has ended. */
  unbind(number: number): void {
    const row = this.#own.get(number);
    if (!row) return;
    this.#own.delete(number);
    this.#ended.set(number, row);
    void this.tidy();
  }

  /** The others may have removed our rows, or Redis lost them: they are said again with the next `tidy`. */
  doubt(): void {
    this.#isSure = false;
  }

  /** Does what could not be done before. To be called every now and then. */
  async tidy(): Promise<void> {
    if (this.#tidying || (this.#isSure && this.#ended.size === 0)) return;
    this.#tidying = true;
    try {
      await this.#remove();
      if (!this.#isSure) await this.#restore();
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      this.#isSure = false;
    } finally {
      this.#tidying = false;
    }
  }

  /** How many sessions that may submit these accounts have on other nodes. @throws RuntimeError when Redis cannot be asked */
  async elsewhere(accounts: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const { line, cluster, late } = this.#deps;
    const counts = new Map<string, number>();
    for (let at = 0; at < accounts.length; at += CHUNK) {
      const some = accounts.slice(at, at + CHUNK);
      const keys = [membersKey(cluster), ...some.map(account => this.#key(account))];
      const { reply } = await line.script(ELSEWHERE, keys, [this.#owner, ...late()]);
      for (const [i, account] of some.entries()) counts.set(account, reply[i]!);
    }
    return counts;
  }

  async #remove(): Promise<void> {
    for (const [number, { account }] of this.#ended) {
      await this.#deps.line.command('HDEL', this.#key(account), `${this.#owner}|${number}`);
      this.#ended.delete(number);
    }
  }

  async #restore(): Promise<void> {
    // What becomes doubtful meanwhile is said once more.
    this.#isSure = true;
    for (const [number, { account, kind }] of this.#own) {
      await this.#deps.line.command('HSET', this.#key(account), `${this.#owner}|${number}`, kind);
    }
  }

  #key(account: string): string {
    return clusterKey(this.#deps.cluster, `binds:${account}`);
  }
}
