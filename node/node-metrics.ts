import { performance } from 'node:perf_hooks';
import type { StoreStats } from '../actors/ports.ts';
import { isPushQueue } from '../actors/push/push-request.ts';
import type { ArchiveStats } from '../adapters/archive/archive-thread.ts';
import { prometheusText } from '../adapters/http/prometheus.ts';
import { Metrics, type Family, type MetricsPlan, type Sample } from '../runtime/metrics.ts';
import { defineWorkerMetrics } from './metric-names.ts';
import type { Node } from './node.ts';
import type { WorkerSession, WorkerStatus } from './worker-messages.ts';

/** `/metrics` of the whole node. Label values come from the configuration alone: carriers, frontends, threads. */
export class NodeMetrics {
  readonly #node: Node;
  readonly #metrics = new Metrics();

  constructor(node: Node, workers: number) {
    this.#node = node;
    defineWorkerMetrics(this.#metrics, workers);
  }

  /** What a worker writes into; the same memory over all its lives. */
  planFor(worker: number): MetricsPlan {
    return this.#metrics.planFor(`worker ${worker}`);
  }

  async text(): Promise<string> {
    const node = this.#node;
    const [store, archive, ...workers] = await Promise.all([
      node.stores.stats(),
      node.archiveApi?.stats(),
      ...node.workers.map(worker => worker.api.status()),
    ]);
    return prometheusText([
      ...this.#metrics.snapshot(),
      ...this.#ofNode(),
      ...ofSessions(workers, this.#carriers()),
      ...this.#ofQueues(store),
      ...ofStore(store),
      ...(archive ? ofArchive(archive) : []),
      ...ofProcess(),
    ]);
  }

  #carriers(): string[] {
    return this.#node.configuration.live.carriers.map(carrier => carrier.name);
  }

  #ofNode(): Family[] {
    const { version, id, configuration, startedAt } = this.#node;
    const { routing } = configuration.live;
    return [
      gauge('smsc_info', 'The node and its version.', [{ labels: { node: id, version }, value: 1 }]),
      gauge('smsc_start_time_seconds', 'When the node was started, Unix time.', startedAt / 1000),
      gauge('smsc_routing_table_version', 'The routing table that is active.', routing.version),
      gauge('smsc_routes', 'Routes of that table.', routing.routes.length),
    ];
  }

  /** Carriers and frontends one by one, accounts together: there may be a hundred thousand. */
  #ofQueues({ queues }: StoreStats): Family[] {
    const names = [...this.#carriers(), ...this.#node.configuration.live.frontends.map(frontend => frontend.name)];
    const byName = new Map(queues.map(queue => [queue.destination, queue]));
    const now = Date.now();
    const waiting: Sample[] = [];
    const oldest: Sample[] = [];
    const others = { ready: 0, in_flight: 0, parked: 0 };
    const pushes = { ready: 0, in_flight: 0, parked: 0 };
    for (const destination of names) {
      const queue = byName.get(destination);
      byName.delete(destination);
      const states = { ready: queue?.ready ?? 0, in_flight: queue?.claimed ?? 0, parked: queue?.parked ?? 0 };
      for (const [state, value] of Object.entries(states)) waiting.push({ labels: { destination, state }, value });
      const age = queue && queue.oldestAt > 0 ? Math.max(0, now - queue.oldestAt) / 1000 : 0;
      oldest.push({ labels: { destination }, value: age });
    }
    for (const { destination, ready, claimed, parked } of byName.values()) {
      const sum = isPushQueue(destination) ? pushes : others;
      sum.ready += ready;
      sum.in_flight += claimed;
      sum.parked += parked;
    }
    return [
      gauge('smsc_queue_messages', 'Messages queued for carriers and frontends.', waiting),
      gauge('smsc_queue_oldest_seconds', 'Age of the oldest message that waits there.', oldest),
      gauge('smsc_account_queue_messages', 'Messages queued for accounts, all together.', byState(others)),
      gauge('smsc_push_queue_receipts', 'Receipts that wait to leave by HTTP, all together.', byState(pushes)),
    ];
  }
}

const byState = (sums: Readonly<Record<string, number>>): Sample[] =>
  Object.entries(sums).map(([state, value]) => ({ labels: { state }, value }));

const isBound = ({ state }: WorkerSession): boolean => state.startsWith('BOUND');

function ofSessions(workers: readonly WorkerStatus[], carriers: readonly string[]): Family[] {
  const sessions = workers.flatMap(worker => worker.sessions);
  const own = (name: string) => sessions.filter(session => session.side === 'carrier' && session.name === name);
  const perCarrier = (value: (session: WorkerSession) => number): Sample[] =>
    carriers.map(carrier => ({ labels: { carrier }, value: sum(own(carrier).map(value)) }));
  return [
    gauge('smsc_account_sessions', 'Sessions of accounts.', sessions.filter(s => s.side === 'account').length),
    gauge(
      'smsc_carrier_sessions',
      'Sessions with carriers that are bound.',
      perCarrier(s => (isBound(s) ? 1 : 0)),
    ),
    gauge(
      'smsc_carrier_bind_up',
      'Sessions of each bind that are bound: 1, 2 where transmitter and receiver are separate.',
      carriers.flatMap(carrier =>
        Object.entries(Object.groupBy(own(carrier), ({ id }) => id)).map(([bind, its]): Sample => {
          return { labels: { carrier, bind }, value: its!.filter(isBound).length };
        }),
      ),
    ),
    gauge(
      'smsc_carrier_sessions_wanted',
      'Sessions with carriers that are configured.',
      perCarrier(() => 1),
    ),
    gauge(
      'smsc_carrier_window_used',
      'Messages sent to carriers whose fate is not flushed.',
      perCarrier(s => s.used),
    ),
    gauge('smsc_connections', 'SMPP connections, bound or not.', sum(workers.map(worker => worker.connections))),
    gauge('smsc_api_connections', 'Connections to the REST API.', sum(workers.map(worker => worker.apiConnections))),
    gauge('smsc_receipts_waiting', 'Receipts that wait for their message.', sum(workers.map(worker => worker.orphans))),
  ];
}

function ofStore(store: StoreStats): Family[] {
  const reasons = ['queue-full', 'outbox-full', 'disk-full'];
  const refusing = reasons.map((reason): Sample => ({ labels: { reason }, value: store.refusing === reason ? 1 : 0 }));
  return [
    gauge('smsc_store_messages', 'Messages in the store.', store.messages),
    gauge('smsc_store_batches', 'Batches in the store.', store.batches),
    gauge('smsc_store_octets', 'Its size on disk.', store.octets),
    gauge('smsc_store_quarantined', 'Damaged batches set aside.', store.quarantined),
    gauge('smsc_store_refusing', '1: new messages are refused.', refusing),
    counter('smsc_store_commits_total', 'Group commits.', store.commits),
    gauge('smsc_receipts_awaited', 'Messages sent whose receipt has not come.', store.awaitingReceipt),
    gauge('smsc_outbox_messages', 'Settled messages that wait for the archive.', store.outboxMessages),
  ];
}

function ofArchive(archive: ArchiveStats): Family[] {
  return [
    gauge('smsc_archive_up', '1: the archive takes messages.', archive.state === 'up' ? 1 : 0),
    counter('smsc_archive_messages_total', 'Messages archived.', archive.messages),
    counter('smsc_archive_receipts_total', 'Receipts archived after their message.', archive.receipts),
    counter('smsc_archive_conflicts_total', 'Batches archived before with another body.', archive.conflicts),
    counter('smsc_archive_refused_total', 'Batches that could not be archived.', archive.refused),
    gauge('smsc_archive_lag_seconds', 'Age of the oldest batch of the last chunk.', archive.lagMs / 1000),
  ];
}

function ofProcess(): Family[] {
  const { user, system } = process.cpuUsage();
  const { rss } = process.memoryUsage();
  return [
    counter('smsc_process_cpu_seconds_total', 'CPU time of all threads.', (user + system) / 1e6),
    gauge('smsc_process_resident_octets', 'Resident memory.', rss),
    counter(
      'smsc_main_loop_busy_seconds_total',
      'Time that the event loop of the main thread did not wait.',
      performance.eventLoopUtilization().active / 1000,
    ),
  ];
}

function family(type: 'counter' | 'gauge', name: string, help: string, value: number | readonly Sample[]): Family {
  return { type, name, help, samples: typeof value === 'number' ? [{ labels: {}, value }] : value };
}
const gauge = (name: string, help: string, value: number | readonly Sample[]): Family =>
  family('gauge', name, help, value);
const counter = (name: string, help: string, value: number): Family => family('counter', name, help, value);

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
