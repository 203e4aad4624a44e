import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../runtime/clock.ts';
import { RuntimeError } from '../runtime/errors.ts';
import { describeAddress, parseRedisAddress, type RedisAddress } from '../runtime/redis/address.ts';
import type { LineSettings } from '../runtime/redis/connection-options.ts';
import { RedisLine } from '../runtime/redis/line.ts';
import { Members, membersKey, type About, type Member } from '../adapters/cluster-redis/members.ts';
import type { Configuration } from '../adapters/config/schema.ts';
import { checkRedis, type Durability } from '../adapters/store-redis/redis-settings.ts';

/** What every part of the node that speaks with Redis must know. Goes to threads as it is. */
export interface ClusterSettings extends LineSettings {
  readonly address: RedisAddress;
  /** Of the cluster: several may share a Redis. */
  readonly name: string;
  /** This node's id. Never two at once with one name. */
  readonly node: string;
  /** After so long without a sign of life others take over, ms. */
  readonly leaseMs: number;
  /** Replicas that must have a write before it counts. */
  readonly replicas: number;
  readonly durability: Durability;
}

/** Longest wait for any answer of Redis. */
const DEADLINE_MS = 2000;
/** How long a start waits for a Redis that cannot be reached. */
const PATIENCE_MS = 10_000;

/** Undefined: this node is alone. @param node its id */
export function clusterSettingsOf(configuration: Configuration, node: string): ClusterSettings | undefined {
  const { redis, cluster, durability } = configuration;
  if (redis === undefined) return undefined;
  const leaseMs = cluster.lease_seconds * 1000;
  return {
    address: parseRedisAddress(redis.url),
    name: cluster.name,
    node,
    leaseMs,
    replicas: redis.replicas,
    durability,
    deadlineMs: Math.min(DEADLINE_MS, leaseMs),
    insecure: redis.insecure,
  };
}

/** The id of this node in a cluster: as configured, or made at the first start and kept in the data folder. */
export function nodeIdIn(dataDir: string, configured: string | undefined): string {
  if (configured !== undefined) return configured;
  const file = join(dataDir, 'node-id');
  if (existsSync(file)) return readFileSync(file, 'utf8').trim();
  const made = `node-${randomBytes(4).toString('hex')}`;
  writeFileSync(file, `${made}\n`, { mode: 0o600, flush: true });
  return made;
}

type Changed = (members: readonly Member[]) => void;

/**
 * This node as one of a cluster, in the main thread: who else lives, what each tells of itself, and a line to Redis for
 * what the nodes share. The message store's stripes have lines of their own, in the workers.
 */
export class Cluster {
  readonly settings: ClusterSettings;
  /** To the Redis that has the members' rows; anything else goes over it only under the same hash tag. */
  readonly line: RedisLine;
  readonly #members: Members;
  readonly #alarm: (line: string) => void;
  readonly #changed = new Set<Changed>();
  #about: About = {};

  private constructor(settings: ClusterSettings, line: RedisLine, alarm: (line: string) => void) {
    this.settings = settings;
    this.line = line;
    this.#alarm = alarm;
    this.#members = new Members({
      line,
      cluster: settings.name,
      node: settings.node,
      about: () => this.#about,
      leaseMs: settings.leaseMs,
      clock: systemClock.monotonicMs,
      wall: systemClock.nowMs,
      changed: members => {
        for (const changed of this.#changed) changed(members);
      },
      alarm: said => this.#alarm(said),
    });
  }

  /**
   * Looks at Redis's settings; nobody sees this node yet.
   *
   * @throws RuntimeError REDIS_DOWN, REDIS_SETTINGS naming each setting that breaks the promise
   */
  static async open(settings: ClusterSettings, alarm: (line: string) => void): Promise<Cluster> {
    const line = new RedisLine(settings.address, settings, membersKey(settings.name));
    try {
      if (!(await line.up(PATIENCE_MS))) throw new RuntimeError('REDIS_DOWN', line.trouble);
      await checkRedis(settings.address, line, settings);
    } catch (error) {
      line.close();
      throw error;
    }
    return new Cluster(settings, line, alarm);
  }

  /** Joins: from here on the others see this node, and what it tells of itself. @throws RuntimeError when Redis is away */
  async join(about: About): Promise<void> {
    this.#about = { ...this.#about, ...about };
    await this.#members.join();
  }

  get node(): string {
    return this.settings.node;
  }

  /** The nodes that live, this one included once it has joined, by name. While we are cut off: as we saw them last. */
  get members(): readonly Member[] {
    return this.#members.list;
  }

  /** Of this life of the node. */
  get incarnation(): string {
    return this.#members.incarnation;
  }

  /** Nodes whose heartbeat is late. */
  get late(): readonly string[] {
    return this.#members.late;
  }

  /** True while the others can see that we live. */
  get isHere(): boolean {
    return this.#members.isHere;
  }

  /** Until when they can, if we cannot reach them any more. */
  get hereUntil(): { readonly at: number; readonly wall: number } {
    return this.#members.hereUntil;
  }

  /** Adds to what this node tells of itself, and tells it now. What others tell is `members[].about`. */
  async tell(about: About): Promise<void> {
    this.#about = { ...this.#about, ...about };
    await this.#members.tell();
  }

  /** Calls back when a node has come or gone or tells something else of itself. Returns what ends it. */
  onChange(changed: Changed): () => void {
    this.#changed.add(changed);
    return () => void this.#changed.delete(changed);
  }

  /** What the acknowledgements of this cluster are worth, for people. */
  get promise(): string {
    const { replicas, durability, address } = this.settings;
    const flushed = durability === 'disk' ? 'flushed by' : 'with';
    const copies = replicas === 0 ? '' : ` and with ${replicas} of its replicas`;
    const lost = replicas === 0 ? 'the loss of its disk loses messages' : `${replicas} failures at once lose nothing`;
    return `acknowledged is ${flushed} ${describeAddress(address)}${copies}: ${lost}`;
  }

  /** The others take over at once what this node has given up. */
  async leave(): Promise<void> {
    await this.#members.leave();
    this.line.close();
  }
}
