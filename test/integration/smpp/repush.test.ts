import { afterAll, beforeAll, expect, test } from 'vitest';
import { LongPeer } from '../../support/long-peer.ts';
import { startNode, type NodeProcess } from '../../support/node-process.ts';
import { waitUntil } from '../../support/wait-until.ts';

/** Receipts of a time range, sent to their account once more (feature G13). */

const KEY = 'an-administrator-s-key';
const config = {
  archive: { enabled: true },
  api_keys: [{ name: 'root', key: KEY, role: 'admin' }],
  accounts: [
    { system_id: 'shop', password: 'shop' },
    { system_id: 'other', password: 'other' },
  ],
  carriers: [
    { name: 'good', protocol: 'simulator', receipt_delay_ms: 0 },
    { name: 'bad', protocol: 'simulator', receipt_delay_ms: 0, failure_rate: 1 },
  ],
  routes: [
    { called_prefix: '44', dest_smsc: 'good' },
    { called_prefix: '49', dest_smsc: 'bad' },
  ],
};

let node: NodeProcess;
beforeAll(async () => {
  node = await startNode({ config });
}, 60_000);
afterAll(async () => {
  // Not killed: its database would live on.
  await node?.stop();
  await node?.[Symbol.asyncDispose]();
});

interface Run {
  readonly run: string;
  readonly state: string;
  readonly pushed: number;
}

async function repush(...args: readonly string[]): Promise<Run> {
  const range = ['--from', '2020-01-01', '--to', '2100-01-01'];
  const { code, stdout, stderr } = await node.command('receipts', 'repush', ...range, '--json', ...args);
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as Run;
}

/** All but the one that asks for a receipt of failure alone: it waits for that. */
const inArchive = (count: number): Promise<unknown> =>
  node.statusWhen(
    `${count} in the archive`,
    ({ archive, store }) => archive.written >= count && store.messages === 1,
    30_000,
  );

test('what an account was told it is told again, once for each run, over a restart too', async () => {
  const shop = await LongPeer.bind(node.ports['smpp']!, 'shop');
  using other = await LongPeer.bind(node.ports['smpp']!, 'other');
  await shop.submit('447700900001', 'One');
  await shop.submit('4915100000', 'Two');
  await shop.submit('447700900002', 'x'.repeat(300));
  await shop.submit('447700900003', 'Nobody asks', { registered: 0 });
  await shop.submit('447700900004', 'Of failure only', { registered: 2 });
  await other.submit('447700900005', "Somebody else's");
  await other.delivered(1);
  const seen: string[] = [];
  const take = async (count: number): Promise<string[]> => {
    const got: string[] = [];
    while (got.length < count) for (const { text } of await shop.delivered(1)) got.push(text);
    return got.toSorted();
  };
  seen.push(...(await take(3)));
  // Five messages and one in two parts of the shop's, one of the other's.
  await inArchive(8);

  expect(await repush('--account', 'shop', '--run', 'first')).toMatchObject({ run: 'first', state: 'done', pushed: 3 });
  // Of a long message it is not kept how many parts it had.
  const again = await take(3);
  expect(again).toEqual(seen.map(text => text.replace(/sub:002 dlvrd:002/, 'sub:001 dlvrd:001')));
  expect(await repush('--account', 'shop', '--run', 'first')).toMatchObject({ state: 'done', pushed: 3 });
  expect(await repush('--account', 'shop', '--run', 'second')).toMatchObject({ state: 'done', pushed: 3 });
  expect(await take(3)).toEqual(again);
  expect(shop.waiting).toBe(0);
  expect(other.waiting).toBe(0);
  expect(node.logs('receipts were pushed again')).toMatchObject([{ run: 'first' }, { run: 'second' }]);
  shop[Symbol.dispose]();

  const { dataDir } = node;
  await node.stop();
  node = await startNode({ config, dataDir });
  await node.statusWhen('the archive is up', ({ archive }) => archive.state === 'up', 30_000);
  expect(await repush('--account', 'shop', '--run', 'first')).toMatchObject({ state: 'done', pushed: 3 });
  const conflict = await node.command(
    'receipts',
    'repush',
    '--account',
    'other',
    '--from',
    '2020-01-01',
    '--to',
    '2100-01-01',
    '--run',
    'first',
  );
  expect([conflict.code, conflict.stderr]).toEqual([1, expect.stringContaining('the run first is another')]);
}, 90_000);

const queued = ({ queues }: { queues: readonly { destination: string; ready: number }[] }): number =>
  queues.find(({ destination }) => destination === 'shop')?.ready ?? 0;

test('while an account is away no more than a batch is put before its live receipts', async () => {
  using shop = await LongPeer.bind(node.ports['smpp']!, 'shop');
  const count = 600;
  for (let i = 0; i < count; i++) void shop.submit('447700900001', `Message ${i}`);
  await waitUntil('all receipts', () => shop.waiting === count);
  shop[Symbol.dispose]();
  await node.statusWhen('all archived', ({ store }) => store.messages === 1, 30_000);

  const api = `http://127.0.0.1:${node.ports['api']}/api/receipts/repush`;
  const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
  const body = {
    account: 'shop',
    from: '2020-01-01T00:00:00Z',
    to: '2100-01-01T00:00:00Z',
    run: 'away',
    rate: 100_000,
  };
  const begun = await fetch(api, { method: 'POST', headers, body: JSON.stringify(body) });
  expect(begun.status).toBe(202);
  const status = await node.statusWhen('a batch waits', now => queued(now) >= 256);
  expect(queued(status)).toBe(256);
  const running = (await fetch(`${api}/away`, { headers }).then(got => got.json())) as Run;
  expect(running).toMatchObject({ state: 'running', pushed: 256 });

  using back = await LongPeer.bind(node.ports['smpp']!, 'shop');
  await waitUntil('all of them', () => back.waiting === count + 3);
  const done = (await fetch(`${api}/away`, { headers }).then(got => got.json())) as Run;
  expect(done).toMatchObject({ state: 'done', pushed: count + 3 });
}, 90_000);
