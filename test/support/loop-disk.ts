import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, statfsSync, ftruncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why there can be no small disk here; undefined when there can be. */
export function noLoopDisk(): string | undefined {
  if (process.getuid?.() !== 0) return 'mounting needs root';
  try {
    const disk = new LoopDisk(8);
    disk.remove();
    return undefined;
  } catch (error) {
    return `no loop mount: ${(error as Error).message.split('\n')[0]}`;
  }
}

/** A small ext4 file system of its own, on a loop device. */
export class LoopDisk {
  readonly #folder = mkdtempSync(join(tmpdir(), 'heliograph-disk-'));
  /** Where it is mounted. */
  readonly path = join(this.#folder, 'disk');

  /** @throws when this machine has no loop devices, or no mkfs.ext4 */
  constructor(megabytes: number) {
    const image = join(this.#folder, 'image');
    const fd = openSync(image, 'w');
    ftruncateSync(fd, megabytes * 1024 * 1024);
    closeSync(fd);
    mkdirSync(this.path);
    const env = { PATH: `${process.env['PATH']}:/sbin:/usr/sbin` };
    try {
      execFileSync('mkfs.ext4', ['-q', '-F', '-m', '0', image], { env, stdio: 'pipe' });
      execFileSync('mount', ['-o', 'loop', image, this.path], { env, stdio: 'pipe' });
    } catch (error) {
      rmSync(this.#folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Octets that can be written. */
  get free(): number {
    const { bavail, bsize } = statfsSync(this.path);
    return bavail * bsize;
  }

  /** Somebody else takes what is free, but for `leave` octets. Returns how to give it back. */
  fill(leave = 0): () => void {
    const path = join(this.path, 'somebody-elses');
    // What the file system needs for the file itself makes the exact size a matter of trying.
    for (let size = this.free - leave; size > 0; size -= 4096) {
      try {
        execFileSync('fallocate', ['-l', String(size), path], { stdio: 'pipe' });
        break;
      } catch {
        rmSync(path, { force: true });
      }
    }
    return () => rmSync(path, { force: true });
  }

  remove(): void {
    execFileSync('umount', ['-l', this.path], { stdio: 'pipe' });
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
