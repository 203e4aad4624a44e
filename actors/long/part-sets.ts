import { crc32 } from 'node:zlib';
import type { Batch } from '../message/batch.ts';
import type { MessageDraft } from '../message/draft.ts';
import { messageId, type MessageId } from '../message/id.ts';
import type { PartMark } from './concatenation.ts';

/** A part that waits for the others: claimed, so it is here alone, and in the store until it is settled. */
export interface HeldPart {
  readonly batch: Batch;
  readonly index: number;
  readonly attempts: number;
  readonly sequence: number;
  /** CRC-32 of its text: of two with one number, is it the same once more, or of another message? */
  readonly check: number;
}

export const idOf = ({ batch, index }: HeldPart): MessageId => messageId(batch.number, index);

/** The parts of one message so far. */
export interface PartSet {
  readonly key: string;
  readonly total: number;
  /** When the first came, monotonic ms. */
  readonly since: number;
  /** In the order they came; the same one may have come twice. */
  readonly parts: HeldPart[];
  /** Different ones. */
  present: number;
  /** It is complete, and on its way. */
  submitted: boolean;
}

/** What a set that is complete leaves behind: a part of it that comes once more is known by its text. */
interface Past {
  readonly until: number;
  readonly checks: ReadonlyMap<number, number>;
}

/** Most messages of one whole: their number is kept in an octet. */
const MOST_OF_A_SET = 255;
const PAST_MOST = 10_000;

export type Placed =
  | { readonly type: 'waiting' }
  | { readonly type: 'complete'; readonly set: PartSet }
  /** A part that was here before, of a message that has been put together already. */
  | { readonly type: 'repeated' };

/** The sets of this worker. No I/O, no clock. */
export class PartSets {
  readonly #sets = new Map<string, PartSet>();
  readonly #past = new Map<string, Past>();
  #held = 0;

  /** Parts that wait. */
  get held(): number {
    return this.#held;
  }

  /** Sets that wait, the oldest first. */
  get sets(): Iterable<PartSet> {
    return this.#sets.values();
  }

  /** @param displaced told of a set of which this part cannot be: its number was used again for another message */
  place(key: string, total: number, part: HeldPart, nowMs: number, displaced: (set: PartSet) => void): Placed {
    const past = this.#past.get(key);
    if (past?.checks.get(part.sequence) === part.check && nowMs < past.until) return { type: 'repeated' };
    let set = this.#sets.get(key);
    if (set && (set.submitted || !fits(set, part))) {
      if (!set.submitted) displaced(set);
      this.remove(set);
      set = undefined;
    }
    if (!set) {
      set = { key, total, since: nowMs, parts: [], present: 0, submitted: false };
      this.#sets.set(key, set);
    }
    const again = set.parts.findIndex(held => idOf(held) === idOf(part));
    if (again >= 0) {
      // Claimed anew: the claim before has lapsed.
      set.parts[again] = part;
      return { type: 'waiting' };
    }
    if (!set.parts.some(({ sequence }) => sequence === part.sequence)) set.present++;
    set.parts.push(part);
    this.#held++;
    if (set.present < total) return { type: 'waiting' };
    set.submitted = true;
    return { type: 'complete', set };
  }

  /** A set is no more; the next part with its number begins another. */
  remove(set: PartSet): void {
    if (this.#sets.get(set.key) !== set) return;
    this.#sets.delete(set.key);
    this.#held -= set.parts.length;
  }

  /** A set has become a message: its parts are known again until then, monotonic ms. */
  remember(set: PartSet, until: number): void {
    this.remove(set);
    this.#past.delete(set.key);
    this.#past.set(set.key, { until, checks: new Map(set.parts.map(({ sequence, check }) => [sequence, check])) });
    if (this.#past.size > PAST_MOST) this.#past.delete(this.#past.keys().next().value!);
  }

  /** Forgets what is past. */
  forget(nowMs: number): void {
    for (const [key, { until }] of this.#past) {
      if (until > nowMs) return;
      this.#past.delete(key);
    }
  }
}

/** Another text under the same number is of another message; and so is one more when the set is full. */
function fits(set: PartSet, part: HeldPart): boolean {
  const same = set.parts.find(({ sequence }) => sequence === part.sequence);
  return (same === undefined || same.check === part.check) && set.parts.length < MOST_OF_A_SET;
}

export const checkOf = (m: MessageDraft): number => crc32(m.buffer.subarray(m.textAt, m.textAt + m.textLength));

/** What parts of one message have in common. */
export function keyOf(m: MessageDraft, account: string, { reference, wide, total, by }: PartMark): string {
  const from = m.buffer.latin1Slice(m.sourceAt, m.sourceAt + m.sourceLength);
  const to = m.buffer.latin1Slice(m.destAt, m.destAt + m.destLength);
  return `${account}\0${from}\0${to}\0${by}${wide ? 16 : 8}\0${reference}\0${total}`;
}
