import { ClusterPlace } from '../harness/cluster-place.ts';
import { NodePlace, type NodeProcess } from '../harness/node-process.ts';
import { loadNode, type NodeRun } from '../harness/node-run.ts';
import { othersText, warningsOf } from '../harness/pairs.ts';
import { cpuUs, Elsewhere } from '../harness/processes.ts';
import { problemsOf, startLoad, type LoadResult } from '../harness/smppload.ts';
import { shown } from '../harness/stats.ts';
import type { Bench, Scenario } from '../scenario.ts';

const NODES = 2;
/** Workers of each: as many threads as one node alone has on two cores. */
const WORKERS = 1;
const DRAIN_LIMIT_MS = 120_000;

interface ClusterRun {
  readonly kind: 'cluster';
  readonly load: LoadResult;
  /** µs a message until the last receipt: of all nodes, of Redis. */
  readonly nodesUs: number;
  readonly redisUs: number;
  readonly elsewhere: number;
  readonly problems: readonly string[];
}

export const scenario: Scenario = {
  title: 'the load of P1 through two nodes and Redis on the same machine, against one node alone',
  runs: 3,
  count: 100_000,
  doesNotSay: [
    'what two machines do, which have four cores and a network between them',
    'what replicas of Redis cost: there are none here',
  ],
  run: async bench => {
    const pairs: { alone: NodeRun; cluster: ClusterRun }[] = [];
    for (let run = 0; run < bench.runs; run++) {
      bench.note(`run ${run + 1} of ${bench.runs}: one node, two nodes and Redis, ${bench.count} messages each`);
      const first = run % 2 === 0 ? await alone(bench) : undefined;
      const cluster = await together(bench);
      pairs.push({ alone: first ?? (await alone(bench)), cluster });
    }
    const row = {
      goal: 'P3' as const,
      values: pairs.map(pair => pair.cluster.load.dlr_per_s / pair.alone.load.dlr_per_s),
      details: pairs.map(
        pair =>
          `${shown(pair.cluster.load.dlr_per_s)}/s of ${shown(pair.alone.load.dlr_per_s)}/s; ` +
          `CPU ${shown(pair.cluster.nodesUs)} µs and Redis ${shown(pair.cluster.redisUs)} µs a message, ` +
          `alone ${shown(pair.alone.cpuUsInRun)} µs${othersText(pair.alone, pair.cluster)}`,
      ),
      problems: pairs.flatMap(pair => [...pair.alone.problems, ...pair.cluster.problems]),
    };
    const warnings = warningsOf(pairs.flatMap(pair => [pair.alone, pair.cluster]));
    return { rows: [row], checks: [], facts: [], raw: pairs, warnings };
  },
};

async function alone(bench: Bench): Promise<NodeRun> {
  using place = await NodePlace.make(bench);
  await using node = place.start();
  await node.up({ archive: true });
  const run = await loadNode(node, place, { count: bench.count }, { archived: true });
  await node.stop();
  return run;
}

async function together(bench: Bench): Promise<ClusterRun> {
  await using place = await ClusterPlace.make(bench, NODES, WORKERS);
  await using stack = new AsyncDisposableStack();
  const nodes: NodeProcess[] = [];
  for (const each of place.nodes) {
    const node = stack.use(each.start());
    await node.up({ archive: true });
    nodes.push(node);
  }
  const before = { nodes: sum(nodes, node => node.cpuUs()), redis: cpuUs(place.redisPid) };
  const elsewhere = new Elsewhere([place.redisPid, ...nodes.map(({ pid }) => pid)]);
  const { count } = bench;
  const { carrierPort, hosts } = place;
  const load = await startLoad({ count, port: 0, hosts, carrierPort, timeoutSeconds: count / 2000 + 60 }).result;
  for (const node of nodes) node.assertAlive();
  const share = elsewhere.share();
  const nodesUs = (sum(nodes, node => node.cpuUs()) - before.nodes) / load.sent;
  const redisUs = (cpuUs(place.redisPid) - before.redis) / load.sent;
  const problems = problemsOf(load, count).map(problem => `cluster: ${problem}`);
  for (const node of nodes) {
    const left = await node.drained(DRAIN_LIMIT_MS);
    if (left !== '') problems.push(`cluster: ${DRAIN_LIMIT_MS / 1000} s after the load: ${left}`);
  }
  return { kind: 'cluster', load, nodesUs, redisUs, elsewhere: share, problems };
}

const sum = <T>(all: readonly T[], of: (one: T) => number): number => all.reduce((total, one) => total + of(one), 0);
