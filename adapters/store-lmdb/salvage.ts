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
      yield* this.#withoutMeta();
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
    return page !== undefined && transactionOf(page) === transaction;
  }

  #page(page: number): Buffer | undefined {
    const buffer = Buffer.allocUnsafe(PAGE);
    return this.#file.read(page, buffer) ? buffer : undefined;
  }

  /** The entries of a tree, as far as it can be followed. */
  *#below(page: number, transaction: number, range: Range): Generator<Entry> {
    const buffer = page >= 2 && page < this.#visited.length && this.#visited[page] === 0 ? this.#page(page) : undefined;
    if (!buffer || !looksRight(buffer, page, transaction)) {
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

  /** Leaves that nothing leads to any more, of what is missing. */
  *#orphans(): Generator<Entry> {
    for (let page = 2; page < this.#visited.length; page++) {
      if (this.#visited[page] === 1 || this.#uses[page] === PageUse.free) continue;
      const buffer = this.#leaf(page, this.#transaction);
      if (!buffer) continue;
      const nodes = nodesOf(buffer, PageFlag.leaf);
      for (const gap of this.#gaps) yield* this.#entries(buffer, nodes, gap);
    }
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
    const [first] = nodesOf(buffer, PageFlag.leaf);
    // Keys of the free list are numbers of eight octets, far below 2^48.
    const isFree =
      first === undefined || (keyOf(buffer, first).length === 8 && keyOf(buffer, first).readUInt16LE(6) === 0);
    return isFree ? undefined : buffer;
  }

  /** No meta page is left: the root is what the newest transaction wrote and none of its own pages leads to. */
  *#withoutMeta(): Generator<Entry> {
    let newest = 0;
    for (let page = 2; page < this.#visited.length; page++) {
      const buffer = this.#page(page);
      if (buffer && pageNumber(buffer) === page && isTreePage(buffer)) newest = Math.max(newest, transactionOf(buffer));
    }
    const roots = new Set<number>();
    const children = new Set<number>();
    for (let page = 2; page < this.#visited.length; page++) {
      const buffer = this.#page(page);
      if (!buffer || pageNumber(buffer) !== page || !isTreePage(buffer) || transactionOf(buffer) !== newest) continue;
      if (flagsOf(buffer) === PageFlag.branch) {
        for (const node of nodesOf(buffer, PageFlag.branch)) children.add(childOf(buffer, node));
        roots.add(page);
      } else if (this.#leaf(page, newest)) roots.add(page);
    }
    this.#transaction = newest;
    for (const root of roots) if (!children.has(root)) yield* this.#below(root, newest, EVERYTHING);
    yield* this.#orphans();
  }
}

const isTreePage = (page: Buffer): boolean => flagsOf(page) === PageFlag.branch || flagsOf(page) === PageFlag.leaf;

/** One flipped bit makes one of these wrong; a page that is another's has more. */
function looksRight(buffer: Buffer, page: number, transaction: number): boolean {
  const own = transactionOf(buffer);
  const signs = [pageNumber(buffer) === page, isTreePage(buffer), own >= 1 && own <= transaction];
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
