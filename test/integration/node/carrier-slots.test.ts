import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { CarrierSlots, SERVING } from '../../../node/carrier-slots.ts';
import { Cluster } from '../../../node/cluster.ts';
import { LeaseGates } from '../../../node/lease-gates.ts';
import { parseRedisAddress } from '../../../runtime/redis/address.ts';
import { createLogger } from '../../../runtime/log.ts';
import { CuttingProxy } from '../../support/cutting-proxy.ts';
import { startRedis, type TestRedis } from '../../support/test-redis.ts';
import { waitUntil } from '../../support/wait-until.ts';

const LEASE_MS = 1000;
const WORKERS = 2;

/** A node whose workers do at once what they are told: a session by a lease is a number in a set. */
class TestNode {
  readonly cluster: Cluster;
  readonly slots: CarrierSlots;
  readonly gates: LeaseGates;
  /** `carrier lease`, by worker. */
  readonly sessions: Set<string>[] = Array.from({ length: WORKERS }, () => new Set());
  wanted = [
    { carrier: 'sink', slots: [1, 2, 3, 4] },
    { carrier: 'one', slots: [1] },
  ];
  /** False: sessions that are to end do not. */
  ends = true;

  constructor(cluster: Cluster) {
    this.cluster = cluster;
    this.slots = new CarrierSlots({
      cluster,
      wanted: () => this.wanted,
      workers: WORKERS,
      changed: worker => this.configure(worker),
      log: createLogger(() => undefined, 'info', Date.now),
    });
    this.gates = new LeaseGates(this.slots.memory);
    this.slots.start();
  }

  configure(worker: number): void {
    const carriers = ['sink', 'one', 'two'];
    const now = new Set(carriers.flatMap(name => this.slots.here(name, worker).map(({ lease }) => `${name} ${lease}`)));
    for (const session of this.sessions[worker]!) {
      if (now.has(session) || !this.ends) continue;
      this.sessions[worker]!.delete(session);
      this.slots.over(Number(session.split(' ')[1]));
    }
    for (const session of now) this.sessions[worker]!.add(session);
  }

  /** Sessions that may speak now. */
  open(carrier = ''): number {
    const all = this.sessions.flatMap(sessions => [...sessions]);
    return all.filter(session => session.startsWith(carrier) && this.gates.gate(Number(session.split(' ')[1])).isOpen)
      .length;
  }
}

let redis: TestRedis;
let proxy: CuttingProxy;
let run = 0;
const nodes: TestNode[] = [];

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.remove());
beforeEach(async () => {
  run++;
  proxy = await CuttingProxy.to(redis.port);
});
afterEach(async () => {
  for (const node of nodes.splice(0)) {
    node.slots.stop();
    await node.cluster.leave();
  }
  await proxy.close();
});

async function join(node: string, url = redis.url): Promise<TestNode> {
  const cluster = await Cluster.open(
    {
      address: parseRedisAddress(url),
      name: `slots-${run}`,
      node,
      leaseMs: LEASE_MS,
      replicas: 0,
      durability: 'disk',
      deadlineMs: 300,
      insecure: false,
    },
    () => undefined,
  );
  await cluster.join({ phase: SERVING });
  const joined = new TestNode(cluster);
  nodes.push(joined);
  return joined;
}

const opened = (carrier = ''): number[] => nodes.map(node => node.open(carrier));

/** Waits, and looks at every step that no slot has two holders. */
async function settled(description: string, condition: () => boolean): Promise<void> {
  await waitUntil(description, () => {
    const counts = [opened('sink'), opened('one')].map(each => each.reduce((sum, count) => sum + count, 0));
    expect(counts[0]).toBeLessThan(5);
    expect(counts[1]).toBeLessThan(2);
    return condition();
  });
}

test('one node has all, in all its workers; one that comes gets its part; one that leaves gives it back', async () => {
  const a = await join('a');
  await settled('a has all', () => a.open() === 5);
  expect(a.sessions.map(sessions => [...sessions].filter(s => s.startsWith('sink')).length)).toEqual([2, 2]);
  const b = await join('b');
  await settled('they share', () => a.open('sink') === 2 && b.open('sink') === 2);
  expect(a.open('one') + b.open('one')).toBe(1);
  const heldBy = (node: string): number => a.slots.holders().filter(holder => holder.node === node).length;
  await settled('a sees it', () => heldBy('b') === b.open() && heldBy('a') === a.open());
  await b.cluster.tell({ phase: 'draining' });
  const drained = b.slots.drain();
  for (const worker of [0, 1]) b.configure(worker);
  await drained;
  expect(b.open()).toBe(0);
  // At once: the leases were given up, not left to run out.
  await settled('a has all again', () => a.open() === 5);
});

test('a node that is cut off has closed its sessions before another opens them', async () => {
  const a = await join('a', `redis://127.0.0.1:${proxy.port}`);
  await settled('a has all', () => a.open() === 5);
  const b = await join('b');
  await settled('they share', () => a.open('sink') === 2 && b.open('sink') === 2);
  proxy.set('silence');
  await settled('b has all', () => b.open() === 5);
  expect(a.open()).toBe(0);
  proxy.set('none');
  await settled('they share again', () => a.open('sink') === 2 && b.open('sink') === 2);
});

test('a slot is given up only when its session has ended', async () => {
  const a = await join('a');
  await settled('a has all', () => a.open() === 5);
  a.ends = false;
  const b = await join('b');
  await waitUntil('a wants to give one', () => a.slots.here('sink', 0).length + a.slots.here('sink', 1).length === 3);
  const until = performance.now() + LEASE_MS * 1.5;
  await settled('more than a lease time is over', () => {
    expect(b.open('sink')).toBe(0);
    return performance.now() > until;
  });
  a.ends = true;
  for (const worker of [0, 1]) a.configure(worker);
  await settled('they share', () => a.open('sink') === 2 && b.open('sink') === 2);
});

test('carriers come, go and change their number', async () => {
  const a = await join('a');
  await settled('a has all', () => a.open() === 5);
  a.wanted = [
    { carrier: 'sink', slots: [1, 2] },
    { carrier: 'two', slots: [1, 3, 4] },
  ];
  await settled('as wanted', () => a.open('sink') === 2 && a.open('two') === 3 && a.open() === 5);
  await waitUntil('nothing is left of the others', async () => {
    const rows = await redis.client.hkeys(`{heliograph:slots-${run}:cluster}:carrier-slots`);
    return rows.sort().join() === 'sink/1,sink/2,two/1,two/3,two/4';
  });
});

test('a worker that ends keeps its slots for its next life, but for those that were to go', async () => {
  const a = await join('a');
  await settled('a has all', () => a.open() === 5);
  a.ends = false;
  a.wanted = [{ carrier: 'sink', slots: [1, 2] }];
  await waitUntil('some are to go', () => a.slots.here('sink', 0).length + a.slots.here('sink', 1).length === 2);
  for (const worker of [0, 1]) a.slots.workerDown(worker);
  await waitUntil('they are gone', async () => {
    const rows = await redis.client.hkeys(`{heliograph:slots-${run}:cluster}:carrier-slots`);
    return rows.sort().join() === 'sink/1,sink/2';
  });
  expect(a.open('sink')).toBe(2);
});
