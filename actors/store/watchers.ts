import { batchNumberOf, indexOf, type MessageId } from '../message/id.ts';
import type { FoundMessage } from '../ports.ts';
import { Standing, type BatchState } from './batch-state.ts';

/** Told of a message's last fate, in the turn in which it is recorded; not flushed yet. */
export type Watcher = (found: FoundMessage | undefined) => void;

/** Whoever waits for the last fate of single messages. Costs one look per recorded frame while nobody does. */
export class Watchers {
  readonly #find: (id: MessageId) => FoundMessage | undefined;
  readonly #watched = new Map<MessageId, Watcher[]>();

  constructor(find: (id: MessageId) => FoundMessage | undefined) {
    this.#find = find;
  }

  get isEmpty(): boolean {
    return this.#watched.size === 0;
  }

  add(id: MessageId, watcher: Watcher): void {
    const others = this.#watched.get(id);
    if (others) others.push(watcher);
    else this.#watched.set(id, [watcher]);
  }

  delete(id: MessageId, watcher: Watcher): void {
    const left = this.#watched.get(id)?.filter(other => other !== watcher) ?? [];
    if (left.length > 0) this.#watched.set(id, left);
    else this.#watched.delete(id);
  }

  /** Something was recorded about messages of this batch. */
  look(state: BatchState): void {
    for (const [id, watchers] of this.#watched) {
      if (batchNumberOf(id) !== state.number || !hasLastFate(state, indexOf(id))) continue;
      this.#watched.delete(id);
      const found = this.#find(id);
      for (const watcher of watchers) watcher(found);
    }
  }
}

export function hasLastFate(state: BatchState, index: number): boolean {
  const standing = state.standing[index];
  return standing === Standing.final || standing === Standing.done || standing === Standing.receiptDue;
}
