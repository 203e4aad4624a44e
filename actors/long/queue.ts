import type { MessageDraft } from '../message/draft.ts';
import { batchNumberOf, stripeOf, type MessageId } from '../message/id.ts';
import type { Concatenation } from '../text/udh.ts';

/**
 * Queues of the system's own, in which what belongs together waits for the rest: parts that were submitted, and what became
 * of the parts that we sent. There is one a stripe, and exactly one worker takes from it: the stripe's. So everything that
 * belongs together meets in one place, whichever bind it came by, and lies in the store until all of it is there.
 *
 * No destination of the configuration has such a name: it has a "/".
 */
export const queueOf = (partition: number): string => `long/${partition}`;
export const isGatheringQueue = (destination: string): boolean => destination.startsWith('long/');

/** The name under which put-together parts are found by what became of the whole, as a carrier's are by its ids. */
export const GATHERED = 'long/ids';

/** The "carrier's id" of the `place`-th message, from 1, of those that `id` was put together from. */
export const gatheredId = (id: MessageId, place: number): string => `${id}.${place}`;

/** Where what becomes of a message is gathered: with the message. */
export const queueOfMessage = (id: MessageId): string => queueOf(stripeOf(batchNumberOf(id)));

/** Where the parts of one message meet: those of the same sender, recipient and reference, from the same source. */
export function partitionOf(
  m: MessageDraft,
  source: string,
  { reference, total }: Concatenation,
  partitions: readonly number[],
): number {
  let hash = Math.imul(reference ^ 0x811c9dc5, 0x01000193) ^ total;
  for (let i = 0; i < source.length; i++) hash = Math.imul(hash ^ source.charCodeAt(i), 0x01000193);
  hash = hashed(hash, m.buffer, m.sourceAt, m.sourceLength);
  hash = hashed(hash, m.buffer, m.destAt, m.destLength);
  return partitions[(hash >>> 8) % partitions.length]!;
}

function hashed(hash: number, buffer: Buffer, at: number, length: number): number {
  let h = hash;
  for (let i = at; i < at + length; i++) h = Math.imul(h ^ buffer[i]!, 0x01000193);
  return h;
}
