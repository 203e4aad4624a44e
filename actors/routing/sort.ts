/**
 * Sorting rules by many small keys: one stable counting pass a key, the least significant first. A million rules sort in
 * the time that a comparator would need for a few ten thousand.
 */

/** An order of 0 … n-1 that `pass` refines. */
export class RadixOrder {
  /** Position → element. */
  order: Int32Array;
  #spare: Int32Array;
  readonly #keys: Int32Array;

  constructor(length: number) {
    this.order = new Int32Array(length);
    for (let i = 0; i < length; i++) this.order[i] = i;
    this.#spare = new Int32Array(length);
    this.#keys = new Int32Array(length);
  }

  /** Sorts by `key(element)`, 0 to `buckets` - 1; elements with equal keys keep their order. */
  pass(buckets: number, key: (element: number) => number): void {
    const { order } = this;
    const keys = this.#keys;
    const starts = new Int32Array(buckets + 1);
    for (let i = 0; i < order.length; i++) {
      const k = key(order[i]!);
      keys[i] = k;
      starts[k + 1]!++;
    }
    if (order.length === 0 || starts[keys[0]! + 1] === order.length) return;
    for (let k = 1; k <= buckets; k++) starts[k]! += starts[k - 1]!;
    const sorted = this.#spare;
    for (let i = 0; i < order.length; i++) sorted[starts[keys[i]!]!++] = order[i]!;
    this.#spare = order;
    this.order = sorted;
  }
}
