import { compile } from '../actors/routing/compile.ts';
import type { Route, RouteAction } from '../actors/routing/table.ts';
import type { RouteSettings } from '../adapters/config/schema.ts';
import { STATUS } from '../adapters/smpp/codec/command-status.ts';
import type { LiveRouting } from './live-configuration.ts';

/** Compiles the routes of the configuration into the shared memory that workers look messages up in. */
export function compileRouting(routing: LiveRouting): SharedArrayBuffer {
  const outcome = compile({ version: Math.max(1, routing.version), routes: routing.routes.map(routeOf) });
  if (outcome.ok) return outcome.memory;
  const [{ route, field, expected } = { route: 0, field: '', expected: '' }] = outcome.problems;
  throw new Error(`route ${route}: ${field}: expected ${expected}`);
}

function routeOf(route: RouteSettings): Route {
  return {
    calledPrefix: route.called_prefix,
    callingPrefix: route.calling_prefix,
    ...(route.source_smsc === undefined ? {} : { sourceSmsc: route.source_smsc }),
    action: actionOf(route),
    priority: route.priority,
    weight: route.weight,
    charged: route.charged,
    enabled: route.enabled,
    description: route.description,
  };
}

/** Exactly one of the four is there: the configuration was checked. */
function actionOf({ dest_smsc, auto_reply, drop, reject }: RouteSettings): RouteAction {
  if (dest_smsc !== undefined) return { type: 'forward', destSmsc: dest_smsc };
  if (auto_reply !== undefined) return { type: 'auto-reply', text: auto_reply };
  if (drop) return { type: 'drop' };
  return { type: 'reject', status: typeof reject === 'number' ? reject : STATUS.ESME_RINVDSTADR };
}
