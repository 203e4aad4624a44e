import { hasMethod, maskOf, methodOf, PushEvent, type PushRequest } from '../../actors/push/push-request.ts';
import type { ApiAccount, ApiDeps } from './deps.ts';
import { invalid } from './problem.ts';
import type { ReceiptBody, SubmitBody } from './schema.ts';

/** Jasmin's dlr-level: 1 the SMSC's answer, 2 what the phone says, 3 both. */
const LEVELS: Readonly<Record<number, number>> = {
  1: PushEvent.accepted | PushEvent.rejected,
  2: PushEvent.delivered | PushEvent.failed,
  3: PushEvent.accepted | PushEvent.rejected | PushEvent.delivered | PushEvent.failed,
};
const WHAT = ['events', 'dlr_mask', 'dlr_level'] as const;

/**
 * How the sender of a message wants to be told of it by HTTP; undefined: not.
 *
 * @throws Problem `invalid` naming the field
 */
export function pushRequestOf(
  { receipt: body }: SubmitBody,
  account: Pick<ApiAccount, 'push'> | undefined,
  deps: Pick<ApiDeps, 'urlProblem'>,
): PushRequest | undefined {
  if (!body) return account?.push;
  const format = body.format ?? 'heliograph';
  const method = body.method ?? methodOf(format);
  const problem = deps.urlProblem(body.url);
  if (problem !== '') throw wrong('url', `expected ${problem}`);
  if (!hasMethod(format, method)) {
    throw wrong('method', `expected ${methodOf(format)}, the only one of the format ${format}, got ${method}`);
  }
  return { url: body.url, format, method, mask: maskFor(body) };
}

function maskFor(body: ReceiptBody): number {
  const given = WHAT.filter(field => (body[field] ?? undefined) !== undefined);
  if (given.length > 1) throw wrong(given[1]!, `expected one of ${WHAT.join(', ')}, got ${given.join(' and ')}`);
  if (typeof body.dlr_mask === 'number') return body.dlr_mask;
  if (typeof body.dlr_level === 'number') return LEVELS[body.dlr_level]!;
  return maskOf(body.events ?? ['delivered', 'failed']);
}

const wrong = (field: keyof ReceiptBody, message: string) => invalid([{ field: `receipt.${field}`, message }]);
