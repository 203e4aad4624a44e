import type { BatchState } from './batch-state.ts';
import type { Outbox } from './outbox.ts';

/** Settled messages that are kept so that whoever asks can hear of their fate, at most. */
const SETTLED_KEPT = 2048;
/** Messages that go at once: one commit. */
const DISCARD_AT_ONCE = 65_536;

/**
 * Where there is no archive: what was settled when it was aged last goes without a trace, what is more than SETTLED_KEPT
 * goes at once. Of batches that wait for receipts only what a receipt needs is kept on.
 */
export class Discarding {
  readonly #outbox: Outbox;
  #aging = 0;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  /** Hands out what goes. @param aged false: only what is too much */
  take(owner: number, aged: boolean): { readonly state: BatchState; readonly due: Uint8Array }[] {
    const outbox = this.#outbox;
    const most = Math.max(outbox.messages - SETTLED_KEPT, aged ? this.#aging : 0);
    const taken: { state: BatchState; due: Uint8Array }[] = [];
    outbox.takeComplete(Math.min(most, DISCARD_AT_ONCE), owner, taken);
    outbox.takeLingering(DISCARD_AT_ONCE, owner, taken);
    const going = taken.reduce((sum, { state }) => sum + state.count, 0);
    this.#aging = aged ? outbox.messages - going : Math.max(0, this.#aging - going);
    return taken;
  }
}
