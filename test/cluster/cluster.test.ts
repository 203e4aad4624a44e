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
/** Longer than a lease and the margin that its taker waits, ms. */
const LASTS_MS = LEASE_SECONDS * 1600;
const QUIET_MS = 1000;
/** How soon everything moves again after a node was killed, and after Redis is whole again, ms. */
const MOVES_WITHIN_MS = 15_000;
const RESUMES_WITHIN_MS = 5000;

async function run(cluster: Cluster, steps: readonly Step[], options: Partial<ChaosOptions> = {}): Promise<Run> {
  const done = await runChaos(cluster, steps, { rate: RATE, afterMs: 1500, ...options });
  console.log(runText(steps, done));
  // An application that waits 2 s for each answer offers little while there is no Redis.
  expect(done.verdict.acked).toBeGreaterThan(done.result.sent / 10);
  return done;
}

const restart = (node: number, at: number): Step[] => [
  { at, do: 'stop', node },
  { at: at + 500, do: 'start', node },
];

describe('three nodes, Redis with a replica and WAIT 1, Postgres', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await Cluster.make({ nodes: 3, redis: 'sentinel', postgres: true });
    await cluster.start();
  }, 120_000);
  beforeEach(() => cluster.mend(), 120_000);
  afterAll(() => cluster[Symbol.asyncDispose]());

  /** Each befalls two seeds; all of them together, and for longer, by `torture`. */
  const faultsOf = (seed: number): readonly Fault[] => {
    const faults: readonly Fault[] = WITHOUT_CUTS === undefined ? ['kill', 'freeze', 'cut'] : ['kill', 'freeze'];
    return [faults[seed % faults.length]!, faults[(seed + 1) % faults.length]!];
  };

  test.for([1, 2, 3])('nodes are killed, frozen, cut off (seed %i)', { timeout: 180_000 }, async seed => {
    const shape = { nodes: 3, faults: faultsOf(seed), lastsMs: { default: LASTS_MS }, quietMs: QUIET_MS };
    const steps = makeSchedule(seed, shape);
    console.log(scheduleText(seed, steps));
    const { entries, doneAt } = await run(cluster, steps);
    // performance.md P12: the queues of a node that was killed move again.
    const killed = steps.findIndex(step => step.do === 'kill');
    if (killed >= 0) expect(lastLeftAfterMs(entries, doneAt[killed]! * US)).toBeLessThan(MOVES_WITHIN_MS);
  });

  test('a rolling restart, Postgres stopped half-way: nothing is refused, nothing comes twice, all is archived', async () => {
    // The third starts with the configuration that was known.
    const steps: Step[] = [
      ...restart(1, 1000),
      ...restart(2, 4500),
      { at: 8000, do: 'stop', node: 3 },
      { at: 8100, do: 'postgres-stop' },
      { at: 8200, do: 'start', node: 3 },
      { at: 12_000, do: 'postgres-start' },
    ];
    const { result, verdict } = await run(cluster, steps);
    expect({ refused: result.rej, duplicates: verdict.duplicates }).toEqual({ refused: {}, duplicates: 0 });
  }, 180_000);

  test('the Redis master is killed: what was acknowledged is there, and it goes on when there is a replica again', async () => {
    const steps: Step[] = [
      { at: 1000, do: 'redis-kill', server: 'master' },
      // The replica has become master by then; with no replica of its own it takes nothing (min-replicas-to-write).
      { at: 5000, do: 'redis-back' },
    ];
    const { entries, doneAt } = await run(cluster, steps, { afterMs: 3000 });
    expect(firstAckAfterMs(entries, doneAt[1]! * US)).toBeLessThan(RESUMES_WITHIN_MS);
  }, 180_000);

  test('a frozen node whose claims have gone to others writes nothing when it goes on', async () => {
    const steps: Step[] = [
      { at: 1000, do: 'freeze', node: 1 },
      { at: 1000 + LEASE_SECONDS * 2500, do: 'thaw', node: 1 },
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
      const heal = 1000 + LEASE_SECONDS * 2500;
      const steps: Step[] = [
        { at: 1000, do: 'cut-from-redis', node: 2 },
        { at: heal, do: 'heal', node: 2 },
      ];
      const accepted: number[] = [];
      const running = run(cluster, steps);
      const look = async (): Promise<void> => void accepted.push((await cluster.status(2)).messages.accepted);
      const begin = performance.now();
      await waitUntil('its lease has run out', () => performance.now() - begin > 1500 + LEASE_SECONDS * 1500, 30_000);
      await look();
      await waitUntil('it is about to be healed', () => performance.now() - begin > heal - 500, 30_000);
      await look();
      await running;
      expect(accepted[1]).toBe(accepted[0]);
    },
    180_000,
  );
});

const make = async (redis: 'standalone' | 'cluster-3'): Promise<Cluster> => {
  const cluster = await Cluster.make({ nodes: 2, redis, postgres: true });
  await cluster.start();
  return cluster;
};

describe('two nodes and another Redis', () => {
  test('one server, which is gone for a while: what was acknowledged is kept, and it goes on by itself within 5 s', async () => {
    await using cluster = await make('standalone');
    const steps: Step[] = [
      { at: 1000, do: 'redis-kill', server: 1 },
      { at: 5000, do: 'redis-back' },
    ];
    const { entries, doneAt } = await run(cluster, steps);
    expect(firstAckAfterMs(entries, (doneAt[1]! + 500) * US)).toBeLessThan(RESUMES_WITHIN_MS);
  }, 180_000);

  test('Redis Cluster: a master is killed and comes back', async () => {
    await using cluster = await make('cluster-3');
    const steps: Step[] = [
      { at: 1000, do: 'redis-kill', server: 1 },
      { at: 4000, do: 'redis-back' },
    ];
    await run(cluster, steps);
  }, 180_000);
});
