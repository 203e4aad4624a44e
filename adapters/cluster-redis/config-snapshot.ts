import { RuntimeError } from '../../runtime/errors.ts';
import type { RedisLine } from '../../runtime/redis/line.ts';
import { script } from '../../runtime/redis/script.ts';
import { clusterKey } from './keys.ts';

export interface ConfigSnapshotDeps {
  readonly line: RedisLine;
  readonly cluster: string;
  /** Replicas that must have what is written before it counts. */
  readonly replicas: number;
}

/** A later version stays. KEYS snapshot. ARGV version, value. Reply: the version that is there now. */
const PUT = script(
  'put-configuration',
  1,
  `
local there = tonumber(redis.call('HGET', KEYS[1], 'version') or '0')
if tonumber(ARGV[1]) <= there then return {there} end
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'value', ARGV[2])
return {tonumber(ARGV[1])}
`,
);

export interface Snapshot {
  readonly version: number;
  readonly value: string;
}

/** The last known configuration: what a node starts with while the database is away, and what tells all of a change. */
export class ConfigSnapshot {
  readonly #deps: ConfigSnapshotDeps;
  readonly #key: string;

  constructor(deps: ConfigSnapshotDeps) {
    this.#deps = deps;
    this.#key = clusterKey(deps.cluster, 'configuration');
  }

  /** 0: there is none. @throws RuntimeError when Redis cannot be asked */
  async version(): Promise<number> {
    return Number((await this.#deps.line.command('HGET', this.#key, 'version')) ?? 0);
  }

  /** @throws RuntimeError when Redis cannot be asked */
  async get(): Promise<Snapshot | undefined> {
    const [version, value] = (await this.#deps.line.command(
      'HMGET',
      this.#key,
      'version',
      'value',
    )) as (Buffer | null)[];
    return version && value ? { version: Number(version), value: value.toString() } : undefined;
  }

  /** Durable when it resolves; nothing happens when a later one is there. @throws RuntimeError when it may not be */
  async put({ version, value }: Snapshot): Promise<void> {
    const { line, replicas: least } = this.#deps;
    const { isSafe } = await line.script(PUT, [this.#key], [version, value], least);
    if (!isSafe) throw new RuntimeError('REDIS_REPLICAS', 'too few replicas confirm what is written');
  }
}
