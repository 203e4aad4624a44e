import { spawnSync } from 'node:child_process';
import { closeSync, constants, ftruncateSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { RuntimeError, describeError } from './errors.ts';

/** Another process holds the folder. */
export class FolderLocked extends RuntimeError {
  readonly folder: string;
  /** As the holder wrote it; in another pid namespace it names another process. */
  readonly pid: number | undefined;

  constructor(folder: string, holder: string) {
    const pid = Number.parseInt(holder, 10);
    const who = Number.isNaN(pid) ? 'another process' : `process ${holder}`;
    super('FOLDER_LOCKED', `the data folder ${folder} is in use by ${who}`);
    this.folder = folder;
    this.pid = Number.isNaN(pid) ? undefined : pid;
  }
}

/** The folder or its lock file cannot be made, opened or written. `cause` is the system's error. */
export class FolderUnusable extends RuntimeError {
  constructor(folder: string, cause: unknown) {
    super('FOLDER_UNUSABLE', `the data folder ${folder} cannot be used: ${describeError(cause)}`, cause);
  }
}

/** There is no `flock` program on this machine. */
export class LockUnavailable extends RuntimeError {
  constructor(why: string) {
    super('LOCK_UNAVAILABLE', `cannot lock the data folder: ${why}`);
  }
}

/** A held lock. */
export interface FolderLock {
  readonly path: string;
  /** Gives the folder free. Not needed at the end of the process: the kernel does it, also after kill -9. */
  release(): void;
}

// util-linux flock(1): exit code when the lock is held by somebody else (-n).
const HELD = 1;
// Our descriptor's number inside the child: the first after stdin, stdout and stderr.
const CHILD_FD = '3';

/**
 * Takes `<folder>/lock` for the life of this process; makes the folder (mode 0700) where there is none. To be called before
 * any store opens.
 *
 * It is a flock(2), which belongs to the open file description: the program `flock` locks the one it inherits from us and
 * ends, we keep it open, and the kernel gives it free with our last descriptor. So it holds against other pid namespaces
 * (containers that share a volume), and a stale pid in the file means nothing. Takes about 3 ms.
 * @throws FolderLocked, FolderUnusable, LockUnavailable
 */
export function lockFolder(folder: string): FolderLock {
  const path = join(folder, 'lock');
  const fd = open(folder, path);
  try {
    flock(folder, fd);
    ftruncateSync(fd);
    writeSync(fd, `${process.pid} on ${hostname()}\n`, 0);
  } catch (error) {
    closeSync(fd);
    throw error instanceof RuntimeError ? error : new FolderUnusable(folder, error);
  }
  let held = true;
  return {
    path,
    release() {
      if (!held) return;
      held = false;
      closeSync(fd);
    },
  };
}

function open(folder: string, path: string): number {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  } catch (error) {
    throw new FolderUnusable(folder, error);
  }
}

function flock(folder: string, fd: number): void {
  const { status, signal, error, stderr } = spawnSync('flock', ['-n', CHILD_FD], {
    stdio: ['ignore', 'ignore', 'pipe', fd],
    encoding: 'utf8',
  });
  if (error !== undefined && 'code' in error && error.code === 'ENOENT') {
    throw new LockUnavailable('the program flock is missing (Debian, Ubuntu, Fedora, Alpine: package util-linux)');
  }
  if (error !== undefined) throw new LockUnavailable(`flock: ${describeError(error)}`);
  if (status === 0) return;
  if (status === HELD) throw new FolderLocked(folder, readHolder(fd));
  throw new LockUnavailable(`flock ended with ${status ?? signal}: ${stderr.trim()}`);
}

function readHolder(fd: number): string {
  const bytes = Buffer.alloc(300);
  return bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, 0)).trim();
}
