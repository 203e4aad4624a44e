import { Standing, type BatchState } from './batch-state.ts';

/**
 * Which batches have rows for the archive. A batch whose messages all have their fate goes at once; one that still waits
 * (for receipts, retries, a carrier) goes after a linger, with what it has, and comes again for the rest.
 */
export class Outbox {
  readonly #lingerMs: number;
  readonly #monotonic: () => number;
  readonly #complete = new Set<BatchState>();
  /** In the order in which their first message was settled. */
  readonly #lingering = new Set<BatchState>();
  #handedOut = 0;
  /** In batches whose messages all have their fate, or that were handed out. */
  #messages = 0;

  constructor(lingerMs: number, monotonic: () => number) {
    this.#lingerMs = lingerMs;
    this.#monotonic = monotonic;
  }

  /** Looks at a batch again after something happened to it. */
  consider(state: BatchState): void {
    if (state.receipts || state.handedOut || !state.durable) return;
    let open = 0;
    let due = 0;
    for (let i = 0; i < state.count; i++) {
      const standing = state.standing[i]!;
      if (standing === Standing.final || standing === Standing.receiptDue) due++;
      else if (standing !== Standing.done && standing !== Standing.awaitingArchived) open++;
      if (standing === Standing.awaiting) due++;
    }
    if (due === 0) return;
    if (open === 0) {
      this.#lingering.delete(state);
      if (!this.#complete.has(state)) this.#messages += state.count;
      this.#complete.add(state);
    } else if (state.settledAt === 0) {
      state.settledAt = this.#monotonic();
      this.#lingering.add(state);
    }
  }

  /** Hands out to a claimant batches with up to about `maxMessages` rows due. */
  take(maxMessages: number, owner: number): { state: BatchState; due: Uint8Array }[] {
    const taken: { state: BatchState; due: Uint8Array }[] = [];
    const left = this.takeComplete(maxMessages, owner, taken);
    this.takeLingering(left, owner, taken);
    return taken;
  }

  /** Those whose messages all have their fate, longest ago first. Returns how many messages more there could be. */
  takeComplete(maxMessages: number, owner: number, taken: { state: BatchState; due: Uint8Array }[]): number {
    let left = maxMessages;
    for (const state of this.#complete) {
      if (left <= 0) return left;
      this.#complete.delete(state);
      this.#messages -= state.count;
      left -= this.#hand(state, owner, taken);
    }
    return left;
  }

  /** Those that have lingered long enough. */
  takeLingering(maxMessages: number, owner: number, taken: { state: BatchState; due: Uint8Array }[]): void {
    let left = maxMessages;
    const settledBefore = this.#monotonic() - this.#lingerMs;
    for (const state of this.#lingering) {
      if (left <= 0 || state.settledAt > settledBefore) return;
      this.#lingering.delete(state);
      left -= this.#hand(state, owner, taken);
    }
  }

  /** The archive has these rows: each of the messages moves on from where it stood when it was handed out. */
  archived(state: BatchState, due: Uint8Array): void {
    const handed = state.handedOut;
    if (!handed) return;
    for (let i = 0; i < state.count; i++) {
      if (due[i] !== 1) continue;
      if (handed[i] !== Standing.awaiting) state.standing[i] = Standing.done;
      // Its receipt came while the row without it was being written: the receipt goes next.
      else if (state.standing[i] === Standing.final) state.standing[i] = Standing.receiptDue;
      else state.standing[i] = Standing.awaitingArchived;
    }
    this.giveBack(state);
  }

  /** Not written: it is offered again. */
  giveBack(state: BatchState): void {
    this.#takeBack(state);
    state.settledAt = 0;
    this.consider(state);
  }

  forget(state: BatchState): void {
    if (this.#complete.delete(state)) this.#messages -= state.count;
    this.#lingering.delete(state);
    this.#takeBack(state);
  }

  #takeBack(state: BatchState): void {
    if (state.handedOut) {
      this.#handedOut--;
      this.#messages -= state.count;
    }
    state.handedOut = undefined;
  }

  /** Messages that the archive has not yet, without those of batches that linger. */
  get messages(): number {
    return this.#messages;
  }

  waiting(): { batches: number; messages: number } {
    return { batches: this.#complete.size + this.#lingering.size + this.#handedOut, messages: this.#messages };
  }

  #hand(state: BatchState, owner: number, taken: { state: BatchState; due: Uint8Array }[]): number {
    const due = new Uint8Array(state.count);
    let count = 0;
    for (let i = 0; i < state.count; i++) {
      const standing = state.standing[i];
      if (standing !== Standing.final && standing !== Standing.receiptDue && standing !== Standing.awaiting) continue;
      due[i] = 1;
      count++;
    }
    state.handedOut = Uint8Array.from(state.standing);
    state.handedTo = owner;
    this.#handedOut++;
    this.#messages += state.count;
    taken.push({ state, due });
    return count;
  }
}
