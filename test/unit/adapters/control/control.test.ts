import { createServer } from 'node:http';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { connectControl, openControl } from '../../../../adapters/control/client.ts';
import { readNodeFile, removeNodeFile, writeNodeFile } from '../../../../adapters/control/node-file.ts';
import { serveControl } from '../../../../adapters/control/server.ts';
import type { ControlServer } from '../../../../adapters/control/server.ts';
import type { NodeControl } from '../../../../actors/node-control.ts';
import { fullStatus, SampleControl, story } from '../../../support/sample-control.ts';

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'heliograph-control-'));
  closing.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function node(dataDir: string): Promise<{ sample: SampleControl; server: ControlServer; control: NodeControl }> {
  const sample = new SampleControl();
  const server = await serveControl(dataDir, sample);
  closing.push(() => server.close());
  announce(dataDir, server.path);
  return { sample, server, control: openControl(dataDir) };
}

function announce(dataDir: string, controlSocket: string): void {
  const started = new Date(0).toISOString();
  writeNodeFile(dataDir, {
    pid: process.pid,
    node: 'n1',
    version: '0.1.0',
    started,
    host: '127.0.0.1',
    ports: { smpp: 2775 },
    controlSocket,
  });
}

describe('the control socket', () => {
  it('is for its user alone', async () => {
    const dataDir = folder();
    const { server } = await node(dataDir);
    expect(server.path).toBe(join(dataDir, 'control.sock'));
    expect(statSync(server.path).mode & 0o777).toBe(0o600);
  });

  it('carries every verb, there and back', async () => {
    const { sample, control } = await node(folder());
    sample.current = fullStatus(1_700_000_000_000);
    sample.stories = [story('delivered', 1_700_000_000_000)];
    expect(await control.status()).toEqual(sample.current);
    expect(await control.apply({ routes: [{ drop: true }] })).toMatchObject({
      tableVersion: 4,
      changed: { routes: 1 },
    });
    expect(sample.applied).toEqual([{ routes: [{ drop: true }] }]);
    const message = { to: '447700900123', text: 'Grüße 👋', from: 'SHOP', account: '' };
    expect(await control.send(message)).toEqual({ id: 4242, destination: 'sink' });
    expect(sample.sent).toEqual([message]);
    expect(await control.message(4242)).toEqual(sample.stories[0]);
    expect(await control.addAccount({ system_id: 'a/b c', password: 'x' })).toMatchObject({ system_id: 'a/b c' });
    expect(await control.changeAccount('a/b c', { window: 7 })).toMatchObject({ window: 7 });
    expect(await control.accounts()).toHaveLength(1);
    expect(await control.names()).toEqual(['sink', 'a/b c']);
    await control.removeAccount('a/b c');
    expect(await control.accounts()).toEqual([]);
    expect(await control.changeCarrier('sink', { enabled: false })).toMatchObject({ enabled: false, bound: 1 });
    await control.removeCarrier('sink');
    expect(await control.carriers()).toEqual([]);
    expect(await control.drain()).toEqual({ queued: 1200 });
  });

  it('hands on errors with their code and details', async () => {
    const { control } = await node(folder());
    await expect(control.message(1)).rejects.toMatchObject({ code: 'not-found', message: 'no message 1' });
    await expect(control.send({ to: '0', text: 'x', from: '', account: '' })).rejects.toMatchObject({
      code: 'refused',
    });
    await expect(control.addAccount({ system_id: 'a', password: 'too long for it' })).rejects.toMatchObject({
      code: 'invalid',
      details: [expect.stringContaining('password: expected')],
    });
    await expect(control.send({ to: '1' } as never)).rejects.toMatchObject({
      code: 'invalid',
      message: 'text: expected text',
    });
  });

  it('tells what went wrong inside, and goes on', async () => {
    const { sample, control } = await node(folder());
    sample.status = async () => {
      throw new Error('the store is away');
    };
    await expect(control.status()).rejects.toMatchObject({ code: 'internal', message: 'the store is away' });
    expect(await control.names()).toEqual(['sink']);
  });

  it('takes 100,000 routes at once, and refuses more than 64 MB', async () => {
    const { sample, control } = await node(folder());
    const routes = Array.from({ length: 100_000 }, (_, at) => ({
      called_prefix: `44${at}`,
      dest_smsc: 'sink',
      priority: at,
    }));
    expect(await control.apply({ routes })).toMatchObject({ routes: 100_000 });
    await expect(control.apply({ routes: ['x'.repeat(65 * 1024 * 1024)] })).rejects.toMatchObject({
      code: 'too-large',
    });
    expect(sample.applied).toHaveLength(1);
  });

  it('takes the place of a socket that a killed node left', async () => {
    const dataDir = folder();
    writeFileSync(join(dataDir, 'control.sock'), '');
    const { control } = await node(dataDir);
    expect(await control.names()).toEqual(['sink']);
  });

  it('lives elsewhere when the path is too long for a socket, and is cleared away', async () => {
    const dataDir = join(folder(), 'd'.repeat(120));
    mkdirSync(dataDir);
    const { server, control } = await node(dataDir);
    expect(Buffer.byteLength(server.path)).toBeLessThanOrEqual(107);
    expect(await control.names()).toEqual(['sink']);
    await server.close();
    expect(existsSync(join(server.path, '..'))).toBe(false);
  });

  it('is gone after close', async () => {
    const dataDir = folder();
    const { server, control } = await node(dataDir);
    await server.close();
    expect(existsSync(server.path)).toBe(false);
    await expect(control.status()).rejects.toMatchObject({ code: 'no-node' });
  });
});

describe('openControl', () => {
  it('says that no node runs: no folder, a file that is none, a dead node', async () => {
    const dataDir = folder();
    const text = `no node is running on ${dataDir} (start it with: npm start)`;
    expect(() => openControl(dataDir)).toThrow(text);
    expect(() => openControl(join(dataDir, 'none'))).toThrow('no node is running');
    writeFileSync(join(dataDir, 'node.json'), '{');
    expect(() => openControl(dataDir)).toThrow(text);
    announce(dataDir, join(dataDir, 'control.sock'));
    await expect(openControl(dataDir).status()).rejects.toThrow(text);
  });

  it('does not wait for ever for a node that hangs up', async () => {
    const path = join(folder(), 'control.sock');
    const server = createServer(request => request.socket.destroy());
    await new Promise<void>(listening => server.listen(path, listening));
    closing.push(() => new Promise<void>(closed => server.close(() => closed())));
    await expect(connectControl(path, 'd').status()).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('node.json', () => {
  it('is replaced whole, read back, removed', () => {
    const dataDir = folder();
    announce(dataDir, '/run/x.sock');
    announce(dataDir, '/run/y.sock');
    expect(readNodeFile(dataDir)).toEqual({
      pid: process.pid,
      node: 'n1',
      version: '0.1.0',
      started: '1970-01-01T00:00:00.000Z',
      host: '127.0.0.1',
      ports: { smpp: 2775 },
      controlSocket: '/run/y.sock',
    });
    expect(readFileSync(join(dataDir, 'node.json'), 'utf8')).toMatch(/\n$/);
    removeNodeFile(dataDir);
    removeNodeFile(dataDir);
    expect(readNodeFile(dataDir)).toBe(undefined);
  });
});
