import type { MessageId } from '../../actors/message/id.ts';
import type { FoundMessage } from '../../actors/ports.ts';
import { mayReadTexts, maySee, type Caller } from './caller.ts';
import type { ApiDeps } from './deps.ts';
import { isInArchive, isReceipt } from './found-message.ts';
import { outcomeOfFound, viewOfArchived, viewOfFound, type ArchivedRow } from './message-view.ts';
import { Problem, retryAfter } from './problem.ts';
import type { MessageView } from './schema.ts';

/** A message that the caller may know of, in the store; undefined when it has none. */
export async function foundFor(
  deps: Pick<ApiDeps, 'find'>,
  id: MessageId,
  caller: Caller,
): Promise<FoundMessage | undefined> {
  const stored = await deps.find(id);
  return stored && !isReceipt(stored) && maySee(caller, stored.account, stored.destination) ? stored : undefined;
}

/**
 * A message from the queue or the archive, as the caller may see it.
 *
 * What is unknown and what is somebody else's look the same: the archive is asked about either.
 *
 * @throws Problem `not-found`; `unavailable` when only the archive could tell, and cannot be asked
 */
export async function viewFor(deps: ApiDeps, id: string, caller: Caller): Promise<MessageView> {
  const internal = deps.ids.parse(id);
  if (internal === undefined) throw unknown(id);
  const publicId = Number(id);
  const readsTexts = mayReadTexts(caller);
  const found = await foundFor(deps, internal, caller);
  if (found && !isInArchive(found)) return viewOfFound(found, publicId, readsTexts);
  const row = await archived(deps, publicId);
  const own = row && maySee(caller, row.account, row.destination) ? row : undefined;
  if (!found && !own) throw unknown(id);
  return viewOf(found, own, publicId, readsTexts);
}

/** A message as store or archive know it, or both. At least one of them does. */
export function viewOf(
  found: FoundMessage | undefined,
  row: ArchivedRow | undefined,
  publicId: number,
  readsTexts: boolean,
): MessageView {
  if (!row || (found && !isInArchive(found))) return viewOfFound(found!, publicId, readsTexts);
  const view = viewOfArchived(row, publicId, readsTexts);
  // The store knows of a receipt before the archive does.
  return found ? { ...view, ...outcomeOfFound(found) } : view;
}

const unknown = (id: string): Problem => new Problem('not-found', `there is no message ${id}`);

async function archived(deps: ApiDeps, publicId: number): Promise<ArchivedRow | undefined> {
  try {
    return await deps.findArchived(publicId);
  } catch {
    const detail = 'the message is not in the queue, and the archive cannot be asked now';
    throw new Problem('unavailable', detail, {}, retryAfter(5));
  }
}
