import type { MessageStore, OutboxItem } from '../../actors/ports.ts';

/**
 * The outbox part of a message store, in memory, with the port's rules: what was given out is not given again until it
 * failed or the store was started anew.
 */
export class TestOutbox implements Pick<MessageStore, 'outbox' | 'archived' | 'outboxFailed'> {
  readonly waiting: OutboxItem[] = [];
  readonly given = new Map<number, OutboxItem>();
  /** Numbers in the order in which they were archived. */
  readonly done: number[] = [];
  /** Called with what is about to be given out. */
  onGive: (items: readonly OutboxItem[]) => void = () => undefined;
  readonly #mostBatches: number;

  constructor(items: readonly OutboxItem[], mostBatches = Infinity) {
    this.waiting.push(...items);
    this.#mostBatches = mostBatches;
  }

  get empty(): boolean {
    return this.waiting.length === 0 && this.given.size === 0;
  }

  async outbox(maxMessages: number): Promise<readonly OutboxItem[]> {
    let messages = 0;
    let count = 0;
    while (count < this.waiting.length && count < this.#mostBatches) {
      messages += this.waiting[count]!.due.reduce((sum, bit) => sum + bit, 0);
      if (messages > maxMessages) break;
      count++;
    }
    const items = this.waiting.splice(0, count);
    for (const item of items) this.given.set(item.number, item);
    if (items.length > 0) this.onGive(items);
    return items;
  }

  async archived(items: readonly { number: number; due: Uint8Array }[]): Promise<void> {
    for (const { number } of items) {
      if (!this.given.delete(number)) throw new Error(`batch ${number} was not given out`);
      this.done.push(number);
    }
  }

  async outboxFailed(numbers: readonly number[]): Promise<void> {
    for (const number of numbers) {
      const item = this.given.get(number);
      if (!item) throw new Error(`batch ${number} was not given out`);
      this.given.delete(number);
      this.waiting.push(item);
    }
  }
}
