import { createHistogram } from 'node:perf_hooks';
import type { MetricsPlan } from '../runtime/metrics.ts';
import { configurationSchema } from '../adapters/config/schema.ts';
import type { SimulatorSettings } from '../adapters/smpp/simulator/settings.ts';
import { directoryFor, type DirectorySources } from './directory.ts';
import type { Live } from './live-configuration.ts';
import { compileRouting } from './routing.ts';
import { spreadMemory } from './session-spread.ts';
import type { WorkerSetup } from './worker-messages.ts';

/** What a worker is given to warm up with (`rehearsal.ts`). */
export interface RehearsalSetup {
  /** Messages, in all. */
  readonly messages: number;
  /** Of two workers, as a node has them. */
  readonly workers: readonly [WorkerSetup, WorkerSetup];
}

/** The account that submits: it exists in no node's configuration. */
export const ACCOUNT = 'warm-up';
const CARRIER = 'warm-up-carrier';

export const SIMULATED: SimulatorSettings = {
  name: CARRIER,
  answer_delay_ms: 0,
  receipt_delay_ms: 0,
  failure_rate: 0.01,
  throttle_rate: 0,
  mo_per_second: 0,
  mo_from: '',
  mo_to: '',
  mo_text: '',
};

/** Where it listens is not known before it does. */
const PLACE = { host: '127.0.0.1', port: 1 };
const LOG_IN = { system_id: 'warm-up', password: 'none' };
const WORKERS = 2;
/** Longer than any latency in it, µs. */
const HIGHEST = 2 ** 31;

/** A worker's own setup, but with one account, one carrier and counters that nobody reads. */
export function rehearsalFor(setup: WorkerSetup, messages: number): RehearsalSetup {
  const configuration = configurationSchema.parse({
    accounts: [{ ...LOG_IN, window: 1000 }],
    carriers: [{ ...LOG_IN, ...PLACE, name: CARRIER, protocol: 'smpp', binds: WORKERS, window: 200 }],
    // Two that match, so that there is something to choose.
    routes: [
      { called_prefix: '44', dest_smsc: CARRIER },
      { called_prefix: '4477', reject: true, priority: 200 },
    ],
  });
  const { carriers, routes } = configuration;
  const accounts = configuration.accounts.map(account => ({ ...account, passwordHash: '' }));
  const routing = { version: 1, activatedAt: 0, routes };
  const live: Live = { accounts, carriers, frontends: [], users: [], apiKeys: [], routing };
  const compiled = compileRouting(routing);
  const sources: DirectorySources = {
    live,
    workers: WORKERS,
    passwordOf: () => LOG_IN.password,
    secretOf: () => '',
    rateOf: () => 0,
    simulators: new Map(),
    settings: configuration,
    slots: undefined,
  };
  const spread = spreadMemory(WORKERS);
  const worker = (index: number): WorkerSetup => {
    const metrics = scratchMetrics(setup.metrics, `worker ${index}`);
    const directory = directoryFor(index, sources);
    return { ...setup, drainMs: 0, directory, ...compiled, metrics, gates: undefined, spread };
  };
  return { messages, workers: [worker(0), worker(1)] };
}

/** The same figures, of a thread of that name, in memory of their own. */
function scratchMetrics({ block, series, histograms }: MetricsPlan, thread: string): MetricsPlan {
  return {
    block: new SharedArrayBuffer(block.byteLength),
    series: series.map(plan => (plan.labels['thread'] === undefined ? plan : { ...plan, labels: { thread } })),
    histograms: histograms.map(plan => {
      return { ...plan, histogram: createHistogram({ lowest: 1, highest: HIGHEST, figures: 2 }) };
    }),
  };
}
