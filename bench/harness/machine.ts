import { execFileSync } from 'node:child_process';
import { closeSync, fdatasyncSync, mkdtempSync, openSync, readFileSync, statfsSync, writeSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { keepTrackOf, removeFolder } from './children.ts';
import { quantile } from './stats.ts';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly kernel: string;
  readonly node: string;
  /** Where data folders are made, and what file system that is. */
  readonly folder: string;
  readonly fileSystem: string;
  /** fdatasync of 32 KB appended, µs. */
  readonly syncP50Us: number;
  readonly syncP99Us: number;
  /** Programs that wanted to run, the last minute's mean, before the bench began. */
  readonly loadBefore: number;
  readonly commit: string;
  readonly at: string;
}

const SYNCS = 300;

export function describeMachine(root: string): Machine {
  const sync = measureSync();
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 1e9),
    kernel: release(),
    node: process.version,
    folder: tmpdir(),
    fileSystem: fileSystemOf(tmpdir()),
    syncP50Us: quantile(sync, 0.5),
    syncP99Us: quantile(sync, 0.99),
    loadBefore: loadavg()[0]!,
    commit: commitOf(root),
    at: new Date().toISOString(),
  };
}

/** µs each, ascending: what a small commit costs on this disk. */
function measureSync(): number[] {
  const folder = mkdtempSync(join(tmpdir(), 'hg-sync-'));
  keepTrackOf(folder);
  const file = openSync(join(folder, 'file'), 'w');
  const block = Buffer.alloc(32 * 1024, 1);
  const took = Array.from({ length: SYNCS }, () => {
    const start = performance.now();
    writeSync(file, block);
    fdatasyncSync(file);
    return (performance.now() - start) * 1000;
  });
  closeSync(file);
  removeFolder(folder);
  return took.sort((a, b) => a - b);
}

/** The kernel's name of the file system that a folder is on (proc(5): mounts; the longest mount point that fits). */
function fileSystemOf(folder: string): string {
  const mounts = readFileSync('/proc/mounts', 'utf8')
    .trim()
    .split('\n')
    .map(line => line.split(' ') as [string, string, string])
    .filter(([, point]) => point === '/' || folder === point || folder.startsWith(`${point}/`))
    .sort(([, a], [, b]) => b.length - a.length);
  const { blocks, bsize } = statfsSync(folder);
  return `${mounts[0]?.[2] ?? 'unknown'}, ${Math.round((blocks * bsize) / 1e9)} GB`;
}

/** Short hash; with a star when files differ from it. */
export function commitOf(root: string): string {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain') === '' ? '' : '*'}`;
  } catch {
    return 'no git';
  }
}
