import { Redis } from 'ioredis';
import { RuntimeError } from '../errors.ts';
import { describeAddress, type HostPort, type RedisAddress } from './address.ts';
import { connectionOptions, type LineSettings } from './connection-options.ts';

/** Asks the first Sentinel that answers. @throws RuntimeError REDIS_DOWN when none does */
export async function askSentinels(address: RedisAddress, settings: LineSettings, command: string): Promise<unknown> {
  let trouble: unknown;
  for (const node of address.nodes) {
    try {
      return await ask(address, settings, node, command);
    } catch (error) {
      trouble ??= error;
    }
  }
  throw new RuntimeError('REDIS_DOWN', `${describeAddress(address)}: no Sentinel answers`, trouble);
}

/** The master that more than half of the Sentinels name; undefined when there is none. */
export async function namedByMost(address: RedisAddress, settings: LineSettings): Promise<HostPort | undefined> {
  const answers = await Promise.all(
    address.nodes.map(node => ask(address, settings, node, 'GET-MASTER-ADDR-BY-NAME').catch(() => undefined)),
  );
  const votes = new Map<string, number>();
  for (const answer of answers) {
    if (!Array.isArray(answer) || answer.length !== 2) continue;
    const named = JSON.stringify(answer.map(String));
    votes.set(named, (votes.get(named) ?? 0) + 1);
  }
  for (const [named, count] of votes) {
    if (count * 2 <= address.nodes.length) continue;
    const [host, port] = JSON.parse(named) as [string, string];
    return { host, port: Number(port) };
  }
  return undefined;
}

async function ask(address: RedisAddress, settings: LineSettings, node: HostPort, command: string): Promise<unknown> {
  const { username: _, password: __, ...options } = connectionOptions(address, settings);
  const password = address.sentinelPassword;
  const redis = new Redis({ ...options, ...node, ...(password !== '' && { password }), lazyConnect: true });
  let trouble: unknown;
  redis.on('error', error => (trouble = error));
  try {
    await redis.connect();
    return await redis.call('SENTINEL', command, address.master);
  } catch (error) {
    throw trouble ?? error;
  } finally {
    redis.disconnect();
  }
}
