import type { Actor } from '../../runtime/actor.ts';
import { LedgerWriter } from '../message/ledger.ts';
import type { LedgerFrame, MessageStore } from '../ports.ts';

/** Whoever holds a window slot until the settle of its message is flushed. */
export interface SlotHolder {
  /** The settle is on disk: the slot is free. */
  release(slot: number): void;
}

interface Slots {
  readonly holders: SlotHolder[];
  readonly slots: number[];
}

export type SettlerMessage = { readonly type: 'changed' } | { readonly type: 'flushed'; readonly slots: Slots };

export interface SettlerDeps {
  readonly store: Pick<MessageStore, 'settle'>;
  /** The store did not answer: nothing settled can be promised any more, so this thread must end. */
  readonly failed: (error: unknown) => void;
  readonly self: { tell(message: SettlerMessage): boolean };
}

/**
 * Gathers what happened to messages in this worker, by destination, and has the store flush it: one frame a turn for
 * hundreds of messages. Window slots are released with the flush, not before: that bounds what a crash sends twice.
 */
export class Settler implements Actor<SettlerMessage> {
  readonly #deps: SettlerDeps;
  readonly #writers = new Map<string, LedgerWriter>();
  #slots: Slots = { holders: [], slots: [] };
  #pending = 0;
  #inFlight = 0;
  #told = false;

  constructor(deps: SettlerDeps) {
    this.#deps = deps;
  }

  /** True while something is not flushed. */
  get busy(): boolean {
    return this.#pending > 0 || this.#inFlight > 0;
  }

  /** The ledger of a destination; the caller adds one entry, then calls `added`. */
  writer(destination: string): LedgerWriter {
    let writer = this.#writers.get(destination);
    if (!writer) this.#writers.set(destination, (writer = new LedgerWriter()));
    return writer;
  }

  /** @param slot released when the entry is flushed; -1 when none is held */
  added(holder: SlotHolder | undefined, slot: number): void {
    this.#pending++;
    if (holder && slot >= 0) {
      this.#slots.holders.push(holder);
      this.#slots.slots.push(slot);
    }
    if (this.#told) return;
    this.#told = true;
    this.#deps.self.tell(CHANGED);
  }

  receive(message: SettlerMessage): void {
    if (message.type === 'changed') {
      this.#told = false;
      return;
    }
    this.#inFlight--;
    const { holders, slots } = message.slots;
    for (let i = 0; i < holders.length; i++) holders[i]!.release(slots[i]!);
  }

  turnEnd(): void {
    this.handOver();
  }

  /**
   * Gives the store what has gathered: from then on a receipt finds the message it is about. The flush is the store's, one
   * for all that come while the last is under way.
   */
  handOver(): void {
    if (this.#pending === 0) return;
    const frames: LedgerFrame[] = [];
    for (const [destination, writer] of this.#writers) {
      if (writer.count > 0) frames.push({ destination, entries: writer.take() });
    }
    const slots = this.#slots;
    this.#slots = { holders: [], slots: [] };
    this.#pending = 0;
    this.#inFlight++;
    const { store, self, failed } = this.#deps;
    store.settle(frames).then(() => self.tell({ type: 'flushed', slots }), failed);
  }
}

const CHANGED: SettlerMessage = { type: 'changed' };
