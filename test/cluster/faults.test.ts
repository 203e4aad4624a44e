import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { RawPeer, submitPdu } from '../support/raw-peer.ts';
import { waitUntil } from '../support/wait-until.ts';
import { bindStorm, BOUND_WITHIN_MS, stormConfig } from './bind-storm.ts';
import { runChaos } from './chaos.ts';
import { longestSilenceMs } from './checker/verdict.ts';
import { Cluster } from './cluster.ts';
import { makeSchedule, scheduleText, type Fault, type Shape, type Step } from './schedule.ts';
import { runText } from './shows.ts';

/** Faults of reliability.md that need a cluster of their own making. Longer: `npm run bench -- torture --only …`. */

const RATE = 500;
const POISON = new URL('./fixtures/poison.mjs', import.meta.url).href;
const BINDS = 300;
const JUMP = /the wall clock jumped by \+3600/;

const shape = (faults: readonly Fault[]): Shape => ({
  nodes: 2,
  faults,
  lastsMs: { default: 4500 },
  quietMs: 1000,
});

describe('a master with two replicas', () => {
  test('C10: a commit waits for both; master and a replica are killed together: nothing acknowledged is lost', async () => {
    await using cluster = await Cluster.make({ nodes: 2, redis: 'sentinel-2-all', postgres: true });
    await cluster.start();
    const [told] = cluster.node(1).logs('cluster');
    expect(told!['promise']).toContain('2 failures at once lose nothing');
    const steps = makeSchedule(10, shape(['redis-double-kill']));
    console.log(scheduleText(10, steps));
    const done = await runChaos(cluster, steps, { rate: RATE, afterMs: 4000 });
    console.log(runText(steps, done));
    expect(done.verdict).toMatchObject({ lost: 0, withoutReceipt: 0 });
  }, 120_000);

  test('C9: a commit waits for one; the master is killed: acknowledgements pause for the failover alone', async () => {
    await using cluster = await Cluster.make({ nodes: 2, redis: 'sentinel-2', postgres: true });
    await cluster.start();
    const steps = makeSchedule(9, shape(['redis-kill']));
    const done = await runChaos(cluster, steps, { rate: RATE, afterMs: 2000 });
    console.log(runText(steps, done));
    const end = Math.max(...done.entries.map(({ sentAt }) => sentAt));
    expect(longestSilenceMs(done.entries, 0, end)).toBeLessThan(6000);
  }, 120_000);
});

describe('two nodes and one Redis', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await Cluster.make({
      nodes: 2,
      redis: 'standalone',
      postgres: true,
      clocks: true,
      env: { NODE_OPTIONS: `--import ${POISON}` },
      config: stormConfig(BINDS),
    });
    await cluster.start();
  }, 120_000);
  beforeEach(() => cluster.mend(), 120_000);
  afterAll(() => cluster[Symbol.asyncDispose]());

  test('C14: the wall clock of a node is an hour ahead, that of Redis two hours back: nothing expires, an alarm says so', async () => {
    const steps: Step[] = [
      { at: 1000, do: 'clock', whose: 1, seconds: 3600 },
      { at: 2500, do: 'clock', whose: 'redis', seconds: -7200 },
      { at: 4000, do: 'clock', whose: 1, seconds: 0 },
      { at: 5000, do: 'clock', whose: 'redis', seconds: 0 },
    ];
    const done = await runChaos(cluster, steps, { rate: RATE, afterMs: 1500 });
    console.log(runText(steps, done));
    expect(done.verdict).toMatchObject({ lost: 0, withoutReceipt: 0 });
    await waitUntil('an alarm names it', () =>
      cluster
        .node(1)
        .logs()
        .some(line => JUMP.test(JSON.stringify(line))),
    );
  }, 120_000);

  test('C22: the sessions of a node that dies come back at once: all are bound within 10 s, none is refused', async () => {
    const storm = await bindStorm(cluster, BINDS, 2);
    console.log(JSON.stringify({ binds: BINDS, ...storm }));
    expect(storm.refusedBinds).toBe(0);
    expect(storm.boundMs).toBeLessThan(BOUND_WITHIN_MS);
  }, 120_000);

  test('C25: a message that makes whoever writes it crash is quarantined; its neighbours are delivered', async () => {
    const carrier = cluster.load({ binds: 1, rate: 20, count: 1000, seconds: 40, timeout: 60, linger: 20 });
    try {
      await waitUntil('the carrier is bound', () => carrier.counts.sessions.length === 2, 30_000);
      using shop = await RawPeer.bind(2775, 'load', 'transceiver', cluster.hosts[0]!.address);
      // Its answer may die with the worker that has both.
      shop.send(submitPdu(2, '447700900123', 'POISON'));
      await waitUntil(
        'it is in quarantine',
        async () => {
          // A worker that has just crashed does not answer.
          const states = await Promise.all([1, 2].map(node => cluster.status(node).catch(() => undefined)));
          return states.some(state => state !== undefined && state.store.quarantined > 0);
        },
        60_000,
      );
      await waitUntil('its neighbours are delivered', () => carrier.counts.delivered >= carrier.counts.acked, 30_000);
      expect(carrier.counts.acked).toBeGreaterThan(0);
      // Workers that crashed, never a node; what is in quarantine crashes nobody any more.
      expect([1, 2].map(node => cluster.node(node).isUp)).toEqual([true, true]);
      const ends = [1, 2].map(node => cluster.node(node).logs('thread ended').length);
      console.log(JSON.stringify({ workersEnded: ends, neighbours: carrier.counts.delivered }));
      expect(Math.max(...ends)).toBeLessThanOrEqual(6);
    } finally {
      carrier[Symbol.dispose]();
    }
  }, 120_000);
});
