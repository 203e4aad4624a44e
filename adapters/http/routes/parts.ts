import type { Context } from 'hono';
import { preview } from '../../../actors/long/preview.ts';
import { MessageDraft } from '../../../actors/message/draft.ts';
import { ArchiveMode } from '../../../actors/message/record.ts';
import { renumber } from '../../../actors/routing/number-rules.ts';
import { Refusal } from '../../../actors/refusal.ts';
import { charsetOf } from '../../../actors/text/data-coding.ts';
import { readBody } from '../body.ts';
import type { Caller } from '../caller.ts';
import type { ApiDeps } from '../deps.ts';
import { DraftWriter } from '../draft-writer.ts';
import type { HttpEnv } from '../guard.ts';
import { CHARACTER_SETS } from '../message-view.ts';
import { refusal } from '../refusal.ts';
import { problem, type ApiRoute } from '../route.ts';
import { partsSchema, submitSchema } from '../schema.ts';
import { Sources } from '../sources.ts';
import { explicitDestination, ownerOf } from '../submission.ts';

/** `POST /api/messages/parts`. */
export function partsRoute(deps: ApiDeps): ApiRoute {
  const writer = new DraftWriter();
  const sources = new Sources();
  return {
    roles: ['admin', 'operator', 'frontend'],
    config: {
      method: 'post',
      path: '/api/messages/parts',
      summary: 'In how many messages a text would go',
      description:
        'The body of POST /api/messages, shaped for where the routes have it go now. Nothing is kept, sent or counted.',
      tags: ['messages'],
      request: { body: { required: true, content: { 'application/json': { schema: submitSchema } } } },
      responses: {
        200: { description: 'How it would go', content: { 'application/json': { schema: partsSchema } } },
        400: problem('The body is not JSON, or JSON that can be read in two ways'),
        401: problem('No key, or not a valid one'),
        403: problem('The key may not submit, or not as that account'),
        413: problem('More than 1 MB'),
        415: problem('Not application/json'),
        422: problem('A field is wrong, no route sends it on, or the account may not submit it'),
      },
    },
    handle: (c, caller) => show(deps, writer, sources, c, caller),
  };
}

async function show(
  deps: ApiDeps,
  writer: DraftWriter,
  sources: Sources,
  c: Context<HttpEnv>,
  caller: Caller,
): Promise<Response> {
  const body = await readBody(c, submitSchema);
  const given = explicitDestination(deps, body);
  const owner = ownerOf(deps, body.source_smsc, caller);
  const source = sources.get(owner, body.source_smsc, ArchiveMode.full, deps.account(owner));
  const m = Object.assign(new MessageDraft(), writer.fill(body, deps.now()));
  const status = source.rules?.check(m) ?? 0;
  if (status !== 0) throw refusal(deps, status);
  if (source.numbers) renumber(m, source.numbers);
  const destination = given === '' ? deps.intake.destinationFor(m, source) : given;
  if (destination === undefined) throw refusal(deps, Refusal.noRoute);
  const { dataCoding, characters, parts } = preview(deps.intake.shaper, m, destination, owner);
  const answer = {
    dest_smsc: destination,
    tp_dcs_character_set: CHARACTER_SETS[charsetOf(dataCoding)] ?? null,
    data_coding: dataCoding,
    characters,
    parts,
  };
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
  return new Response(JSON.stringify(answer), { headers });
}
