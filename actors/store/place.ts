import { messageId } from '../message/id.ts';
import type { FoundMessage, Place, Searched } from '../ports.ts';
import type { BatchState } from './batch-state.ts';

/** The order of lists: newest first, what was accepted at the same time by descending id. */

export const newestFirst = (a: Place, b: Place): number => b.at - a.at || b.id - a.id;

export const placeOf = ({ createdAt, id }: FoundMessage): Place => ({ at: createdAt, id });

/** Behind all messages of the batch. */
export const endOf = ({ createdAt, number }: BatchState): Place => ({ at: createdAt, id: messageId(number, 0) });

/** The newest of these: so far all have come. */
export function soFar(ends: readonly (Place | undefined)[]): Place | undefined {
  return ends.filter(end => end !== undefined).toSorted(newestFirst)[0];
}

/** What several stores found, as one. */
export function mergeSearched(answers: readonly Searched[], limit: number): Searched {
  const until = soFar(answers.map(answer => answer.until));
  const found = answers
    .flatMap(answer => answer.found)
    .filter(one => until === undefined || newestFirst(placeOf(one), until) <= 0)
    .sort((a, b) => newestFirst(placeOf(a), placeOf(b)));
  if (found.length <= limit) return { found, until };
  found.length = limit;
  return { found, until: placeOf(found.at(-1)!) };
}
