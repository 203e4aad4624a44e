import type { BatchState } from './batch-state.ts';

const MINUTE_MS = 60_000;

/** Batches by the minute in which the first of their waiting messages ends its validity. */
export class ExpiryIndex {
  readonly #minutes = new Map<number, Set<BatchState>>();
  #earliest = Infinity;

  add(state: BatchState): void {
    if (!Number.isFinite(state.expiresAt)) return;
    const minute = Math.floor(state.expiresAt / MINUTE_MS);
    let states = this.#minutes.get(minute);
    if (!states) this.#minutes.set(minute, (states = new Set()));
    states.add(state);
    if (minute < this.#earliest) this.#earliest = minute;
  }

  /** It has one whose validity ends at `expiresAt`, or is to be looked at then. */
  bring(state: BatchState, expiresAt: number): void {
    if (expiresAt >= state.expiresAt) return;
    this.delete(state);
    state.expiresAt = expiresAt;
    this.add(state);
  }

  delete(state: BatchState): void {
    this.#minutes.get(Math.floor(state.expiresAt / MINUTE_MS))?.delete(state);
  }

  /** Takes out the batches with something expired at `nowMs`; the caller adds them again with their next date. */
  due(nowMs: number): BatchState[] {
    const due: BatchState[] = [];
    if (nowMs < this.#earliest * MINUTE_MS) return due;
    this.#earliest = Infinity;
    for (const [minute, states] of this.#minutes) {
      if (minute * MINUTE_MS <= nowMs) {
        for (const state of states) {
          if (state.expiresAt > nowMs) continue;
          states.delete(state);
          due.push(state);
        }
        if (states.size === 0) this.#minutes.delete(minute);
      }
      if (states.size > 0 && minute < this.#earliest) this.#earliest = minute;
    }
    return due;
  }
}
