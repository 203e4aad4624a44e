import type {
  CarrierBindInfo,
  CarrierInfo,
  ClusterNodeInfo,
  NodeStatus,
  QueueInfo,
  SessionInfo,
} from '../actors/node-control.ts';
import type { SlotHolder } from './carrier-slots.ts';
import type { Cluster } from './cluster.ts';
import type { PeerAnswer } from './node-peers.ts';

/** As many as a node shows by itself. */
const MOST_SHOWN = 1000;

/** What one node says of itself, and all of them of the cluster: its sessions and queues, who is there, who has which bind. */
export function clusterStatus(
  own: NodeStatus,
  others: readonly PeerAnswer<NodeStatus>[],
  cluster: Pick<Cluster, 'members' | 'late' | 'node'>,
  slots: readonly SlotHolder[],
): NodeStatus {
  const reports = new Map([[own.node.id, own]]);
  for (const { node, answer } of others) if (answer) reports.set(node, answer);
  const sessions = [...reports].flatMap(([node, report]) => report.sessions.map(session => ({ ...session, node })));
  const queues = queuesOf([...reports.values()]);
  const holders = new Map(slots.map(({ carrier, slot, node }) => [`${carrier}/${slot}`, node]));
  return {
    ...own,
    sessions: sessions.slice(0, MOST_SHOWN),
    sessionCount: [...reports.values()].reduce((sum, { sessionCount }) => sum + sessionCount, 0),
    carriers: own.carriers.map(carrier => carrierOf(carrier, reports, holders)),
    queues: queues.slice(0, MOST_SHOWN),
    queueCount: queues.length,
    alarms: alarmsOf(own, reports),
    nodes: cluster.members.map(({ node, about }) =>
      nodeOf(node, about, reports.get(node), cluster.late.includes(node)),
    ),
  };
}

function nodeOf(
  id: string,
  about: Readonly<Record<string, string | number>>,
  report: NodeStatus | undefined,
  isLate: boolean,
): ClusterNodeInfo {
  const number = (key: string): number => Number(about[key] ?? 0);
  return {
    id,
    version: String(about['version'] ?? ''),
    // What it says of itself reaches us with its heartbeat, its report is of now.
    state: report?.node.state ?? String(about['phase'] ?? 'starting'),
    seen: report ? 'answers' : isLate ? 'late' : 'silent',
    startedAt: report?.node.startedAt ?? 0,
    workers: report?.node.workers ?? number('workers'),
    stripes: String(about['stripes'] ?? ''),
    tableVersion: report?.routing.version ?? number('table'),
    configuration: number('configuration'),
    sessions: report?.sessionCount ?? 0,
    queued: report?.store.messages ?? 0,
    accepted: report?.messages.accepted ?? 0,
    sent: report?.messages.sent ?? 0,
  };
}

function queuesOf(reports: readonly NodeStatus[]): QueueInfo[] {
  const queues = new Map<string, QueueInfo>();
  for (const queue of reports.flatMap(report => report.queues)) {
    const known = queues.get(queue.destination);
    queues.set(queue.destination, known ? sum(known, queue) : queue);
  }
  return [...queues.values()].sort((a, b) => b.ready + b.parked - a.ready - a.parked);
}

const sum = (a: QueueInfo, b: QueueInfo): QueueInfo => ({
  ...a,
  ready: a.ready + b.ready,
  inFlight: a.inFlight + b.inFlight,
  parked: a.parked + b.parked,
  oldestAt: a.oldestAt === 0 || b.oldestAt === 0 ? a.oldestAt + b.oldestAt : Math.min(a.oldestAt, b.oldestAt),
});

function carrierOf(
  carrier: CarrierInfo,
  reports: ReadonlyMap<string, NodeStatus>,
  holders: ReadonlyMap<string, string>,
): CarrierInfo {
  // Each node simulates its own.
  if (carrier.protocol !== 'smpp') return carrier;
  const parts = [...reports].flatMap(([node, report]) =>
    report.carriers.filter(({ name }) => name === carrier.name).map(part => ({ node, part })),
  );
  const each = carrier.each.map((bind): CarrierBindInfo => {
    const own = parts.map(({ node, part }) => ({ node, bind: part.each.find(({ id }) => id === bind.id) }));
    const sessions = own.flatMap(({ node, bind: found }): SessionInfo[] =>
      (found?.sessions ?? []).map(session => ({ ...session, node })),
    );
    const reason = own.map(({ bind: found }) => found?.reason ?? '').find(said => said !== '') ?? '';
    return { ...bind, node: holders.get(bind.id) ?? '', sessions, reason };
  });
  const total = (of: (part: CarrierInfo) => number): number => parts.reduce((sum, { part }) => sum + of(part), 0);
  const reason = parts.map(({ part }) => part.reason).find(said => said !== '') ?? '';
  return { ...carrier, bound: total(part => part.bound), sessions: total(part => part.sessions), reason, each };
}

/** Each node says which. */
function alarmsOf(own: NodeStatus, reports: ReadonlyMap<string, NodeStatus>): string[] {
  const others = [...reports].filter(([node]) => node !== own.node.id);
  return [...own.alarms, ...others.flatMap(([node, { alarms }]) => alarms.map(alarm => `${node}: ${alarm}`))];
}
