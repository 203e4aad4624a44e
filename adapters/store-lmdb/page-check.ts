import {
  BIG,
  BODY,
  childOf,
  flagsOf,
  HEAD,
  lowerOf,
  NODE,
  overflowPagesFor,
  overflowPagesOf,
  OVERFLOW_REF,
  PAGE,
  PageFile,
  PageFlag,
  pageNumber,
  readMeta,
  transactionOf,
  u64,
  upperOf,
  type Meta,
  type Tree,
} from './page-file.ts';

/**
 * Walks a closed LMDB file and says what is wrong with its structure. LMDB has no checksums and trusts what it reads: a
 * flipped bit in a page of its trees can end the process or give out another value, so this looks before LMDB does.
 * What the values say is checked by their own checksums when they are read.
 */
export interface PageReport {
  /** Each names a page and what is wrong with it. Empty: LMDB can open the file. */
  readonly damage: readonly string[];
  /** The newest transaction's, when it can be told. */
  readonly meta: Meta | undefined;
  /** By page: a `PageUse`. */
  readonly uses: Uint8Array;
}

export const PageUse = { unknown: 0, used: 1, free: 2 } as const;

/** Damage named at most; a file that has more is not better known by more lines. */
const LINES = 100;

/** @throws the system's error when the file cannot be read */
export function checkPages(path: string): PageReport {
  const file = new PageFile(path);
  try {
    return new PageCheck(file).run();
  } finally {
    file.close();
  }
}

class PageCheck {
  readonly #file: PageFile;
  readonly #damage: string[] = [];
  #uses = new Uint8Array(0);
  #lastPage = 0;
  #branches = 0;
  #leaves = 0;
  #overflowPages = 0;
  #entries = 0;
  /** One page buffer per level of the tree. */
  readonly #buffers: Buffer[] = [];
  readonly #head = Buffer.alloc(HEAD);
  /** By offset in a page: octets of the node that begins there. */
  readonly #nodeAt = new Uint16Array(PAGE);
  /** The key before, over the whole tree; -1: there is none. */
  readonly #key = Buffer.alloc(PAGE);
  #keyLength = -1;
  /** By how much the next key must be greater: 0 after a branch's. */
  #least = 1;

  constructor(file: PageFile) {
    this.#file = file;
  }

  run(): PageReport {
    const meta = this.#metas();
    if (meta) {
      this.#lastPage = meta.lastPage;
      this.#uses = new Uint8Array(Math.min(meta.lastPage + 1, this.#file.pages + 1));
      this.#uses.fill(PageUse.used, 0, 2);
      this.#tree('data', meta.main, meta.transaction, true);
      const found = this.#damage.length;
      this.#tree('free list', meta.free, meta.transaction, false);
      if (this.#damage.length === found) this.#freeList(meta.free);
    }
    return { damage: this.#damage, meta, uses: this.#uses };
  }

  #bad(where: string, what: string): false {
    if (this.#damage.length < LINES) this.#damage.push(`${where} ${what}`);
    return false;
  }

  /** The newest meta page, when both are as two transactions in a row leave them. */
  #metas(): Meta | undefined {
    const metas: Meta[] = [];
    for (const page of [0, 1] as const) {
      const meta = readMeta(this.#file, page);
      if (typeof meta === 'string') this.#bad(`meta page ${page}`, meta);
      else metas.push(meta);
    }
    if (metas.length < 2) return undefined;
    const [older, newer] = metas.toSorted((a, b) => a.transaction - b.transaction) as [Meta, Meta];
    const step = newer.transaction - older.transaction;
    // A new file has two of transaction 0.
    if (step !== 1 && newer.transaction !== 0) {
      this.#bad('the meta pages', `are of transactions ${older.transaction} and ${newer.transaction}`);
      return undefined;
    }
    return newer;
  }

  #tree(name: string, tree: Tree, transaction: number, bytes: boolean): void {
    const { root, depth } = tree;
    const before = this.#damage.length;
    this.#branches = this.#leaves = this.#overflowPages = this.#entries = 0;
    this.#keyLength = -1;
    if (root >= 0) {
      if (depth < 1 || depth > 30) this.#bad(`tree of the ${name}`, `has depth ${depth}`);
      // Every transaction writes the root anew.
      else this.#page(name, root, depth, transaction, true, bytes, 0);
    }
    if (this.#damage.length > before) return;
    const found = [this.#branches, this.#leaves, this.#overflowPages, this.#entries].join();
    const said = [tree.branches, tree.leaves, tree.overflowPages, tree.entries].join();
    if (found !== said || root < 0 !== (tree.entries === 0)) {
      this.#bad(`tree of the ${name}`, `has ${found} branches, leaves, overflow pages, entries; its meta says ${said}`);
    }
  }

  /** A page and all below it. Goes on after damage: each is to be named. */
  #page(
    name: string,
    page: number,
    height: number,
    transaction: number,
    isRoot: boolean,
    bytes: boolean,
    level: number,
  ): boolean {
    const where = `page ${page} of the ${name}`;
    const buffer = (this.#buffers[level] ??= Buffer.allocUnsafeSlow(PAGE));
    if (!this.#take(where, page, 1)) return false;
    if (!this.#file.read(page, buffer)) return this.#bad(where, 'is not there');
    if (pageNumber(buffer) !== page) return this.#bad(where, `says that it is page ${pageNumber(buffer)}`);
    const wanted = height > 1 ? PageFlag.branch : PageFlag.leaf;
    if (flagsOf(buffer) !== wanted) return this.#bad(where, `has flags ${flagsOf(buffer)}, expected ${wanted}`);
    const own = transactionOf(buffer);
    if (own > transaction || own < 1 || (isRoot && own !== transaction && bytes))
      return this.#bad(where, `is of transaction ${own}, where ${transaction} leads to it`);
    const count = this.#nodes(where, buffer, wanted);
    if (count < 0) return false;
    if (wanted === PageFlag.branch) this.#branches++;
    else this.#leaves++;
    if (wanted === PageFlag.leaf) return this.#entriesOf(where, buffer, count, own, bytes);
    for (let i = 0; i < count; i++) {
      const node = HEAD + buffer.readUInt16LE(HEAD + i * 2);
      // The lowest key of a branch is not kept; the others say what comes below them.
      if (i > 0) {
        if (!this.#follows(where, buffer, node, bytes, 0)) return false;
        this.#keep(buffer, node, 0);
      }
      this.#page(name, childOf(buffer, node), height - 1, own, false, bytes, level + 1);
    }
    return true;
  }

  #entriesOf(where: string, page: Buffer, count: number, transaction: number, bytes: boolean): boolean {
    let before = 0;
    for (let i = 0; i < count; i++) {
      const node = HEAD + page.readUInt16LE(HEAD + i * 2);
      const isInOrder =
        i === 0
          ? this.#follows(where, page, node, bytes, this.#least)
          : this.#isAfter(where, page, node, bytes, page, before + NODE, page.readUInt16LE(before + 6), 1);
      if (!isInOrder || !this.#value(where, page, node, page.readUInt16LE(node + 6), transaction)) return false;
      before = node;
    }
    this.#keep(page, before, 1);
    return true;
  }

  /** Checks that the nodes lie one after the other up to the page's end. Returns how many; -1 after damage. */
  #nodes(where: string, page: Buffer, kind: number): number {
    const lower = lowerOf(page);
    const upper = upperOf(page);
    const count = lower >> 1;
    if (lower % 2 !== 0 || lower > upper || upper > BODY || count < (kind === PageFlag.branch ? 2 : 1)) {
      this.#bad(where, `has bounds ${lower} and ${upper}`);
      return -1;
    }
    const sizes = this.#nodeAt;
    for (let i = 0; i < count; i++) {
      const offset = page.readUInt16LE(HEAD + i * 2);
      if (offset < upper || offset % 2 !== 0 || offset + NODE > BODY) {
        this.#bad(where, `has a node at ${offset}`);
        return -1;
      }
      sizes[offset] = nodeSize(page, HEAD + offset, kind);
    }
    let found = 0;
    let at = upper;
    for (; at < BODY && sizes[at] !== 0; found++) {
      const size = sizes[at]!;
      sizes[at] = 0;
      at += size;
    }
    if (found === count && at === BODY) return count;
    this.#bad(where, 'has nodes that overlap, or gaps');
    sizes.fill(0);
    return -1;
  }

  /** Does the key follow the one kept? */
  #follows(where: string, page: Buffer, node: number, bytes: boolean, least: number): boolean {
    if (this.#keyLength < 0) return this.#isKey(where, page, node, bytes);
    return this.#isAfter(where, page, node, bytes, this.#key, 0, this.#keyLength, least);
  }

  /** Keys ascend over the whole tree. @param least 1; 0 where the key may be the same: a branch says what comes next */
  #isAfter(
    where: string,
    page: Buffer,
    node: number,
    bytes: boolean,
    before: Buffer,
    at: number,
    length: number,
    least: number,
  ): boolean {
    if (!this.#isKey(where, page, node, bytes)) return false;
    const order = bytes
      ? compareBytes(page, node + NODE, page.readUInt16LE(node + 6), before, at, length)
      : u64(page, node + NODE) - u64(before, at);
    return order >= least || this.#bad(where, 'has keys that are not in order');
  }

  #isKey(where: string, page: Buffer, node: number, bytes: boolean): boolean {
    const length = page.readUInt16LE(node + 6);
    return (bytes ? length > 0 : length === 8) || this.#bad(where, `has a key of ${length} octets`);
  }

  #keep(page: Buffer, node: number, least: number): void {
    this.#keyLength = page.readUInt16LE(node + 6);
    page.copy(this.#key, 0, node + NODE, node + NODE + this.#keyLength);
    this.#least = least;
  }

  #value(where: string, page: Buffer, node: number, keyLength: number, transaction: number): boolean {
    this.#entries++;
    const flags = page.readUInt16LE(node + 4);
    if (flags === 0) return true;
    if (flags !== BIG) return this.#bad(where, `has an entry with flags ${flags}`);
    const ref = node + NODE + keyLength;
    const first = u64(page, ref);
    const pages = u64(page, ref + 16);
    const octets = page.readUInt32LE(node);
    const what = `overflow page ${first} of ${where}`;
    if (pages !== overflowPagesFor(octets)) return this.#bad(what, `is the first of ${pages} for ${octets} octets`);
    if (!this.#take(what, first, pages)) return false;
    const head = this.#head;
    if ((first + pages) * PAGE > this.#file.size || !this.#file.read(first, head, HEAD)) {
      return this.#bad(what, 'is not there');
    }
    const own = transactionOf(head);
    if (pageNumber(head) !== first || flagsOf(head) !== PageFlag.overflow || overflowPagesOf(head) !== pages)
      return this.#bad(what, 'has the head of another page');
    if (own < 1 || own > transaction) return this.#bad(what, `is of transaction ${own}`);
    this.#overflowPages += pages;
    return true;
  }

  /** Marks pages as used. */
  #take(where: string, page: number, count: number): boolean {
    if (page < 2 || page + count - 1 > this.#lastPage) return this.#bad(where, `is outside of 2 to ${this.#lastPage}`);
    for (let i = page; i < page + count; i++) {
      if (this.#uses[i] === PageUse.used) return this.#bad(where, 'is used twice');
      this.#uses[i] = PageUse.used;
    }
    return true;
  }

  /** What the free list says is free must not be used, and is free only once. */
  #freeList(free: Tree): void {
    if (free.root < 0) return;
    eachFreeEntry(this.#file, free.root, free.depth, (transaction, ids) => {
      const where = `free list of transaction ${transaction}`;
      const length = ids.length / 8;
      const count = length >= 1 ? u64(ids, 0) : -1;
      if (transaction === 0 || !Number.isInteger(length) || count < 0 || count > length - 1) {
        this.#bad(where, `has ${count} entries in ${ids.length} octets`);
        return;
      }
      for (let i = 1; i <= count; i++) {
        const entry = ids.readBigInt64LE(i * 8);
        if (entry === 0n) continue;
        // A negative number says how many pages follow from the next one on.
        const pages = entry < 0n ? -entry : 1n;
        if (entry < 0n && ++i > count) {
          this.#bad(where, 'ends in the middle of a range');
          return;
        }
        if (!this.#free(where, ids.readBigInt64LE(i * 8), pages)) return;
      }
    });
  }

  #free(where: string, first: bigint, pages: bigint): boolean {
    if (first < 2n || first + pages - 1n > BigInt(this.#lastPage))
      return this.#bad(where, `has pages ${first} to ${first + pages - 1n}, outside of 2 to ${this.#lastPage}`);
    for (let page = Number(first), left = Number(pages); left > 0; page++, left--) {
      const use = this.#uses[page];
      if (use === PageUse.used || use === PageUse.free)
        return this.#bad(where, `has page ${page}, which is ${use === PageUse.used ? 'in use' : 'in it already'}`);
      if (page < this.#uses.length) this.#uses[page] = PageUse.free;
    }
    return true;
  }
}

/** Octets of a node, rounded up to an even number as LMDB does. */
export function nodeSize(page: Buffer, node: number, kind: number): number {
  const keyLength = page.readUInt16LE(node + 6);
  let size = NODE + keyLength;
  if (kind === PageFlag.leaf) {
    size += (page.readUInt16LE(node + 4) & BIG) !== 0 ? OVERFLOW_REF : page.readUInt32LE(node);
  }
  return Math.min(size + (size % 2), PAGE * 2);
}

function compareBytes(a: Buffer, aAt: number, aLength: number, b: Buffer, bAt: number, bLength: number): number {
  const length = Math.min(aLength, bLength);
  for (let i = 0; i < length; i++) {
    const difference = a[aAt + i]! - b[bAt + i]!;
    if (difference !== 0) return Math.sign(difference);
  }
  return Math.sign(aLength - bLength);
}

/** Entries of a free list whose tree is sound. */
function eachFreeEntry(
  file: PageFile,
  page: number,
  height: number,
  entry: (transaction: number, ids: Buffer) => void,
): void {
  const buffer = Buffer.allocUnsafe(PAGE);
  file.read(page, buffer);
  for (let i = 0; i < lowerOf(buffer) >> 1; i++) {
    const node = HEAD + buffer.readUInt16LE(HEAD + i * 2);
    if (height > 1) {
      eachFreeEntry(file, childOf(buffer, node), height - 1, entry);
      continue;
    }
    const octets = buffer.readUInt32LE(node);
    const at = node + NODE + 8;
    const isBig = buffer.readUInt16LE(node + 4) === BIG;
    entry(
      u64(buffer, node + NODE),
      isBig ? file.readOverflow(u64(buffer, at), octets)! : buffer.subarray(at, at + octets),
    );
  }
}
