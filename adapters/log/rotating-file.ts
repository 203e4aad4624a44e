import { closeSync, fstatSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

export interface RotatingFileOptions {
  readonly path: string;
  /** Octets at which a new one is begun; the old one is PATH.1, the one before that PATH.2. */
  readonly maxOctets: number;
  /** How many old ones are kept. */
  readonly keep: number;
  readonly monotonic: () => number;
  /** A line could not be written, and is lost: a log never stops what it is about. */
  readonly failed: (error: NodeJS.ErrnoException) => void;
}

/** How long a file that was moved away by somebody else (logrotate) is still written. */
const LOOK_MS = 1000;

/** A log file of bounded size. Lines are written at once, each in one write. */
export class RotatingFile {
  readonly #options: RotatingFileOptions;
  #fd = -1;
  #inode = 0;
  #octets = 0;
  #lookedAt = -Infinity;

  constructor(options: RotatingFileOptions) {
    this.#options = options;
  }

  write(line: string): void {
    try {
      this.#ready();
      this.#octets += writeSync(this.#fd, line);
      if (this.#octets >= this.#options.maxOctets) this.#rotate();
    } catch (error) {
      this.#options.failed(error as NodeJS.ErrnoException);
      this.close();
    }
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }

  #ready(): void {
    const now = this.#options.monotonic();
    if (this.#fd >= 0 && now - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = now;
    if (this.#fd >= 0 && statSync(this.#options.path, { throwIfNoEntry: false })?.ino === this.#inode) return;
    this.close();
    mkdirSync(dirname(this.#options.path), { recursive: true, mode: 0o700 });
    this.#fd = openSync(this.#options.path, 'a', 0o600);
    const { ino, size } = fstatSync(this.#fd);
    this.#inode = ino;
    this.#octets = size;
  }

  #rotate(): void {
    const { path, keep } = this.#options;
    this.close();
    for (let n = keep - 1; n >= 1; n--) {
      if (statSync(`${path}.${n}`, { throwIfNoEntry: false })) renameSync(`${path}.${n}`, `${path}.${n + 1}`);
    }
    renameSync(path, `${path}.1`);
  }
}
