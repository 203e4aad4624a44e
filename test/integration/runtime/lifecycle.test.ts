import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitUntil } from '../../support/wait-until.ts';

const fixture = fileURLToPath(new URL('./fixtures/lifecycle-main.ts', import.meta.url));
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'heliograph-lifecycle-'));
  expect(spawnSync('mkfifo', [join(folder, 'fifo')]).status).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Starts the fixture; each signal is sent when the line before it has been said. */
async function run(mode: string, signals: readonly (readonly [afterLine: string, NodeJS.Signals, afterMs?: number])[]) {
  const child = spawn(process.execPath, [fixture, mode, join(folder, 'fifo')]);
  let said = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<number | null>(resolve => {
    child.on('close', resolve);
  });
  for (const [afterLine, signal, afterMs = 0] of signals) {
    await waitUntil(`the line ${afterLine}`, () => said.includes(`${afterLine}\n`));
    // What a second signal means depends on the time since the first: this is not waiting for anything.
    if (afterMs > 0) await new Promise(resolve => setTimeout(resolve, afterMs));
    child.kill(signal);
  }
  return { code: await ended, said: said.trim().split('\n'), stderr };
}

const down = ['serving', 'draining', 'finish within 60000', 'stopping', 'stop threads'];

test.each<NodeJS.Signals>(['SIGTERM', 'SIGINT'])('%s drains, stops the parts in order, exits 0', async signal => {
  expect(await run('plain', [['serving', signal]])).toEqual({
    code: 0,
    said: [...down, 'stop store', 'stopped'],
    stderr: '',
  });
});

test('a second signal ends a drain that does not end', async () => {
  const ended = await run('slow', [
    ['serving', 'SIGTERM'],
    ['finish within 60000', 'SIGTERM', 600],
  ]);
  expect(ended).toEqual({ code: 1, said: ['serving', 'draining', 'finish within 60000'], stderr: '' });
});

test('a step that does not end, and one that throws, keep no other from running, and are exit code 1', async () => {
  const ended = await run('overrun', [['serving', 'SIGTERM']]);
  expect(ended.said).toEqual([...down, 'threads: not done within 100 ms', 'stop store', 'store: planned', 'stopped']);
  expect(ended.code).toBe(1);
});

test('a hung disk does not hold up the end', async () => {
  const ended = await run('hung', [['serving', 'SIGTERM']]);
  expect(ended).toMatchObject({ code: 1, said: [...down, 'threads: not done within 100 ms', 'stop store', 'stopped'] });
});

test('an uncaught error is one line and exit code 1', async () => {
  expect(await run('uncaught', [])).toEqual({
    code: 1,
    said: ['serving', 'seen: Error: planned', 'error'],
    stderr: 'heliograph: uncaught error in the main thread: planned error\n',
  });
});
