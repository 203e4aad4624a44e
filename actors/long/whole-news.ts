import { Fate } from '../message/ledger.ts';
import type { MessageId } from '../message/id.ts';
import type { WholeOutcome } from '../receipt/whole.ts';

/** What is known of a message that went in parts. */
export interface WholeNews {
  readonly id: MessageId;
  /** By part: its fate, 0 = not known. */
  readonly fates: Uint8Array;
  /** By part: `err:` of its receipt. */
  readonly errors: string[];
  /** Parts whose fate is known. */
  known: number;
  /** The latest news, ms since 1970. */
  doneAt: number;
  /** The messages that told it: settled with the whole. */
  readonly ids: MessageId[];
  /** When to look whether the whole is still there, monotonic ms. */
  lookAt: number;
  /** It is being concluded. */
  concluding: boolean;
  /** Too many wait: what is known has to do. */
  givenUp: boolean;
}

/** News of the parts of one worker's messages, by message. No I/O, no clock. */
export class NewsOfWholes {
  readonly #wholes = new Map<MessageId, WholeNews>();

  get size(): number {
    return this.#wholes.size;
  }
  /** The oldest first. */
  get all(): Iterable<WholeNews> {
    return this.#wholes.values();
  }

  get(id: MessageId): WholeNews | undefined {
    return this.#wholes.get(id);
  }

  /**
   * Adds what message `told` says of part `part` (from 1) of `parts`. Told twice it counts once.
   *
   * @param lookAt for the first news of a message, `WholeNews.lookAt`
   */
  add(
    id: MessageId,
    part: number,
    parts: number,
    fate: Fate,
    error: string,
    doneAt: number,
    told: MessageId,
    lookAt: number,
  ): WholeNews {
    let news = this.#wholes.get(id);
    if (!news) {
      news = {
        id,
        fates: new Uint8Array(parts),
        errors: [],
        known: 0,
        doneAt: 0,
        ids: [],
        lookAt,
        concluding: false,
        givenUp: false,
      };
      this.#wholes.set(id, news);
    }
    news.ids.push(told);
    if (part > news.fates.length || news.fates[part - 1] !== 0) return news;
    news.fates[part - 1] = fate;
    news.errors[part - 1] = error;
    news.known++;
    news.doneAt = Math.max(news.doneAt, doneAt);
    return news;
  }

  delete(id: MessageId): void {
    this.#wholes.delete(id);
  }
}

/**
 * What became of a message whose parts have these fates: it has failed as the first part that has; else it is sent, if
 * of some part no more will be known than that; else it is delivered. While a fate is missing that will not come any more,
 * what became of the whole is unknown.
 *
 * @param nowMs ms since 1970, when nothing is known
 */
export function outcomeOf(news: WholeNews | undefined, parts: number, nowMs: number): WholeOutcome {
  const fates = news?.fates ?? new Uint8Array(parts);
  let delivered = 0;
  let failed = -1;
  let sent = false;
  for (let i = 0; i < fates.length; i++) {
    const fate = fates[i]!;
    if (fate === Fate.delivered) delivered++;
    else if (fate === Fate.sent) sent = true;
    else if (fate !== 0 && fate !== Fate.accepted && failed < 0) failed = i;
  }
  const doneAt = news?.doneAt || nowMs;
  const end = { delivered, parts: fates.length, doneAt };
  if (failed >= 0) return { ...end, fate: fates[failed] as Fate, error: news!.errors[failed]! };
  if ((news?.known ?? 0) < fates.length) return { ...end, fate: Fate.unknown, error: '000' };
  return { ...end, fate: sent ? Fate.sent : delivered === fates.length ? Fate.delivered : Fate.accepted, error: '000' };
}
