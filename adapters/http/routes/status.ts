import type { CarrierInfo, ClusterNodeInfo, NodeStatus } from '../../../actors/node-control.ts';
import type { ApiDeps, Health } from '../deps.ts';
import { retryAfter } from '../problem.ts';
import { problem, type ApiRoute } from '../route.ts';
import { healthSchema, statusSchema, type StatusView } from '../schema.ts';
import { isoTime } from '../times.ts';

const READERS = ['admin', 'operator', 'viewer'] as const;

/** `GET /api/status`: one word for load balancers, which have no key; the node's state for those who have one. */
export function statusRoute(deps: ApiDeps): ApiRoute {
  const either = { 'application/json': { schema: healthSchema.or(statusSchema) } };
  return {
    roles: ['nobody', 'frontend', ...READERS],
    config: {
      method: 'get',
      path: '/api/status',
      summary: 'Does this node take messages?',
      description: 'Without a key, or with a frontend’s, only `status`. All but `ok` is answered with 503.',
      tags: ['node'],
      responses: {
        200: { description: 'It does', content: either },
        401: problem('The key is not valid'),
        503: { description: 'It does not: it starts, is being stopped, or its queue or disk is full', content: either },
      },
    },
    handle: async (_c, caller) => {
      const health = deps.draining() ? 'draining' : await deps.health();
      const isShort = caller.role === 'nobody' || caller.role === 'frontend';
      const body = isShort ? { status: health } : view(await deps.status(), health, deps.now());
      const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
      if (health === 'ok') return new Response(JSON.stringify(body), { headers });
      return new Response(JSON.stringify(body), { status: 503, headers: { ...headers, ...retryAfter(5) } });
    },
  };
}

function view(status: NodeStatus, health: Health, now: number): StatusView {
  const { node, routing, listeners, sessionCount, nodes, carriers, messages, receipts, store, archive, alarms } =
    status;
  return {
    status: health,
    version: node.version,
    node: node.id,
    cluster: node.cluster,
    started_at: isoTime(node.startedAt),
    uptime_seconds: Math.max(0, Math.floor((now - node.startedAt) / 1000)),
    workers: node.workers,
    warm: node.warm,
    durability: node.durability,
    routing: { version: routing.version, routes: routing.routes, activated_at: isoTime(routing.activatedAt) },
    listeners: [...listeners],
    sessions: sessionCount,
    ...(nodes ? { nodes: nodes.map(nodeView) } : {}),
    carriers: carriers.map(carrierView),
    messages: { ...messages },
    receipts: { ...receipts },
    store,
    archive,
    alarms: [...alarms],
  };
}

function nodeView(node: ClusterNodeInfo): NonNullable<StatusView['nodes']>[number] {
  const { id, version, state, seen, stripes, sessions, queued, accepted, sent } = node;
  const versions = { routing_version: node.tableVersion, configuration_version: node.configuration };
  return { id, version, state, seen, stripes, ...versions, sessions, queued, accepted, sent };
}

function carrierView({ name, enabled, bound, sessions, each }: CarrierInfo): StatusView['carriers'][number] {
  const binds = each.map(({ id, started, sessions, reason, node }) => ({
    id,
    started,
    bound: sessions.length > 0 && sessions.every(({ state }) => state.startsWith('BOUND')),
    reason,
    ...(node === undefined ? {} : { node }),
  }));
  return { name, enabled, bound, sessions, binds };
}

/** `GET /metrics`, for Prometheus. */
export function metricsRoute(deps: ApiDeps): ApiRoute {
  return {
    roles: READERS,
    config: {
      method: 'get',
      path: '/metrics',
      summary: 'Metrics of the whole node, for Prometheus',
      tags: ['node'],
      responses: {
        200: { description: 'Prometheus text', content: { 'text/plain': { schema: { type: 'string' } } } },
        401: problem('No key, or not a valid one'),
        403: problem('The key is a frontend’s'),
      },
    },
    handle: async () => {
      const headers = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8', 'cache-control': 'no-store' };
      return new Response(await deps.metrics(), { headers });
    },
  };
}
