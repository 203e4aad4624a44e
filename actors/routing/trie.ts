import { CALLING_ROOT, LABEL_LIMIT, LABEL_SHIFT, N, NO_PAYLOAD, NO_RANK } from './compiled.ts';
import { PREFIX_LIMIT } from './table.ts';

/** Octets a prefix takes in a `Prefixes`. A multiple of 3, so that sorting takes three digits a pass. */
export const STRIDE = 21;

/** One prefix a rule: its digits as 1 to 10, then 0s (so that a prefix sorts before what it is a prefix of). */
export class Prefixes {
  readonly octets: Uint8Array;
  readonly lengths: Uint8Array;
  longest = 0;

  constructor(rules: number) {
    this.octets = new Uint8Array(rules * STRIDE);
    this.lengths = new Uint8Array(rules);
  }

  set(rule: number, digits: string): void {
    const at = rule * STRIDE;
    for (let i = 0; i < digits.length; i++) this.octets[at + i] = digits.charCodeAt(i) - 47;
    this.lengths[rule] = digits.length;
    if (digits.length > this.longest) this.longest = digits.length;
  }
}

/**
 * Builds the nodes of all tries of a table. Level by level, so that a node's children lie side by side; `Range`s say which
 * part of the sorted rules a node stands for.
 */
export class TrieBuilder {
  /** N.words words a node. */
  words = new Int32Array(4096);
  count = 0;
  /** 1 for the entries that are the last of their group. */
  readonly lastOfGroup: Uint8Array;
  /** From, to (exclusive), digits consumed before the node's label, 1 in a trie of calling prefixes. */
  #ranges = new Int32Array(4096);
  readonly #order: Int32Array;
  readonly #called: Prefixes;
  readonly #calling: Prefixes;
  readonly #rank: Int32Array;
  #done = 0;

  /** @param order the rules sorted by partition, called prefix, calling prefix, rank */
  constructor(order: Int32Array, called: Prefixes, calling: Prefixes, rank: Int32Array) {
    this.#order = order;
    this.#called = called;
    this.#calling = calling;
    this.#rank = rank;
    this.lastOfGroup = new Uint8Array(order.length);
  }

  /** Adds the trie of the rules at `from` to `to` (exclusive), which are one partition; returns its root. */
  add(from: number, to: number): number {
    const root = this.#push(from, to, 0, 0);
    while (this.#done < this.count) this.#fill(this.#done++);
    return root;
  }

  #fill(node: number): void {
    const from = this.#ranges[node * 4]!;
    const to = this.#ranges[node * 4 + 1]!;
    const depth = this.#ranges[node * 4 + 2]!;
    const mode = this.#ranges[node * 4 + 3]!;
    const { octets, lengths } = mode === 0 ? this.#called : this.#calling;
    const order = this.#order;
    const first = order[from]! * STRIDE;
    const last = order[to - 1]! * STRIDE;
    const digits = Math.min(LABEL_LIMIT, commonDigits(octets, first, last, depth) - depth);
    const end = depth + digits;
    let label = 0;
    for (let i = 0; i < digits; i++) label |= (octets[first + depth + i]! - 1) << (i * 4);

    let at = from;
    while (at < to && lengths[order[at]!] === end) at++;
    const ownEnd = at;
    let goesOn = 0;
    const firstChild = this.count;
    while (at < to) {
      const digit = octets[order[at]! * STRIDE + end]!;
      const start = at;
      while (at < to && octets[order[at]! * STRIDE + end] === digit) at++;
      goesOn |= 1 << (digit - 1);
      this.#push(start, at, end + 1, mode);
    }
    const payload = ownEnd === from ? NO_PAYLOAD : this.#payload(from, ownEnd, mode);
    const words = this.words;
    words[node * N.words + N.head] = goesOn | (digits << LABEL_SHIFT);
    words[node * N.words + N.label] = label;
    words[node * N.words + N.firstChild] = firstChild;
    words[node * N.words + N.payload] = payload;
    words[node * N.words + N.rank] = this.#lowestRank(from, ownEnd);
  }

  /** What the rules `from` to `to`, whose prefix ends at this node, are reached by. */
  #payload(from: number, to: number, mode: number): number {
    // Sorted by calling prefix: when the last one has none, none has.
    if (mode === 0 && this.#calling.lengths[this.#order[to - 1]!] !== 0)
      return CALLING_ROOT - this.#push(from, to, 0, 1);
    this.lastOfGroup[to - 1] = 1;
    return from;
  }

  #lowestRank(from: number, to: number): number {
    let lowest = NO_RANK;
    for (let i = from; i < to; i++) lowest = Math.min(lowest, this.#rank[this.#order[i]!]!);
    return lowest;
  }

  #push(from: number, to: number, depth: number, mode: number): number {
    const node = this.count++;
    if (this.count * N.words > this.words.length) this.words = grown(this.words);
    if (this.count * 4 > this.#ranges.length) this.#ranges = grown(this.#ranges);
    this.#ranges[node * 4] = from;
    this.#ranges[node * 4 + 1] = to;
    this.#ranges[node * 4 + 2] = depth;
    this.#ranges[node * 4 + 3] = mode;
    return node;
  }
}

/** How many digits the prefixes at `a` and `b` share, given that they share `known`. */
function commonDigits(octets: Uint8Array, a: number, b: number, known: number): number {
  let digits = known;
  while (digits < PREFIX_LIMIT && octets[a + digits] !== 0 && octets[a + digits] === octets[b + digits]) digits++;
  return digits;
}

function grown(words: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(words.length * 2);
  larger.set(words);
  return larger;
}
