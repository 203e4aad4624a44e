import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FolderLocked, lockFolder } from '../../../runtime/folder-lock.ts';

const holder = fileURLToPath(new URL('./fixtures/lock-holder.ts', import.meta.url));
let parent = '';
let folder = '';
const children: ChildProcess[] = [];

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'heliograph-lock-'));
  folder = join(parent, 'data');
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(parent, { recursive: true });
});

/** Starts a process that locks the folder; gives its first line. */
async function start(command: string, args: readonly string[], env = process.env): Promise<[ChildProcess, string]> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], env });
  children.push(child);
  const line = await new Promise<string>(resolve => {
    child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString().trim()));
  });
  return [child, line];
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = new Promise(resolve => {
    child.once('exit', resolve);
  });
  child.kill('SIGKILL');
  await ended;
}

function refusal(): unknown {
  try {
    lockFolder(folder).release();
    return undefined;
  } catch (error) {
    return error;
  }
}

test('the folder is made, for its owner alone, and the file names the holder', () => {
  const lock = lockFolder(folder);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(readFileSync(lock.path, 'utf8')).toBe(`${process.pid} on ${hostname()}\n`);
  lock.release();
});

test('a second process is refused, naming the first; kill -9 frees the folder', async () => {
  const [first, said] = await start(process.execPath, [holder, folder]);
  expect(said).toBe('locked');
  const error = refusal();
  expect(error).toBeInstanceOf(FolderLocked);
  expect(error).toMatchObject({
    code: 'FOLDER_LOCKED',
    pid: first.pid,
    folder,
    message: `the data folder ${folder} is in use by process ${first.pid} on ${hostname()}`,
  });
  const [, second] = await start(process.execPath, [holder, folder]);
  expect(second).toContain(`in use by process ${first.pid} on`);
  await kill(first);
  expect(refusal()).toBeUndefined();
});

test('the lock is given free once, and can be taken again in the same process', () => {
  const lock = lockFolder(folder);
  expect(refusal()).toBeInstanceOf(FolderLocked);
  lock.release();
  const again = lockFolder(folder);
  lock.release();
  expect(refusal()).toBeInstanceOf(FolderLocked);
  again.release();
  expect(refusal()).toBeUndefined();
});

test('what an earlier process left in the file means nothing', () => {
  lockFolder(folder).release();
  writeFileSync(join(folder, 'lock'), '1 on some-host-with-a-very-long-name\n');
  const lock = lockFolder(folder);
  expect(readFileSync(lock.path, 'utf8')).toBe(`${process.pid} on ${hostname()}\n`);
  lock.release();
});

// Needs root, or user namespaces.
const canUnshare = spawnSync('unshare', ['-pf', 'true']).status === 0;

test.runIf(canUnshare)('it holds across pid namespaces, where both processes have the same pid', async () => {
  const unshare = ['-pf', '--kill-child', process.execPath, holder, folder];
  const [first, said] = await start('unshare', unshare);
  expect(said).toBe('locked');
  const [, second] = await start('unshare', unshare);
  expect(second).toContain('in use by process 1 on');
  expect(refusal()).toBeInstanceOf(FolderLocked);
  await kill(first);
  // The namespace's init is killed with its parent, a moment after it.
  for (let i = 0; i < 200 && refusal() !== undefined; i++) await new Promise(resolve => setTimeout(resolve, 10));
  expect(refusal()).toBeUndefined();
});

test('without the program flock the error says what to install', async () => {
  const [, said] = await start(process.execPath, [holder, folder], { ...process.env, PATH: parent });
  expect(said).toBe(
    'cannot lock the data folder: the program flock is missing (Debian, Ubuntu, Fedora, Alpine: package util-linux)',
  );
});

test('a folder that cannot be used is named with the reason', () => {
  writeFileSync(join(parent, 'data'), 'a file');
  expect(refusal()).toMatchObject({ code: 'FOLDER_UNUSABLE' });
  expect(String(refusal())).toMatch(
    /^FolderUnusable: the data folder .*\/data cannot be used: EEXIST: file already exists/,
  );
});
