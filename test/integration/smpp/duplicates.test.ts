import { afterAll, beforeAll, expect, test } from 'vitest';
import { LongPeer } from '../../support/long-peer.ts';
import { startNode, type NodeProcess } from '../../support/node-process.ts';
import { RestClient } from '../../support/rest-client.ts';
import { answer, ScriptedCarrier } from '../../support/scripted-carrier.ts';
import { waitUntil } from '../../support/wait-until.ts';

/** What an account submits twice, over several binds, workers and ways in. */

const KEY = 'a-key-of-the-operators-of-this-node';
let carrier: ScriptedCarrier;
let node: NodeProcess;
let ops: RestClient;

beforeAll(async () => {
  carrier = await ScriptedCarrier.listen();
  node = await startNode({
    config: {
      workers: 2,
      api_keys: [{ name: 'ops', key: KEY, role: 'operator' }],
      accounts: [
        { system_id: 'strict', password: 'strict', duplicate_seconds: 600, duplicate_status: 0x402 },
        { system_id: 'kind', password: 'kind', duplicate_seconds: 600, duplicate_answer: 'first-id' },
        { system_id: 'brief', password: 'brief', duplicate_seconds: 0.3 },
        { system_id: 'free', password: 'free' },
      ],
      carriers: [
        { name: 'sink', protocol: 'smpp', host: '127.0.0.1', port: carrier.port, system_id: 'r', password: 'r' },
      ],
      routes: [{ called_prefix: '44', dest_smsc: 'sink' }],
    },
  });
  ops = new RestClient(node, KEY);
  await waitUntil('the bind of the carrier', () => carrier.open(9).length === 1);
}, 60_000);

afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
  await carrier?.[Symbol.asyncDispose]();
});

const quiet = { registered: 0 };
const rest = (account: string, text: string) => ({
  source_msisdn: 'ACME',
  destination_msisdn: '447',
  source_smsc: account,
  message_body: text,
});
/** Connections are spread over the workers by the kernel: among eight all are in one once in a hundred times. */
const eight = (account: string): Promise<LongPeer[]> =>
  Promise.all(Array.from({ length: 8 }, () => LongPeer.bind(node.ports['smpp']!, account)));

/** Answers what has come to the carrier. @returns how many */
function taken(): number {
  const all = carrier.submitted.splice(0);
  for (const one of all) answer(one, 0, 'x');
  return all.length;
}

test('refused with a status of its own, on every bind, and by REST', async () => {
  const peers = await eight('strict');
  const [first, ...others] = peers;
  await first!.submit('447', 'Your code is 1234', quiet);
  for (const peer of others) expect(await peer.submit('447', 'Your code is 1234', quiet)).toBe('status 1026');
  const { status, json } = await ops.post(rest('strict', 'Your code is 1234'));
  expect([status, json['command_status_value']]).toEqual([422, 0x402]);
  // What is refused for another reason is no first.
  for (const peer of peers) expect(await peer.submit('999', 'nowhere', quiet)).toBe('status 11');
  await others[0]!.submit('447', 'Your code is 1235', quiet);
  await waitUntil('two messages', () => carrier.submitted.length === 2);
  expect(taken()).toBe(2);
  for (const peer of peers) peer[Symbol.dispose]();
});

test('told the id of the first, on every bind, and by REST', async () => {
  const peers = await eight('kind');
  const id = await peers[0]!.submit('447', 'Your code is 1234', quiet);
  for (const peer of peers) expect(await peer.submit('447', 'Your code is 1234', quiet)).toBe(id);
  const { status, json } = await ops.post(rest('kind', 'Your code is 1234'));
  const data = json['data'] as { id: number; inserted_at: string };
  expect([status, String(data.id)]).toEqual([201, id]);
  const shown = await ops.get(data.id);
  expect(data.inserted_at.slice(0, 13)).toBe((shown.json['inserted_at'] as string).slice(0, 13));
  await waitUntil('one message', () => carrier.submitted.length > 0);
  expect(taken()).toBe(1);
  const metrics = await ops.request('/metrics');
  expect(metrics.body).toMatch(/smsc_messages_duplicate_total \d\d/);
  for (const peer of peers) peer[Symbol.dispose]();
});

test('taken again when its time is over, and from who has no such rule', async () => {
  using brief = await LongPeer.bind(node.ports['smpp']!, 'brief');
  await brief.submit('447', 'Again', quiet);
  await waitUntil('the time is over', async () => !(await brief.submit('447', 'Again', quiet)).startsWith('status'));
  using free = await LongPeer.bind(node.ports['smpp']!, 'free');
  await free.submit('447', 'Again', quiet);
  await free.submit('447', 'Again', quiet);
  await waitUntil('four messages', () => carrier.submitted.length === 4);
  expect(taken()).toBe(4);
});
