import { describe, expect, test } from 'vitest';
import { runChaos } from './chaos.ts';
import { Cluster } from './cluster.ts';
import { noCuts } from './network.ts';
import { makeSchedule, scheduleText, type Fault } from './schedule.ts';

/** The harness itself, with a node on its own: what it must find it finds, and what is well passes. */
describe('one node under load', () => {
  const faults: readonly Fault[] =
    noCuts() === undefined ? ['kill', 'freeze', 'cut', 'restart'] : ['kill', 'freeze', 'restart'];

  test.for([1])(
    'killed, frozen, cut off and restarted: nothing is lost (seed %i)',
    { timeout: 120_000 },
    async seed => {
      await using cluster = await Cluster.make({ nodes: 1 });
      await cluster.start();
      const steps = makeSchedule(seed, { nodes: 1, faults, lastsMs: { default: 1500 }, quietMs: 1500 });
      console.log(scheduleText(seed, steps));
      const { result, verdict } = await runChaos(cluster, steps, { rate: 2000 });
      console.log(JSON.stringify({ ...verdict, sent: result.sent, sessions: result.sessions_max }));
      expect(verdict.acked).toBeGreaterThan(result.sent / 4);
    },
  );

  test.for([
    ['lost', { 'lose-every': 1000, timeout: 8 }, /acknowledged and not delivered/],
    ['delivered twice', { 'double-every': 1000 }, /delivered again, at most 0 allowed/],
  ] as const)('a message that is %s is found', { timeout: 60_000 }, async ([, load, problem]) => {
    await using cluster = await Cluster.make({ nodes: 1 });
    await cluster.start();
    await expect(runChaos(cluster, [], { rate: 2000, load })).rejects.toThrow(problem);
  });

  test('more sessions than the carrier may see are found at once', async () => {
    await using cluster = await Cluster.make({ nodes: 2 });
    await cluster.start();
    // Two nodes that know nothing of each other: each has its two sessions.
    await expect(runChaos(cluster, [], { rate: 100 })).rejects.toThrow(/the carrier has 3 sessions, at most 2 allowed/);
  }, 60_000);
});

describe('a schedule', () => {
  const shape = {
    nodes: 3,
    faults: ['kill', 'freeze', 'redis-kill', 'postgres-stop'],
    lastsMs: { default: 100 },
    quietMs: 50,
  } as const;

  test('is the same for the same seed, and another for another', () => {
    expect(makeSchedule(7, shape)).toEqual(makeSchedule(7, shape));
    expect(scheduleText(7, makeSchedule(7, shape))).not.toBe(scheduleText(8, makeSchedule(8, shape)).replace('8', '7'));
  });

  test('ends what it begins, in order of time', () => {
    const steps = makeSchedule(3, shape);
    expect(steps.map(({ at }) => at)).toEqual(steps.map(({ at }) => at).toSorted((a, b) => a - b));
    const count = (name: string): number => steps.filter(step => step.do === name).length;
    for (const [begin, end] of [
      ['kill', 'start'],
      ['freeze', 'thaw'],
      ['redis-kill', 'redis-back'],
      ['postgres-stop', 'postgres-start'],
    ]) {
      expect([begin, count(begin!), end, count(end!)]).toEqual([begin, 1, end, 1]);
    }
  });
});
