import { statfsSync } from 'node:fs';

/** Looking at the disk is cheap (2 µs), but not every batch needs it. */
const LOOK_EVERY_MS = 100;

/**
 * Says when new messages must be refused so that those queued can still leave: below a fifth of the disk free, or below
 * `reserveOctets` on disks where a fifth is more than that.
 */
export class DiskSpace {
  readonly #folder: string;
  readonly #reserveOctets: number;
  #lookedAt = -Infinity;
  #full = false;

  constructor(folder: string, reserveOctets: number) {
    this.#folder = folder;
    this.#reserveOctets = reserveOctets;
  }

  /** @param nowMs monotonic */
  full(nowMs: number): boolean {
    if (nowMs - this.#lookedAt >= LOOK_EVERY_MS) {
      this.#lookedAt = nowMs;
      const { bavail, blocks, bsize } = statfsSync(this.#folder);
      this.#full = bavail * bsize < Math.min((blocks * bsize) / 5, this.#reserveOctets);
    }
    return this.#full;
  }
}
