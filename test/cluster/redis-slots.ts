import { REDIS_PASSWORD, nodeIdOf, type TestRedis } from '../support/test-redis.ts';
import { waitUntil } from '../support/wait-until.ts';

/** Whose slot moves: that of a stripe with batches, of the channels of the nodes, or of leases and members. */
export const SLOTS_OF = ['stripe', 'bus', 'cluster'] as const;
export type SlotOf = (typeof SLOTS_OF)[number];

/** Between two keys: what is asked meanwhile finds a slot of which each master has a part, ms. */
const KEY_EVERY_MS = 50;
/** Answers of a master that say that a slot moves. */
const ON_THE_WAY = ['ASK', 'TRYAGAIN', 'MOVED'] as const;

export interface SlotMove {
  readonly slot: number;
  readonly keys: number;
  /** How often those that asked were told so by either master, since these started. */
  readonly told: Readonly<Record<(typeof ON_THE_WAY)[number], number>>;
}

/** What `redis-cli --cluster reshard` does with one slot: it goes from one master to another, a key at a time. */
export async function moveSlot(
  slot: number,
  from: TestRedis,
  to: TestRedis,
  masters: readonly TestRedis[],
): Promise<SlotMove> {
  const [fromId, toId] = [await nodeIdOf(from), await nodeIdOf(to)];
  await to.client.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
  await from.client.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
  const target = [to.address, to.port, '', 0, 5000, 'REPLACE', ...passwordFor(to), 'KEYS'] as const;
  let keys = 0;
  for (;;) {
    const [key] = (await from.client.call('CLUSTER', 'GETKEYSINSLOT', slot, 1)) as string[];
    if (key === undefined) break;
    await waitUntil(
      `${key} has moved`,
      () =>
        from.client.call('MIGRATE', ...target, key).then(
          () => true,
          // The other has no good replica just now.
          (error: Error) => (/NOREPLICAS/.test(error.message) ? false : Promise.reject(error)),
        ),
      30_000,
    );
    keys++;
    await pause(KEY_EVERY_MS);
  }
  for (const { client } of [to, from, ...masters.filter(other => other !== to && other !== from)]) {
    await client.call('CLUSTER', 'SETSLOT', slot, 'NODE', toId);
  }
  const [here, there] = [await errorsOf(from), await errorsOf(to)];
  const told = ON_THE_WAY.map(word => [word, (here.get(word) ?? 0) + (there.get(word) ?? 0)] as const);
  return { slot, keys, told: Object.fromEntries(told) as SlotMove['told'] };
}

/** How often a server has answered with which error since it started, by the error's first word. */
export async function errorsOf({ client }: TestRedis): Promise<ReadonlyMap<string, number>> {
  const lines = (await client.info('errorstats')).matchAll(/^errorstat_(\w+):count=(\d+)/gm);
  return new Map([...lines].map(([, word, count]) => [word!, Number(count)]));
}

const passwordFor = ({ address }: TestRedis): string[] => (address.startsWith('127.') ? [] : ['AUTH', REDIS_PASSWORD]);

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));
