import { Redis } from 'ioredis';
import { RuntimeError } from '../errors.ts';
import type { HostPort, RedisAddress } from './address.ts';
import { connectionOptions, type LineSettings } from './connection-options.ts';

/**
 * The master of a Redis Cluster that has the slot of `key`, and all masters there are: asked of the first of `nodes` that
 * answers.
 */
export async function locateSlot(
  address: RedisAddress,
  settings: LineSettings,
  nodes: readonly HostPort[],
  key: string,
): Promise<{ readonly owner: HostPort; readonly masters: readonly HostPort[] }> {
  let trouble: unknown;
  for (const node of nodes) {
    const redis = new Redis({ ...connectionOptions(address, settings), ...node, lazyConnect: true });
    redis.on('error', error => (trouble = error));
    try {
      await redis.connect();
      const [slot, slots] = await Promise.all([redis.cluster('KEYSLOT', key), redis.cluster('SLOTS')]);
      const ranges = slots as unknown as readonly SlotRange[];
      const owner = ranges.find(([from, to]) => from <= slot && slot <= to)?.[2];
      if (owner) return { owner: addressOf(owner, node), masters: mastersOf(ranges, node) };
      trouble = new RuntimeError('REDIS_SLOT', `no node of the cluster has slot ${slot}`);
    } catch (error) {
      trouble ??= error;
    } finally {
      redis.disconnect();
    }
  }
  throw trouble;
}

type SlotRange = [from: number, to: number, master: [host: string | null, port: number], ...replicas: unknown[]];

const addressOf = ([host, port]: [string | null, number], asked: HostPort): HostPort => ({
  host: host === null || host === '' ? asked.host : host,
  port,
});

function mastersOf(ranges: readonly SlotRange[], asked: HostPort): HostPort[] {
  const masters = new Map<string, HostPort>();
  for (const [, , master] of ranges) {
    const node = addressOf(master, asked);
    masters.set(`${node.host}:${node.port}`, node);
  }
  return [...masters.values()];
}
