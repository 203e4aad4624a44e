import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startNode, type NodeProcess } from '../../support/node-process.ts';
import { NodeSmppClient } from '../../support/node-smpp-client.ts';
import { waitUntil } from '../../support/wait-until.ts';

/** An ESME written by somebody else, the npm package `smpp`, is served by a whole node. */
let node: NodeProcess;
const clients: NodeSmppClient[] = [];
beforeAll(async () => {
  node = await startNode({
    config: {
      listeners: { smpp: { enquire_link_seconds: 1 } },
      accounts: ['shop', 'app'].map(system_id => ({ system_id, password: system_id })),
      carriers: [{ name: 'phones', protocol: 'simulator', receipt_delay_ms: 0 }],
      routes: [
        { called_prefix: '44', dest_smsc: 'phones' },
        { called_prefix: '555', dest_smsc: 'app' },
      ],
    },
  });
  await node.statusWhen('the simulated carrier is bound', ({ sessions }) =>
    sessions.some(({ side, state }) => side === 'carrier' && state === 'BOUND_TRX'),
  );
});
afterAll(() => node[Symbol.asyncDispose]());
// Receipts go to any session of the account: none must be left for the next test.
afterEach(async () => {
  const open = clients.splice(0).filter(client => !client.closed);
  await Promise.all(open.map(client => client.request('unbind')));
});

async function bind(
  systemId: string,
  ...how: Parameters<typeof NodeSmppClient.bind> extends [number, ...infer Rest] ? Rest : never
) {
  const [command, fields] = how;
  const client = await NodeSmppClient.bind(node.ports['smpp']!, command, {
    system_id: systemId,
    password: systemId,
    ...fields,
  });
  clients.push(client);
  return client;
}

test('bind, submit, receipt, enquire_link, unbind', async () => {
  const client = await bind('shop');
  const { command_status, message_id } = await client.submit({ short_message: 'Grüße aus Köln' });
  expect(command_status).toBe(0);
  expect(message_id).toMatch(/^\d+$/);
  await waitUntil('the receipt', () => client.deliveries.length === 1);
  const [receipt] = client.deliveries;
  expect(receipt).toMatchObject({
    esm_class: 4,
    source_addr: '447700900123',
    destination_addr: 'ACME',
    dest_addr_ton: 5,
    message_state: 2,
  });
  // As the package has them: with or without the NUL that ends them.
  expect(String(receipt!.receipted_message_id).replace('\0', '')).toBe(message_id);
  expect(receipt!.short_message.message).toMatch(
    new RegExp(`^id:${message_id} sub:001 dlvrd:001 submit date:\\d{10} done date:\\d{10} stat:DELIVRD err:000 text:`),
  );
  expect(await client.request('enquire_link')).toMatchObject({ command: 'enquire_link_resp', command_status: 0 });
  expect(await client.request('unbind')).toMatchObject({ command: 'unbind_resp', command_status: 0 });
  await waitUntil('the node has closed it', () => client.closed);
});

test('a hundred at once, a receipt each', async () => {
  const client = await bind('shop');
  const answers = await client.submitMany(100);
  expect(answers.every(({ command_status }) => command_status === 0)).toBe(true);
  await waitUntil('the receipts', () => client.deliveries.length === 100);
  const ids = client.deliveries.map(({ receipted_message_id }) => String(receipted_message_id).replace('\0', ''));
  expect(new Set(ids)).toEqual(new Set(answers.map(({ message_id }) => message_id)));
});

describe('what one customer sends another', () => {
  test('arrives as it was sent, its receipt says so', async () => {
    const app = await bind('app', 'bind_receiver');
    const shop = await bind('shop');
    const fields = { destination_addr: '5551', short_message: 'between customers', data_coding: 0 };
    const { message_id } = await shop.submit(fields);
    await waitUntil('the message', () => app.deliveries.length === 1);
    expect(app.deliveries[0]).toMatchObject({
      esm_class: 0,
      source_addr: 'ACME',
      source_addr_ton: 5,
      destination_addr: '5551',
      short_message: { message: 'between customers' },
    });
    await waitUntil('the receipt', () => shop.deliveries.length === 1);
    expect(shop.deliveries[0]!.short_message.message).toContain(`id:${message_id} sub:001 dlvrd:001`);
  });

  test('a text above 254 octets goes in message_payload', async () => {
    const app = await bind('app', 'bind_receiver');
    const shop = await bind('shop', 'bind_transmitter');
    const text = 'x'.repeat(1000);
    await shop.submit({ destination_addr: '5551', message_payload: text, short_message: '', registered_delivery: 0 });
    await waitUntil('the message', () => app.deliveries.length === 1);
    expect(app.deliveries[0]!.message_payload!.message).toBe(text);
  });
});

test('a quiet client is asked with enquire_link, and stays', async () => {
  const client = await bind('shop');
  let asked = 0;
  client.on('enquire_link', pdu => {
    asked++;
    client.reply(pdu, 0);
  });
  await waitUntil('two enquire_links', () => asked >= 2);
  expect(client.closed).toBe(false);
});

test('a wrong password', async () => {
  const bad = NodeSmppClient.bind(node.ports['smpp']!, 'bind_transceiver', { system_id: 'shop', password: 'wrong' });
  await expect(bad).rejects.toThrow('was refused with status 13');
});
