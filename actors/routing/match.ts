import {
  CALLING_ROOT,
  E,
  FORWARD,
  LABEL_SHIFT,
  LAST_OF_GROUP,
  N,
  NO_PAYLOAD,
  NO_RANK,
  U,
  type CompiledTable,
  type Origin,
} from './compiled.ts';
import { areDigits, numberStart } from './normalize.ts';
import { patternFits } from './sender-pattern.ts';
import { PREFIX_LIMIT } from './table.ts';

/**
 * Looking up a message in a compiled table, on the octets it came in: nothing is allocated. A thread does one lookup at a
 * time, so what a lookup finds on its way is kept in this module.
 */

/** No rule matches. */
export const NO_ROUTE = -1;

/** Most partitions of a message, hence of groups whose rules share the traffic. */
const GROUPS = 4;

/** The message's number and sender, without leading "+" or "00". */
let digits: Uint8Array = new Uint8Array(0);
let calledAt = 0;
let calledEnd = 0;
let callingAt = 0;
let callingEnd = 0;
let senderAt = 0;
let senderEnd = 0;
let sourceType = 0;
/** Ranks up to this one are passed over. */
let floor = -1;
let best = NO_RANK;
let groups = 0;
/** The first matching entry of the best rank in each partition. */
const groupAt = new Int32Array(GROUPS);
/** Destinations (strings) that a chain has already. Empty in a lookup. */
const tried = new Int32Array(16);
let triedCount = 0;

/**
 * The rule for a message: its index in the table, or NO_ROUTE.
 *
 * A recipient or sender that holds anything but digits after a leading "+" or "00" matches only the prefix ''.
 *
 * @param origin of this table
 * @param buffer holds the recipient (`destAt`, `destLength`) and the sender
 * @param random from 0 (inclusive) to 1 (exclusive): chooses among equal rules
 */
export function lookup(
  table: CompiledTable,
  origin: Origin,
  buffer: Uint8Array,
  destAt: number,
  destLength: number,
  sourceAt: number,
  sourceLength: number,
  random: number,
): number {
  setMessage(table, origin, buffer, destAt, destLength, sourceAt, sourceLength);
  triedCount = 0;
  search(table, origin, -1);
  if (groups === 0) return NO_ROUTE;
  const at = groupAt[0]!;
  if (groups === 1 && nextInGroup(table.entries, at) < 0) return table.entries[at + E.rule]!;
  return choose(table, random);
}

/**
 * The fallback chain of a message whose first rule was `first`: the rules after it, in the order they are to be tried, each
 * with a destination of its own. Equal rules are drawn by weight, as the first was. Only forwarding rules are
 * fallbacks; the chain ends where a rule with another action would come: what was accepted for a destination waits
 * for it rather than be answered, dropped or refused by a rule that is further down.
 *
 * @param out receives rule indexes; at most `out.length`, 15 at most, are given
 * @returns how many
 */
export function fallbacks(
  table: CompiledTable,
  origin: Origin,
  buffer: Uint8Array,
  destAt: number,
  destLength: number,
  sourceAt: number,
  sourceLength: number,
  random: number,
  first: number,
  out: Int32Array,
): number {
  if ((table.rules[first * U.words + U.action]! & 7) !== FORWARD) return 0;
  setMessage(table, origin, buffer, destAt, destLength, sourceAt, sourceLength);
  tried[0] = table.rules[first * U.words + U.value]!;
  triedCount = 1;
  const most = Math.min(out.length, tried.length - 1);
  let count = 0;
  let below = table.rules[first * U.words + U.rank]! - 1;
  while (count < most) {
    search(table, origin, below);
    if (best === NO_RANK) break;
    const rule = choose(table, drawAgain(random, count));
    if (rule === NO_ROUTE) {
      if (endsChain(table)) break;
      below = best;
      continue;
    }
    out[count++] = rule;
    tried[triedCount++] = table.rules[rule * U.words + U.value]!;
  }
  return count;
}

function setMessage(
  table: CompiledTable,
  origin: Origin,
  buffer: Uint8Array,
  destAt: number,
  destLength: number,
  sourceAt: number,
  sourceLength: number,
): void {
  digits = buffer;
  calledEnd = destAt + destLength;
  calledAt = numberStart(buffer, destAt, destLength);
  if (!areDigits(buffer, calledAt, calledEnd)) calledAt = calledEnd;
  sourceType = origin.sourceType;
  if (!table.readsSender) {
    callingAt = callingEnd;
    return;
  }
  senderEnd = callingEnd = sourceAt + sourceLength;
  senderAt = callingAt = numberStart(buffer, sourceAt, sourceLength);
  if (!areDigits(buffer, callingAt, callingEnd)) {
    callingAt = callingEnd;
    senderAt = sourceAt;
  }
}

/** Finds the lowest rank above `above` of the rules that match, and where those rules are. */
function search(table: CompiledTable, origin: Origin, above: number): void {
  floor = above;
  best = NO_RANK;
  groups = 0;
  const { roots } = origin;
  for (let i = 0; i < roots.length; i++) walk(table, roots[i]!, calledAt, calledEnd, 0);
}

/** Nodes with a payload on the way that is being walked; a trie of calling prefixes uses the part after its caller's. */
const passed = new Int32Array(2 * (PREFIX_LIMIT + 1));

/**
 * Follows the digits from `at` to `end` down a trie, then considers the payloads passed, the deepest first: among rules of
 * one priority it wins, and the others' ranks, in their nodes, tell that they need not be looked at.
 */
function walk(table: CompiledTable, root: number, from: number, end: number, base: number): void {
  const { nodes } = table;
  let node = root * N.words;
  let at = from;
  let top = base;
  for (;;) {
    const head = nodes[node]!;
    const label = (head >>> LABEL_SHIFT) & 7;
    if (label !== 0) {
      if (end - at < label || !labelFits(nodes[node + N.label]!, label, at)) break;
      at += label;
    }
    if (nodes[node + N.payload] !== NO_PAYLOAD) passed[top++] = node;
    if (at === end) break;
    const bit = 1 << (digits[at++]! - 48);
    if ((head & bit) === 0) break;
    node = (nodes[node + N.firstChild]! + bitsBelow(head, bit)) * N.words;
  }
  while (top > base) {
    node = passed[--top]!;
    if (nodes[node + N.rank]! > best) continue;
    const payload = nodes[node + N.payload]!;
    if (payload >= 0) consider(table, payload);
    else walk(table, CALLING_ROOT - payload, callingAt, callingEnd, PREFIX_LIMIT + 1);
  }
}

function labelFits(label: number, length: number, at: number): boolean {
  for (let i = 0; i < length; i++) if (digits[at + i] !== ((label >>> (i * 4)) & 15) + 48) return false;
  return true;
}

/** How many of the digits that go on are lower than this one: the child's place among its siblings. */
function bitsBelow(head: number, bit: number): number {
  let bits = head & (bit - 1);
  bits -= (bits >>> 1) & 0x155;
  bits = (bits & 0x333) + ((bits >>> 2) & 0x333);
  return (bits & 15) + ((bits >>> 4) & 15) + (bits >>> 8);
}

/** Takes the first entry of a group that matches, where it is better than, or as good as, what there is. */
function consider(table: CompiledTable, entry: number): void {
  const { entries } = table;
  for (let at = entry * E.words; ; at += E.words) {
    const rank = entries[at]!;
    if (rank > best) return;
    if (rank > floor && fits(table, entries, at)) {
      if (rank < best) {
        best = rank;
        groups = 0;
      }
      groupAt[groups++] = at;
      return;
    }
    if (entries[at + E.weight]! >= LAST_OF_GROUP) return;
  }
}

function fits(table: CompiledTable, entries: Int32Array, at: number): boolean {
  const type = entries[at + E.sourceType]!;
  if (type !== 0 && type !== sourceType) return false;
  const sender = entries[at + E.sender]!;
  if (sender === 0) return true;
  const { octets, strings } = table;
  return patternFits(octets, strings[sender]!, strings[sender + 1]!, digits, senderAt, senderEnd);
}

/** Draws one of the rules of the best rank by weight; NO_ROUTE when all their destinations were tried. */
function choose(table: CompiledTable, random: number): number {
  const { entries } = table;
  let candidates = 0;
  let zeros = 0;
  let total = 0;
  let only = NO_ROUTE;
  for (let g = 0; g < groups; g++) {
    for (let at = groupAt[g]!; at >= 0; at = nextInGroup(entries, at)) {
      if (!eligible(table, entries, at)) continue;
      only = entries[at + E.rule]!;
      candidates++;
      const weight = entries[at + E.weight]! & 0xffff;
      if (weight === 0) zeros++;
      total += weight;
    }
  }
  if (candidates <= 1) return only;
  return zeros === 0 ? drawWeighted(table, random * total) : drawWithZeros(table, random, zeros, total);
}

/**
 * RFC 2782: weight 0 "should have a very small chance of being selected" beside others: one number of the total + 1 that
 * can be drawn is theirs, in equal shares. Where all have weight 0, all have the same chance.
 */
function drawWithZeros(table: CompiledTable, random: number, zeros: number, total: number): number {
  const drawn = random * (total + 1);
  if (drawn >= 1) return drawWeighted(table, drawn - 1);
  const { entries } = table;
  let left = Math.floor(drawn * zeros);
  for (let g = 0; g < groups; g++) {
    for (let at = groupAt[g]!; at >= 0; at = nextInGroup(entries, at)) {
      if ((entries[at + E.weight]! & 0xffff) !== 0 || !eligible(table, entries, at)) continue;
      if (left-- === 0) return entries[at + E.rule]!;
    }
  }
  return NO_ROUTE;
}

/** The rule in whose share `drawn` (0 to the total, exclusive) falls. */
function drawWeighted(table: CompiledTable, drawn: number): number {
  const { entries } = table;
  let left = drawn;
  let rule = NO_ROUTE;
  for (let g = 0; g < groups; g++) {
    for (let at = groupAt[g]!; at >= 0; at = nextInGroup(entries, at)) {
      const weight = entries[at + E.weight]! & 0xffff;
      if (weight === 0 || !eligible(table, entries, at)) continue;
      rule = entries[at + E.rule]!;
      if (left < weight) return rule;
      left -= weight;
    }
  }
  return rule;
}

/** The next entry of the best rank in the group, -1 after the last. */
function nextInGroup(entries: Int32Array, at: number): number {
  if (entries[at + E.weight]! >= LAST_OF_GROUP) return -1;
  return entries[at + E.words] === best ? at + E.words : -1;
}

function eligible(table: CompiledTable, entries: Int32Array, at: number): boolean {
  if (!fits(table, entries, at)) return false;
  if (triedCount === 0) return true;
  const rule = entries[at + E.rule]! * U.words;
  if ((table.rules[rule + U.action]! & 7) !== FORWARD) return false;
  const destination = table.rules[rule + U.value]!;
  for (let i = 0; i < triedCount; i++) if (tried[i] === destination) return false;
  return true;
}

/** True when a rule of the best rank does something else than forward. */
function endsChain(table: CompiledTable): boolean {
  const { entries, rules } = table;
  for (let g = 0; g < groups; g++) {
    for (let at = groupAt[g]!; at >= 0; at = nextInGroup(entries, at)) {
      if (!fits(table, entries, at)) continue;
      if ((rules[entries[at + E.rule]! * U.words + U.action]! & 7) !== FORWARD) return true;
    }
  }
  return false;
}

/** Another number from 0 to 1 out of the message's one, for the `n`-th fallback. */
function drawAgain(random: number, n: number): number {
  let x = Math.imul(Math.floor(random * 0x1_0000_0000) ^ Math.imul(n + 1, 0x9e3779b1), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return ((x ^ (x >>> 16)) >>> 0) / 0x1_0000_0000;
}
