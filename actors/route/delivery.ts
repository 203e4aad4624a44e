import type { Batch } from '../message/batch.ts';
import { messageId, type MessageId } from '../message/id.ts';
import type { Tenure } from '../ports.ts';

/** Messages of one batch that this worker has claimed and dispatches: what RouteActors and windows refer to. */
export class Delivery {
  readonly batch: Batch;
  /** Failed attempts so far, by index; empty = none. */
  readonly attempts: Uint8Array;
  /** As `Claimed` has it. */
  readonly tenure: Tenure | undefined;
  /** Its place in `Deliveries`. */
  place = 0;
  /** Messages whose fate is not decided yet. */
  left: number;
  /** Called when `left` has reached 0. */
  done: (() => void) | undefined;

  constructor(batch: Batch, attempts: Uint8Array, left: number, tenure?: Tenure) {
    this.batch = batch;
    this.attempts = attempts;
    this.tenure = tenure;
    this.left = left;
  }

  id(index: number): MessageId {
    return messageId(this.batch.number, index);
  }

  at(index: number): number {
    return this.batch.offsets[index]!;
  }

  attemptsOf(index: number): number {
    return this.attempts[index] ?? 0;
  }
}

/** The deliveries of a worker by a small number: a window keeps two numbers a message, not an object. */
export class Deliveries {
  readonly #places: (Delivery | undefined)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#places.length - this.#free.length;
  }

  add(delivery: Delivery): void {
    const place = this.#free.pop() ?? this.#places.length;
    this.#places[place] = delivery;
    delivery.place = place;
  }

  get(place: number): Delivery {
    return this.#places[place]!;
  }

  /** One more message of it has its fate, or was given back. */
  fated(delivery: Delivery): void {
    if (--delivery.left > 0) return;
    this.#places[delivery.place] = undefined;
    this.#free.push(delivery.place);
    delivery.done?.();
  }
}
