import { destOf, R } from '../message/record.ts';
import type { Delivery } from './delivery.ts';

/** A session, as far as it matters by which a message left. */
export interface Way {
  room(): number;
}

export interface Held<W> {
  readonly delivery: Delivery;
  readonly index: number;
  /** The part before it left by this session; undefined: any will do. */
  readonly way: W | undefined;
}

interface Line<W> {
  /** What was sent and is not answered; undefined: nothing. */
  sent: { readonly delivery: Delivery; readonly index: number } | undefined;
  way: W | undefined;
  readonly waiting: { readonly delivery: Delivery; readonly index: number }[];
}

/**
 * Two messages to one number are never both unanswered (feature B09): the next one waits here until the last one has its
 * answer, so a number gets its messages in their order. For carriers that ask for it; all others know nothing of it.
 */
export class OnePerNumber<W extends Way> {
  readonly #lines = new Map<string, Line<W>>();
  /** Numbers whose next message may go. */
  readonly #free = new Set<string>();
  #waiting = 0;

  /** Messages that wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /** A message is about to leave. @returns true: it waits here instead, behind what was sent to its number before */
  holds(delivery: Delivery, index: number): boolean {
    const line = this.#lines.get(numberOf(delivery, index));
    if (!line) return false;
    line.waiting.push({ delivery, index });
    this.#waiting++;
    return true;
  }

  sent(delivery: Delivery, index: number, way: W): void {
    const number = numberOf(delivery, index);
    const line = this.#lines.get(number);
    if (line) Object.assign(line, { sent: { delivery, index }, way });
    else this.#lines.set(number, { sent: { delivery, index }, way, waiting: [] });
  }

  /** It has its answer, or none will come. What is about a message that was not sent changes nothing. */
  ended(delivery: Delivery, index: number): void {
    const number = numberOf(delivery, index);
    const line = this.#lines.get(number);
    if (line?.sent?.delivery !== delivery || line.sent.index !== index) return;
    line.sent = undefined;
    if (line.waiting.length > 0) this.#free.add(number);
    else this.#lines.delete(number);
  }

  /** Gives each message that may go now to `send`, which says whether it went: false ends it, for lack of room. */
  each(send: (held: Held<W>) => 'sent' | 'concluded' | 'no-room'): void {
    for (const number of this.#free) {
      const line = this.#lines.get(number)!;
      while (line.sent === undefined && line.waiting.length > 0) {
        const { delivery, index } = line.waiting[0]!;
        const outcome = send({ delivery, index, way: partOf(delivery, index) > 1 ? line.way : undefined });
        if (outcome === 'no-room') return;
        line.waiting.shift();
        this.#waiting--;
      }
      this.#free.delete(number);
      if (line.sent === undefined) this.#lines.delete(number);
    }
  }

  /** Takes out the messages that wait and are like this. */
  take(isLike: (delivery: Delivery) => boolean): { readonly delivery: Delivery; readonly index: number }[] {
    const taken: { delivery: Delivery; index: number }[] = [];
    for (const [number, line] of this.#lines) {
      for (let i = 0; i < line.waiting.length;) {
        if (isLike(line.waiting[i]!.delivery)) taken.push(...line.waiting.splice(i, 1));
        else i++;
      }
      if (line.waiting.length > 0) continue;
      this.#free.delete(number);
      if (line.sent === undefined) this.#lines.delete(number);
    }
    this.#waiting -= taken.length;
    return taken;
  }
}

const numberOf = (delivery: Delivery, index: number): string => destOf(delivery.batch.buffer, delivery.at(index));
const partOf = (delivery: Delivery, index: number): number => delivery.batch.buffer[delivery.at(index) + R.part]!;
