import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { mayReadTexts, type Caller } from '../caller.ts';
import type { ApiDeps } from '../deps.ts';
import type { HttpEnv } from '../guard.ts';
import { nextLink, PARAMETERS, readListQuery } from '../list-query.ts';
import { viewOf } from '../lookup.ts';
import { Problem } from '../problem.ts';
import { problem, type ApiRoute } from '../route.ts';
import { messageSchema } from '../schema.ts';

/** Messages that are written as JSON between two turns of everybody else: less than a millisecond's work. */
const WRITTEN_AT_ONCE = 50;
const NO_ARCHIVE = '199 - "the archive cannot be asked now: what only it has is not in this list"';

/** `GET /api/messages`. */
export function listRoute(deps: ApiDeps): ApiRoute {
  return {
    roles: ['admin', 'operator', 'viewer', 'frontend'],
    config: {
      method: 'get',
      path: '/api/messages',
      summary: 'Messages, newest first',
      description:
        'From the queue and the archive, each as GET /api/messages/{id} shows it. All parameters that are given must fit. ' +
        'A page may be shorter than limit and not the last: the Link says whether there is another. A message that goes in ' +
        'parts is listed, and so are its parts.',
      tags: ['messages'],
      request: {
        query: z.object(
          Object.fromEntries(
            Object.entries(PARAMETERS).map(([name, text]) => [name, z.string().optional().describe(text)]),
          ),
        ),
      },
      responses: {
        200: {
          description: 'A page. With a Warning header: without what only the archive has, which cannot be asked now',
          content: { 'application/json': { schema: z.array(messageSchema) } },
          headers: z.object({
            Link: z.string().optional().describe('rel="next" (RFC 8288); absent: this is the last page'),
            Warning: z.string().optional(),
          }),
        },
        400: problem('A parameter is wrong: all that are, are named'),
        401: problem('No key, or not a valid one'),
        429: problem('Too many lists are being made'),
        503: problem('A part of the node is being restarted'),
      },
    },
    handle: (c, caller) => list(deps, c, caller),
  };
}

async function list(deps: ApiDeps, c: Context<HttpEnv>, caller: Caller): Promise<Response> {
  if (c.req.header('smsc') !== undefined) {
    throw new Problem('bad-request', 'SMSc: a list is not for polling, and takes no such header: expected ?queue=NAME');
  }
  const url = new URL(c.req.url);
  const query = readListQuery(url, caller, deps.ids, deps.now());
  const { messages, next, archiveAsked } = await deps.list(query);
  const readsTexts = mayReadTexts(caller);
  const parts: string[] = [];
  for (const [i, { place, found, row }] of messages.entries()) {
    if (i > 0 && i % WRITTEN_AT_ONCE === 0) await new Promise(resolve => setImmediate(resolve));
    parts.push(JSON.stringify(viewOf(found, row, deps.ids.toPublic(place.id), readsTexts)));
  }
  const headers = new Headers({ 'content-type': 'application/json', 'cache-control': 'no-store' });
  if (next) headers.set('link', nextLink(url, query, next, deps.ids));
  if (!archiveAsked) headers.set('warning', NO_ARCHIVE);
  return new Response(`[${parts.join(',')}]`, { headers });
}
