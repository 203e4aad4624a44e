import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { overflowPagesFor, PAGE, readMeta } from './page-file.ts';

/** What the data file grows by at least, pages. */
const STEP = 64;
const ZEROS = Buffer.alloc(STEP * PAGE);
/** Octets from which on LMDB puts a value on pages of its own. */
const LARGE = 2000;
/** Pages that any transaction may write anew: the way down to a leaf, the free list. */
const BASE = 64;

/**
 * Room on the disk that belongs to the data file before LMDB writes there. LMDB must not meet a full disk: after a page that
 * could not be written it may free memory twice and end the process (seen with lmdb-js 3.5.6). So the file is kept longer
 * than LMDB has used, by zeros that the file system has allocated; LMDB's next pages overwrite them. When the disk is full
 * the last of that room is for settles and receipts, so that what is queued can leave.
 *
 * Only for the thread that commits, between its commits: nobody else may write the file meanwhile.
 */
export class FileSpace {
  readonly #fd: number;
  /** Pages that LMDB may have used: as its meta page said, and what was asked for since. */
  #used = 0;
  /** Pages that the file has. */
  #pages = 0;

  constructor(path: string) {
    this.#fd = openSync(path, 'r+');
    this.#look();
  }

  /**
   * Sees to room for a transaction, the disk permitting. False: there is not enough; nothing may be written.
   *
   * @param pages that it may use, at most
   * @param spare octets to be left after it
   * @throws the system's error when the file cannot be written for another reason than a full disk
   */
  take(pages: number, spare: number): boolean {
    const wanted = pages + Math.ceil(spare / PAGE);
    if (this.#used + wanted > this.#pages) {
      this.#look();
      if (this.#used + wanted > this.#pages) this.#grow(this.#used + wanted);
      if (this.#used + wanted > this.#pages) return false;
    }
    this.#used += pages;
    return true;
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** How things are now: LMDB may have used less than was asked for, or more, and then it has made the file longer itself. */
  #look(): void {
    this.#used = this.#lastUsed();
    this.#pages = Math.max(Math.floor(fstatSync(this.#fd).size / PAGE), this.#used);
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
        if (written < PAGE) return;
        this.#pages += Math.floor(written / PAGE);
      }
    } catch (error) {
      if (!isFull(error)) throw error;
    }
  }
}

/** Pages that a transaction with these writes uses, at most. */
export function pagesFor(writes: readonly (readonly [Buffer, Buffer | undefined])[]): number {
  let pages = BASE + writes.length + Math.ceil(writes.length / 8);
  let octets = 0;
  for (const [key, value] of writes) {
    if (!value) continue;
    if (value.length >= LARGE) pages += overflowPagesFor(value.length);
    else octets += key.length + value.length;
  }
  return pages + Math.ceil((octets * 2) / PAGE);
}

/** The disk, or what this user may have of it, is full. */
function isFull(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT';
}
