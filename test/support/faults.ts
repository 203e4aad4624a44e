import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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

  /** @param syncAt this fsync of the process fails, from 1 */
  environment(syncAt?: number): Record<string, string> {
    return {
      LD_PRELOAD: this.#library,
      FAULTS_DIR: this.#data,
      FAULTS_FLAG: this.#flag,
      ...(syncAt === undefined ? {} : { FAULTS_SYNC_AT: String(syncAt) }),
    };
  }

  /** From now on these calls fail with EIO. */
  set(what: 'sync' | 'write'): void {
    writeFileSync(this.#flag, what);
  }

  clear(): void {
    rmSync(this.#flag, { force: true });
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
