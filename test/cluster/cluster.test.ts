import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { waitUntil } from '../support/wait-until.ts';
import { runChaos, type ChaosOptions, type Run } from './chaos.ts';
import { firstAckAfterMs, lastLeftAfterMs } from './checker/verdict.ts';
import { Cluster, LEASE_SECONDS } from './cluster.ts';
import type { ClusterLoad, SessionEvent } from './load.ts';
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
/** reliability.md C5. */
const TAKEN_OVER_WITHIN_MS = 6000;

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

/** Sessions of a node that stands still since `t` on which more came than what lay in its socket: `session: submit_sm`. */
function sentAfterAll({ events }: ClusterLoad, address: string, t: number): string[] {
  const counts = events.filter(event => event.e === 'counts');
  // What lay in its socket is sent by the kernel.
  const still = counts.find(news => news.t > t + 1000)!;
  return still.sessions.flatMap(([session, peer, submits]) => {
    if (!peer.startsWith(`${address}:`)) return [];
    const ended = events.find(event => event.e === 'ended' && event.session === session) as
      (SessionEvent & { submits: number }) | undefined;
    const last = ended?.submits ?? counts.at(-1)!.sessions.find(([number]) => number === session)![2];
    return last === submits ? [] : [`${session}: ${last - submits}`];
  });
}

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

  test.for([1, 2, 3])(
    'C5: a node stands still for 1 s and one for 6 s: others take over in time, what it writes when it goes on is not theirs (seed %i)',
    { timeout: 180_000 },
    async seed => {
      const lastsMs = { default: 1000, freeze: 6000 };
      const steps = makeSchedule(seed, { nodes: 3, faults: ['freeze-short', 'freeze'], lastsMs, quietMs: 500 });
      console.log(scheduleText(seed, steps));
      // The carrier leaves its sessions open, however silent they are.
      const { load, entries, doneAt } = await run(cluster, steps, { load: { 'carrier-stall': 0 } });
      const [frozen] = steps.flatMap((step, i) =>
        step.do === 'freeze' && steps[i + 1]!.at - step.at >= lastsMs.freeze
          ? [{ node: step.node, t: doneAt[i]! }]
          : [],
      );
      expect(lastLeftAfterMs(entries, frozen!.t * US)).toBeLessThan(TAKEN_OVER_WITHIN_MS);
      expect(sentAfterAll(load, cluster.hosts[frozen!.node - 1]!.address, frozen!.t)).toEqual([]);
    },
  );

  test.skipIf(WITHOUT_CUTS).for([1, 2, 3])(
    'C12: some of nodes, Redis, replica and Postgres are cut off from the rest, both ways and one way; a node comes and goes (seed %i)',
    { timeout: 180_000 },
    async seed => {
      const faults: readonly Fault[] = ['partition', 'partition-one-way', 'flap'];
      const steps = makeSchedule(seed, {
        nodes: 3,
        faults,
        lastsMs: { default: LASTS_MS, flap: 6000 },
        quietMs: QUIET_MS,
      });
      console.log(scheduleText(seed, steps));
      await run(cluster, steps);
    },
  );

  test.for([1, 2, 3])(
    'C15: Postgres is killed in the middle of a COPY, twice: messages flow, the archive has each once and counts them (seed %i)',
    { timeout: 180_000 },
    async seed => {
      const faults: readonly Fault[] = ['postgres-kill-copying', 'postgres-kill-copying'];
      const steps = makeSchedule(seed, { nodes: 3, faults, lastsMs: { default: 1000 }, quietMs: 700 });
      console.log(scheduleText(seed, steps));
      const { result, verdict } = await run(cluster, steps);
      expect({ refused: result.rej, duplicates: verdict.duplicates }).toEqual({ refused: {}, duplicates: 0 });
    },
  );

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
