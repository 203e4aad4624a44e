import { compile } from '../actors/routing/compile.ts';
import { routingTableOf } from '../adapters/config/routing-table.ts';
import type { LiveRouting } from './live-configuration.ts';

/**
 * Compiles the routes of the configuration into the shared memory that workers look messages up in.
 * @throws Error with one line that names the first route that cannot be used
 */
export function compileRouting(routing: LiveRouting): SharedArrayBuffer {
  const outcome = compile(routingTableOf(routing.routes, Math.max(1, routing.version)));
  if (outcome.ok) return outcome.memory;
  const [{ route, field, expected } = { route: 0, field: '', expected: '' }] = outcome.problems;
  throw new Error(`route ${route}: ${field}: expected ${expected}`);
}
