import type { Context } from 'hono';
import { z } from '@hono/zod-openapi';
import type { ChangeOutcome } from '../../../actors/operations/message-desk.ts';
import { destOf } from '../../../actors/message/record.ts';
import type { FoundMessage } from '../../../actors/ports.ts';
import { readBody } from '../body.ts';
import { mayActAs, type Caller } from '../caller.ts';
import type { ApiDeps } from '../deps.ts';
import type { HttpEnv } from '../guard.ts';
import { foundFor, viewFor } from '../lookup.ts';
import { Problem } from '../problem.ts';
import { changesOf } from '../replacement.ts';
import { problem, type ApiRoute } from '../route.ts';
import { changeSchema, messageSchema, type MessageView } from '../schema.ts';

const params = z.object({ id: z.string().regex(/^\d{1,16}$/) });

const PROBLEMS = {
  401: problem('No key, or not a valid one'),
  403: problem('The key may not do this, or not with messages of that account'),
  404: problem('Unknown, or not the caller’s'),
  409: problem('It is being sent, has been sent, or has ended'),
  503: problem('It is not in the queue, and the archive cannot be asked now'),
};

/** `DELETE` and `PATCH /api/messages/{id}`: what cancel_sm and replace_sm are in SMPP. */
export function changeRoutes(deps: ApiDeps): ApiRoute[] {
  return [
    {
      roles: ['admin', 'operator', 'frontend'],
      config: {
        method: 'delete',
        path: '/api/messages/{id}',
        summary: 'Cancel a message that waits',
        description: 'With its parts, when it goes in several. Answered when that is on disk; asked again, alike.',
        tags: ['messages'],
        request: { params },
        responses: { 204: { description: 'It is deleted' }, ...PROBLEMS },
      },
      handle: (c, caller) => cancel(deps, c.req.param('id') ?? '', caller),
    },
    {
      roles: ['admin', 'operator', 'frontend'],
      config: {
        method: 'patch',
        path: '/api/messages/{id}',
        summary: 'Change a message that waits',
        description:
          'Text, times and receipts; the rest stays. Its place in the queue does too. Answered when that is on disk.',
        tags: ['messages'],
        request: { params, body: { required: true, content: { 'application/json': { schema: changeSchema } } } },
        responses: {
          200: { description: 'As it is now', content: { 'application/json': { schema: messageSchema } } },
          400: problem('The body is not JSON, or JSON that can be read in two ways'),
          413: problem('More than 1 MB'),
          415: problem('Not application/json'),
          422: problem('A field is wrong, or the text too long for a message that was not cut'),
          ...PROBLEMS,
          409: problem('It is being sent, has been sent, has ended, or goes in parts'),
        },
      },
      handle: (c, caller) => change(deps, c, caller),
    },
  ];
}

async function cancel(deps: ApiDeps, id: string, caller: Caller): Promise<Response> {
  const found = await ownStored(deps, id, caller);
  // One of several recipients is cancelled for that one alone.
  const dest = found && destOf(asBuffer(found.record), 0);
  const outcome = found ? await deps.desk.cancel(found.account, found.id, '', dest!) : 'too-late';
  if (outcome === 'done') return new Response(null, { status: 204 });
  const now = await viewFor(deps, id, caller);
  // The answer to the first request may have been lost.
  if (now.status === 'deleted') return new Response(null, { status: 204 });
  throw conflict(id, outcome, now);
}

async function change(deps: ApiDeps, c: Context<HttpEnv>, caller: Caller): Promise<Response> {
  const body = await readBody(c, changeSchema);
  const id = c.req.param('id') ?? '';
  const found = await ownStored(deps, id, caller);
  let outcome: ChangeOutcome = 'too-late';
  if (found) {
    const { intake, now } = deps;
    const changes = changesOf(body, asBuffer(found.record), now(), (m, nowMs) => intake.expiryOf(m, nowMs));
    outcome = await deps.desk.change(found.account, found.id, '', changes);
  }
  const now = await viewFor(deps, id, caller);
  if (outcome !== 'done') throw conflict(id, outcome, now);
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
  return new Response(JSON.stringify(now), { headers });
}

/**
 * A message of the caller's that is in the store; undefined when it is in the archive alone.
 * @throws Problem as `viewFor`, and `forbidden` for one that the caller may see only
 */
async function ownStored(deps: ApiDeps, id: string, caller: Caller): Promise<FoundMessage | undefined> {
  const internal = deps.ids.parse(id);
  const found = internal === undefined ? undefined : await foundFor(deps, internal, caller);
  const { account } = found ?? (await viewFor(deps, id, caller));
  if (mayActAs(caller, account)) return found;
  throw new Problem(
    'forbidden',
    `message ${id} is of account ${account}: a key of role ${caller.role} may not change it`,
  );
}

function conflict(id: string, outcome: Exclude<ChangeOutcome, 'done'>, { status }: MessageView): Problem {
  switch (outcome) {
    case 'in-parts':
      return new Problem('conflict', `message ${id} goes in parts, cut for its text: cancel it and submit another`);
    case 'too-long':
      return new Problem('invalid', 'message_body: expected a text that goes in one message: parts are cut at first');
    case 'unknown':
      return new Problem('conflict', `message ${id} came from a carrier: it is not its account’s to change`);
    case 'too-late':
      return new Problem('conflict', `message ${id} is ${status === 'queued' ? 'being sent just now' : status}`);
    default:
      return outcome satisfies never;
  }
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
