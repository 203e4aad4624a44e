import { execFileSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('./faults.c', import.meta.url));

/** A disk that fails when it is told to, for a process that is started with `environment`. */
export class Faults {
  readonly #folder = mkdtempSync(join(tmpdir(), 'heliograph-faults-'));
  readonly #flag = join(this.#folder, 'flag');
  readonly #library = join(this.#folder, 'faults.so');
  readonly #data: string;

  /** @param data the folder whose files fail @throws without a C compiler */
  constructor(data: string) {
    this.#data = data;
    execFileSync('cc', ['-shared', '-fPIC', '-O2', '-o', this.#library, SOURCE, '-ldl'], { stdio: 'pipe' });
  }

  /** Of a process that is to meet the faults. */
  get environment(): Readonly<Record<string, string>> {
    return { LD_PRELOAD: this.#library, FAULTS_DIR: this.#data, FAULTS_FLAG: this.#flag };
  }

  /** From the `nth` on, counted from now, these calls fail with EIO. */
  set(what: 'sync' | 'write', nth = 1): void {
    // At once: a flag that is half written would say something else.
    writeFileSync(`${this.#flag}.new`, `${what} ${nth}`);
    renameSync(`${this.#flag}.new`, this.#flag);
  }

  /** When the first call failed, ms since 1970. @throws when none has */
  get failedAt(): number {
    return statSync(`${this.#flag}.failed`).mtimeMs;
  }

  /** For processes that start after it. */
  clear(): void {
    rmSync(this.#flag, { force: true });
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
