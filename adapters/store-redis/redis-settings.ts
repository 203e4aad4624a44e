import { RuntimeError } from '../../runtime/errors.ts';
import { describeAddress, isLoopback, type RedisAddress } from '../../runtime/redis/address.ts';
import type { LineSettings } from '../../runtime/redis/connection-options.ts';
import type { RedisLine } from '../../runtime/redis/line.ts';
import { RedisRefusedError } from '../../runtime/redis/line-errors.ts';
import { configOf, infoOf } from '../../runtime/redis/info.ts';
import { askSentinels } from '../../runtime/redis/sentinels.ts';

/** `disk`: acknowledged means flushed. `process`: it survives the node, and all but the last second of Redis. */
export type Durability = 'disk' | 'process';

export interface RedisPromise extends LineSettings {
  readonly durability: Durability;
  /** Replicas that must have a commit before it counts. */
  readonly replicas: number;
}

/** What is asked of a setting, and what it is. */
interface Demand {
  readonly setting: string;
  readonly is: string;
  readonly must: string;
  readonly because: string;
}

/** Shebang lines in scripts, and what they say about memory. */
const OLDEST = 7;
/** A failover must be over before queues have stood for 15 s, this and an election included. */
const LONGEST_DOWN_AFTER_MS = 5000;

/**
 * Looks at how Redis is set, before anything is promised.
 *
 * @throws RuntimeError REDIS_SETTINGS naming every setting that breaks the promise, what it is and what it must be
 */
export async function checkRedis(address: RedisAddress, line: RedisLine, promise: RedisPromise): Promise<void> {
  const broken: Demand[] = [];
  const demand = (ok: boolean, setting: string, is: string | undefined, must: string, because: string): void => {
    if (!ok) broken.push({ setting, is: is === undefined || is === '' ? 'nothing' : is, must, because });
  };
  const info = infoOf(await line.command('INFO'));
  const version = info.get('redis_version') ?? '';
  demand(Number.parseInt(version, 10) >= OLDEST, 'its version', version, `${OLDEST}.0 or later`, 'scripts need it');
  const isOpen = address.password === '' && !promise.insecure && !address.nodes.every(isLoopback);
  demand(!isOpen, 'its password (ours to it)', 'nothing', 'set', 'whoever reaches it reads and writes all messages');
  const config = await readConfig(address, line);
  const policy = config.get('maxmemory-policy');
  demand(policy === 'noeviction', 'maxmemory-policy', policy, 'noeviction', 'others throw messages away');
  const appendonly = config.get('appendonly');
  demand(appendonly === 'yes', 'appendonly', appendonly, 'yes', 'a restart of Redis would lose messages');
  const fsync = config.get('appendfsync');
  if (promise.durability === 'disk')
    demand(fsync === 'always', 'appendfsync', fsync, 'always', 'durability is `disk`: acknowledged means flushed');
  else demand(fsync !== 'no', 'appendfsync', fsync, 'everysec or always', 'nothing says when it would be flushed');
  const connected = Number(info.get('connected_slaves') ?? 0);
  demand(connected >= promise.replicas, 'connected replicas', String(connected), `${promise.replicas} or more`, WAITS);
  if (connected > 0 || promise.replicas > 0) {
    const least = Math.max(1, promise.replicas);
    const write = config.get('min-replicas-to-write');
    demand(
      Number(write) >= least,
      'min-replicas-to-write',
      write,
      `${least} or more`,
      'a master cut off must take nothing',
    );
    demand(
      promise.replicas >= 1,
      'the number of replicas waited for (ours)',
      String(promise.replicas),
      '1 or more',
      'there are replicas, and a failover would lose what only the master has',
    );
  }
  if (address.mode === 'cluster') {
    const timeout = config.get('cluster-node-timeout');
    demand(
      Number(timeout) <= LONGEST_DOWN_AFTER_MS,
      'cluster-node-timeout',
      timeout,
      `${LONGEST_DOWN_AFTER_MS} or less`,
      STANDS,
    );
  }
  if (address.mode === 'sentinel') {
    const master = configOf(await askSentinels(address, promise, 'MASTER'));
    const after = master.get('down-after-milliseconds');
    demand(
      Number(after) <= LONGEST_DOWN_AFTER_MS,
      'down-after-milliseconds',
      after,
      `${LONGEST_DOWN_AFTER_MS} or less`,
      STANDS,
    );
  }
  if (broken.length === 0) return;
  const said = broken.map(({ setting, is, must, because }) => `${setting} is ${is}, and must be ${must} (${because})`);
  throw new RuntimeError('REDIS_SETTINGS', `${describeAddress(address)}: ${said.join('; ')}`);
}

const WAITS = 'each commit waits for so many';
const STANDS = 'queues would stand too long after a master has died';

const ASKED = [
  'maxmemory-policy',
  'appendonly',
  'appendfsync',
  'min-replicas-to-write',
  'cluster-node-timeout',
] as const;

async function readConfig(address: RedisAddress, line: RedisLine): Promise<ReadonlyMap<string, string>> {
  try {
    return configOf(await line.command('CONFIG', 'GET', ...ASKED));
  } catch (error) {
    if (!(error instanceof RedisRefusedError)) throw error;
    const why = `${describeAddress(address)} does not show its settings (${error.message})`;
    throw new RuntimeError('REDIS_SETTINGS', `${why}: allow its user CONFIG GET (ACL: +config|get)`, error);
  }
}
