import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const fixture = fileURLToPath(new URL('./fixtures/fatal-main.ts', import.meta.url));
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'heliograph-fatal-'));
  expect(spawnSync('mkfifo', [join(folder, 'fifo')]).status).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stderr: string;
  /** From the call to the end of the process. */
  readonly tookMs: number;
}

function run(from: string, held: string): Promise<Ended> {
  const child = spawn(process.execPath, [fixture, from, held, join(folder, 'fifo')]);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  let endedMs = 0;
  child.on('exit', () => (endedMs = Date.now()));
  return new Promise(resolve => {
    child.on('close', (code, signal) =>
      resolve({ code, signal, stderr, tookMs: endedMs - Number.parseInt(stdout, 10) }),
    );
  });
}

const workerLine = 'heliograph: planned end: EIO: i/o error, fdatasync\n';

describe('fatal ends the process within a second, with one line and exit code 1', () => {
  test.each([
    ['main', 'nothing'],
    ['main', 'hung-pool'],
    ['main', 'hung-thread'],
    ['worker', 'nothing'],
    ['worker', 'hung-pool'],
    ['worker', 'hung-thread'],
  ])('called in %s, held up by %s', async (from, held) => {
    const ended = await run(from, held);
    expect(ended).toMatchObject({ code: 1, signal: null });
    // Both workers call it at once; one line comes out.
    expect(ended.stderr).toBe(from === 'main' ? 'heliograph: planned end in main\n' : workerLine);
    expect(ended.tookMs).toBeLessThan(1000);
  });

  test('called in all threads at the same time', async () => {
    const ended = await run('both', 'nothing');
    expect(ended.code).toBe(1);
    expect([workerLine, 'heliograph: planned end in main\n']).toContain(ended.stderr);
  });

  test('by SIGKILL instead when the main thread is blocked', async () => {
    const ended = await run('worker', 'blocked-main');
    expect(ended).toMatchObject({ code: null, signal: 'SIGKILL', stderr: workerLine });
    expect(ended.tookMs).toBeLessThan(1300);
  });
});
