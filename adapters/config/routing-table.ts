import type { Route, RouteAction, RoutingTable } from '../../actors/routing/table.ts';
import type { RouteSettings } from './schema.ts';

/** ESME_RINVDSTADR: what `reject: true` answers. */
const REJECTED = 0x0000_000b;

/** The routes of a configuration as one version of the routing table. */
export function routingTableOf(routes: readonly RouteSettings[], version: number): RoutingTable {
  return { version, routes: routes.map(routeOf) };
}

function routeOf(route: RouteSettings): Route {
  const { source_smsc, source_type, account, sender } = route;
  return {
    calledPrefix: route.called_prefix,
    callingPrefix: route.calling_prefix,
    ...(source_smsc === undefined ? {} : { sourceSmsc: source_smsc }),
    ...(source_type === undefined ? {} : { sourceType: source_type }),
    ...(account === undefined ? {} : { account }),
    ...(sender === undefined ? {} : { sender }),
    action: actionOf(route),
    priority: route.priority,
    weight: route.weight,
    charged: route.charged,
    enabled: route.enabled,
    description: route.description,
  };
}

/** Exactly one of the four is given: `semantics.ts` saw to it. */
function actionOf({ dest_smsc, auto_reply, reject }: RouteSettings): RouteAction {
  if (dest_smsc !== undefined) return { type: 'forward', destSmsc: dest_smsc };
  if (auto_reply !== undefined) return { type: 'auto-reply', text: auto_reply };
  if (reject !== undefined) return { type: 'reject', status: reject === true ? REJECTED : reject };
  return { type: 'drop' };
}
