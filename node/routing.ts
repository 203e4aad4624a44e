import { compile } from '../actors/routing/compile.ts';
import { routingTableOf } from '../adapters/config/routing-table.ts';
import type { NumberRules, RouteSenders } from '../actors/routing/number-rules.ts';
import type { LiveRouting } from './live-configuration.ts';

export interface CompiledRouting {
  readonly table: SharedArrayBuffer;
  readonly senders: RouteSenders;
}

/**
 * Compiles the routes of the configuration into the shared memory that workers look messages up in.
 * @throws Error with one line that names the first route that cannot be used
 */
export function compileRouting(routing: LiveRouting): CompiledRouting {
  const outcome = compile(routingTableOf(routing.routes, Math.max(1, routing.version)));
  if (outcome.ok) return { table: outcome.memory, senders: sendersOf(routing) };
  const [{ route, field, expected } = { route: 0, field: '', expected: '' }] = outcome.problems;
  throw new Error(`route ${route}: ${field}: expected ${expected}`);
}

/** By rule, from 0: what takes the place of the sender. Few routes have it, so it is not in the compiled table. */
function sendersOf({ routes }: LiveRouting): RouteSenders {
  const senders = new Map<number, NumberRules>();
  routes.forEach((route, rule) => {
    // Routes that an earlier release has kept have none.
    const own = route.senders ?? [];
    if (own.length > 0) senders.set(rule, { dest: [], source: [], senders: [{ match: '*', senders: own }] });
  });
  return senders;
}
