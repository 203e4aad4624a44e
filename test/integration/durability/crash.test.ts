import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { NodeProcess } from '../../support/node-process.ts';
import { smppload, type Smppload } from '../../support/smppload.ts';
import { freePort, loadedNode, pause, underLoad, WINDOWS } from './support.ts';

const MESSAGES = 30_000;
/** More than a second: the node ends somewhere in it. */
const RATE = 20_000;
/** Nothing acknowledged may be missing at the end, neither at the carrier nor as a receipt. */
const WHOLE = { acked_not_delivered: 0, acked_no_dlr: 0, bad_text: 0, proto_errors: 0 };

const folders: string[] = [];
afterAll(() => folders.forEach(folder => rmSync(folder, { recursive: true, force: true })));

/** One data folder and the ports to it, for one node after the other. */
async function makePlace(): Promise<{ carrierPort: number; start: () => Promise<NodeProcess> }> {
  const dataDir = mkdtempSync(join(tmpdir(), 'heliograph-crash-'));
  folders.push(dataDir);
  const carrierPort = await freePort();
  const config = { listeners: { smpp: { port: await freePort() } } };
  return { carrierPort, start: () => loadedNode(carrierPort, { dataDir, config }) };
}

/** Offers messages, over restarts too, until each that was acknowledged is delivered and receipted. */
function load(port: number, carrierPort: number): Smppload {
  return smppload({
    port,
    upstream: carrierPort,
    'min-upstream': 2,
    binds: 4,
    window: 200,
    count: MESSAGES,
    rate: RATE,
    reconnect: true,
    exact: true,
    timeout: 60,
    linger: 15,
  });
}

/** Until some moment in the middle of the run. */
async function middle(node: NodeProcess): Promise<void> {
  await underLoad(node);
  await pause(Math.random() * 500);
}

/** Receipts of messages whose acknowledgement was lost with the connection may wait for their account. */
const nothingLeft = (node: NodeProcess) =>
  node.statusWhen('nothing is left for the carrier', status =>
    status.queues.every(q => q.kind === 'account' || q.ready + q.inFlight + q.parked === 0),
  );

describe('a node that ends in mid-run', () => {
  // The carrier never repeats a receipt: one that came with its response must be kept, or the message must go again.
  test('by kill -9, five times in a row: nothing acknowledged is lost, each receipt arrives, duplicates stay within the windows', async () => {
    const { carrierPort, start } = await makePlace();
    for (let run = 0; run < 5; run++) {
      await using first = await start();
      const generator = load(first.ports['smpp']!, carrierPort);
      await middle(first);
      await first.kill();
      await using second = await start();
      const result = await generator.result;
      expect(result, `run ${run}`).toMatchObject(WHOLE);
      expect(result.acked).toBeGreaterThan(MESSAGES * 0.5);
      expect(result.duplicates).toBeLessThanOrEqual(WINDOWS);
      await nothingLeft(second);
      expect(second.logs().filter(line => line.level === 'error')).toEqual([]);
    }
  }, 180_000);

  test('by SIGTERM: it ends well, and nothing is sent twice', async () => {
    const { carrierPort, start } = await makePlace();
    await using first = await start();
    const generator = load(first.ports['smpp']!, carrierPort);
    await middle(first);
    expect(await first.stop()).toBe(0);
    await using second = await start();
    const result = await generator.result;
    expect(result).toMatchObject({ ...WHOLE, duplicates: 0, dlr_dup: 0 });
    expect(result.acked).toBeGreaterThan(MESSAGES * 0.5);
    await nothingLeft(second);
  }, 90_000);
});
