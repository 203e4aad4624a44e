import { RuntimeError } from '../../runtime/errors.ts';
import type { RedisLine } from '../../runtime/redis/line.ts';
import { script } from '../../runtime/redis/script.ts';
import { clusterKey } from './keys.ts';

export interface SharedValuesDeps {
  readonly line: RedisLine;
  /** Of the cluster: several may share a Redis. */
  readonly cluster: string;
  /** Replicas that must have what is written before it counts. */
  readonly replicas: number;
}

/** KEYS values. ARGV name, value; without a value it is removed. */
const PUT = script(
  'put-value',
  1,
  `
if #ARGV == 1 then return {redis.call('HDEL', KEYS[1], ARGV[1])} end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return {1}
`,
);

/** Written only where there is none. KEYS values. ARGV name, value. */
const PUT_FIRST = script('put-first-value', 1, `return {redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2])}`);

export const sharedValuesKey = (cluster: string): string => clusterKey(cluster, 'values');

/** Small durable values that all nodes of a cluster share: the configuration, the key of the public ids. */
export class SharedValues {
  readonly #deps: SharedValuesDeps;
  readonly #key: string;

  constructor(deps: SharedValuesDeps) {
    this.#deps = deps;
    this.#key = sharedValuesKey(deps.cluster);
  }

  /** @throws RuntimeError when Redis cannot be asked */
  async getConfig(name: string): Promise<Uint8Array | undefined> {
    const value = (await this.#deps.line.command('HGET', this.#key, name)) as Buffer | null;
    return value ?? undefined;
  }

  /** undefined deletes. Durable when it resolves. @throws RuntimeError when it may not be */
  async putConfig(name: string, value: Uint8Array | undefined): Promise<void> {
    const args = value === undefined ? [name] : [name, Buffer.from(value)];
    await this.#write(PUT, args);
  }

  /** The value there is; where there is none, this one from now on, whoever else offers another at the same time. */
  async first(name: string, value: Uint8Array): Promise<Uint8Array> {
    await this.#write(PUT_FIRST, [name, Buffer.from(value)]);
    return (await this.getConfig(name)) ?? value;
  }

  async #write(what: typeof PUT, args: readonly (string | Buffer)[]): Promise<void> {
    const { line, replicas: least } = this.#deps;
    const { replicas } = await line.script(what, [this.#key], args, least);
    if (replicas < least) {
      const said = `${replicas} of ${least} replicas confirm what is written`;
      throw new RuntimeError('REDIS_REPLICAS', said);
    }
  }
}
