import { randomUUID } from 'node:crypto';
import { RuntimeError } from '../../runtime/errors.ts';
import type { RedisLine } from '../../runtime/redis/line.ts';
import { script } from '../../runtime/redis/script.ts';
import { clusterKey } from './keys.ts';

/** What a node tells of itself: the version of the routing table it runs, its stripes, … Small. */
export type About = Readonly<Record<string, string | number>>;

export interface Member {
  readonly node: string;
  /** Another one with each start of the node. */
  readonly incarnation: string;
  readonly about: About;
}

export interface MembersDeps {
  readonly line: RedisLine;
  /** Of the cluster: several may share a Redis. */
  readonly cluster: string;
  /** Who this is; never two at once with one name. */
  readonly node: string;
  readonly about: () => About;
  /** A node that has shown no sign of life for so long is gone, ms. */
  readonly leaseMs: number;
  /** Monotonic, ms. */
  readonly clock: () => number;
  /** ms since 1970. */
  readonly wall: () => number;
  /** Somebody has come or gone, or tells something else of itself. */
  readonly changed: (members: readonly Member[]) => void;
  readonly alarm: (line: string) => void;
}

/** Must never change: nodes of two releases read one another's rows. Fields may be added. */
interface Row {
  readonly v: 1;
  readonly incarnation: string;
  readonly beats: number;
  readonly about: About;
}

interface Seen {
  readonly row: string;
  readonly member: Member;
  /** When the row was seen to change last, on our clock. */
  readonly at: number;
}

/** Whoever has taken its row away was not alive: unless it has changed since. KEYS rows. ARGV node, row as it was. */
const FORGET = script(
  'forget-member',
  1,
  `
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return {0} end
return {redis.call('HDEL', KEYS[1], ARGV[1])}
`,
);

/** Takeovers wait for a row to stand still, and it is looked at this often. */
const BEATS_A_LEASE = 8;
/** It beats and we look, each at its own time: a row that has stood still for so many beats has missed one. */
const LATE_BEATS = 3;
const JOIN_PATIENCE_MS = 10_000;
/** A dead node is given up a little later than its lease ends: two clocks do not run alike. */
const MARGIN = 1.1;

export const membersKey = (cluster: string): string => clusterKey(cluster, 'members');

/**
 * The nodes of a cluster: each writes a row of its own with a counter that moves, and watches the others' counters on a
 * clock of its own (no TTL: the clock of Redis's host may jump, R12). A row that stands still for the lease time is a dead
 * node's, and is removed by whoever notices.
 */
export class Members {
  readonly #deps: MembersDeps;
  readonly #incarnation = randomUUID();
  #beats = 0;
  /** By node; ourselves included once we have beaten. */
  #seen = new Map<string, Seen>();
  /** Given up in the last look; their rows may still be there. */
  #dead: readonly string[] = [];
  #reachedAt = -Infinity;
  #reachedWall = -Infinity;
  #beating = false;
  #namesake = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: MembersDeps) {
    this.#deps = deps;
  }

  /** Joins. What passes, a failover or a replica that is late, is waited for. @throws RuntimeError when it does not pass */
  async join(): Promise<void> {
    const { leaseMs, clock } = this.#deps;
    const until = clock() + JOIN_PATIENCE_MS;
    for (;;) {
      try {
        await this.#beat();
        break;
      } catch (error) {
        if (!(error instanceof RuntimeError) || clock() >= until) throw error;
        this.#beats = 0;
        await new Promise(resolve => setTimeout(resolve, leaseMs / BEATS_A_LEASE));
      }
    }
    this.#timer = setInterval(() => void this.#tick(), this.#deps.leaseMs / BEATS_A_LEASE);
  }

  /** Those that live, by name. While we are cut off: as we saw them last. */
  get list(): readonly Member[] {
    return [...this.#seen.values()].map(({ member }) => member).sort((a, b) => (a.node < b.node ? -1 : 1));
  }

  /** Another one with each start. */
  get incarnation(): string {
    return this.#incarnation;
  }

  /** Those that have not shown that they live when they should have, or have just been given up. */
  get late(): readonly string[] {
    const { node, leaseMs, clock } = this.#deps;
    const lateAt = clock() - (leaseMs / BEATS_A_LEASE) * LATE_BEATS;
    const late = [...this.#seen].flatMap(([name, { at }]) => (name !== node && at < lateAt ? name : []));
    return [...late, ...this.#dead];
  }

  /** True while the others can see that we live. */
  get isHere(): boolean {
    return this.#deps.clock() < this.#reachedAt + this.#deps.leaseMs;
  }

  /** Until when they can, if we cannot reach them any more: on our monotonic clock and on the wall clock. */
  get hereUntil(): { readonly at: number; readonly wall: number } {
    const { leaseMs } = this.#deps;
    return { at: this.#reachedAt + leaseMs, wall: this.#reachedWall + leaseMs };
  }

  /** Tells what `about` says now, before the next beat. */
  async tell(): Promise<void> {
    await this.#tick();
  }

  /** Leaves: the others know at their next beat, if Redis can be told. */
  async leave(): Promise<void> {
    clearInterval(this.#timer);
    const { line, cluster, node } = this.#deps;
    await line.command('HDEL', membersKey(cluster), node).catch(() => undefined);
  }

  async #tick(): Promise<void> {
    if (this.#beating) return;
    this.#beating = true;
    try {
      await this.#beat();
    } catch (error) {
      // `isHere` ends by itself; the next beat tries again.
      if (!(error instanceof RuntimeError)) throw error;
    } finally {
      this.#beating = false;
    }
  }

  async #beat(): Promise<void> {
    const { line, cluster, node, about, clock, wall } = this.#deps;
    const key = membersKey(cluster);
    const [sentAt, sentWall] = [clock(), wall()];
    const row: Row = { v: 1, incarnation: this.#incarnation, beats: ++this.#beats, about: about() };
    // In one go, in this order: what we read is what stood there before us.
    const [rows] = await Promise.all([
      line.command('HGETALL', key),
      line.command('HSET', key, node, JSON.stringify(row)),
    ]);
    const wasAway = sentAt - this.#reachedAt > this.#deps.leaseMs / 2;
    this.#reachedAt = sentAt;
    this.#reachedWall = sentWall;
    await this.#look(rows as Buffer[], row, clock(), wasAway);
  }

  /** @param wasAway Redis was, or we were: the others could not show a sign of life either, or we have not seen it */
  async #look(pairs: readonly Buffer[], own: Row, now: number, wasAway: boolean): Promise<void> {
    const { node, leaseMs } = this.#deps;
    const before = this.#seen;
    const seen = new Map<string, Seen>();
    const dead: [string, string][] = [];
    for (let i = 0; i < pairs.length; i += 2) {
      const [name, row] = [pairs[i]!.toString(), pairs[i + 1]!.toString()];
      if (name === node) {
        this.#lookForNamesake(row);
        continue;
      }
      const known = before.get(name);
      const same = known?.row === row && !wasAway;
      if (same && now - known.at >= leaseMs * MARGIN) dead.push([name, row]);
      else seen.set(name, same ? known : { row, member: memberOf(name, row), at: now });
    }
    seen.set(node, { row: '', member: { node, incarnation: own.incarnation, about: own.about }, at: now });
    this.#seen = seen;
    this.#dead = dead.map(([name]) => name);
    if (describe(before) !== describe(seen)) this.#deps.changed(this.list);
    for (const [name, row] of dead) {
      await this.#deps.line.script(FORGET, [membersKey(this.#deps.cluster)], [name, row]);
    }
  }

  /** Two processes that take each other's stripes in turn do no harm, and no work either: it is said. */
  #lookForNamesake(row: string): void {
    const { incarnation } = memberOf(this.#deps.node, row);
    // The row of our own life before this one stands there once.
    if (this.#beats === 1 || incarnation === this.#incarnation || incarnation === this.#namesake) return;
    this.#namesake = incarnation;
    this.#deps.alarm(
      `another process of this cluster calls itself ${this.#deps.node}: give each node an id of its own`,
    );
  }
}

/** A row of a later release counts as a node, about which nothing is known. */
function memberOf(node: string, row: string): Member {
  try {
    const { incarnation, about } = JSON.parse(row) as Partial<Row>;
    return { node, incarnation: incarnation ?? '', about: about ?? {} };
  } catch {
    return { node, incarnation: '', about: {} };
  }
}

const describe = (seen: ReadonlyMap<string, Seen>): string =>
  JSON.stringify([...seen.values()].map(({ member }) => member).sort((a, b) => (a.node < b.node ? -1 : 1)));
