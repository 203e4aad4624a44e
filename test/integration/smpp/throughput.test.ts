import { afterAll, beforeAll, expect, test } from 'vitest';
import { startNode, type NodeProcess } from '../../support/node-process.ts';
import { SteadyLoad } from '../../support/steady-load.ts';

const RATE = 200;
let node: NodeProcess;
beforeAll(async () => {
  node = await startNode({
    config: {
      workers: 2,
      accounts: ['one', 'four'].map(system_id => ({ system_id, password: system_id, throughput: RATE })),
      routes: [{ called_prefix: '44', drop: true }],
    },
  });
});
afterAll(() => node[Symbol.asyncDispose]());

// An account has the whole of its throughput, whichever workers its sessions are in: one of them, or both.
test.each([
  ['one', 1],
  ['four', 4],
] as const)('an account has all of its throughput and no more: %s', async (account, sessions) => {
  const loads: SteadyLoad[] = [];
  for (let i = 0; i < sessions; i++) loads.push(await SteadyLoad.bind(node.ports['smpp']!, account));
  const startMs = performance.now();
  const runs = await Promise.all(loads.map(load => load.run((RATE * 3) / sessions, 3, '44')));
  const seconds = (performance.now() - startMs) / 1000;
  const acked = runs.reduce((sum, run) => sum + run.acked, 0);
  // What has been saved up while it was quiet is a second's worth at most.
  expect(acked).toBeLessThan(RATE * (seconds + 1) * 1.05);
  expect(acked).toBeGreaterThan(RATE * seconds * 0.9);
  expect(runs.reduce((sum, run) => sum + run.refused, 0)).toBe(RATE * 9 - acked);
  for (const load of loads) load[Symbol.dispose]();
});
