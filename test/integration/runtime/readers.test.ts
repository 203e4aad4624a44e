import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openControl } from '../../../adapters/control/client.ts';
import { readNodeFile } from '../../../adapters/control/node-file.ts';
import { waitUntil } from '../../support/wait-until.ts';

const MAIN = fileURLToPath(new URL('../../../main.ts', import.meta.url));
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'heliograph-readers-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a node whose log nobody reads any more goes on, and ends well', async () => {
  const dataDir = join(folder, 'data');
  const config = join(folder, 'heliograph.json');
  const port = { port: 0 };
  const settings = { archive: { enabled: false }, warm_up_messages: 0, workers: 1 };
  writeFileSync(config, JSON.stringify({ ...settings, listeners: { smpp: port, api: port, panel: port } }));
  const node = spawn(process.execPath, [MAIN, 'start', '--config', config, '--data', dataDir], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(node, 'close');
  try {
    node.stdout.destroy();
    node.stderr.destroy();
    await waitUntil('it is up', () => readNodeFile(dataDir)?.pid === node.pid, 20_000);
    const control = openControl(dataDir);
    // Each of these is a line in its log.
    await control.addAccount({ system_id: 'a', password: 'secret-1' });
    await control.removeAccount('a');
    expect((await control.status()).node.state).toBe('running');
    node.kill('SIGTERM');
    expect((await ended)[0]).toBe(0);
  } finally {
    node.kill('SIGKILL');
  }
}, 60_000);

test('a command whose reader has seen enough says nothing about it', () => {
  const script = '"$0" "$1" errors | head -n 1; echo "${PIPESTATUS[0]}"';
  const { stdout, stderr } = spawnSync('bash', ['-c', script, process.execPath, MAIN], { encoding: 'utf8' });
  expect(stdout.trim().split('\n').at(-1)).toBe('0');
  expect(stderr).toBe('');
});
