import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startNode, type NodeProcess } from '../../support/node-process.ts';
import { NodeSmppClient, type BindCommand } from '../../support/node-smpp-client.ts';
import { waitUntil } from '../../support/wait-until.ts';

/** Who is bound, what goes to whom, and how an operator ends it. */
let node: NodeProcess;
const clients: NodeSmppClient[] = [];
beforeAll(async () => {
  node = await startNode({
    config: {
      workers: 1,
      accounts: ['shop', 'app'].map(system_id => ({ system_id, password: system_id })),
      routes: [{ called_prefix: '555', dest_smsc: 'app' }],
    },
  });
});
afterAll(() => node[Symbol.asyncDispose]());
afterEach(async () => {
  const open = clients.splice(0).filter(client => !client.closed);
  await Promise.all(open.map(client => client.request('unbind')));
});

async function bind(system_id: string, command: BindCommand = 'bind_transceiver', version = 0x34) {
  const fields = { system_id, password: system_id, interface_version: version };
  const client = await NodeSmppClient.bind(node.ports['smpp']!, command, fields);
  // The package answers nothing by itself.
  client.on('unbind', pdu => client.reply(pdu, 0));
  clients.push(client);
  return client;
}

const accounts = (...args: string[]) => node.command('accounts', ...args, '--json');

test('status tells who is bound, since when, how, with what window and load', async () => {
  const shop = await bind('shop', 'bind_transmitter', 0x50);
  await bind('app', 'bind_receiver', 0x33);
  await shop.submitMany(3, { destination_addr: '5551', registered_delivery: 0 });
  const { sessions } = await node.statusWhen('both have carried them', status =>
    status.sessions.some(({ name, sent }) => name === 'app' && sent === 3),
  );
  const of = (account: string) => sessions.find(({ name }) => name === account);
  expect(of('shop')).toMatchObject({
    side: 'account',
    peer: '127.0.0.1',
    bind: 'transmitter',
    state: 'BOUND_TX',
    version: '5.0',
    received: 3,
    sent: 0,
    window: { used: 0, size: 200 },
  });
  expect(of('app')).toMatchObject({ bind: 'receiver', version: '3.3', received: 0, sent: 3 });
  expect(of('shop')!.load).toHaveLength(3);
  expect(of('shop')!.id).not.toBe(of('app')!.id);
});

test('one session is ended, then all, by the command line; the account may bind again until it is disabled', async () => {
  const [first, second] = [await bind('shop'), await bind('shop')];
  const { sessions } = await node.status();
  const ids = sessions.filter(({ name }) => name === 'shop').map(({ id }) => id);
  expect(ids).toHaveLength(2);
  const one = await accounts('unbind', 'shop', '--session', String(Math.min(...ids)));
  expect([one.code, JSON.parse(one.stdout)]).toEqual([0, { sessions: 1 }]);
  await waitUntil('the older one is closed', () => first.closed);
  expect(second.closed).toBe(false);
  expect((await accounts('unbind', 'shop', '--session', '999999')).code).toBe(1);
  expect((await accounts('unbind', 'nobody')).code).toBe(1);
  await accounts('unbind', 'shop');
  await waitUntil('the other is closed', () => second.closed);
  const again = await bind('shop');
  await accounts('disable', 'shop');
  await waitUntil('it is closed', () => again.closed);
  await expect(bind('shop')).rejects.toThrow('refused with status 13');
  await accounts('enable', 'shop');
  await bind('shop');
});

test('what comes for an application that is away is kept, in order, for any session of its next binds', async () => {
  const shop = await bind('shop');
  const texts = ['one', 'two', 'three'];
  for (const short_message of texts) await shop.submit({ destination_addr: '5552', short_message });
  await bind('app', 'bind_transmitter');
  const receiver = await bind('app', 'bind_receiver');
  await waitUntil('all of them', () => receiver.deliveries.length === 3);
  expect(receiver.deliveries.map(pdu => pdu.short_message.message)).toEqual(texts);
});

test('what comes for an application is spread over its sessions that receive', async () => {
  const [a, b] = [await bind('app', 'bind_receiver'), await bind('app')];
  const shop = await bind('shop');
  for (let i = 0; i < 20; i++) await shop.submit({ destination_addr: '5553', registered_delivery: 0 });
  await waitUntil('all of them', () => a.deliveries.length + b.deliveries.length === 20);
  expect(Math.min(a.deliveries.length, b.deliveries.length)).toBeGreaterThan(5);
});
