import { PageUse, nodeSize, type PageReport } from './page-check.ts';
import {
  BIG,
  BODY,
  childOf,
  flagsOf,
  HEAD,
  lowerOf,
  NODE,
  overflowPagesFor,
  PAGE,
  PageFile,
  PageFlag,
  pageNumber,
  readMeta,
  transactionOf,
  u64,
  upperOf,
  type Meta,
} from './page-file.ts';

export interface Entry {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** Keys from `low` (inclusive) to `high` (exclusive; undefined: to the end). */
interface Range {
  readonly low: Buffer;
  readonly high: Buffer | undefined;
}

const EVERYTHING: Range = { low: Buffer.alloc(0), high: undefined };

/**
 * What can still be read of a damaged LMDB file, entry by entry; of a key that comes twice the first is the right one. It
 * is lenient: an entry may be garbage or under a wrong key, so every value must have a checksum over its key. It reads
 * what is live, never what was deleted long ago and merely not overwritten: that would send messages a second time.
 */
export function* salvage(path: string, report: PageReport): Generator<Entry> {
  const file = new PageFile(path);
  try {
    yield* new Salvage(file, report.uses).run();
  } finally {
    file.close();
  }
}

class Salvage {
  readonly #file: PageFile;
  readonly #uses: Uint8Array;
  readonly #visited: Uint8Array;
  /** Ranges whose pages could not be found from the root. */
  readonly #gaps: Range[] = [];
  /** Ranges that a later transaction has written anew: what an older one has there and it has not was deleted. */
  readonly #rewritten: Range[] = [];
  #transaction = Infinity;

  constructor(file: PageFile, uses: Uint8Array) {
    this.#file = file;
    this.#uses = uses;
    this.#visited = new Uint8Array(file.pages);
  }

  *run(): Generator<Entry> {
    const metas = ([0, 1] as const)
      .map(page => readMeta(this.#file, page))
      .filter(meta => typeof meta !== 'string')
      .filter(meta => this.#leadsToItsRoot(meta))
      .toSorted((a, b) => b.transaction - a.transaction);
    const [newest] = metas;
    if (!newest) {
      this.#gaps.push(EVERYTHING);
      yield* this.#orphans();
      return;
    }
    // The meta page of the transaction after it may be the damaged one: the pages it wrote are there.
    if (metas.length < 2) yield* this.#pagesOf(newest.transaction + 1);
    this.#transaction = newest.transaction;
    yield* this.#below(newest.main.root, newest.transaction, EVERYTHING);
    if (this.#gaps.length > 0) yield* this.#orphans();
  }

  #leadsToItsRoot({ main, transaction }: Meta): boolean {
    if (main.root < 0) return true;
    const page = this.#page(main.root);
    return page !== undefined && looksRight(page, main.root, transaction, transaction);
  }

  #page(page: number): Buffer | undefined {
    const buffer = Buffer.allocUnsafe(PAGE);
    return this.#file.read(page, buffer) ? buffer : undefined;
  }

  /** The entries of a tree, as far as it can be followed. */
  *#below(page: number, transaction: number, range: Range): Generator<Entry> {
    const buffer = page >= 2 && page < this.#visited.length && this.#visited[page] === 0 ? this.#page(page) : undefined;
    if (!buffer || !looksRight(buffer, page, 1, transaction)) {
      this.#gaps.push(range);
      return;
    }
    this.#visited[page] = 1;
    const kind = kindOf(buffer);
    const nodes = nodesOf(buffer, kind);
    if (nodes.length === 0) this.#gaps.push(range);
    if (kind === PageFlag.leaf) {
      yield* this.#entries(buffer, nodes, range);
      return;
    }
    const lows = nodes.map((node, i) => (i === 0 ? range.low : keyOf(buffer, node)));
    for (let i = 0; i < nodes.length; i++) {
      const own = { low: lows[i]!, high: lows[i + 1] ?? range.high };
      // A key that is out of its place says nothing about what is below it.
      const isSane = isIn(own.low, range) && (own.high === undefined || own.low.compare(own.high) < 0);
      yield* this.#below(childOf(buffer, nodes[i]!), transaction, isSane ? own : range);
    }
  }

  *#entries(page: Buffer, nodes: readonly number[], range: Range): Generator<Entry> {
    for (const node of nodes) {
      const key = keyOf(page, node);
      if (key.length === 0 || !isIn(key, range) || this.#rewritten.some(own => isIn(key, own))) continue;
      const value = this.#value(page, node, key.length);
      if (value) yield { key, value };
    }
  }

  #value(page: Buffer, node: number, keyLength: number): Buffer | undefined {
    const octets = page.readUInt32LE(node);
    const at = node + NODE + keyLength;
    if (page.readUInt16LE(node + 4) !== BIG) return Buffer.from(page.subarray(at, at + octets));
    const first = u64(page, at);
    const last = first + overflowPagesFor(octets) - 1;
    return first >= 2 && last < this.#file.pages ? this.#file.readOverflow(first, octets) : undefined;
  }

  /**
   * Leaves that nothing leads to any more, of what is missing: the newest first, and of an older one only what no newer one
   * has the place of. Pages that were free when a free list was written last, and were not written since, are passed over.
   */
  *#orphans(): Generator<Entry> {
    const freeSince = this.#freeSince();
    const pages: { readonly page: number; readonly transaction: number }[] = [];
    for (let page = 2; page < this.#visited.length; page++) {
      if (this.#visited[page] === 1 || this.#uses[page] === PageUse.free) continue;
      const buffer = this.#leaf(page, this.#transaction);
      if (!buffer || transactionOf(buffer) <= freeSince[page]!) continue;
      pages.push({ page, transaction: transactionOf(buffer) });
    }
    const newer = new Ranges();
    for (const { page } of pages.toSorted((a, b) => b.transaction - a.transaction)) {
      const buffer = this.#page(page)!;
      const nodes = nodesOf(buffer, PageFlag.leaf);
      for (const gap of this.#gaps) {
        for (const entry of this.#entries(buffer, nodes, gap)) if (!newer.has(entry.key)) yield entry;
      }
      newer.add(keyOf(buffer, nodes.at(0)!), keyOf(buffer, nodes.at(-1)!));
    }
  }

  /** By page: the newest free list that has it. Old versions of the list still tell which pages are only remains. */
  #freeSince(): Float64Array {
    const since = new Float64Array(this.#visited.length);
    for (let page = 2; page < this.#visited.length; page++) {
      const buffer = this.#page(page)!;
      if (pageNumber(buffer) !== page || flagsOf(buffer) !== PageFlag.leaf || !isOfFreeList(buffer)) continue;
      for (const node of nodesOf(buffer, PageFlag.leaf)) {
        const ids = this.#value(buffer, node, 8);
        if (ids) eachFree(ids, free => (since[free] = Math.max(since[free] ?? 0, transactionOf(buffer))));
      }
    }
    return since;
  }

  /** The leaves that one transaction wrote. */
  *#pagesOf(transaction: number): Generator<Entry> {
    const rewritten: Range[] = [];
    for (let page = 2; page < this.#visited.length; page++) {
      const buffer = this.#leaf(page, transaction);
      if (!buffer || transactionOf(buffer) !== transaction) continue;
      this.#visited[page] = 1;
      const nodes = nodesOf(buffer, PageFlag.leaf);
      yield* this.#entries(buffer, nodes, EVERYTHING);
      const [first, last] = [nodes.at(0), nodes.at(-1)];
      if (first === undefined || last === undefined) continue;
      rewritten.push({ low: keyOf(buffer, first), high: Buffer.concat([keyOf(buffer, last), Buffer.of(0)]) });
    }
    this.#rewritten.push(...rewritten);
  }

  /** A leaf of the data (not of the free list) that is as it should be. */
  #leaf(page: number, transaction: number): Buffer | undefined {
    const buffer = this.#page(page);
    if (!buffer || pageNumber(buffer) !== page || flagsOf(buffer) !== PageFlag.leaf) return undefined;
    if (transactionOf(buffer) > transaction) return undefined;
    return nodesOf(buffer, PageFlag.leaf).length === 0 || isOfFreeList(buffer) ? undefined : buffer;
  }
}

const isTreePage = (page: Buffer): boolean => flagsOf(page) === PageFlag.branch || flagsOf(page) === PageFlag.leaf;

/** Keys of the free list are transaction numbers: eight octets, far below 2^48. */
function isOfFreeList(leaf: Buffer): boolean {
  const [first] = nodesOf(leaf, PageFlag.leaf);
  if (first === undefined) return false;
  const key = keyOf(leaf, first);
  return key.length === 8 && key.readUInt16LE(6) === 0;
}

/** The pages of a free list's value; it may be damaged. */
function eachFree(ids: Buffer, free: (page: number) => void): void {
  const count = Math.min(ids.length >= 8 ? u64(ids, 0) : 0, Math.floor(ids.length / 8) - 1);
  for (let i = 1; i <= count; i++) {
    const entry = ids.readBigInt64LE(i * 8);
    const isRange = entry < 0n && i < count;
    const first = isRange ? ids.readBigInt64LE(++i * 8) : entry;
    const pages = isRange ? -entry : 1n;
    if (first < 2n || pages > LARGEST_RANGE) continue;
    for (let page = Number(first), left = Number(pages); left > 0; page++, left--) free(page);
  }
}

/** Pages of a range in a free list that is believed: 1 TB. */
const LARGEST_RANGE = 2n ** 28n;

/** One flipped bit makes one of these wrong; a page that is another's has more. */
function looksRight(buffer: Buffer, page: number, least: number, most: number): boolean {
  const own = transactionOf(buffer);
  const signs = [pageNumber(buffer) === page, isTreePage(buffer), own >= least && own <= most];
  return signs.filter(Boolean).length >= 2;
}

/** Leaf or branch: by the flags, and where these are damaged by what its nodes look like. */
function kindOf(page: Buffer): number {
  if (isTreePage(page)) return flagsOf(page);
  return nodesOf(page, PageFlag.leaf).length > nodesOf(page, PageFlag.branch).length ? PageFlag.leaf : PageFlag.branch;
}

/** The nodes of a page that lie within it. */
function nodesOf(page: Buffer, kind: number): number[] {
  const nodes: number[] = [];
  const lower = lowerOf(page);
  const isSane = lower % 2 === 0 && lower <= upperOf(page) && upperOf(page) <= BODY;
  const most = isSane ? lower >> 1 : BODY >> 1;
  for (let i = 0; i < most && HEAD + i * 2 + 2 <= PAGE; i++) {
    const offset = page.readUInt16LE(HEAD + i * 2);
    const fits = offset % 2 === 0 && offset > i * 2 && offset + NODE <= BODY;
    // Without a count the first that does not fit is taken for the end.
    if (!fits && !isSane) break;
    if (!fits || offset + nodeSize(page, HEAD + offset, kind) > BODY) continue;
    if (kind === PageFlag.leaf && (page.readUInt16LE(HEAD + offset + 4) & ~BIG) !== 0) continue;
    nodes.push(HEAD + offset);
  }
  return nodes;
}

function keyOf(page: Buffer, node: number): Buffer {
  const end = Math.min(node + NODE + page.readUInt16LE(node + 6), PAGE);
  return Buffer.from(page.subarray(node + NODE, end));
}

function isIn(key: Buffer, { low, high }: Range): boolean {
  return low.compare(key) <= 0 && (high === undefined || key.compare(high) < 0);
}

/** Keys from a first to a last one, both included: disjoint, by order. */
class Ranges {
  readonly #ranges: { first: Buffer; last: Buffer }[] = [];

  has(key: Buffer): boolean {
    const range = this.#ranges[this.#after(key) - 1];
    return range !== undefined && key.compare(range.last) <= 0;
  }

  add(first: Buffer, last: Buffer): void {
    let from = this.#after(first);
    if (from > 0 && first.compare(this.#ranges[from - 1]!.last) <= 0) from--;
    let to = from;
    let merged = { first, last };
    for (; to < this.#ranges.length && this.#ranges[to]!.first.compare(last) <= 0; to++) {
      const range = this.#ranges[to]!;
      merged = {
        first: range.first.compare(merged.first) < 0 ? range.first : merged.first,
        last: range.last.compare(merged.last) > 0 ? range.last : merged.last,
      };
    }
    this.#ranges.splice(from, to - from, merged);
  }

  /** How many ranges begin at or before the key. */
  #after(key: Buffer): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#ranges[middle]!.first.compare(key) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
