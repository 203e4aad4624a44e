import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startNode, type NodeProcess } from '../../support/node-process.ts';
import { NodeSmppClient, type ClientPdu } from '../../support/node-smpp-client.ts';
import { bindPdu, cut, headerPdu, RawPeer, submitPdu } from '../../support/raw-peer.ts';
import { answer, deliverPdu, receiptText, ScriptedCarrier, type Submitted } from '../../support/scripted-carrier.ts';
import { withLength } from '../../support/smpp-wire.ts';
import { waitUntil } from '../../support/wait-until.ts';

/** The ways a message comes in beside a plain submit_sm, and the ways it goes out beside a plain deliver_sm. */
let carrier: ScriptedCarrier;
let node: NodeProcess;
const clients: NodeSmppClient[] = [];

beforeAll(async () => {
  carrier = await ScriptedCarrier.listen();
  node = await startNode({
    config: {
      messages: { transaction_seconds: 1 },
      accounts: [
        { system_id: 'shop', password: 'shop' },
        { system_id: 'app', password: 'app' },
        { system_id: 'datadlr', password: 'datadlr', data_sm: 'receipts' },
        { system_id: 'data', password: 'data', data_sm: 'all' },
        { system_id: 'strict', password: 'strict', senders: ['ACME', '4477*'], min_octets: 2, max_octets: 20 },
        { system_id: 'typed', password: 'typed', binds_transmitter: 1, binds_receiver: 0 },
        { system_id: 'ranged', password: 'ranged', addr_ton: 1, addr_npi: 1, address_range: '^555' },
      ],
      carriers: [
        { name: 'live', protocol: 'smpp', host: '127.0.0.1', port: carrier.port, system_id: 'r', password: 'r' },
      ],
      routes: [
        { called_prefix: '44', dest_smsc: 'live' },
        { called_prefix: '555', dest_smsc: 'app' },
        { called_prefix: '556', dest_smsc: 'data' },
        { called_prefix: '99', drop: true },
      ],
    },
  });
  await waitUntil('the carrier is bound', () => carrier.open(9).length > 0);
});
afterAll(async () => {
  await node[Symbol.asyncDispose]();
  await carrier[Symbol.asyncDispose]();
});
afterEach(async () => {
  const open = clients.splice(0).filter(client => !client.closed);
  await Promise.all(open.map(client => client.request('unbind')));
});

async function bind(system_id: string, fields: object = {}, command?: Parameters<typeof NodeSmppClient.bind>[1]) {
  const all = { system_id, password: system_id, interface_version: 0x34, ...fields };
  const client = await NodeSmppClient.bind(node.ports['smpp']!, command, all);
  clients.push(client);
  return client;
}

let numbers = 1000;
const next = (prefix = '44'): string => `${prefix}7700${++numbers}`;
const sentTo = (to: string): Submitted | undefined =>
  carrier.submitted.find(({ pdu }) => pdu.toString('latin1').includes(`${to}\0`));
async function arrived(to: string): Promise<Submitted> {
  await waitUntil(`the carrier has the message to ${to}`, () => sentTo(to) !== undefined);
  return sentTo(to)!;
}
const to = (destination_addr: string) => ({ dest_addr_ton: 1, dest_addr_npi: 1, destination_addr });

describe('submit_multi', () => {
  interface Multi extends ClientPdu {
    readonly unsuccess_sme: readonly { readonly destination_addr: string; readonly error_status_code: number }[];
  }
  const multi = (client: NodeSmppClient, dest_address: readonly object[], fields: object = {}): Promise<Multi> =>
    client.request('submit_multi', {
      source_addr: 'ACME',
      source_addr_ton: 5,
      dest_address,
      short_message: 'to all of you',
      registered_delivery: 1,
      ...fields,
    }) as Promise<Multi>;

  test('a message for each, those not taken are told; receipts name the id and the recipient', async () => {
    const client = await bind('shop');
    const [a, b] = [next(), next()];
    const said = await multi(client, [to('777'), to(a), to(b), { dl_name: 'friends' }, to('')]);
    expect(said.command_status).toBe(0);
    expect(said.unsuccess_sme.map(u => [u.destination_addr, u.error_status_code])).toEqual([
      ['777', 0x0b],
      ['friends', 0x34],
      ['', 0x0b],
    ]);
    for (const [i, number] of [b, a].entries()) {
      const there = await arrived(number);
      expect(there.pdu.toString('latin1')).toContain('to all of you');
      answer(there, 0, `m-${i}`);
      there.session.socket.write(deliverPdu(50 + i, number, 'ACME', receiptText(`m-${i}`), 4));
    }
    await waitUntil('both receipts', () => client.deliveries.length === 2);
    expect(new Set(client.deliveries.map(pdu => pdu.source_addr))).toEqual(new Set([a, b]));
    for (const { short_message } of client.deliveries) {
      expect(short_message.message).toContain(`id:${said.message_id} sub:`);
    }
  });

  test('cancel_sm of its id takes one recipient, or all that wait', async () => {
    const client = await bind('shop');
    const list = [next(), next(), next()];
    const { message_id } = await multi(client, list.map(to), { schedule_delivery_time: '000001000000000R' });
    const cancel = async (destination_addr: string): Promise<number> =>
      (await client.request('cancel_sm', { message_id, source_addr: 'ACME', source_addr_ton: 5, destination_addr }))
        .command_status;
    expect(await cancel('4412345')).toBe(0x0c);
    expect(await cancel(list[1]!)).toBe(0);
    // What is settled leaves the store, and without an archive nothing remembers it.
    expect([0x0c, 0x11]).toContain(await cancel(list[1]!));
    expect(await cancel('')).toBe(0);
    expect([0x0c, 0x11]).toContain(await cancel(''));
  });

  test('nothing taken: one status for all of them', async () => {
    const client = await bind('shop');
    expect(await multi(client, [to('777'), to('778')])).toMatchObject({ command_status: 0x0b });
    expect(await multi(client, [to('777'), { dl_name: 'x' }])).toMatchObject({ command_status: 0x45 });
    const late = { schedule_delivery_time: '991399000000000+' };
    expect(await multi(client, [to(next())], late)).toMatchObject({ command_status: 0x61 });
  });

  test('254 recipients', async () => {
    const client = await bind('shop');
    const said = await multi(
      client,
      Array.from({ length: 254 }, (_, i) => to(`9900${1000 + i}`)),
    );
    expect(said).toMatchObject({ command_status: 0, unsuccess_sme: [] });
  });
});

const data = (client: NodeSmppClient, fields: object): Promise<ClientPdu> =>
  client.request('data_sm', { source_addr: 'ACME', source_addr_ton: 5, dest_addr_ton: 1, ...fields });

describe('data_sm', () => {
  test('from an application is a message like any other', async () => {
    const client = await bind('shop');
    const number = next();
    const said = await data(client, {
      destination_addr: number,
      message_payload: 'by data',
      registered_delivery: 1,
    });
    expect(said).toMatchObject({ command: 'data_sm_resp', command_status: 0 });
    expect(said.message_id).toMatch(/^\d+$/);
    const there = await arrived(number);
    expect(there.pdu.toString('latin1')).toContain('by data');
    answer(there, 0x0b);
    await waitUntil('its receipt', () => client.deliveries.length === 1);
    expect(client.deliveries[0]!.short_message.message).toContain(`id:${said.message_id} `);
  });

  test('refused as data_sm_resp', async () => {
    const client = await bind('shop');
    expect(await data(client, { destination_addr: '777' })).toMatchObject({
      command: 'data_sm_resp',
      command_status: 0x0b,
    });
    expect(await data(client, { destination_addr: '' })).toMatchObject({ command_status: 0x0b });
    expect(await data(client, { destination_addr: '4'.repeat(30) })).toMatchObject({ command_status: 0x0b });
  });

  test('qos_time_to_live is its validity', async () => {
    const client = await bind('shop');
    const fields = { destination_addr: '4470000', qos_time_to_live: 1, registered_delivery: 1, message_payload: 'x' };
    await data(client, fields);
    // The carrier does not answer: it is the end of its validity that is told, or nothing.
    const there = await arrived('4470000');
    answer(there, 0x58);
    await waitUntil('a receipt', () => client.deliveries.length === 1);
    expect(client.deliveries[0]!.short_message.message).toContain('stat:EXPIRED');
  });

  test('to an application that wants its receipts so', async () => {
    const client = await bind('datadlr');
    const got: (ClientPdu & { receipted_message_id?: string })[] = [];
    client.on('data_sm', pdu => {
      got.push(pdu);
      client.reply(pdu, 0);
    });
    const number = next();
    const { message_id } = await client.submit({ destination_addr: number });
    answer(await arrived(number), 0x0b);
    await waitUntil('the receipt', () => got.length === 1);
    expect(String(got[0]!.receipted_message_id).replace('\0', '')).toBe(message_id);
    expect(got[0]!.message_payload!.message).toContain(`id:${message_id} sub:001 dlvrd:000`);
    expect(client.deliveries).toEqual([]);
  });

  test('to an application that wants everything so, but not below 3.4', async () => {
    const app = await bind('data');
    const got: ClientPdu[] = [];
    app.on('data_sm', pdu => {
      got.push(pdu);
      app.reply(pdu, 0);
    });
    const shop = await bind('shop');
    const { message_id } = await shop.submit({ destination_addr: '5561', short_message: 'as data', source_port: 7 });
    await waitUntil('the message', () => got.length === 1);
    expect(got[0]).toMatchObject({ source_addr: 'ACME', destination_addr: '5561', source_port: 7 });
    expect(got[0]!.message_payload!.message).toBe('as data');
    await waitUntil('its receipt', () => shop.deliveries.length === 1);
    expect(shop.deliveries[0]!.short_message.message).toContain(`id:${message_id} sub:001 dlvrd:001`);
    await app.request('unbind');
    const older = await bind('data', { interface_version: 0x33 });
    await shop.submit({ destination_addr: '5561', short_message: 'as ever' });
    await waitUntil('the message', () => older.deliveries.length === 1);
  });
});

describe('messaging modes', () => {
  const once = async (mode: number, status: number | undefined, fields: object = {}, version = 0x34) => {
    const client = await bind('shop', { interface_version: version });
    const number = next();
    const answered = client.submit({ destination_addr: number, esm_class: mode, ...fields });
    const there = await arrived(number);
    if (status !== undefined) answer(there, status, 't-1');
    return { client, there, number, answered };
  };

  test('transaction: the response is the receipt', async () => {
    const { client, there, number, answered } = await once(2, 0);
    // The carrier sees no mode, and is asked for a receipt.
    expect(there.pdu.toString('hex')).toContain(`${Buffer.from(number).toString('hex')}00000000000001`);
    there.session.socket.write(deliverPdu(60, number, 'ACME', receiptText('t-1'), 4));
    expect(await answered).toMatchObject({ command: 'submit_sm_resp', command_status: 0 });
    expect(client.deliveries.filter(pdu => pdu.source_addr === number)).toEqual([]);
  });

  test('transaction: a failure is told at once, and why', async () => {
    const { there, number, answered } = await once(2, 0, {}, 0x50);
    there.session.socket.write(deliverPdu(61, number, 'ACME', receiptText('t-1', 'UNDELIV', '021'), 4));
    const said = (await answered) as ClientPdu & { readonly delivery_failure_reason: number };
    expect([said.command_status, said.delivery_failure_reason]).toEqual([0xfe, 2]);
  });

  test('transaction: what would be tried again for others has failed', async () => {
    const { answered } = await once(2, 0x64);
    expect(await answered).toMatchObject({ command_status: 0xfe });
  });

  test('transaction by data_sm: delivery_failure_reason in its response', async () => {
    const client = await bind('shop');
    const number = next();
    const answered = client.request('data_sm', { destination_addr: number, esm_class: 2, message_payload: 'x' });
    answer(await arrived(number), 0x0b);
    expect(await answered).toMatchObject({
      command: 'data_sm_resp',
      command_status: 0xfe,
      delivery_failure_reason: 2,
    });
  });

  test('transaction: no fate in time is a failure', async () => {
    const { answered } = await once(2, undefined);
    expect(await answered).toMatchObject({ command_status: 0xfe });
  });

  test('transaction: no route, no schedule', async () => {
    const client = await bind('shop');
    expect(await client.submit({ destination_addr: '777', esm_class: 2 })).toMatchObject({ command_status: 0x0b });
    const fields = { destination_addr: next(), esm_class: 2, schedule_delivery_time: '000000010000000R' };
    expect(await client.submit(fields)).toMatchObject({ command_status: 0x61 });
  });

  test('datagram: answered when it is kept, tried once', async () => {
    const { client, number, answered } = await once(1, 0x58);
    expect(await answered).toMatchObject({ command_status: 0 });
    await waitUntil('it has failed', () => client.deliveries.length === 1);
    expect(client.deliveries[0]).toMatchObject({ source_addr: number, message_state: 5 });
  });
});

const bindAs = (version: string): Buffer =>
  Buffer.from(
    bindPdu('shop', 'shop')
      .toString('hex')
      .replace(/34000000$/, `${version}000000`),
    'hex',
  );

describe('versions on one port', () => {
  test.each([
    ['3.3', '33', ''],
    ['3.4', '34', '0210000134'],
    ['5.0', '50', '02100001500428000100'],
    ['an older one', '00', ''],
    ['a reserved one', '40', '0210000134'],
    ['a newer one', '60', '02100001500428000100'],
  ])('%s', async (_name, version, tlvs) => {
    using peer = await RawPeer.connect(node.ports['smpp']!);
    peer.send(bindAs(version));
    const [bound] = await peer.pdus(1);
    expect(bound!.toString('hex', 16)).toBe(`${Buffer.from('heliograph\0').toString('hex')}${tlvs}`);
    peer.take();
    const congestion = tlvs.includes('0428') ? '0428000100' : '';
    peer.send(Buffer.concat([submitPdu(2, '9912'), headerPdu(0x15, 0, 3), submitPdu(4, '777')]));
    const answers = await peer.pdus(3);
    const by = (sequence: number): string =>
      answers.find(pdu => pdu.readUInt32BE(12) === sequence)!.toString('hex', 16);
    expect(by(2)).toMatch(new RegExp(`^(3[0-9])+00${congestion}$`));
    expect(by(3)).toBe(congestion);
    // A refusal has an empty message_id before it: a peer would take the TLV for one.
    expect(by(4)).toBe(congestion && `00${congestion}`);
  });

  test('a receipt to a peer of 3.3 has no TLV, a text that is too long for it stays', async () => {
    using peer = await RawPeer.connect(node.ports['smpp']!);
    peer.send(
      Buffer.from(
        bindPdu('app', 'app')
          .toString('hex')
          .replace(/34000000$/, '33000000'),
        'hex',
      ),
    );
    await peer.pdus(1);
    peer.take();
    const shop = await bind('shop');
    await shop.submit({ destination_addr: '5551', short_message: '', message_payload: 'x'.repeat(300) });
    await shop.submit({ destination_addr: '5551', short_message: 'short', source_port: 5 });
    const [pdu] = await peer.pdus(1);
    expect(pdu!.toString('latin1').endsWith('\x05short')).toBe(true);
    peer.send(withLength(Buffer.concat([headerPdu(0x80000005, 0, pdu!.readUInt32BE(12)), Buffer.alloc(1)])));
    await waitUntil('its receipt', () => shop.deliveries.length === 1);
    expect(cut(peer.received)).toHaveLength(1);
  });
});

describe('what an account may do', () => {
  test('its senders', async () => {
    const client = await bind('strict');
    const from = async (source_addr: string): Promise<number> =>
      (await client.submit({ source_addr, destination_addr: '9912' })).command_status;
    expect(await from('ACME')).toBe(0);
    expect(await from('acme')).toBe(0);
    expect(await from('447700900123')).toBe(0);
    expect(await from('+447700900123')).toBe(0);
    expect(await from('00447700900123')).toBe(0);
    expect(await from('OTHER')).toBe(0x0a);
    expect(await from('1447700900123')).toBe(0x0a);
    expect(await from('')).toBe(0x0a);
    const said = await client.request('submit_multi', {
      source_addr: 'OTHER',
      dest_address: [to('9912')],
      short_message: 'long enough',
    });
    expect(said.command_status).toBe(0x0a);
  });

  test('the length of its texts', async () => {
    const client = await bind('strict');
    const text = async (short_message: string): Promise<number> =>
      (await client.submit({ short_message, destination_addr: '9912' })).command_status;
    expect(await text('x')).toBe(0x01);
    expect(await text('xx')).toBe(0);
    expect(await text('x'.repeat(20))).toBe(0);
    expect(await text('x'.repeat(21))).toBe(0x01);
  });

  test('how many binds of each type', async () => {
    await bind('typed', {}, 'bind_transmitter');
    await expect(bind('typed', {}, 'bind_transmitter')).rejects.toThrow('refused with status 5');
    await expect(bind('typed', {}, 'bind_receiver')).rejects.toThrow('refused with status 5');
    await bind('typed');
  });

  test('the addresses of its binds', async () => {
    await expect(bind('ranged')).rejects.toThrow('refused with status 13');
    await expect(bind('ranged', { addr_ton: 1, addr_npi: 1, address_range: '^556' })).rejects.toThrow('status 13');
    await bind('ranged', { addr_ton: 1, addr_npi: 1, address_range: '^555' });
    expect(node.logs('bind refused').map(line => line['reason'])).toContain('address_range not allowed');
  });
});
