import { afterAll, beforeAll, expect, test } from 'vitest';
import { startNode, type NodeProcess } from '../../support/node-process.ts';
import { RestClient } from '../../support/rest-client.ts';
import { answer, ScriptedCarrier } from '../../support/scripted-carrier.ts';
import { waitUntil } from '../../support/wait-until.ts';

/** Messages in each state they can be in: the carrier does what a test says, nobody listens where the other should be. */
const KEYS = { ops: 'ops-0123456789abcdefgh', gateway: 'gateway-0123456789abcd' };

let carrier: ScriptedCarrier;
let node: NodeProcess;
let ops: RestClient;
let gateway: RestClient;

beforeAll(async () => {
  carrier = await ScriptedCarrier.listen();
  const common = { protocol: 'smpp', host: '127.0.0.1', system_id: 'r', password: 'r' };
  node = await startNode({
    config: {
      workers: 2,
      archive: { enabled: true },
      api_keys: [
        { name: 'ops', key: KEYS.ops, role: 'operator' },
        { name: 'gateway', key: KEYS.gateway, role: 'frontend' },
      ],
      carriers: [
        { ...common, name: 'live', port: carrier.port, window: 1000 },
        { ...common, name: 'away', port: 9 },
      ],
      routes: [
        { called_prefix: '44', dest_smsc: 'live' },
        { called_prefix: '33', dest_smsc: 'away' },
        { called_prefix: '99', drop: true },
      ],
    },
  });
  [ops, gateway] = [new RestClient(node, KEYS.ops), new RestClient(node, KEYS.gateway)];
  await waitUntil('the carrier is bound', () => carrier.open(9).length > 0);
}, 60_000);
afterAll(async () => {
  await node[Symbol.asyncDispose]();
  await carrier[Symbol.asyncDispose]();
});

let numbers = 1000;
const message = (prefix: string, more: object = {}) => ({
  source_msisdn: '+15550100',
  destination_msisdn: `${prefix}7700${++numbers}`,
  message_body: 'before',
  source_smsc: 'web-app',
  ...more,
});
const inMs = (ms: number): string => `${new Date(Date.now() + ms).toISOString().slice(0, 19)}Z`;
const sentTo = (to: string) => carrier.submitted.find(({ pdu }) => pdu.toString('latin1').includes(`${to}\0`));

test('what waits is cancelled, and never sent', async () => {
  const scheduled = message('44', { deliver_after: inMs(2000) });
  const ids = [await ops.submit(message('33')), await ops.submit(scheduled)];
  for (const id of ids) {
    expect(await ops.cancel(id)).toMatchObject({ status: 204, body: '' });
    expect((await ops.get(id)).json).toMatchObject({ status: 'deleted', error: null });
    // Its answer may have been lost; in the archive it is deleted still.
    expect((await ops.cancel(id)).status).toBe(204);
  }
  await ops.messageWhen('it is archived', ids[0]!, ({ found_in }) => found_in === 'archive', 60_000);
  expect((await ops.cancel(ids[0]!)).status).toBe(204);
  const later = message('44', { deliver_after: inMs(2000) });
  await ops.submit(later);
  await waitUntil('the next one is sent', () => sentTo(later.destination_msisdn) !== undefined);
  expect(sentTo(scheduled.destination_msisdn)).toBeUndefined();
}, 90_000);

test('what goes in parts is cancelled with them, and not changed', async () => {
  const id = await ops.submit(message('33', { message_body: 'x'.repeat(200) }));
  expect((await ops.change(id, { message_body: 'after' })).status).toBe(409);
  expect((await ops.cancel(id)).status).toBe(204);
  expect((await ops.get(id)).json).toMatchObject({ status: 'deleted' });
});

test('what waits is changed, and sent so', async () => {
  const before = message('44', { deliver_after: inMs(3_600_000) });
  const id = await ops.submit(before);
  const expires = inMs(7_200_000);
  const changed = await ops.change(id, { message_body: 'after', expires, registered_delivery: 2 });
  expect(changed.status).toBe(200);
  expect(changed.json).toMatchObject({ id, status: 'queued', message_body: 'after', expires });
  const { json } = await ops.change(id, { deliver_after: inMs(-1000) });
  expect(json).toMatchObject({ id, message_body: 'after', deliver_after: null, expires });
  await waitUntil('the carrier has it', () => sentTo(before.destination_msisdn) !== undefined);
  const text = sentTo(before.destination_msisdn)!.pdu.toString('latin1');
  expect([text.includes('after'), text.includes('before')]).toEqual([true, false]);
});

test('what is on its way, sent, or archived is neither cancelled nor changed', async () => {
  const sent = message('44');
  const id = await ops.submit(sent);
  const both = async () => [await ops.cancel(id), await ops.change(id, { message_body: 'after' })];
  await waitUntil('the carrier has it', () => sentTo(sent.destination_msisdn) !== undefined);
  for (const { status, json } of await both()) {
    expect([status, json['detail']]).toEqual([409, `message ${id} is being sent just now`]);
  }
  answer(sentTo(sent.destination_msisdn)!, 0, 'A1');
  await ops.messageWhen('it is sent', id, ({ status }) => status === 'sent');
  for (const { status, json } of await both()) expect([status, json['detail']]).toEqual([409, `message ${id} is sent`]);
  const dropped = await ops.submit(message('99'));
  await ops.messageWhen('it is archived', dropped, ({ found_in }) => found_in === 'archive', 60_000);
  const archived = [await ops.cancel(dropped), await ops.change(dropped, { message_body: 'after' })];
  for (const { status, json } of archived)
    expect([status, json['type']]).toEqual([409, 'urn:heliograph:problem:conflict']);
}, 90_000);

test('a frontend cancels and changes its own alone', async () => {
  const [own, foreign] = [await gateway.submit(message('33')), await ops.submit(message('33'))];
  expect((await gateway.change(own, { message_body: 'after' })).json).toMatchObject({ message_body: 'after' });
  expect((await gateway.cancel(own)).status).toBe(204);
  for (const id of [foreign, 1234]) {
    expect((await gateway.cancel(id)).status).toBe(404);
    expect((await gateway.change(id, { message_body: 'after' })).status).toBe(404);
  }
  expect((await ops.get(foreign)).json).toMatchObject({ status: 'queued', message_body: 'before' });
});
