import type { Actor } from '../../runtime/actor.ts';
import type { Submitter } from '../batch/batch-actor.ts';
import { LedgerWriter } from '../message/ledger.ts';
import type { LedgerFrame, MessageStore } from '../ports.ts';
import { JustSent } from './just-sent.ts';

/** Whoever holds a window slot until the settle of its message is flushed. */
export interface SlotHolder {
  /** The settle is on disk: the slot is free. */
  release(slot: number): void;
}

/** What has gathered and is on its way to the disk: slots of who holds them. */
interface Slots {
  readonly holders: SlotHolder[];
  readonly slots: number[];
}

/** What has gathered, for a commit of somebody else's. */
export interface Along {
  readonly frames: readonly LedgerFrame[];
  /** To be told what became of that commit, once. */
  readonly submitter: Submitter;
}

export type SettlerMessage = { readonly type: 'changed' } | { readonly type: 'flushed'; readonly slots: Slots };

export interface SettlerDeps {
  readonly store: Pick<MessageStore, 'settle'>;
  /** Receipts have come that are about to be committed: what has gathered goes with them (`along`). */
  readonly receiptsDue: () => boolean;
  /** The store did not answer: nothing settled can be promised any more, so this thread must end. */
  readonly failed: (error: unknown) => void;
  readonly self: { tell(message: SettlerMessage): boolean };
}

/**
 * Gathers what happened to messages in this worker, by destination, and has the store flush it: one frame a turn for
 * hundreds of messages, by itself or together with the receipts of the turn. Window slots are released with the flush, not
 * before: that bounds what a crash sends twice.
 */
export class Settler implements Actor<SettlerMessage> {
  /** The messages among those gathered that await a receipt. */
  readonly justSent = new JustSent();
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
    this.#flushed(message.slots);
  }

  turnEnd(): void {
    if (!this.#deps.receiptsDue()) this.handOver();
  }

  /** Gives what has gathered to the caller, who commits it; undefined when nothing has. */
  along(): Along | undefined {
    if (this.#pending === 0) return undefined;
    const frames = this.#frames();
    const slots = this.#taken();
    const ended = (): void => void this.#inFlight--;
    // Refused, or in doubt: what was sent may be sent again, so its slots are not free. The thread or the node is ending.
    return { frames, submitter: { accepted: () => this.#flushed(slots), refused: ended, inDoubt: ended } };
  }

  /**
   * Gives the store what has gathered: from then on a receipt finds the message it is about. The flush is the store's, one
   * for all that come while the last is under way.
   */
  handOver(): void {
    if (this.#pending === 0) return;
    const frames = this.#frames();
    const slots = this.#taken();
    const { store, self, failed } = this.#deps;
    store.settle(frames).then(() => self.tell({ type: 'flushed', slots }), failed);
  }

  #frames(): LedgerFrame[] {
    const frames: LedgerFrame[] = [];
    for (const [destination, writer] of this.#writers) {
      if (writer.count > 0) frames.push({ destination, entries: writer.take() });
    }
    return frames;
  }

  #taken(): Slots {
    const slots = this.#slots;
    this.#slots = { holders: [], slots: [] };
    this.#pending = 0;
    this.#inFlight++;
    this.justSent.clear();
    return slots;
  }

  #flushed({ holders, slots }: Slots): void {
    this.#inFlight--;
    for (let i = 0; i < holders.length; i++) holders[i]!.release(slots[i]!);
  }
}

const CHANGED: SettlerMessage = { type: 'changed' };
