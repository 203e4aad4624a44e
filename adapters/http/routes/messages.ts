import type { Context } from 'hono';
import { z } from '@hono/zod-openapi';
import { ArchiveMode } from '../../../actors/message/record.ts';
import { readBody } from '../body.ts';
import type { Caller } from '../caller.ts';
import type { ApiDeps } from '../deps.ts';
import { DraftWriter } from '../draft-writer.ts';
import type { HttpEnv } from '../guard.ts';
import { viewFor } from '../lookup.ts';
import { Problem, retryAfter } from '../problem.ts';
import { pushRequestOf } from '../receipt-request.ts';
import { refusal } from '../refusal.ts';
import { problem, type ApiRoute } from '../route.ts';
import { messageSchema, submitSchema, submittedSchema, type SubmitBody } from '../schema.ts';
import { Sources } from '../sources.ts';
import { explicitDestination, ownerOf } from '../submission.ts';
import { RequestSubmitter, type Outcome } from '../submitter.ts';
import { isoTime } from '../times.ts';

/** Most requests of a worker that wait for their commit: connections can be pipelined. */
const MOST_WAITING = 10_000;

const HEADERS = { 'content-type': 'application/json', 'cache-control': 'no-store' } as const;

/** `POST /api/messages` and `GET /api/messages/{id}`. */
export function messageRoutes(deps: ApiDeps): ApiRoute[] {
  const submission = new Submission(deps);
  return [
    {
      roles: ['admin', 'operator', 'frontend'],
      config: {
        method: 'post',
        path: '/api/messages',
        summary: 'Submit a message',
        description: 'Answered when the message is on disk.',
        tags: ['messages'],
        request: { body: { required: true, content: { 'application/json': { schema: submitSchema } } } },
        responses: {
          201: {
            description: 'Accepted, on disk',
            content: { 'application/json': { schema: submittedSchema } },
            headers: z.object({ Location: z.string() }),
          },
          400: problem('The body is not JSON, or JSON that can be read in two ways'),
          401: problem('No key, or not a valid one'),
          403: problem('The key may not submit, or not as that account'),
          413: problem('More than 1 MB'),
          415: problem('Not application/json'),
          422: problem('A field is wrong, no route fits, or a route rejects'),
          429: problem('Over the account’s rate'),
          503: problem('Queue or disk full, or the node is being stopped'),
        },
      },
      handle: (c, caller) => submission.handle(c, caller),
    },
    {
      roles: ['admin', 'operator', 'viewer', 'frontend'],
      config: {
        method: 'get',
        path: '/api/messages/{id}',
        summary: 'One message',
        description:
          'From the queue or the archive. A frontend’s key sees what it submitted and what is for it; a viewer’s no texts.',
        tags: ['messages'],
        request: { params: z.object({ id: z.string().regex(/^\d{1,16}$/) }) },
        responses: {
          200: { description: 'The message', content: { 'application/json': { schema: messageSchema } } },
          401: problem('No key, or not a valid one'),
          404: problem('Unknown, or not the caller’s'),
          503: problem('It is not in the queue, and the archive cannot be asked now'),
        },
      },
      handle: (c, caller) => show(deps, c.req.param('id') ?? '', caller),
    },
  ];
}

/** Takes messages of requests in this worker. */
class Submission {
  readonly #deps: ApiDeps;
  readonly #submitter: RequestSubmitter;
  readonly #writer = new DraftWriter();
  readonly #sources = new Sources();

  constructor(deps: ApiDeps) {
    this.#deps = deps;
    this.#submitter = new RequestSubmitter(deps.counters);
  }

  async handle(c: Context<HttpEnv>, caller: Caller): Promise<Response> {
    const body = await readBody(c, submitSchema);
    const { intake, now } = this.#deps;
    const to = explicitDestination(this.#deps, body);
    const owner = ownerOf(this.#deps, body.source_smsc, caller);
    const account = this.#deps.account(owner);
    const push = pushRequestOf(body, account, this.#deps);
    const source = this.#sources.get(owner, body.source_smsc, this.#admit(owner), account);
    // From here to the hand-over nothing waits: the draft is everybody's.
    const draft = this.#writer.fill(body, now(), push);
    const expiresAt = (draft.expiresAt = intake.expiryOf(draft, now()));
    const answer = this.#submitter.submit(token => intake.submit(draft, source, this.#submitter, token, to));
    const { destination, parts } = intake;
    const outcome = await answer;
    if (outcome.type === 'accepted') return this.#accepted(body, destination, parts, expiresAt, outcome);
    if (outcome.type === 'refused') throw refusal(this.#deps, outcome.status);
    // Any answer could be a lie: the caller sees the connection end, and asks again.
    c.env?.incoming?.socket.destroy();
    throw new Problem('unavailable', 'whether the message was kept is not known');
  }

  /** @returns how much of the message is archived @throws Problem when the owner may not submit now */
  #admit(owner: string): ArchiveMode {
    if (this.#submitter.waiting >= MOST_WAITING) {
      throw new Problem('throttled', `${MOST_WAITING} messages wait for the disk already`, {}, retryAfter(1));
    }
    const account = this.#deps.account(owner);
    if (!account) return ArchiveMode.full;
    if (!account.enabled) throw new Problem('forbidden', `account ${owner} is disabled`);
    const now = this.#deps.monotonic();
    if (account.rate.take(1, now) === 1) return account.archiveMode;
    this.#deps.counters.refused++;
    const seconds = Math.ceil(account.rate.waitMs(now) / 1000);
    throw new Problem('throttled', `account ${owner} is over its rate`, {}, retryAfter(Math.max(1, seconds)));
  }

  /** Field by field as the SMS_C document has it; for a text that is cut, in how many parts too. */
  #accepted(
    body: SubmitBody,
    destination: string,
    parts: number,
    expiresAt: number,
    { id, acceptedAt }: Extract<Outcome, { type: 'accepted' }>,
  ): Response {
    const publicId = this.#deps.ids.toPublic(id);
    const data = {
      id: publicId,
      source_msisdn: body.source_msisdn,
      destination_msisdn: body.destination_msisdn,
      dest_smsc: destination === '' ? null : destination,
      message_body: body.message_body,
      deliver_time: null,
      delivery_attempts: 0,
      expires: isoTime(expiresAt),
      inserted_at: isoTime(acceptedAt),
      ...(parts > 1 && { parts }),
    };
    const headers = { ...HEADERS, location: `/api/messages/${publicId}` };
    return new Response(JSON.stringify({ status: 'success', data }), { status: 201, headers });
  }
}

async function show(deps: ApiDeps, id: string, caller: Caller): Promise<Response> {
  return new Response(JSON.stringify(await viewFor(deps, id, caller)), { headers: HEADERS });
}
