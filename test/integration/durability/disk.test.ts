import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { Faults } from '../../support/faults.ts';
import { LoopDisk, noLoopDisk } from '../../support/loop-disk.ts';
import { startNode } from '../../support/node-process.ts';
import { smppload, type Smppload } from '../../support/smppload.ts';
import { freePort, loadedNode, underLoad, WINDOWS } from './support.ts';

const folders: string[] = [];
afterAll(() => folders.forEach(folder => rmSync(folder, { recursive: true, force: true })));

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'heliograph-disk-'));
  folders.push(folder);
  return folder;
}

/** Offers messages, over restarts too, until each that was acknowledged is delivered and receipted. */
function load(port: number, carrierPort: number, count: number, rate: number): Smppload {
  return smppload({
    port,
    upstream: carrierPort,
    'min-upstream': 2,
    binds: 4,
    window: 200,
    count,
    rate,
    reconnect: true,
    exact: true,
    timeout: 80,
    linger: 20,
  });
}

/** The lines that say why a node ended. */
const lastWords = (stderr: string): string[] => stderr.split('\n').filter(line => line.startsWith('heliograph: '));

describe('a disk that fails', () => {
  test.each(['sync', 'write'] as const)(
    'a %s that ends with EIO ends the process at once; restarted, nothing acknowledged is lost',
    async what => {
      const dataDir = makeFolder();
      using faults = new Faults(dataDir);
      const carrierPort = await freePort();
      const config = { listeners: { smpp: { port: await freePort() } } };
      await using first = await loadedNode(carrierPort, { dataDir, config, env: faults.environment });
      const generator = load(first.ports['smpp']!, carrierPort, 15_000, 10_000);
      await underLoad(first);
      faults.set(what, 20);
      expect(await first.ended).toBe(1);
      expect(Date.now() - faults.failedAt).toBeLessThan(1000);
      expect(lastWords(first.stderr)).toEqual([expect.stringMatching(FAILED)]);
      expect(lastWords(first.stderr)[0]).toContain(dataDir);
      faults.clear();
      await using second = await loadedNode(carrierPort, { dataDir, config });
      const result = await generator.result;
      // Nothing was refused either: whether a message was kept is not known, so its session just ends.
      expect(result).toMatchObject({ ...WHOLE, rejected: 0 });
      expect(result.duplicates).toBeLessThanOrEqual(WINDOWS);
      expect(second.logs().filter(line => line.level === 'error')).toEqual([]);
    },
    90_000,
  );

  test('at the start: one line that names the file, exit code 1, and the next start is well', async () => {
    const dataDir = makeFolder();
    using faults = new Faults(dataDir);
    const carrierPort = await freePort();
    {
      await using node = await loadedNode(carrierPort, { dataDir });
      expect(await node.stop()).toBe(0);
    }
    faults.set('sync');
    const failed = await loadedNode(carrierPort, { dataDir, env: faults.environment }).then(
      () => '',
      (error: Error) => error.message,
    );
    expect(Date.now() - faults.failedAt).toBeLessThan(1000);
    expect(failed).toContain('ended with 1');
    expect(lastWords(failed)).toEqual([expect.stringMatching(NOT_OPENED)]);
    faults.clear();
    await using node = await loadedNode(carrierPort, { dataDir });
    expect(await node.stop()).toBe(0);
  }, 60_000);
});

const FAILED = /^heliograph: flush of \S+\/(journal-[01]|data\.mdb) failed: EIO\b/;
const NOT_OPENED = /^heliograph: the store \S+\/store\/\d cannot be opened: .*\bEIO\b/;
const WHOLE = { acked_not_delivered: 0, acked_no_dlr: 0, bad_text: 0, proto_errors: 0 };

const missing = noLoopDisk();
describe.skipIf(missing !== undefined)(`a disk that is full${missing ? ` (${missing})` : ''}`, () => {
  test('new messages are refused, those that are queued leave, and it goes on when there is room again', async () => {
    const disk = new LoopDisk(64);
    try {
      const carrierPort = await freePort();
      await using node = await loadedNode(carrierPort, {
        dataDir: join(disk.path, 'data'),
        config: { carriers: [slowCarrier(carrierPort)] },
      });
      const generator = load(node.ports['smpp']!, carrierPort, 15_000, 3000);
      await node.statusWhen('a queue has gathered', ({ queues }) => queues.some(q => q.ready > 200));
      const empty = disk.fill();
      // All of this while the disk is full: each message was either refused, or delivered and receipted.
      const result = await generator.result;
      expect(result).toMatchObject({ ...WHOLE, duplicates: 0, unacked_lost_conn: 0 });
      expect(result.rejected).toBeGreaterThan(0);
      expect(result.rej).toEqual({ [ESME_RMSGQFUL]: result.rejected });
      expect([result.acked + result.rejected, result.delivered]).toEqual([15_000, result.acked]);
      const full = await node.status();
      expect(full.store.refusing).toBe('disk-full');
      expect(full.queues.every(q => q.ready + q.inFlight + q.parked === 0)).toBe(true);
      empty();
      await node.statusWhen('messages are taken again', ({ store }) => store.refusing === '', 5000);
      const again = await load(node.ports['smpp']!, carrierPort, 500, 1000).result;
      expect(again).toMatchObject({ ...WHOLE, acked: 500, delivered: 500, dlr: 500, rejected: 0, duplicates: 0 });
      expect(await node.stop()).toBe(0);
    } finally {
      disk.remove();
    }
  }, 120_000);
});

const ESME_RMSGQFUL = '0x14';

/** As in `loadedNode`, and so slow that messages wait for it. */
const slowCarrier = (port: number): object => ({
  name: 'sink',
  protocol: 'smpp',
  host: '127.0.0.1',
  port,
  system_id: 'r',
  password: 'r',
  binds: 2,
  window: 200,
  throughput: 1000,
});

describe('a data folder', () => {
  test('that a node holds: a second one ends at once, naming the pid', async () => {
    await using node = await startNode({ config: {} });
    // What any command takes to begin on this machine at this moment does not count.
    const from = performance.now();
    await node.command('--version');
    const anyMs = performance.now() - from;
    const second = await startNode({ config: {}, dataDir: node.dataDir }).then(
      () => '',
      (error: Error) => error.message,
    );
    const ms = performance.now() - from - anyMs;
    expect(second).toContain('ended with 1');
    expect(lastWords(second)).toEqual([expect.stringMatching(new RegExp(`\\bprocess ${node.pid}\\b`))]);
    expect(lastWords(second)[0]).toContain(node.dataDir);
    expect(ms).toBeLessThan(1000 + anyMs);
    expect((await node.status()).node.state).toBe('running');
    expect(await node.stop()).toBe(0);
  }, 30_000);
});
