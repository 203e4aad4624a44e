import type { Submitter } from '../../actors/batch/batch-actor.ts';
import type { MessageId } from '../../actors/message/id.ts';

/** What became of a message that was handed in. */
export type Outcome =
  /** Flushed. */
  | { readonly type: 'accepted'; readonly id: MessageId; readonly acceptedAt: number }
  /** Nothing was kept. `status`: a command_status. */
  | { readonly type: 'refused'; readonly status: number }
  /** Whether it was kept is not known: no answer is right. */
  | { readonly type: 'in-doubt' };

/** What is counted of requests and messages, by plain additions. */
export interface SubmitCounters {
  accepted: number;
  refused: number;
}

/** Requests that wait for their commit. */
export class RequestSubmitter implements Submitter {
  readonly #counters: SubmitCounters;
  readonly #waiting: (((outcome: Outcome) => void) | undefined)[] = [];
  readonly #free: number[] = [];

  constructor(counters: SubmitCounters) {
    this.#counters = counters;
  }

  get waiting(): number {
    return this.#waiting.length - this.#free.length;
  }

  /** @param hand gives the message to the intake under this token, and returns what it returned */
  submit(hand: (token: number) => number): Promise<Outcome> {
    return new Promise(resolve => {
      const token = this.#free.pop() ?? this.#waiting.length;
      this.#waiting[token] = resolve;
      const status = hand(token);
      if (status !== 0) this.refused(token, status);
    });
  }

  accepted(token: number, id: MessageId, acceptedAt = 0): void {
    this.#counters.accepted++;
    this.#settle(token, { type: 'accepted', id, acceptedAt });
  }

  refused(token: number, status: number): void {
    this.#counters.refused++;
    this.#settle(token, { type: 'refused', status });
  }

  inDoubt(token: number): void {
    this.#settle(token, { type: 'in-doubt' });
  }

  #settle(token: number, outcome: Outcome): void {
    const resolve = this.#waiting[token];
    this.#waiting[token] = undefined;
    this.#free.push(token);
    resolve?.(outcome);
  }
}
