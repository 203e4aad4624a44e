import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { RawPeer, submitPdu } from '../support/raw-peer.ts';
import { waitUntil } from '../support/wait-until.ts';
import { bindStorm, BOUND_WITHIN_MS, stormConfig } from './bind-storm.ts';
import { runChaos } from './chaos.ts';
import { longestSilenceMs } from './checker/verdict.ts';
import { Cluster, type ClusterOptions } from './cluster.ts';
import { makeSchedule, scheduleText, type Fault, type Step } from './schedule.ts';
import { runText } from './shows.ts';

/** Faults of reliability.md that need a cluster of their own making. Longer: `npm run bench -- torture --only …`. */

const RATE = 400;
const SEEDS = [1, 2, 3];
const POISON = new URL('./fixtures/poison.mjs', import.meta.url).href;
const BINDS = 300;
const JUMP = /the wall clock jumped by \+3600/;

const schedule = (seed: number, faults: readonly Fault[], lastsMs: number, quietMs = 1000): readonly Step[] => {
  const steps = makeSchedule(seed, { nodes: 2, faults, lastsMs: { default: lastsMs }, quietMs });
  console.log(scheduleText(seed, steps));
  return steps;
};

/** One cluster for all tests of a group, whole before each. */
function shared(options: ClusterOptions): () => Cluster {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await Cluster.make(options);
    await cluster.start();
  }, 120_000);
  beforeEach(() => cluster.mend(), 120_000);
  afterAll(() => cluster[Symbol.asyncDispose]());
  return () => cluster;
}

describe('a master with two replicas, a commit waits for both', () => {
  const its = shared({ nodes: 2, redis: 'sentinel-2-all', postgres: true });

  test('a start says what is survived', () => {
    const [told] = its().node(1).logs('cluster');
    expect(told!['promise']).toContain('2 failures at once lose nothing');
  });

  test.for(SEEDS)('C10: master and a replica are killed together (seed %i)', { timeout: 120_000 }, async seed => {
    const steps = schedule(seed, ['redis-double-kill'], 4000);
    const done = await runChaos(its(), steps, { rate: RATE, afterMs: 3000 });
    console.log(runText(steps, done));
    expect(done.verdict).toMatchObject({ lost: 0, withoutReceipt: 0 });
  });
});

describe('a master with two replicas, a commit waits for one', () => {
  const its = shared({ nodes: 2, redis: 'sentinel-2', postgres: true });

  test.for(SEEDS)(
    'C9: the master is killed: acknowledgements pause for the failover alone (seed %i)',
    { timeout: 120_000 },
    async seed => {
      const steps = schedule(seed, ['redis-kill'], 4500);
      const done = await runChaos(its(), steps, { rate: RATE, afterMs: 1500 });
      console.log(runText(steps, done));
      const end = Math.max(...done.entries.map(({ sentAt }) => sentAt));
      expect(longestSilenceMs(done.entries, 0, end)).toBeLessThan(6000);
    },
  );
});

describe('Redis Cluster, three masters with a replica each', () => {
  const its = shared({ nodes: 2, redis: 'cluster-3+3', postgres: true });

  test.for(SEEDS)(
    'C11: a master is killed, another one each time, and a slot moves under load (seed %i)',
    { timeout: 120_000 },
    async seed => {
      const cluster = its();
      const redis = cluster.redis!;
      const steps = schedule(seed, [`redis-kill-${seed as 1 | 2 | 3}`, 'redis-move-slot'], 4000, 1500);
      const done = await runChaos(cluster, steps, { rate: RATE, afterMs: 1500 });
      console.log(runText(steps, done), JSON.stringify(redis.moves.at(-1)));
      expect(redis.moves).toHaveLength(3 * seed);
      expect((await redis.errors()).get('CROSSSLOT')).toBeUndefined();
    },
  );
});

describe('two nodes and one Redis', () => {
  const its = shared({
    nodes: 2,
    redis: 'standalone',
    postgres: true,
    clocks: true,
    env: { NODE_OPTIONS: `--import ${POISON}` },
    config: stormConfig(BINDS),
  });

  test.for(SEEDS)(
    'C14: the wall clock of a node is an hour ahead, that of Redis two hours back: nothing expires (seed %i)',
    { timeout: 120_000 },
    async seed => {
      const cluster = its();
      const steps = schedule(seed, ['clock-hour', 'clock-redis'], 1500, 700);
      const done = await runChaos(cluster, steps, { rate: RATE, afterMs: 1000 });
      console.log(runText(steps, done));
      expect(done.verdict).toMatchObject({ lost: 0, withoutReceipt: 0 });
      const { whose } = steps.find(step => step.do === 'clock' && step.seconds > 0) as { whose: number } & Step;
      await waitUntil('an alarm names it', () =>
        cluster
          .node(whose)
          .logs()
          .some(line => JUMP.test(JSON.stringify(line))),
      );
    },
  );

  test.for(SEEDS)(
    'C22: the sessions of a node that dies come back at once: all are bound within 10 s, none is refused (seed %i)',
    { timeout: 120_000 },
    async seed => {
      const storm = await bindStorm(its(), BINDS, 1 + (seed % 2));
      console.log(JSON.stringify({ binds: BINDS, ...storm }));
      expect(storm.refusedBinds).toBe(0);
      expect(storm.boundMs).toBeLessThan(BOUND_WITHIN_MS);
    },
  );

  /** Messages that nobody tries any more; undefined while a worker that has just crashed does not answer. */
  const quarantined = async (): Promise<number | undefined> => {
    const states = await Promise.all([1, 2].map(node => its().status(node))).catch(() => undefined);
    return states?.reduce((sum, { store }) => sum + store.quarantined, 0);
  };

  const workersEnded = (): number[] => [1, 2].map(node => its().node(node).logs('thread ended').length);

  test.for(SEEDS)(
    'C25: a message that makes whoever writes it crash is quarantined; its neighbours are delivered (seed %i)',
    { timeout: 120_000 },
    async seed => {
      const cluster = its();
      using carrier = cluster.load({ binds: 1, rate: 20, count: 1000, seconds: 40, timeout: 60, linger: 20 });
      await waitUntil('the carrier is bound', () => carrier.counts.sessions.length === 2, 30_000);
      await waitUntil('messages are under way', () => carrier.counts.acked > 5 * seed);
      let before: number | undefined;
      await waitUntil('both say what they have', async () => (before = await quarantined()) !== undefined, 30_000);
      const endedBefore = workersEnded();
      using shop = await RawPeer.bind(2775, 'load', 'transceiver', cluster.hosts[seed % 2]!.address);
      // Its answer may die with the worker that has both.
      shop.send(submitPdu(2, '447700900123', 'POISON'));
      await waitUntil('it is in quarantine', async () => ((await quarantined()) ?? 0) > before!, 60_000);
      const { acked } = carrier.counts;
      await waitUntil('its neighbours are delivered', () => carrier.counts.delivered >= acked, 30_000);
      // Workers that crashed, never a node; what is in quarantine crashes nobody any more.
      expect([1, 2].map(node => cluster.node(node).isUp)).toEqual([true, true]);
      const ended = workersEnded().map((count, i) => count - endedBefore[i]!);
      console.log(JSON.stringify({ workersEnded: ended, neighbours: carrier.counts.delivered }));
      expect(Math.max(...ended)).toBeLessThanOrEqual(6);
    },
  );
});
