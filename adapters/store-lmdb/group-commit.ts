import { statfsSync } from 'node:fs';
import type { Database } from 'lmdb';

/** One write: a key and its value, undefined to remove it. */
export type Write = (key: Buffer, value: Buffer | undefined) => void;

export interface GroupCommitDeps {
  readonly db: Database<Buffer, Buffer>;
  /** The folder of the data file, for the question whether the disk is full. */
  readonly folder: string;
  /** Writes everything that has changed since it was called last. */
  readonly collect: (write: Write) => void;
  /** A flush failed: what was written may be gone, so nobody may be told otherwise. Must end the process. */
  readonly fatal: (error: unknown) => void;
}

/** Free octets below which a failed commit is a full disk and not a dying one: LMDB says EIO for both. */
const DISK_FULL_BELOW = 256 * 1024;
const FULL_DISK_RETRY_MS = 200;

/** Commits on their way at once. The second is prepared while the first is flushed. */
const IN_FLIGHT = 2;

/**
 * Group commit: what arrives while a commit is being flushed forms the next one. No timers: an idle store commits at
 * once, a loaded one makes big commits. Callers are told after the flush, in the order they came.
 */
export class GroupCommit {
  readonly #deps: GroupCommitDeps;
  #waiting: (() => void)[] = [];
  #inFlight = 0;
  #scheduled = false;
  #failed = false;
  commits = 0;

  constructor(deps: GroupCommitDeps) {
    this.#deps = deps;
  }

  /** Calls `flushed` when all that has been changed so far is on disk. */
  enqueue(flushed: () => void): void {
    this.#waiting.push(flushed);
    this.#schedule();
  }

  /** Resolves when nothing is left to flush. */
  async idle(): Promise<void> {
    while (this.#inFlight > 0 || this.#waiting.length > 0 || this.#scheduled) {
      await new Promise<void>(resolve => this.enqueue(resolve));
    }
  }

  #schedule(): void {
    if (this.#scheduled || this.#inFlight >= IN_FLIGHT || this.#failed) return;
    this.#scheduled = true;
    // After all frames that this turn of the loop brings.
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#waiting.length > 0 && this.#inFlight < IN_FLIGHT && !this.#failed) void this.#commit();
    });
  }

  async #commit(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    const writes: [Buffer, Buffer | undefined][] = [];
    this.#deps.collect((key, value) => writes.push([key, value]));
    this.#inFlight++;
    while (writes.length > 0 && !this.#failed) {
      try {
        await this.#write(writes);
        break;
      } catch (error) {
        if (!this.#diskFull()) {
          this.#failed = true;
          this.#deps.fatal(error);
          return;
        }
        // Nothing of the transaction was written; the same one again, until there is room. Nobody is told meanwhile.
        await new Promise(resolve => setTimeout(resolve, FULL_DISK_RETRY_MS));
      }
    }
    if (this.#failed) return;
    this.#inFlight--;
    this.commits++;
    for (const flushed of waiting) flushed();
    if (this.#waiting.length > 0) this.#schedule();
  }

  /** One transaction. With `overlappingSync` off the promise resolves after the flush of data and meta page (L2, L5). */
  #write(writes: readonly [Buffer, Buffer | undefined][]): Promise<boolean> {
    const { db } = this.#deps;
    return db.batch(() => {
      for (const [key, value] of writes) {
        // The batch's promise carries the failure of all; the single ones must not be reported a second time.
        (value === undefined ? db.remove(key) : db.put(key, value)).catch(ignore);
      }
    });
  }

  #diskFull(): boolean {
    const { bavail, bsize } = statfsSync(this.#deps.folder);
    return bavail * bsize < DISK_FULL_BELOW;
  }
}

function ignore(): void {
  // See #write.
}
