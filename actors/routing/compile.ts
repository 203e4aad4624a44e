import {
  ACTIONS,
  CHARGED,
  CHARGED_SHIFT,
  E,
  H,
  HEADER_WORDS,
  LAST_OF_GROUP,
  N,
  U,
  hashPair,
  hashText,
  rankOf,
} from './compiled.ts';
import { normalizeNumber } from './normalize.ts';
import { normalizePattern } from './sender-pattern.ts';
import { RadixOrder } from './sort.ts';
import { specificity, type Route, type RouteProblem, type RoutingTable } from './table.ts';
import { Prefixes, STRIDE, TrieBuilder } from './trie.ts';
import { problemsOf } from './validate.ts';

export type CompileOutcome =
  { readonly ok: true; readonly memory: SharedArrayBuffer } | { readonly ok: false; readonly problems: RouteProblem[] };

/**
 * Compiles a table into one block of shared memory (`new CompiledTable(memory)` in each thread). The same table gives the
 * same octets. Pure and synchronous: 100,000 rules take about a tenth of a second, so call it off the threads that
 * carry traffic.
 *
 * @param destinations names that `forward` may give; absent: any
 */
export function compile(table: RoutingTable, destinations?: ReadonlySet<string>): CompileOutcome {
  const problems = problemsOf(table, destinations);
  if (problems.length > 0) return { ok: false, problems };
  const strings = new Strings();
  const columns = new Columns(table.routes, strings);
  const order = columns.sorted();
  const trie = new TrieBuilder(order, columns.called, columns.calling, columns.rank);
  const parts = partitions(columns, order, trie);
  return { ok: true, memory: layOut(table, columns, order, trie, parts, strings) };
}

/** Each distinct string once, by number; 0 is ''. */
class Strings {
  readonly texts: string[] = [''];
  readonly #ids = new Map<string, number>([['', 0]]);

  id(text: string | undefined): number {
    if (text === undefined) return 0;
    const known = this.#ids.get(text);
    if (known !== undefined) return known;
    this.#ids.set(text, this.texts.length);
    return this.texts.push(text) - 1;
  }
}

/** The enabled rules as columns of numbers. */
class Columns {
  readonly count: number;
  readonly called: Prefixes;
  readonly calling: Prefixes;
  /** Index in the table. */
  readonly rule: Int32Array;
  readonly rank: Int32Array;
  readonly weight: Int32Array;
  readonly sourceType: Int32Array;
  readonly sender: Int32Array;
  readonly partition: Int32Array;
  /** Account and source of each partition. */
  readonly pairs: { account: number; source: number }[] = [];

  constructor(routes: readonly Route[], strings: Strings) {
    let enabled = 0;
    for (const r of routes) if (r.enabled) enabled++;
    this.count = enabled;
    this.called = new Prefixes(enabled);
    this.calling = new Prefixes(enabled);
    this.rule = new Int32Array(enabled);
    this.rank = new Int32Array(enabled);
    this.weight = new Int32Array(enabled);
    this.sourceType = new Int32Array(enabled);
    this.sender = new Int32Array(enabled);
    this.partition = new Int32Array(enabled);
    const partitionIds = new Map<number, number>();
    let i = 0;
    for (let index = 0; index < routes.length; index++) {
      const r = routes[index]!;
      if (!r.enabled) continue;
      const called = normalizeNumber(r.calledPrefix);
      const calling = normalizeNumber(r.callingPrefix);
      this.called.set(i, called);
      this.calling.set(i, calling);
      this.rule[i] = index;
      this.rank[i] = rankOf(r.priority, called.length, calling.length, specificity(r));
      this.weight[i] = r.weight;
      this.sourceType[i] = strings.id(r.sourceType);
      this.sender[i] = strings.id(r.sender === undefined ? undefined : normalizePattern(r.sender));
      this.partition[i] = this.#partition(partitionIds, strings.id(r.account), strings.id(r.sourceSmsc));
      i++;
    }
  }

  #partition(ids: Map<number, number>, account: number, source: number): number {
    const key = account * 2 ** 26 + source;
    let id = ids.get(key);
    if (id === undefined) {
      id = this.pairs.push({ account, source }) - 1;
      ids.set(key, id);
    }
    return id;
  }

  /** The rules by partition, called prefix, calling prefix, rank, place in the table. */
  sorted(): Int32Array {
    const order = new RadixOrder(this.count);
    const { rank, partition } = this;
    // Within one pair of prefixes a rank differs in its priority and its lowest three bits only.
    order.pass(8, i => rank[i]! & 7);
    order.pass(256, i => (rank[i]! >>> 13) & 0xff);
    order.pass(256, i => rank[i]! >>> 21);
    sortByPrefix(order, this.calling);
    sortByPrefix(order, this.called);
    order.pass(2048, i => partition[i]! & 2047);
    order.pass(2048, i => partition[i]! >>> 11);
    return order.order;
  }
}

function sortByPrefix(order: RadixOrder, { octets, longest }: Prefixes): void {
  for (let digit = Math.ceil(longest / 3) * 3 - 3; digit >= 0; digit -= 3) {
    order.pass(1331, i => {
      const at = i * STRIDE + digit;
      return octets[at]! * 121 + octets[at + 1]! * 11 + octets[at + 2]!;
    });
  }
}

/** Builds each partition's trie; gives the root of each. */
function partitions(columns: Columns, order: Int32Array, trie: TrieBuilder): Int32Array {
  const roots = new Int32Array(columns.pairs.length);
  for (let from = 0; from < order.length;) {
    const partition = columns.partition[order[from]!]!;
    let to = from + 1;
    while (to < order.length && columns.partition[order[to]!] === partition) to++;
    roots[partition] = trie.add(from, to);
    from = to;
  }
  return roots;
}

function layOut(
  table: RoutingTable,
  columns: Columns,
  order: Int32Array,
  trie: TrieBuilder,
  roots: Int32Array,
  strings: Strings,
): SharedArrayBuffer {
  const rules = ruleWords(table.routes, strings);
  const octets = Buffer.from(strings.texts.join(''), 'utf8');
  const partSlots = slotsFor(roots.length);
  const nameSlots = slotsFor(strings.texts.length);
  const entriesAt = HEADER_WORDS + trie.count * N.words;
  const rulesAt = entriesAt + columns.count * E.words;
  const partsAt = rulesAt + rules.length;
  const namesAt = partsAt + partSlots * 3;
  const stringsAt = namesAt + nameSlots;
  const octetsAt = stringsAt + strings.texts.length + 1;

  const memory = new SharedArrayBuffer(octetsAt * 4 + octets.length);
  const words = new Int32Array(memory, 0, octetsAt);
  words[H.version] = table.version;
  words[H.routes] = table.routes.length;
  words[H.entriesAt] = entriesAt * 4;
  words[H.rulesAt] = rulesAt * 4;
  words[H.partsAt] = partsAt * 4;
  words[H.partSlots] = partSlots;
  words[H.namesAt] = namesAt * 4;
  words[H.nameSlots] = nameSlots;
  words[H.stringsAt] = stringsAt * 4;
  words[H.octetsAt] = octetsAt * 4;
  words[H.nodes] = trie.count;
  words[H.readsSender] = columns.calling.longest > 0 || columns.sender.some(pattern => pattern !== 0) ? 1 : 0;
  words.set(trie.words.subarray(0, trie.count * N.words), HEADER_WORDS);
  writeEntries(words, entriesAt, columns, order, trie.lastOfGroup);
  words.set(rules, rulesAt);
  writeParts(words.subarray(partsAt, namesAt), columns, roots);
  writeStrings(words, namesAt, nameSlots, stringsAt, strings);
  new Uint8Array(memory, octetsAt * 4).set(octets);
  return memory;
}

function writeEntries(words: Int32Array, at: number, c: Columns, order: Int32Array, last: Uint8Array): void {
  for (let i = 0; i < order.length; i++) {
    const from = order[i]!;
    const to = at + i * E.words;
    words[to + E.rank] = c.rank[from]!;
    words[to + E.rule] = c.rule[from]!;
    words[to + E.weight] = c.weight[from]! | (last[i] === 1 ? LAST_OF_GROUP : 0);
    words[to + E.sourceType] = c.sourceType[from]!;
    words[to + E.sender] = c.sender[from]!;
  }
}

function ruleWords(routes: readonly Route[], strings: Strings): Int32Array {
  const words = new Int32Array(routes.length * U.words);
  for (let i = 0; i < routes.length; i++) {
    const r = routes[i]!;
    const { action } = r;
    const at = i * U.words;
    words[at + U.rank] = rankOf(
      r.priority,
      normalizeNumber(r.calledPrefix).length,
      normalizeNumber(r.callingPrefix).length,
      specificity(r),
    );
    words[at + U.action] = ACTIONS.indexOf(action.type) | (CHARGED.indexOf(r.charged) << CHARGED_SHIFT);
    if (action.type === 'forward') words[at + U.value] = strings.id(action.destSmsc);
    else if (action.type === 'auto-reply') words[at + U.value] = strings.id(action.text);
    else if (action.type === 'reject') words[at + U.value] = action.status;
  }
  return words;
}

function writeParts(parts: Int32Array, columns: Columns, roots: Int32Array): void {
  const mask = parts.length / 3 - 1;
  for (let i = 0; i < roots.length; i++) {
    const { account, source } = columns.pairs[i]!;
    let slot = hashPair(account, source) & mask;
    while (parts[slot * 3 + 2] !== 0) slot = (slot + 1) & mask;
    parts[slot * 3] = account;
    parts[slot * 3 + 1] = source;
    parts[slot * 3 + 2] = roots[i]! + 1;
  }
}

function writeStrings(words: Int32Array, namesAt: number, slots: number, stringsAt: number, strings: Strings): void {
  const mask = slots - 1;
  let octet = 0;
  for (let id = 0; id < strings.texts.length; id++) {
    const text = strings.texts[id]!;
    words[stringsAt + id] = octet;
    octet += Buffer.byteLength(text);
    let slot = hashText(text) & mask;
    while (words[namesAt + slot] !== 0) slot = (slot + 1) & mask;
    words[namesAt + slot] = id + 1;
  }
  words[stringsAt + strings.texts.length] = octet;
}

/** A power of two that leaves at least half of the slots free. */
const slotsFor = (items: number): number => 2 ** Math.ceil(Math.log2(items + 1) + 1);
