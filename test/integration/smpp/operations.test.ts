import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startNode, type NodeProcess } from '../../support/node-process.ts';
import { NodeSmppClient, type ClientPdu } from '../../support/node-smpp-client.ts';
import { headerPdu, RawPeer, submitPdu } from '../../support/raw-peer.ts';
import { answer, deliverPdu, receiptText, ScriptedCarrier, type Submitted } from '../../support/scripted-carrier.ts';
import { withLength } from '../../support/smpp-wire.ts';
import { waitUntil } from '../../support/wait-until.ts';

/**
 * query_sm, cancel_sm and replace_sm of a message in each state it can be in. The carrier does what a test says; nobody
 * listens where the other one should be; the archive is a real one.
 */
let carrier: ScriptedCarrier;
let node: NodeProcess;
let shop: NodeSmppClient;
let other: NodeSmppClient;

beforeAll(async () => {
  carrier = await ScriptedCarrier.listen();
  const common = { protocol: 'smpp', host: '127.0.0.1', system_id: 'r', password: 'r' };
  node = await startNode({
    config: {
      archive: { enabled: true },
      accounts: ['shop', 'other'].map(system_id => ({ system_id, password: system_id })),
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
  const bind = (system_id: string) =>
    NodeSmppClient.bind(node.ports['smpp']!, 'bind_transceiver', { system_id, password: system_id });
  [shop, other] = await Promise.all([bind('shop'), bind('other')]);
  await waitUntil('the carrier is bound', () => carrier.open(9).length > 0);
}, 60_000);
afterAll(async () => {
  await node[Symbol.asyncDispose]();
  await carrier[Symbol.asyncDispose]();
});

const ROK = 0;
const RINVMSGID = 0x0c;
const RCANCELFAIL = 0x11;
const RREPLACEFAIL = 0x13;
const [SCHEDULED, ENROUTE, DELIVERED, EXPIRED, DELETED, UNDELIVERABLE, ACCEPTED] = [0, 1, 2, 3, 4, 5, 6];

/** Each message goes to a number of its own. */
let numbers = 1000;
const next = (prefix: string): string => `${prefix}7700${++numbers}`;

interface Message {
  readonly id: string;
  readonly to: string;
}

async function submit(prefix: string, fields: object = {}): Promise<Message> {
  const to = next(prefix);
  const { command_status, message_id } = await shop.submit({
    destination_addr: to,
    short_message: 'before',
    ...fields,
  });
  expect(command_status).toBe(ROK);
  return { id: message_id, to };
}

const sentTo = (to: string): Submitted | undefined =>
  carrier.submitted.find(({ pdu }) => pdu.toString('latin1').includes(`${to}\0`));

async function arrived(to: string): Promise<Submitted> {
  await waitUntil('the carrier has it', () => sentTo(to) !== undefined);
  return sentTo(to)!;
}

type Answer = ClientPdu & { readonly message_state: number; readonly final_date: unknown };
const query = (client: NodeSmppClient, id: string, fields: object = {}): Promise<Answer> =>
  client.request('query_sm', { message_id: id, source_addr: 'ACME', source_addr_ton: 5, ...fields }) as Promise<Answer>;

async function stateOf(id: string): Promise<number> {
  const { command_status, message_id, message_state } = await query(shop, id);
  expect(command_status).toBe(ROK);
  expect(message_id).toBe(id);
  return message_state;
}

const statusOf = async (client: NodeSmppClient, command: string, id: string, fields: object = {}): Promise<number> => {
  const request = { message_id: id, source_addr: 'ACME', source_addr_ton: 5, ...fields };
  return (await client.request(command, request)).command_status;
};
const cancel = (id: string, fields?: object): Promise<number> => statusOf(shop, 'cancel_sm', id, fields);
const replace = (id: string, fields: object = {}): Promise<number> =>
  statusOf(shop, 'replace_sm', id, { short_message: 'after', registered_delivery: 1, ...fields });

/** The message in each state that all three find; what is wanted of each. */
describe('a message that waits', () => {
  test('queued: ENROUTE, replaced, cancelled, DELETED', async () => {
    const { id } = await submit('33');
    expect(await stateOf(id)).toBe(ENROUTE);
    expect(await replace(id)).toBe(ROK);
    expect(await cancel(id)).toBe(ROK);
    expect(await stateOf(id)).toBe(DELETED);
    expect((await query(shop, id)).final_date).not.toBe('');
    expect(await cancel(id)).toBe(RCANCELFAIL);
    expect(await replace(id)).toBe(RREPLACEFAIL);
  });

  test('scheduled: SCHEDULED to a peer of 5.0, else the same; replaced to be sent at once it leaves with its new text', async () => {
    const { id, to } = await submit('44', { schedule_delivery_time: '000000010000000R' });
    expect(await stateOf(id)).toBe(SCHEDULED);
    expect(await replace(id, { short_message: 'later', schedule_delivery_time: '000000020000000R' })).toBe(ROK);
    expect(await stateOf(id)).toBe(SCHEDULED);
    const fields = { system_id: 'shop', password: 'shop', interface_version: 0x34 };
    const older = await NodeSmppClient.bind(node.ports['smpp']!, 'bind_transmitter', fields);
    expect((await query(older, id)).message_state).toBe(ENROUTE);
    older.destroy();
    expect(await replace(id, { short_message: 'now', schedule_delivery_time: '200101000000000+' })).toBe(ROK);
    const { pdu } = await arrived(to);
    expect(pdu.toString('latin1')).toContain('now');
  });

  test('parked after a failure: the same, its attempts are kept', async () => {
    const { id, to } = await submit('44');
    answer(await arrived(to), 0x64);
    await node.statusWhen('it is parked', ({ queues }) => queues.some(q => q.destination === 'live' && q.parked > 0));
    expect(await stateOf(id)).toBe(ENROUTE);
    expect(await replace(id)).toBe(ROK);
    expect(await cancel(id)).toBe(ROK);
    expect(await stateOf(id)).toBe(DELETED);
  });

  test('its validity ends: EXPIRED', async () => {
    const { id } = await submit('33', { validity_period: '000000000001000R' });
    expect(await replace(id, { validity_period: '000000000002000R' })).toBe(ROK);
    let state = ENROUTE;
    while (state === ENROUTE) state = await stateOf(id);
    expect(state).toBe(EXPIRED);
    expect(await cancel(id)).toBe(RCANCELFAIL);
  });

  test('a cancelled one never leaves', async () => {
    const { id, to } = await submit('44', { schedule_delivery_time: '000000000001000R' });
    expect(await cancel(id)).toBe(ROK);
    const { to: later } = await submit('44', { schedule_delivery_time: '000000000002000R' });
    await arrived(later);
    expect(sentTo(to)).toBeUndefined();
  });
});

describe('a message that does not wait', () => {
  test('in flight: ENROUTE, and it is too late', async () => {
    const { id, to } = await submit('44');
    const there = await arrived(to);
    expect(await stateOf(id)).toBe(ENROUTE);
    expect(await cancel(id)).toBe(RCANCELFAIL);
    expect(await replace(id)).toBe(RREPLACEFAIL);
    answer(there, 0, 'f-1');
  });

  test('taken by the carrier, then delivered', async () => {
    const { id, to } = await submit('44');
    const there = await arrived(to);
    answer(there, 0, 'd-1');
    expect(await stateOf(id)).toBe(ENROUTE);
    expect(await cancel(id)).toBe(RCANCELFAIL);
    there.session.socket.write(deliverPdu(77, to, 'ACME', receiptText('d-1'), 4));
    await waitUntil('its receipt', () => shop.deliveries.some(({ source_addr }) => source_addr === to));
    expect(await stateOf(id)).toBe(DELIVERED);
    expect(await cancel(id)).toBe(RCANCELFAIL);
    expect(await replace(id)).toBe(RREPLACEFAIL);
  });

  test('refused by the carrier: UNDELIVERABLE', async () => {
    const { id, to } = await submit('44');
    answer(await arrived(to), 0x0b);
    await waitUntil('its receipt', () => shop.deliveries.some(({ source_addr }) => source_addr === to));
    const told = (await query(shop, id)) as Answer & { readonly error_code: number };
    expect([told.message_state, told.error_code]).toEqual([UNDELIVERABLE, 0x0b]);
  });

  test('dropped by a route: ACCEPTED', async () => {
    const { id } = await submit('99');
    expect(await stateOf(id)).toBe(ACCEPTED);
  });

  test('archived: as it ended, and too late', async () => {
    const { id, to } = await submit('44');
    const there = await arrived(to);
    answer(there, 0, 'a-1');
    there.session.socket.write(deliverPdu(78, to, 'ACME', receiptText('a-1'), 4));
    const found = async (): Promise<string> => {
      const { stdout } = await node.command('status', id, '--json');
      return (JSON.parse(stdout) as { foundIn: string }).foundIn;
    };
    while ((await found()) !== 'archive') await node.status();
    expect(await stateOf(id)).toBe(DELIVERED);
    const { final_date } = await query(shop, id);
    expect(final_date).toBeTruthy();
    expect(await cancel(id)).toBe(RCANCELFAIL);
    expect(await replace(id)).toBe(RREPLACEFAIL);
    expect((await query(other, id)).command_status).toBe(RINVMSGID);
  }, 60_000);
});

describe('a message that is not there', () => {
  test.each(['1234567890123', '0', 'no-number', '99999999999999999999', ''])('id %j', async id => {
    expect((await query(shop, id)).command_status).toBe(RINVMSGID);
    if (id !== '') expect(await cancel(id)).toBe(RINVMSGID);
    expect(await replace(id)).toBe(RINVMSGID);
  });

  test("someone else's, and one that is sent to it", async () => {
    const { id, to } = await submit('33');
    for (const command of ['query_sm', 'cancel_sm', 'replace_sm']) {
      expect(await statusOf(other, command, id)).toBe(RINVMSGID);
    }
    expect(await statusOf(other, 'cancel_sm', '', { destination_addr: to })).toBe(RCANCELFAIL);
    expect(await stateOf(id)).toBe(ENROUTE);
  });

  test('another source address is another message; none is not compared', async () => {
    const { id } = await submit('33');
    expect((await query(shop, id, { source_addr: 'OTHER' })).command_status).toBe(RINVMSGID);
    expect(await cancel(id, { source_addr: 'OTHER' })).toBe(RINVMSGID);
    expect((await query(shop, id, { source_addr: '' })).command_status).toBe(ROK);
    expect(await cancel(id, { source_addr: '' })).toBe(ROK);
  });
});

const cancelPdu = (sequence: number, to: string): Buffer =>
  withLength(Buffer.concat([headerPdu(8, 0, sequence), Buffer.from(`\0\0\x05\0ACME\0\x01\x01${to}\0`, 'latin1')]));

describe('a message that is being accepted', () => {
  test('cancelled by its addresses in the same octets', async () => {
    using peer = await RawPeer.bind(node.ports['smpp']!, 'other', 'transmitter');
    const to = next('33');
    peer.send(Buffer.concat([submitPdu(2, to), submitPdu(3, to), cancelPdu(4, to), cancelPdu(5, to)]));
    const answers = await peer.pdus(4);
    const byCommand = answers.map(pdu => [pdu.readUInt32BE(4), pdu.readUInt32BE(8), pdu.readUInt32BE(12)]);
    expect(byCommand).toContainEqual([0x80000004, ROK, 2]);
    expect(byCommand).toContainEqual([0x80000004, ROK, 3]);
    expect(byCommand).toContainEqual([0x80000008, ROK, 4]);
    const id = answers
      .find(pdu => pdu.readUInt32BE(12) === 2)!
      .toString('latin1', 16)
      .replace('\0', '');
    expect((await query(other, id)).message_state).toBe(DELETED);
  });

  test('replaced by the one behind it', async () => {
    const to = next('33');
    const fields = { destination_addr: to, replace_if_present_flag: 1 };
    const answers = await Promise.all([
      shop.submit({ ...fields, short_message: 'one', schedule_delivery_time: '000000010000000R' }),
      shop.submit({ ...fields, short_message: 'two' }),
    ]);
    expect(answers.map(({ command_status }) => command_status)).toEqual([ROK, ROK]);
  });
});

describe('by its addresses', () => {
  test('all that wait from one number to another, of one service_type if it is named', async () => {
    const to = next('33');
    const ids: string[] = [];
    for (const service_type of ['', 'WAP', 'WAP', 'CMT']) {
      ids.push((await shop.submit({ destination_addr: to, service_type })).message_id);
    }
    expect(await cancel('', { destination_addr: to, service_type: 'VMN' })).toBe(RCANCELFAIL);
    expect(await cancel('', { destination_addr: to, service_type: 'WAP' })).toBe(ROK);
    expect(await Promise.all(ids.map(stateOf))).toEqual([ENROUTE, DELETED, DELETED, ENROUTE]);
    expect(await cancel('', { destination_addr: to, source_addr: 'OTHER' })).toBe(RCANCELFAIL);
    expect(await cancel('', { destination_addr: to })).toBe(ROK);
    expect(await Promise.all(ids.map(stateOf))).toEqual([DELETED, DELETED, DELETED, DELETED]);
    expect(await cancel('', { destination_addr: '' })).toBe(RCANCELFAIL);
  });
});

describe('replace_if_present_flag', () => {
  test('takes the place and the id of the one that waits; without one it is a message like any other', async () => {
    const to = next('44');
    const fields = { destination_addr: to, replace_if_present_flag: 1 };
    const first = await shop.submit({ ...fields, short_message: 'first', schedule_delivery_time: '000000010000000R' });
    const second = await shop.submit({ ...fields, short_message: 'second', data_coding: 3 });
    expect(second).toMatchObject({ command_status: ROK, message_id: first.message_id });
    const { pdu } = await arrived(to);
    expect(pdu.toString('latin1')).toContain('second');
    const third = await shop.submit({ ...fields, short_message: 'third' });
    expect(third.command_status).toBe(ROK);
    expect(third.message_id).not.toBe(first.message_id);
  });

  test('another service_type, or another sender, is another message', async () => {
    const to = next('33');
    const first = await shop.submit({ destination_addr: to });
    for (const fields of [{ service_type: 'WAP' }, { source_addr: 'OTHER' }]) {
      const { message_id } = await shop.submit({ destination_addr: to, replace_if_present_flag: 1, ...fields });
      expect(message_id).not.toBe(first.message_id);
    }
    expect(await stateOf(first.message_id)).toBe(ENROUTE);
  });
});

describe('a message that goes in parts', () => {
  const long = 'a long text '.repeat(30);
  const fields = { short_message: '', message_payload: long };

  test('is cancelled with its parts, by its id and by its addresses', async () => {
    const { id } = await submit('33', fields);
    expect(await stateOf(id)).toBe(ENROUTE);
    expect(await cancel(id)).toBe(ROK);
    expect(await stateOf(id)).toBe(DELETED);
    const { id: second, to } = await submit('33', fields);
    expect(await cancel('', { destination_addr: to })).toBe(ROK);
    expect(await stateOf(second)).toBe(DELETED);
    await node.statusWhen('none of its parts waits', ({ queues }) => {
      const away = queues.find(({ destination }) => destination === 'away');
      return (away?.ready ?? 0) < 10;
    });
  });

  test('is not replaced by replace_sm; nor is a short one by a long text', async () => {
    const { id } = await submit('33', fields);
    expect(await replace(id)).toBe(RREPLACEFAIL);
    const { id: short } = await submit('33');
    expect(await replace(short, { short_message: 'x'.repeat(200) })).toBe(RREPLACEFAIL);
    expect(await replace(short, { short_message: 'x'.repeat(140) })).toBe(ROK);
  });

  test('with replace_if_present_flag the new one is kept, the old one cancelled', async () => {
    const { id, to } = await submit('33', fields);
    const flag = { destination_addr: to, replace_if_present_flag: 1 };
    const short = await shop.submit({ ...flag, short_message: 'short' });
    expect([short.command_status, short.message_id === id]).toEqual([ROK, false]);
    expect([await stateOf(id), await stateOf(short.message_id)]).toEqual([DELETED, ENROUTE]);
    const again = await shop.submit({ ...flag, ...fields });
    expect([await stateOf(short.message_id), await stateOf(again.message_id)]).toEqual([DELETED, ENROUTE]);
  });
});

test('a bad time is refused by name, and changes nothing', async () => {
  const { id } = await submit('33');
  expect(await replace(id, { schedule_delivery_time: '991399000000000+' })).toBe(0x61);
  expect(await replace(id, { validity_period: '200101000000000+' })).toBe(0x62);
  expect(await stateOf(id)).toBe(ENROUTE);
});
