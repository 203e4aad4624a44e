import { OpenAPIHono } from '@hono/zod-openapi';
import type { ApiDeps } from './deps.ts';
import { Guard, type HttpEnv } from './guard.ts';
import { Problem } from './problem.ts';
import { addRoute, notFound } from './route.ts';
import { addDocs } from './routes/docs.ts';
import { changeRoutes } from './routes/changes.ts';
import { listRoute } from './routes/list.ts';
import { messageRoutes } from './routes/messages.ts';
import { partsRoute } from './routes/parts.ts';
import { receiptRoutes } from './routes/receipts.ts';
import { metricsRoute, statusRoute } from './routes/status.ts';

/** The REST API of one worker, as a function from requests to responses: `listener.ts` gives it a port. */
export function createApi(deps: ApiDeps): OpenAPIHono<HttpEnv> {
  const app = new OpenAPIHono<HttpEnv>();
  const guard = new Guard(deps.guard, deps.ownerOf);
  const messages = [...messageRoutes(deps), listRoute(deps), ...changeRoutes(deps), partsRoute(deps)];
  const routes = [...messages, ...receiptRoutes(deps), statusRoute(deps), metricsRoute(deps)];
  for (const route of routes) addRoute(app, guard, route);
  addDocs(app, deps.version);
  app.notFound(c => notFound(routes, c).response());
  app.onError(error => {
    if (error instanceof Problem) return error.response();
    deps.failed(error);
    return new Problem('internal', 'this is our fault: the log has more').response();
  });
  return app;
}
