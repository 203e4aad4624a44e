import type { BatchState } from './batch-state.ts';

interface Parked {
  readonly at: number;
  readonly state: BatchState;
  readonly index: number;
}

/** Longest a timer sleeps: setTimeout takes 2^31-1 ms at most. */
const LONGEST_SLEEP_MS = 60_000;

/** Messages put aside until they are due, on the monotonic clock: one heap and one timer for all of them. */
export class ParkedHeap {
  readonly #monotonic: () => number;
  readonly #due: (state: BatchState, index: number) => void;
  #heap: Parked[] = [];
  #timer: NodeJS.Timeout | undefined;
  #wakeAt = Infinity;

  constructor(monotonic: () => number, due: (state: BatchState, index: number) => void) {
    this.#monotonic = monotonic;
    this.#due = due;
  }

  add(state: BatchState, index: number, delayMs: number): void {
    const heap = this.#heap;
    const parked = { at: this.#monotonic() + Math.max(0, delayMs), state, index };
    let i = heap.length;
    heap.push(parked);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (heap[parent]!.at <= parked.at) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = parked;
    if (heap[0]!.at < this.#wakeAt) this.#arm();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#heap = [];
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const first = this.#heap[0];
    if (!first) {
      this.#wakeAt = Infinity;
      return;
    }
    this.#wakeAt = first.at;
    const delay = Math.min(Math.max(1, first.at - this.#monotonic()), LONGEST_SLEEP_MS);
    this.#timer = setTimeout(() => this.#wake(), delay);
  }

  #wake(): void {
    const now = this.#monotonic();
    while (this.#heap.length > 0 && this.#heap[0]!.at <= now) {
      const { state, index } = this.#pop();
      this.#due(state, index);
    }
    this.#wakeAt = Infinity;
    this.#arm();
  }

  #pop(): Parked {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let i = 0;
    for (;;) {
      let child = i * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child++;
      if (heap[child]!.at >= last.at) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
    return first;
  }
}
