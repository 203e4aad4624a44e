import { Redis } from 'ioredis';
import { describeError, RuntimeError } from '../errors.ts';
import { describeAddress, type RedisAddress } from './address.ts';
import { AttachedReplicas } from './attached-replicas.ts';
import { Connector } from './connector.ts';
import { attachedIn, infoOf } from './info.ts';
import { LineDownError, NoReplyError, RedisRefusedError } from './line-errors.ts';
import type { LineSettings } from './connection-options.ts';
import type { Script } from './script.ts';

type Argument = string | Buffer | number;

export interface ScriptReply {
  readonly reply: readonly number[];
  /** Enough replicas have what the script wrote (`AttachedReplicas`); true where none was waited for. */
  readonly isSafe: boolean;
}

const RECONNECT_MS = 100;
const LOOK_AT_REPLICAS_MS = 500;

/**
 * One connection to the Redis that has one key, made again whenever it is lost: to the master that the Sentinels name,
 * or to the cluster's node that has the slot of the key. Nothing is queued while there is none and nothing is sent twice:
 * who has got no answer asks (ioredis #2193: never let it resend). What is sent in one go arrives in that order.
 */
export class RedisLine {
  readonly #address: RedisAddress;
  readonly #settings: LineSettings;
  readonly #connector: Connector;
  #redis: Redis | undefined;
  readonly #waiting = new Set<() => void>();
  #closed = false;
  #retry: NodeJS.Timeout | undefined;
  readonly #replicas = new AttachedReplicas();
  /** The connection whose replicas are known. */
  #lookedAt: Redis | undefined;
  #looking: NodeJS.Timeout | undefined;
  #asking = false;
  /** Why there is no connection. */
  #trouble: unknown;

  /** @param key any of the keys that it is for: they share a hash tag */
  constructor(address: RedisAddress, settings: LineSettings, key: string) {
    this.#address = address;
    this.#settings = settings;
    this.#connector = new Connector(address, settings, key);
    void this.#connect();
  }

  get isUp(): boolean {
    return this.#redis?.status === 'ready';
  }

  /** Of the connection there is. */
  get #knowsReplicas(): boolean {
    return this.#redis !== undefined && this.#lookedAt === this.#redis;
  }

  /** Resolves with whether there is a connection, after `timeoutMs` at the latest. */
  up(timeoutMs: number): Promise<boolean> {
    if (this.isUp) return Promise.resolve(true);
    return new Promise(resolve => {
      const timer = setTimeout(() => told(), timeoutMs);
      const told = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(told);
        resolve(this.isUp);
      };
      this.#waiting.add(told);
    });
  }

  /** Why there is no connection, for people. */
  get trouble(): string {
    const why = this.#trouble === undefined ? 'no answer yet' : describeError(this.#trouble);
    return `${describeAddress(this.#address)}: ${why}`;
  }

  /** @throws LineDownError, NoReplyError, RedisRefusedError */
  async command(name: string, ...args: Argument[]): Promise<unknown> {
    const redis = this.#redis;
    if (!redis || redis.status !== 'ready') throw new LineDownError('REDIS_DOWN', this.trouble, this.#trouble);
    try {
      return await redis.callBuffer(name, ...args);
    } catch (error) {
      throw this.#judged(redis, error);
    }
  }

  /**
   * Runs a script, and waits for replicas to have what it wrote.
   *
   * @param least so many at least, and all that are attached; 0: none is waited for
   * @throws LineDownError, NoReplyError, RedisRefusedError
   */
  async script(
    { sha, body }: Script,
    keys: readonly string[],
    args: readonly Argument[],
    least = 0,
  ): Promise<ScriptReply> {
    // Each connection anew: it may lead to another master, with other replicas.
    if (least > 0) while (!this.#knowsReplicas) await this.#lookAtReplicas();
    const waitFor = Math.min(this.#replicas.needed(least), Math.max(least, this.#replicas.attached));
    const run = (name: string, text: string): Promise<[unknown, unknown]> =>
      // In one go: WAIT counts for what this connection wrote before (it is an error in Lua, and useless in MULTI).
      both(
        this.command(name, text, keys.length, ...keys, ...args),
        least > 0 ? this.command('WAIT', waitFor, Math.floor(this.#settings.deadlineMs / 2)) : undefined,
      );
    let answer: [unknown, unknown];
    try {
      answer = await run('EVALSHA', sha);
    } catch (error) {
      if (!(error instanceof RedisRefusedError) || error.word !== 'NOSCRIPT') throw error;
      answer = await run('EVAL', body);
    }
    const isSafe = least === 0 || Number(answer[1]) >= this.#replicas.needed(least);
    return { reply: (answer[0] as unknown[]).map(Number), isSafe };
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    clearInterval(this.#looking);
    this.#redis?.disconnect();
    this.#tell();
  }

  /** @throws LineDownError, NoReplyError, RedisRefusedError */
  async #lookAtReplicas(): Promise<void> {
    this.#looking ??= setInterval(() => void this.#lookAtReplicas().catch(ignoreDown), LOOK_AT_REPLICAS_MS);
    const redis = this.#redis;
    const info = infoOf(await this.command('INFO', 'replication'));
    const master = info.get('master_replid') ?? '';
    if (this.#redis !== redis) return;
    this.#lookedAt = redis;
    if (this.#replicas.seen(master, attachedIn(info), performance.now()) && redis)
      void this.#askForMaster(redis, master);
  }

  /** Asks whoever decides it, on a connection of its own, if that is still the master. */
  async #askForMaster(redis: Redis, master: string): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    let other: Redis | undefined;
    try {
      const options = await this.#connector.master();
      if (!options) return;
      other = new Redis({ ...options, lazyConnect: true });
      other.on('error', () => undefined);
      await other.connect();
      const info = infoOf(await other.info('replication'));
      if (info.get('role') !== 'master') return;
      if (info.get('master_replid') === master) this.#replicas.confirmed(master);
      // The next connection leads to the one that has been promoted.
      else if (this.#redis === redis) this.#drop(redis);
    } catch {
      // Nobody can be asked: it is asked again at the next look.
    } finally {
      this.#asking = false;
      other?.disconnect();
    }
  }

  #judged(redis: Redis, error: unknown): Error {
    if (!(error instanceof Error) || error.name !== 'ReplyError') {
      // Nothing else is asked on a connection that has not answered.
      this.#drop(redis);
      return new NoReplyError('REDIS_NO_REPLY', `${describeAddress(this.#address)} has not answered`, error);
    }
    const refused = new RedisRefusedError(error.message, error);
    if (refused.word === 'MOVED') this.#moved(redis, error.message);
    // A master of yesterday: the next connection finds today's.
    else if (refused.word === 'READONLY') this.#drop(redis);
    return refused;
  }

  #moved(redis: Redis, text: string): void {
    const to = text.split(' ')[2] ?? '';
    const colon = to.lastIndexOf(':');
    const node = { host: to.slice(0, colon), port: Number(to.slice(colon + 1)) };
    if (node.host !== '') this.#connector.likely(node);
    this.#drop(redis);
  }

  /** The next connection may lead elsewhere. What was asked on this one is answered by its end. */
  #drop(redis: Redis): void {
    redis.disconnect();
    this.#ended(redis);
  }

  #ended(redis: Redis): void {
    if (this.#redis !== redis) return;
    this.#redis = undefined;
    this.#again();
  }

  async #connect(): Promise<void> {
    try {
      const options = await this.#connector.options();
      if (this.#closed) return;
      const redis = new Redis(options);
      this.#redis = redis;
      redis.on('error', error => (this.#trouble = error));
      redis.on('ready', () => {
        this.#trouble = undefined;
        this.#tell();
      });
      redis.on('end', () => this.#ended(redis));
    } catch (error) {
      this.#trouble = error;
      this.#again();
    }
  }

  #again(): void {
    if (this.#closed) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.#connect(), RECONNECT_MS);
  }

  #tell(): void {
    for (const told of this.#waiting) told();
  }
}

/** Redis cannot be asked just now: what was seen last stands. */
function ignoreDown(error: unknown): void {
  if (!(error instanceof RuntimeError)) throw error;
}

/** Both answers; the first one's error where both have one. */
async function both(first: Promise<unknown>, second: Promise<unknown> | undefined): Promise<[unknown, unknown]> {
  const [a, b] = await Promise.allSettled([first, second]);
  if (a.status === 'rejected') throw a.reason;
  if (b.status === 'rejected') throw b.reason;
  return [a.value, b.value];
}
