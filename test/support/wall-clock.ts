import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Place } from './place.ts';

const SOURCE = fileURLToPath(new URL('./wall-clock.c', import.meta.url));

/** The wall clock of processes that are started `on` it: it can be set, as by an NTP that has gone mad. */
export class WallClock implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'heliograph-clock-'));
  readonly #file = join(this.#folder, 'offset');
  readonly #library = join(this.#folder, 'wall-clock.so');

  /** @throws without a C compiler */
  constructor() {
    execFileSync('cc', ['-shared', '-fPIC', '-O2', '-o', this.#library, SOURCE, '-ldl'], { stdio: 'pipe' });
    writeFileSync(this.#file, Buffer.alloc(Float64Array.BYTES_PER_ELEMENT));
  }

  /** The same place, for processes that go by this clock. */
  on<Where extends Place>(place: Where): Where {
    const prefix = [...place.prefix, 'env', `LD_PRELOAD=${this.#library}`, `WALL_CLOCK=${this.#file}`];
    return { ...place, prefix };
  }

  /** From now on it is wrong by so much. */
  set(seconds: number): void {
    const octets = Buffer.alloc(Float64Array.BYTES_PER_ELEMENT);
    octets.writeDoubleLE(seconds);
    // In place: the processes have mapped this file.
    const file = openSync(this.#file, 'r+');
    writeSync(file, octets, 0, octets.length, 0);
    closeSync(file);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
