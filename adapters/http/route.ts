import type { Context } from 'hono';
import type { OpenAPIHono, RouteConfig } from '@hono/zod-openapi';
import type { Caller, Role } from './caller.ts';
import { demandRole, type Guard, type HttpEnv } from './guard.ts';
import { Problem } from './problem.ts';
import { problemSchema } from './schema.ts';

/** An address of the API: what it is called in the document, who may use it, what it does. */
export interface ApiRoute {
  /** As in the OpenAPI document: parameters in braces. */
  readonly config: RouteConfig;
  readonly roles: readonly Role[];
  /** @throws Problem */
  handle(c: Context<HttpEnv>, caller: Caller): Response | Promise<Response>;
}

/** A problem, in the responses of a route. */
export const problem = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: problemSchema } },
});

/**
 * Adds a route. One handler a route and no middleware: each of those costs promises, on the address that takes messages.
 * So the guard is called here, for every route alike.
 */
export function addRoute(app: OpenAPIHono<HttpEnv>, guard: Guard, route: ApiRoute): void {
  const { config, roles } = route;
  const key = { key: [] };
  app.openAPIRegistry.registerPath({ ...config, security: roles.includes('nobody') ? [{}, key] : [key] });
  app.on(config.method.toUpperCase(), routingPath(config.path), c => {
    const caller = guard.identify(c);
    demandRole(caller, roles);
    return route.handle(c, caller);
  });
}

/** For a request that no route takes: which methods its address knows. */
export function notFound(routes: readonly ApiRoute[], c: Context<HttpEnv>): Problem {
  const methods = routes.flatMap(({ config }) =>
    new RegExp(`^${config.path.replace(/\{[^}]+\}/g, '[^/]+')}$`).test(c.req.path) ? config.method.toUpperCase() : [],
  );
  if (methods.length === 0) return new Problem('not-found', `there is no ${c.req.path} here: /api/docs has what is`);
  const allow = methods.includes('GET') ? [...methods, 'HEAD'] : methods;
  return new Problem('method-not-allowed', `expected ${allow.join(' or ')}`, {}, { allow: allow.join(', ') });
}

const routingPath = (path: string): string => path.replace(/\{([^}]+)\}/g, ':$1');
