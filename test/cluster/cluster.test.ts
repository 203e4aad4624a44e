import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { waitUntil } from '../support/wait-until.ts';
import { runChaos, type ChaosOptions, type Run } from './chaos.ts';
import { firstAckAfterMs, lastLeftAfterMs } from './checker/verdict.ts';
import { Cluster, LEASE_SECONDS } from './cluster.ts';
import type { SessionEvent } from './load.ts';
import { noCuts } from './network.ts';
import { makeSchedule, scheduleText, type Fault, type Step } from './schedule.ts';
import { runText } from './shows.ts';

/** What a cluster loses: nothing. Short runs; the long ones are `npm run bench -- torture`. */

const RATE = 700;
const WITHOUT_CUTS = noCuts();
const US = 1000;

async function run(cluster: Cluster, steps: readonly Step[], options: Partial<ChaosOptions> = {}): Promise<Run> {
  const done = await runChaos(cluster, steps, { rate: RATE, ...options });
  console.log(runText(steps, done));
  // An application that waits 2 s for each answer offers little while there is no Redis.
  expect(done.verdict.acked).toBeGreaterThan(done.result.sent / 10);
  return done;
}

describe('three nodes, Redis with a replica and WAIT 1, Postgres', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await Cluster.make({ nodes: 3, redis: 'sentinel', postgres: true, sessions: 6 });
    await cluster.start();
  }, 120_000);
  beforeEach(() => cluster.mend(), 120_000);
  afterAll(() => cluster[Symbol.asyncDispose]());

  const faults: readonly Fault[] =
    WITHOUT_CUTS === undefined ? ['kill', 'freeze', 'cut', 'restart'] : ['kill', 'freeze', 'restart'];

  test.for([1, 2, 3])(
    'one node after the other is killed, frozen, cut off, restarted (seed %i)',
    { timeout: 180_000 },
    async seed => {
      const steps = makeSchedule(seed, { nodes: 3, faults, lastsMs: { default: 4000, restart: 1000 }, quietMs: 2500 });
      console.log(scheduleText(seed, steps));
      const { entries, doneAt } = await run(cluster, steps);
      // performance.md P12: the queues of a node that was killed move again.
      const killed = doneAt[steps.findIndex(step => step.do === 'kill')]! * US;
      expect(lastLeftAfterMs(entries, killed)).toBeLessThan(15_000);
    },
  );

  test('a rolling restart: nothing is refused, nothing comes twice', async () => {
    const steps: Step[] = [1, 2, 3].flatMap(node => [
      { at: node * 5000 - 4000, do: 'stop', node },
      { at: node * 5000 - 3000, do: 'start', node },
    ]);
    const { result, verdict } = await run(cluster, steps);
    expect({ refused: result.rej, duplicates: verdict.duplicates }).toEqual({ refused: {}, duplicates: 0 });
  }, 180_000);

  test('the Redis master is killed: what was acknowledged is there', async () => {
    const steps: Step[] = [
      { at: 2000, do: 'redis-kill', server: 'master' },
      // The replica has become master by then; with no replica of its own it takes nothing (min-replicas-to-write).
      { at: 6000, do: 'redis-back' },
    ];
    await run(cluster, steps);
  }, 180_000);

  test('Postgres is stopped: traffic does not notice, the archive is complete afterwards', async () => {
    const steps: Step[] = [
      { at: 2000, do: 'postgres-stop' },
      { at: 8000, do: 'postgres-start' },
    ];
    const { result, verdict } = await run(cluster, steps);
    expect({ refused: result.rejected, duplicates: verdict.duplicates }).toEqual({ refused: 0, duplicates: 0 });
  }, 180_000);

  test('a node that starts while Postgres is down serves with what was known', async () => {
    await cluster.stop(3);
    await cluster.postgres!.stop();
    try {
      await cluster.start(3);
      const { verdict } = await run(cluster, [{ at: 4000, do: 'postgres-start' }]);
      expect(verdict.duplicates).toBe(0);
    } finally {
      await cluster.postgres!.stop();
      await cluster.postgres!.start();
    }
  }, 180_000);

  test('a frozen node whose claims have gone to others writes nothing when it goes on', async () => {
    const steps: Step[] = [
      { at: 2000, do: 'freeze', node: 1 },
      { at: 2000 + LEASE_SECONDS * 2500, do: 'thaw', node: 1 },
    ];
    // The carrier leaves its sessions open, however silent they are.
    const { load, doneAt } = await run(cluster, steps, { load: { 'carrier-stall': 0 } });
    const address = `${cluster.hosts[0]!.address}:`;
    const counts = load.events.filter(event => event.e === 'counts');
    // What lay in its socket is sent by the kernel.
    const frozen = counts
      .find(({ t }) => t > doneAt[0]! + 1000)!
      .sessions.filter(([, peer]) => peer.startsWith(address));
    for (const [session, , submits] of frozen) {
      const ended = load.events.find(event => event.e === 'ended' && event.session === session) as
        (SessionEvent & { submits: number }) | undefined;
      const last = ended?.submits ?? counts.at(-1)!.sessions.find(([number]) => number === session)?.[2];
      expect(last).toBe(submits);
    }
  }, 180_000);

  test.skipIf(WITHOUT_CUTS)(
    'a node that is cut off from Redis alone stops acknowledging within its lease, and lets its sessions go in time',
    async () => {
      const steps: Step[] = [
        { at: 2000, do: 'cut-from-redis', node: 2 },
        { at: 2000 + LEASE_SECONDS * 3000, do: 'heal', node: 2 },
      ];
      const accepted: number[] = [];
      const running = run(cluster, steps);
      const look = async (): Promise<void> => void accepted.push((await cluster.status(2)).messages.accepted);
      const begin = performance.now();
      await waitUntil('its lease has run out', () => performance.now() - begin > 2500 + LEASE_SECONDS * 1500, 30_000);
      await look();
      await waitUntil(
        'it is about to be healed',
        () => performance.now() - begin > 1500 + LEASE_SECONDS * 3000,
        30_000,
      );
      await look();
      await running;
      expect(accepted[1]).toBe(accepted[0]);
    },
    180_000,
  );
});

const make = async (redis: 'standalone' | 'cluster-3'): Promise<Cluster> => {
  const cluster = await Cluster.make({ nodes: 2, redis, postgres: true, sessions: 4 });
  await cluster.start();
  return cluster;
};

describe('two nodes and another Redis', () => {
  test('one server, which is gone for a while: what was acknowledged is kept, and it goes on by itself within 5 s', async () => {
    await using cluster = await make('standalone');
    const steps: Step[] = [
      { at: 2000, do: 'redis-kill', server: 1 },
      { at: 8000, do: 'redis-back' },
    ];
    const { entries, doneAt } = await run(cluster, steps);
    expect(firstAckAfterMs(entries, (doneAt[1]! + 500) * US)).toBeLessThan(5000);
  }, 180_000);

  test('Redis Cluster: a master is killed and comes back', async () => {
    await using cluster = await make('cluster-3');
    const steps: Step[] = [
      { at: 2000, do: 'redis-kill', server: 1 },
      { at: 7000, do: 'redis-back' },
    ];
    await run(cluster, steps);
  }, 180_000);
});
