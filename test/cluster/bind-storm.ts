import { waitUntil } from '../support/wait-until.ts';
import type { Cluster } from './cluster.ts';

/** How long all sessions may take to be bound again (reliability.md C22), ms. */
export const BOUND_WITHIN_MS = 10_000;

export interface Storm {
  /** From the kill until all are bound again, ms. */
  readonly boundMs: number;
  readonly refusedBinds: number;
  /** submit_sm to its response, over the whole run, ms. */
  readonly ackP99Ms: number;
}

/** Settings under which so many sessions of one account may be bound. */
export const stormConfig = (binds: number): Readonly<Record<string, unknown>> => ({
  accounts: [{ system_id: 'load', password: 'load', binds: binds * 2, window: 1000 }],
});

/**
 * So many sessions over all nodes; a node is killed, and those it had come back at once, to the others.
 *
 * @throws Error when they are not bound in a minute, or something acknowledged was lost
 */
export async function bindStorm(cluster: Cluster, binds: number, killed: number): Promise<Storm> {
  const seconds = 600;
  using load = cluster.load({
    binds,
    window: 1,
    rate: 200,
    count: 200 * seconds,
    seconds,
    timeout: seconds,
    stall: 10,
  });
  await waitUntil('all are bound', () => load.counts.esmes === binds && load.counts.acked > 0, 60_000);
  await cluster.kill(killed);
  await waitUntil('some have ended', () => load.counts.esmes < binds);
  const begin = performance.now();
  await waitUntil('all are bound again', () => load.counts.esmes === binds, 60_000);
  const boundMs = performance.now() - begin;
  const { acked } = load.counts;
  await waitUntil('they are served', () => load.counts.acked > acked + 200, 30_000);
  load.stop();
  const result = await load.result;
  return { boundMs, refusedBinds: result.binds_refused, ackP99Ms: result.ack_ms.p99 };
}
