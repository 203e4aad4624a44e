import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/**
 * LMDB's file as it lies on the disk: data version 2 in the shape that lmdb-js 3.5 gives it (`MDB_page_header`, `MDB_meta`,
 * `MDB_db`, `MDB_node`, `MDB_ovpage` of its `mdb.c`), on a little-endian 64-bit machine with pages of 4,096 octets.
 *
 *     page: 0 u64 number  8 u64 transaction that wrote it  16 u16 0  18 u16 flags  20 u16 lower  22 u16 upper
 *           (an overflow page: 20 u32 pages)  24 … octets of the page, where all offsets count from
 *     branch, leaf: u16 offset of each node; lower = octets of these offsets, upper = where the nodes begin
 *     node: 0 u32 octets of the value  4 u16 flags  6 u16 octets of the key  8 key, value
 *           in a branch: 0 u48 page number  6 u16 octets of the key  8 key
 *     value with flag 1: u64 first overflow page, u64 its transaction, u64 pages
 *     meta (pages 0 and 1, transaction n in page n % 2), at 24: u32 magic, u32 version, u64 0, u64 map size, two trees
 *           (free list, data), u64 last page, u64 transaction, i64 boot
 *     tree: u32 page size or 0, u16 flags, u16 depth, u64 branches, u64 leaves, u64 overflow pages, u64 entries, i64 root
 */
export const PAGE = 4096;
export const HEAD = 24;
export const BODY = PAGE - HEAD;
export const NODE = 8;
export const PageFlag = { branch: 1, leaf: 2, overflow: 4, meta: 8 } as const;
/** The value lies on overflow pages. */
export const BIG = 1;
export const OVERFLOW_REF = 24;

const MAGIC = 0xbeefc0de;
const VERSION = 2;
/** Integer keys and `safeRestore`; what lmdb-js writes as flags of the free list. */
const FREE_FLAGS = 0x808;
const META_END = HEAD + 144;

export interface Tree {
  readonly depth: number;
  readonly branches: number;
  readonly leaves: number;
  readonly overflowPages: number;
  readonly entries: number;
  /** -1: the tree is empty. */
  readonly root: number;
}

export interface Meta {
  /** The page it is in: 0 or 1. */
  readonly page: number;
  readonly transaction: number;
  readonly lastPage: number;
  readonly mapSize: number;
  readonly free: Tree;
  readonly main: Tree;
}

const AHEAD = 32;

/** A data file that nobody writes, read page by page. Nothing is mapped: a page that is not there is undefined, never a signal. */
export class PageFile {
  readonly #fd: number;
  /** Octets. */
  readonly size: number;
  /** Pages read ahead, from `#aheadAt` on: trees that grew at their end lie page after page. */
  readonly #ahead = Buffer.allocUnsafeSlow(AHEAD * PAGE);
  #aheadAt = -1;
  #aheadEnd = -1;
  #last = -1;

  /** @throws the system's error when it cannot be opened */
  constructor(path: string) {
    this.#fd = openSync(path, 'r');
    this.size = fstatSync(this.#fd).size;
  }

  /** Whole pages. */
  get pages(): number {
    return Math.floor(this.size / PAGE);
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** Reads into `out`; false when the page is not wholly there. @param length the first octets alone */
  read(page: number, out: Buffer, length = PAGE): boolean {
    if (page < 0 || page >= this.pages) return false;
    const isNext = page === this.#last + 1;
    this.#last = page;
    if (isNext && (page < this.#aheadAt || page >= this.#aheadEnd)) {
      this.#aheadAt = page;
      this.#aheadEnd = page + Math.floor(readSync(this.#fd, this.#ahead, 0, this.#ahead.length, page * PAGE) / PAGE);
    }
    if (page >= this.#aheadAt && page < this.#aheadEnd) {
      const at = (page - this.#aheadAt) * PAGE;
      return this.#ahead.copy(out, 0, at, at + length) === length;
    }
    return readSync(this.#fd, out, 0, length, page * PAGE) === length;
  }

  /** What lies on overflow pages from `page` on. Undefined when the file ends before. */
  readOverflow(page: number, octets: number): Buffer | undefined {
    const at = page * PAGE + HEAD;
    if (at + octets > this.size) return undefined;
    const out = Buffer.allocUnsafeSlow(octets);
    return readSync(this.#fd, out, 0, octets, at) === octets ? out : undefined;
  }
}

export const pageNumber = (page: Buffer): number => u64(page, 0);
export const transactionOf = (page: Buffer): number => u64(page, 8);
export const flagsOf = (page: Buffer): number => page.readUInt16LE(18);
export const lowerOf = (page: Buffer): number => page.readUInt16LE(20);
export const upperOf = (page: Buffer): number => page.readUInt16LE(22);
/** Of the first of some overflow pages. */
export const overflowPagesOf = (page: Buffer): number => page.readUInt32LE(20);
/** Overflow pages that a value of so many octets takes. */
export const overflowPagesFor = (octets: number): number => Math.floor((HEAD - 1 + octets) / PAGE) + 1;
/** The page that a node of a branch leads to. */
export const childOf = (page: Buffer, node: number): number =>
  page.readUInt32LE(node) + page.readUInt16LE(node + 4) * 2 ** 32;

/** Numbers beyond 2^53 come out as NaN-proof huge ones: no file has them unless it is damaged. */
export function u64(buffer: Buffer, at: number): number {
  return buffer.readUInt32LE(at) + buffer.readUInt32LE(at + 4) * 2 ** 32;
}

/** The meta page, or what is wrong with it. */
export function readMeta(file: Pick<PageFile, 'read'>, page: 0 | 1): Meta | string {
  const buffer = Buffer.allocUnsafe(PAGE);
  if (!file.read(page, buffer, META_END)) return 'is not there';
  if (pageNumber(buffer) !== page || flagsOf(buffer) !== PageFlag.meta) return 'has the head of another page';
  if (buffer.readUInt32LE(HEAD) !== MAGIC) return 'is not of LMDB';
  if (buffer.readUInt32LE(HEAD + 4) !== VERSION) return `has version ${buffer.readUInt32LE(HEAD + 4)}`;
  if (u64(buffer, HEAD + 8) !== 0) return 'has a fixed address';
  const freeAt = HEAD + 24;
  if (buffer.readUInt32LE(freeAt) !== PAGE) return `has pages of ${buffer.readUInt32LE(freeAt)} octets`;
  if ((buffer.readUInt16LE(freeAt + 4) & ~FREE_FLAGS) !== 0) return 'has unknown flags';
  if (buffer.readUInt32LE(freeAt + 48) !== 0 || buffer.readUInt16LE(freeAt + 52) !== 0) return 'has unknown flags';
  const meta: Meta = {
    page,
    mapSize: u64(buffer, HEAD + 16),
    free: readTree(buffer, freeAt),
    main: readTree(buffer, freeAt + 48),
    lastPage: u64(buffer, HEAD + 120),
    transaction: u64(buffer, HEAD + 128),
  };
  if (meta.transaction !== 0 && meta.transaction % 2 !== page) return `is of transaction ${meta.transaction}`;
  if (meta.lastPage < 1 || meta.lastPage > 2 ** 40) return `has last page ${meta.lastPage}`;
  if (meta.mapSize > LARGEST_MAP || meta.mapSize % PAGE !== 0) return `has a map of ${meta.mapSize} octets`;
  return meta;
}

/** A map grows with its file to about twice its size; beyond this no file of ours goes. */
const LARGEST_MAP = 2 ** 43;

function readTree(buffer: Buffer, at: number): Tree {
  const high = buffer.readInt32LE(at + 44);
  return {
    depth: buffer.readUInt16LE(at + 6),
    branches: u64(buffer, at + 8),
    leaves: u64(buffer, at + 16),
    overflowPages: u64(buffer, at + 24),
    entries: u64(buffer, at + 32),
    root: high < 0 ? -1 : u64(buffer, at + 40),
  };
}
