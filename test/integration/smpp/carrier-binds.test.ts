import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { startNode, type NodeProcess } from '../../support/node-process.ts';
import { RestClient } from '../../support/rest-client.ts';
import { ScriptedCarrier } from '../../support/scripted-carrier.ts';
import { waitUntil } from '../../support/wait-until.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

const KEY = 'operator-key-of-the-binds';
/** REST answers about the whole node may be half a second old. */
const WITHIN = { timeout: 10_000 };

function config(port: number, settings: object = {}) {
  const place = { protocol: 'smpp', host: '127.0.0.1', port, system_id: 'r', password: 'r' };
  return {
    workers: 2,
    api_keys: [{ name: 'ops', key: KEY, role: 'admin' }],
    accounts: [{ system_id: 'shop', password: 'shop' }],
    carriers: [{ name: 'sink', ...place, binds: 3, reconnect_seconds: 0.05, ...settings }],
    routes: [{ called_prefix: '44', dest_smsc: 'sink' }],
  };
}

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'heliograph-binds-'));
  cleanUps.push(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

const open = (carrier: ScriptedCarrier): number => carrier.sessions.filter(({ isOpen, bind }) => isOpen && bind).length;

/** The binds of `sink` as `/api/status` has them: `sink/1 up`. */
async function binds(node: NodeProcess): Promise<string[]> {
  const { json } = await new RestClient(node, KEY).request('/api/status');
  const status = json as { carriers: { binds: { id: string; started: boolean; bound: boolean }[] }[] };
  return status.carriers[0]!.binds.map(
    ({ id, started, bound }) => `${id} ${started ? (bound ? 'up' : '-') : 'stopped'}`,
  );
}

describe('single binds of a carrier', () => {
  test('have ids, are stopped and started at run time, and stay so over a restart', async () => {
    await using carrier = await ScriptedCarrier.listen();
    const dataDir = folder();
    const first = await startNode({ config: config(carrier.port), dataDir });
    cleanUps.push(() => first[Symbol.asyncDispose]());
    await waitUntil('three binds', () => open(carrier) === 3);
    await first.statusWhen('all bound', status => status.sessions.every(({ state }) => state === 'BOUND_TRX'));
    expect((await first.status()).sessions.map(({ name, id }) => `${name}/${id}`).sort()).toEqual([
      'sink/1',
      'sink/2',
      'sink/3',
    ]);
    await expect.poll(() => binds(first), WITHIN).toEqual(['sink/1 up', 'sink/2 up', 'sink/3 up']);

    const kept = carrier.sessions.length;
    expect(await first.command('carriers', 'stop', 'sink/2')).toMatchObject({ stdout: 'bind "sink/2" is stopped\n' });
    await waitUntil('two binds', () => open(carrier) === 2);
    // The others go on as they are.
    expect(carrier.sessions).toHaveLength(kept);
    await expect.poll(() => binds(first), WITHIN).toEqual(['sink/1 up', 'sink/2 stopped', 'sink/3 up']);
    const metrics = async (): Promise<string> => (await new RestClient(first, KEY).request('/metrics')).body;
    await expect.poll(metrics, WITHIN).not.toContain('bind="2"');
    expect(await metrics()).toContain('smsc_carrier_bind_up{carrier="sink",bind="1"} 1\n');
    expect((await first.command('carriers', 'list', 'sink')).stdout).toMatch(/ sink\/2 +stopped/);
    expect(await first.command('carriers', 'stop', 'sink/4')).toMatchObject({ code: 1 });
    await first.stop();

    const second = await startNode({ config: config(carrier.port), dataDir });
    cleanUps.push(() => second[Symbol.asyncDispose]());
    await second.statusWhen('bound', status => status.sessions.filter(s => s.state === 'BOUND_TRX').length === 2);
    await expect.poll(() => binds(second), WITHIN).toEqual(['sink/1 up', 'sink/2 stopped', 'sink/3 up']);
    expect(await second.command('carriers', 'start', 'sink/2')).toMatchObject({ code: 0 });
    await waitUntil('three binds', () => open(carrier) === 3);
    expect(second.logs('carrier bound').map(({ id }) => id)).toContain('sink/2');
  });

  test('of transmitter and receiver are one each, stopped and started together', async () => {
    await using carrier = await ScriptedCarrier.listen();
    const settings = { bind: 'separate', binds: 2, stopped_binds: [1] };
    const node = await startNode({ config: config(carrier.port, settings) });
    cleanUps.push(() => node[Symbol.asyncDispose]());
    await waitUntil('one of each', () => carrier.open(1).length === 1 && carrier.open(2).length === 1);
    await node.statusWhen('bound', status => status.sessions.every(({ state }) => state.startsWith('BOUND')));
    await expect.poll(() => binds(node), WITHIN).toEqual(['sink/1 stopped', 'sink/2 up']);
    await node.command('carriers', 'start', 'sink/1');
    await waitUntil('two of each', () => carrier.open(1).length === 2 && carrier.open(2).length === 2);
    await node.command('carriers', 'stop', 'sink/2');
    await waitUntil('one of each', () => carrier.open(1).length === 1 && carrier.open(2).length === 1);
  });
});
