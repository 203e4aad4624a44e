import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { simulatorCarrierSchema } from '../../../adapters/config/schema-peers.ts';
import { STATUS } from '../../../adapters/smpp/codec/command-status.ts';
import type { SimulatorApi } from '../../../node/simulator-thread.ts';
import { systemClock } from '../../../runtime/clock.ts';
import { Timers } from '../../../runtime/timers.ts';
import { WorkerPool } from '../../../runtime/worker-pool.ts';
import { NodeSmppClient } from '../../support/node-smpp-client.ts';
import { runNode } from '../../support/run.ts';
import { waitUntil } from '../../support/wait-until.ts';

const settingsOf = (name: string, fields: object = {}) =>
  simulatorCarrierSchema.parse({ name, protocol: 'simulator', receipt_delay_ms: 10, ...fields });

test('the thread serves carriers, each on a port of its own that stays when its settings change', async () => {
  const timers = new Timers(systemClock);
  const pool = new WorkerPool<SimulatorApi>({
    role: 'simulator',
    entry: new URL('../../../node/simulator-thread.ts', import.meta.url),
    count: 1,
    data: () => undefined,
    shutdownMs: 5000,
    fatal: new SharedArrayBuffer(4),
    clock: systemClock,
    timers,
    up: () => {},
    down: () => {},
    gaveUp: error => expect.unreachable(error.message),
  });
  try {
    await pool.start();
    const { api } = pool.workers[0]!;
    const [one, two] = await Promise.all([api.serve(settingsOf('one')), api.serve(settingsOf('two'))]);
    expect(one).not.toBe(two);
    const client = await NodeSmppClient.bind(one);
    const { message_id } = await client.submit();
    await waitUntil('a receipt', () => client.deliveries.length === 1);
    expect(client.deliveries[0]!.receipted_message_id).toBe(message_id);

    expect(await api.serve(settingsOf('one', { throttle_rate: 1 }))).toBe(one);
    expect((await client.submit()).command_status).toBe(STATUS.ESME_RTHROTTLED);
    const other = await NodeSmppClient.bind(two);
    expect((await other.submit()).command_status).toBe(0);

    await pool.stop();
    await waitUntil('closed', () => client.closed && other.closed);
  } finally {
    await pool.stop();
    timers.close();
  }
});

const program = fileURLToPath(new URL('../../../bench/carrier.ts', import.meta.url));

test('the carrier as a program says its port, and what it has done', async () => {
  const child = spawn(process.execPath, [program, '--port', '0', '--receipt-delay-ms', '0'], { stdio: 'pipe' });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const exit = once(child, 'exit');
  try {
    await waitUntil('a port', () => output.includes('\n'));
    const { port } = JSON.parse(output) as { port: number };
    const client = await NodeSmppClient.bind(port);
    await client.submitMany(5);
    await waitUntil('receipts', () => client.deliveries.length === 5);
    // Its answer comes after what was sent before it: all five are acknowledged then.
    await client.request('enquire_link');
    child.kill('SIGTERM');
    expect(await exit).toEqual([0, null]);
    const counts = JSON.parse(output.split('\n')[1]!) as object;
    expect(counts).toMatchObject({ sessions: 1, waiting: 0, accepted: 5, delivered: 5, acknowledged: 5 });
  } finally {
    child.kill('SIGKILL');
  }
});

test.each([
  [['--failure-rate', '2'], '--failure-rate: expected a number from 0 to 1, got 2\n'],
  [['--port', 'x'], '--port: expected 0 to 65535, got x\n'],
])('the carrier as a program refuses %j', async (args, stderr) => {
  expect(await runNode(program, args)).toEqual({ code: 2, stdout: '', stderr });
});
