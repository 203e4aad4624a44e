import { z } from '@hono/zod-openapi';
import type { RepushInfo } from '../../../actors/node-control.ts';
import { readBody } from '../body.ts';
import type { ApiDeps, Refused } from '../deps.ts';
import { Problem, retryAfter, type ProblemKind } from '../problem.ts';
import { problem, type ApiRoute } from '../route.ts';
import { isoTime } from '../times.ts';

const RUN = '1 to 64 letters, digits, ".", "_" or "-"';
const RATE = 'a whole number from 1 to 100000';
const TIME = 'a time, 2026-11-26T14:30:00Z';
const instant = () => z.iso.datetime({ offset: true, error: TIME }).openapi({ type: 'string', format: 'date-time' });

const requestSchema = z
  .strictObject({
    account: z.string({ error: 'a name' }).describe('Whose receipts'),
    from: instant().describe('Of what ended then or later'),
    to: instant().describe('And before'),
    run: z
      .string({ error: RUN })
      .regex(/^[A-Za-z0-9._-]{1,64}$/, { error: RUN })
      .optional()
      .describe('A name for it: asked for again, it goes on where it was, and does nothing twice'),
    rate: z
      .int({ error: RATE })
      .min(1, { error: RATE })
      .max(100_000, { error: RATE })
      .optional()
      .describe('Receipts a second; absent: 500'),
  })
  .openapi('Repush');

const runSchema = z
  .object({
    run: z.string(),
    account: z.string(),
    from: z.string(),
    to: z.string(),
    state: z.enum(['running', 'stopped', 'done']).describe('stopped: the same request goes on with it'),
    pushed: z.int().describe('Receipts put into the account’s queue so far'),
    problem: z.string().describe('Why it stopped'),
  })
  .openapi('RepushRun');

const content = { 'application/json': { schema: runSchema } };

/** Receipts of a time range, sent to an account once more, and how far that has come. */
export function receiptRoutes(deps: ApiDeps): ApiRoute[] {
  return [
    {
      roles: ['admin'],
      config: {
        method: 'post',
        path: '/api/receipts/repush',
        summary: 'Send the receipts of a time range to an account once more',
        description: 'From the archive, paced, behind what waits for the account. Answered when it has begun.',
        tags: ['receipts'],
        request: { body: { content: { 'application/json': { schema: requestSchema } }, required: true } },
        responses: {
          202: { description: 'It has begun, or ended before', content },
          404: problem('There is no such account'),
          422: problem('A field is wrong, or the run is another'),
          503: problem('The archive cannot be asked'),
        },
      },
      handle: async c => {
        const { account, from, to, run, rate } = await readBody(c, requestSchema);
        const range = { account, from: Date.parse(from), to: Date.parse(to) };
        return answer(await deps.repush({ ...range, run, rate }), 202);
      },
    },
    {
      roles: ['admin'],
      config: {
        method: 'get',
        path: '/api/receipts/repush/{run}',
        summary: 'How far such a run has come',
        tags: ['receipts'],
        request: { params: z.object({ run: z.string() }) },
        responses: { 200: { description: 'The run', content }, 404: problem('There is no such run') },
      },
      handle: async c => answer(await deps.repushed(c.req.param('run') ?? ''), 200),
    },
  ];
}

const KINDS: Readonly<Record<string, ProblemKind>> = {
  'not-found': 'not-found',
  unavailable: 'unavailable',
  refused: 'throttled',
};

function answer(info: RepushInfo | Refused, status: number): Response {
  if ('code' in info) {
    const kind = KINDS[info.code] ?? 'invalid';
    throw new Problem(kind, info.message, {}, kind === 'unavailable' || kind === 'throttled' ? retryAfter(5) : {});
  }
  const body = { ...info, from: isoTime(info.from), to: isoTime(info.to) };
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
  return new Response(JSON.stringify(body), { status, headers });
}
