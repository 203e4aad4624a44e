import { closeSync, fdatasyncSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { overflowPagesFor, PAGE, readMeta } from './page-file.ts';

/** What the data file grows by at least, pages. */
const STEP = 64;
const ZEROS = Buffer.alloc(STEP * PAGE);
/** Zeros that may wait in memory for a flush, octets: the disk takes a millisecond or two for them. */
const UNFLUSHED = 4 * STEP * PAGE;
/** Octets from which on LMDB puts a value on pages of its own. */
const LARGE = 2000;
/** Pages that any transaction may write anew: the way down to a leaf, the free list. */
const BASE = 64;
/** Writes of a transaction that has more to do. */
export const TRANSACTION_WRITES = 256;

/**
 * Room on the disk that belongs to the data file before LMDB writes there. LMDB must not meet a full disk: after a page that
 * could not be written it may free memory twice and end the process (seen with lmdb-js 3.5.6). So the file is kept longer
 * than LMDB has used, by zeros that the file system has allocated; LMDB's next pages overwrite them. When the disk is full
 * the last of that room is for settles and receipts, so that what is queued can leave.
 *
 * Only for the thread that writes the file, between its transactions: nobody else may write it meanwhile.
 */
export class FileSpace {
  readonly #fd: number;
  /** Pages that LMDB has used, as its meta page says. */
  #used = 0;
  /** Pages that the file has. */
  #pages = 0;
  /** Octets of zeros that were written and not flushed. */
  #unflushed = 0;

  constructor(path: string) {
    this.#fd = openSync(path, 'r+');
    this.look();
  }

  /**
   * Sees to room for transactions, the disk permitting. False: there is not enough; nothing may be accepted that needs it.
   *
   * @param pages that they may use, at most
   * @param spare octets to be left after them
   * @throws the system's error when the file cannot be written for another reason than a full disk
   */
  hasRoom(pages: number, spare: number): boolean {
    const wanted = this.#used + pages + Math.ceil(spare / PAGE);
    if (wanted > this.#pages) this.#grow(wanted);
    return wanted <= this.#pages;
  }

  /**
   * After a transaction, and so a flush: LMDB has used some of the room, or more, and then it has made the file longer itself.
   */
  look(): void {
    this.#unflushed = 0;
    this.#used = this.#lastUsed();
    this.#pages = Math.max(Math.floor(fstatSync(this.#fd).size / PAGE), this.#used);
  }

  /** True when so much waits for a flush that the next one would hold up whoever it is for. */
  get isDue(): boolean {
    return this.#unflushed >= UNFLUSHED;
  }

  /** Flushes the file. @throws the system's error */
  flush(): void {
    fdatasyncSync(this.#fd);
    this.#unflushed = 0;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #lastUsed(): number {
    const file = {
      read: (page: number, out: Buffer, length = PAGE): boolean =>
        readSync(this.#fd, out, 0, length, page * PAGE) === length,
    };
    const metas = ([0, 1] as const).map(page => readMeta(file, page)).filter(meta => typeof meta !== 'string');
    return Math.max(...metas.map(meta => meta.lastPage)) + 1;
  }

  #grow(pages: number): void {
    try {
      while (this.#pages < pages) {
        const written = writeSync(this.#fd, ZEROS, 0, ZEROS.length, this.#pages * PAGE);
        this.#unflushed += written;
        if (written < PAGE) return;
        this.#pages += Math.floor(written / PAGE);
      }
    } catch (error) {
      if (!isFull(error)) throw error;
    }
  }
}

/** What writes need of the data file, added up; each at most. */
export class PageNeed {
  #writes = 0;
  #octets = 0;
  #large = 0;

  /** @param octets of the value; -1: the key is removed */
  add(keyOctets: number, octets: number): void {
    this.#count(keyOctets, octets, 1);
  }

  /** What was added, and is not needed any more. */
  drop(keyOctets: number, octets: number): void {
    this.#count(keyOctets, octets, -1);
  }

  #count(keyOctets: number, octets: number, times: number): void {
    this.#writes += times;
    if (octets >= LARGE) this.#large += times * overflowPagesFor(octets);
    else if (octets >= 0) this.#octets += times * (keyOctets + octets);
  }

  /** Pages, when it is done in transactions of `TRANSACTION_WRITES` or more each. */
  pages(): number {
    const transactions = 1 + Math.ceil(this.#writes / TRANSACTION_WRITES);
    const leaves = this.#writes + Math.ceil(this.#writes / 8) + Math.ceil((this.#octets * 2) / PAGE);
    return transactions * BASE + leaves + this.#large;
  }
}

/** The disk, or what this user may have of it, is full. */
function isFull(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT';
}
