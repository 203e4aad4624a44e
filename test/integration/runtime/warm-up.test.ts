import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { freePort } from '../../../bench/harness/smppload.ts';
import { startNode, type NodeProcess } from '../../support/node-process.ts';
import { smppload } from '../../support/smppload.ts';
import { waitUntil } from '../../support/wait-until.ts';

const leftovers = ({ pid }: NodeProcess): string[] =>
  ['/dev/shm', tmpdir()]
    .flatMap(folder => readdirSync(folder))
    .filter(name => name.startsWith(`heliograph-warm-up-${pid}-`));

test('a node warms up: nothing of it is counted, queued or left behind', async () => {
  await using node = await startNode({
    config: { workers: 2, warm_up_messages: 3000 },
  });
  const { messages, receipts, store, sessions, queues } = await node.statusWhen('warm', s => s.node.warm, 60_000);
  expect(messages).toEqual({ accepted: 0, refused: 0, sent: 0, retried: 0, failed: 0 });
  expect(receipts).toMatchObject({ received: 0, awaited: 0 });
  expect(store.messages).toBe(0);
  expect(sessions.filter(({ side }) => side === 'account')).toEqual([]);
  expect(queues.filter(({ destination }) => destination !== 'simulator')).toEqual([]);
  expect(node.logs().filter(({ level }) => level !== 'info')).toEqual([]);
  expect(leftovers(node)).toEqual([]);
});

test('the first messages end it', async () => {
  const carrierPort = await freePort();
  await using node = await startNode({
    config: {
      workers: 2,
      warm_up_messages: 1_000_000,
      accounts: [{ system_id: 'load', password: 'load', window: 1000 }],
      carriers: [
        {
          name: 'sink',
          protocol: 'smpp',
          host: '127.0.0.1',
          port: carrierPort,
          system_id: 'r',
          password: 'r',
          binds: 2,
          window: 200,
          reconnect_seconds: 0.1,
        },
      ],
      routes: [{ called_prefix: '44', dest_smsc: 'sink' }],
    },
  });
  expect((await node.status()).node.warm).toBe(false);
  const load = smppload({
    port: node.ports['smpp']!,
    upstream: carrierPort,
    'min-upstream': 2,
    count: 20_000,
    timeout: 60,
  });
  expect(await load.result).toMatchObject({ acked: 20_000, delivered: 20_000, dlr: 20_000, duplicates: 0 });
  await node.statusWhen('warm', s => s.node.warm, 20_000);
  expect(node.logs().filter(({ level }) => level === 'error')).toEqual([]);
});

test('a node that is stopped while it warms up stops at once and leaves nothing', async () => {
  await using node = await startNode({ config: { workers: 2, warm_up_messages: 1_000_000 } });
  expect(await node.stop()).toBe(0);
  expect(node.logs().filter(({ level }) => level !== 'info')).toEqual([]);
  expect(leftovers(node)).toEqual([]);
});

test('what a node leaves behind that is killed while it warms up is removed by the next', async () => {
  await using killed = await startNode({ config: { workers: 1, warm_up_messages: 1_000_000 } });
  await waitUntil('it warms up', () => leftovers(killed).length > 0, 20_000);
  await killed.kill();
  expect(leftovers(killed)).toHaveLength(1);
  await using next = await startNode({ config: { workers: 1, warm_up_messages: 1000 } });
  await next.statusWhen('warm', s => s.node.warm, 60_000);
  expect(leftovers(killed)).toEqual([]);
});
