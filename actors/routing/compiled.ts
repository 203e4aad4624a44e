import type { Charged, RouteAction } from './table.ts';

/**
 * A compiled routing table: one block of shared memory that every worker thread reads. Attaching to it costs the same
 * for ten rules and for a million. Words are 32-bit, of this machine's byte order: the block is never stored or sent to
 * another machine.
 *
 *     header   HEADER_WORDS words (H)
 *     nodes    5 words a trie node (N): digits of a prefix; up to 7 digits that only one way leads through are one label
 *     entries  5 words a rule that is enabled (E), grouped by (partition, called prefix, calling prefix), in each group
 *              by rank; the last of a group is marked
 *     rules    3 words a rule (U), in table order
 *     parts    3 words a slot: account, source, root node + 1 (0 = free slot); open addressing over both names
 *     names    1 word a slot: string + 1 (0 = free slot); open addressing over the string's hash
 *     strings  1 word a string: where its octets start, and one more word for the end of the last
 *     octets   the strings in UTF-8. String 0 is ''.
 *
 * A partition holds the rules of one (account, source SMSC), either of which may be "any": a message is looked up in at
 * most four of them. Each has a trie of called prefixes. A node's payload leads to a group of entries, or, where rules
 * with this called prefix give calling prefixes too, to the root of a trie of those.
 */
export const H = {
  version: 0,
  routes: 1,
  entriesAt: 2,
  rulesAt: 3,
  partsAt: 4,
  partSlots: 5,
  namesAt: 6,
  nameSlots: 7,
  stringsAt: 8,
  octetsAt: 9,
  nodes: 10,
  readsSender: 11,
} as const;
export const HEADER_WORDS = 16;

/** `head`: bits 0 to 9, which digits go on; from LABEL_SHIFT on, octets of the label. `label`: 4 bits a digit, first lowest.
 * `rank`: the lowest of the rules that the payload leads to. */
export const N = { head: 0, label: 1, firstChild: 2, payload: 3, rank: 4, words: 5 } as const;
export const LABEL_SHIFT = 10;
export const LABEL_LIMIT = 7;
/** Payloads: ≥ 0 an entry, -1 none, otherwise CALLING_ROOT - the node that is the root of the calling trie. */
export const NO_PAYLOAD = -1;
export const CALLING_ROOT = -2;

/** Higher than every rank. */
export const NO_RANK = 0x3fff_ffff;

/** `weight`: bits 0 to 15, and LAST_OF_GROUP. `sourceType`, `sender`: strings, 0 = any. */
export const E = { rank: 0, rule: 1, weight: 2, sourceType: 3, sender: 4, words: 5 } as const;
export const LAST_OF_GROUP = 0x1_0000;

/** `action`: bits 0 to 2 an ACTIONS index, 3 to 4 a CHARGED index. `value`: a string, or a command_status. */
export const U = { rank: 0, action: 1, value: 2, words: 3 } as const;
export const ACTIONS = ['forward', 'auto-reply', 'drop', 'reject'] as const satisfies readonly RouteAction['type'][];
export const FORWARD = 0;
export const CHARGED = ['default', 'yes', 'no'] as const satisfies readonly Charged[];
export const CHARGED_SHIFT = 3;

/**
 * What rules are ordered by: the lower the rank, the earlier. Equal ranks share by weight. 29 bits.
 *
 * @param specific how many of the fields that narrow the source are given, 0 to 4
 */
export function rankOf(priority: number, calledDigits: number, callingDigits: number, specific: number): number {
  return (priority << 13) | ((31 - calledDigits) << 8) | ((31 - callingDigits) << 3) | (7 - specific);
}

/** FNV-1a over the string's UTF-16 units. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

export function hashPair(account: number, source: number): number {
  let hash = Math.imul(account, 0x9e3779b1) ^ Math.imul(source, 0x85ebca77);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}

/** Where a message comes from, resolved for one compiled table: make it once per session and table, not per message. */
export interface Origin {
  /** Root nodes of the partitions to look in: 0 to 4. */
  readonly roots: Int32Array;
  /** String of the source type; 0 when no rule names it. */
  readonly sourceType: number;
}

export interface OriginNames {
  readonly account?: string | undefined;
  readonly sourceSmsc?: string | undefined;
  readonly sourceType?: string | undefined;
}

/** A thread's view of a compiled table. Rules are given by index here: rule number - 1. */
export class CompiledTable {
  /** The block itself: hand this to another thread and construct its view there. */
  readonly memory: SharedArrayBuffer;
  readonly version: number;
  /** Rules in the table, disabled ones included. */
  readonly routes: number;
  /** False when no rule gives a calling prefix or a sender pattern. */
  readonly readsSender: boolean;
  readonly nodes: Int32Array;
  readonly entries: Int32Array;
  readonly rules: Int32Array;
  /** All strings' octets, and where each starts. */
  readonly octets: Uint8Array;
  readonly strings: Int32Array;
  readonly #parts: Int32Array;
  readonly #names: Int32Array;
  /** Destinations and texts as this thread has used them: few, whatever the size of the table. */
  readonly #decoded = new Map<number, string>();
  #destinations: ReadonlySet<string> | undefined;

  constructor(memory: SharedArrayBuffer) {
    const words = new Int32Array(memory, 0, HEADER_WORDS);
    const section = (from: number, to: number): Int32Array =>
      new Int32Array(memory, words[from], (words[to]! - words[from]!) / 4);
    this.memory = memory;
    this.version = words[H.version]! >>> 0;
    this.routes = words[H.routes]!;
    this.readsSender = words[H.readsSender] === 1;
    this.nodes = new Int32Array(memory, HEADER_WORDS * 4, words[H.nodes]! * N.words);
    this.entries = section(H.entriesAt, H.rulesAt);
    this.rules = section(H.rulesAt, H.partsAt);
    this.#parts = section(H.partsAt, H.namesAt);
    this.#names = section(H.namesAt, H.stringsAt);
    this.strings = section(H.stringsAt, H.octetsAt);
    this.octets = new Uint8Array(memory, words[H.octetsAt]);
  }

  origin(names: OriginNames): Origin {
    const account = this.#find(names.account);
    const source = this.#find(names.sourceSmsc);
    const roots: number[] = [];
    if (account !== 0 && source !== 0) this.#partition(account, source, roots);
    if (account !== 0) this.#partition(account, 0, roots);
    if (source !== 0) this.#partition(0, source, roots);
    this.#partition(0, 0, roots);
    return { roots: Int32Array.from(roots), sourceType: this.#find(names.sourceType) };
  }

  actionOf(rule: number): RouteAction['type'] {
    return ACTIONS[this.rules[rule * U.words + U.action]! & 7]!;
  }

  chargedOf(rule: number): Charged {
    return CHARGED[this.rules[rule * U.words + U.action]! >>> CHARGED_SHIFT]!;
  }

  /** Where a `forward` rule leads, the text of an `auto-reply`. The same string instance each time. */
  textOf(rule: number): string {
    const id = this.rules[rule * U.words + U.value]!;
    const known = this.#decoded.get(id);
    if (known !== undefined) return known;
    const text = this.#text(id);
    this.#decoded.set(id, text);
    return text;
  }

  /** All places that its rules lead to, disabled ones included. Looks through the table the first time. */
  destinations(): ReadonlySet<string> {
    if (this.#destinations) return this.#destinations;
    const values = new Map<number, number>();
    for (let rule = 0; rule < this.routes; rule++) {
      if ((this.rules[rule * U.words + U.action]! & 7) === FORWARD)
        values.set(this.rules[rule * U.words + U.value]!, rule);
    }
    this.#destinations = new Set([...values.values()].map(rule => this.textOf(rule)));
    return this.#destinations;
  }

  /** The command_status of a `reject` rule. */
  statusOf(rule: number): number {
    return this.rules[rule * U.words + U.value]! >>> 0;
  }

  #text(id: number): string {
    const from = this.strings[id]!;
    return Buffer.from(this.memory, this.octets.byteOffset + from, this.strings[id + 1]! - from).toString('utf8');
  }

  #find(name: string | undefined): number {
    if (name === undefined || name === '') return 0;
    const mask = this.#names.length - 1;
    for (let slot = hashText(name) & mask; this.#names[slot] !== 0; slot = (slot + 1) & mask) {
      const id = this.#names[slot]! - 1;
      if (this.#text(id) === name) return id;
    }
    return 0;
  }

  #partition(account: number, source: number, roots: number[]): void {
    const parts = this.#parts;
    const mask = parts.length / 3 - 1;
    for (let slot = hashPair(account, source) & mask; parts[slot * 3 + 2] !== 0; slot = (slot + 1) & mask) {
      if (parts[slot * 3] !== account || parts[slot * 3 + 1] !== source) continue;
      roots.push(parts[slot * 3 + 2]! - 1);
      return;
    }
  }
}
