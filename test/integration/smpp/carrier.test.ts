import { createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import type { NodeStatus } from '../../../actors/node-control.ts';
import { startNode, type NodeProcess } from '../../support/node-process.ts';
import { cut, headerPdu, RawPeer, submitPdu } from '../../support/raw-peer.ts';
import { wire } from '../../support/smpp-wire.ts';
import { waitUntil } from '../../support/wait-until.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

/** A carrier whose every word a test decides: what came on each of its sessions, in order. */
async function listen() {
  const sessions: { socket: Socket; pdus: () => Buffer[] }[] = [];
  const server = createServer(socket => {
    let octets: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => (octets = Buffer.concat([octets, chunk])));
    socket.on('error', () => undefined);
    sessions.push({ socket, pdus: () => cut(octets) });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUps.push(() => {
    server.close();
    for (const { socket } of sessions) socket.destroy();
  });
  return { port: (server.address() as AddressInfo).port, sessions };
}

async function start(port: number, carrier: object = {}): Promise<NodeProcess> {
  const sink = { name: 'sink', protocol: 'smpp', host: '127.0.0.1', port, system_id: 'r', password: 'r' };
  const node = await startNode({
    config: {
      accounts: [{ system_id: 'shop', password: 'shop' }],
      carriers: [{ ...sink, reconnect_seconds: 0.1, reconnect_max_seconds: 0.2, ...carrier }],
      routes: [{ called_prefix: '44', dest_smsc: 'sink' }],
    },
  });
  cleanUps.push(() => node[Symbol.asyncDispose]());
  return node;
}

async function submit(node: NodeProcess, text: string, count = 1): Promise<void> {
  using peer = await RawPeer.bind(node.ports['smpp']!, 'shop');
  peer.send(Buffer.concat(Array.from({ length: count }, (_, i) => submitPdu(i + 2, '447700900123', text))));
  await peer.pdus(count);
}

describe('the bind', () => {
  test('says what is configured, octet for octet', async () => {
    const carrier = await listen();
    await start(carrier.port, {
      bind: 'transmitter',
      interface_version: '5.0',
      system_type: 'VMA',
      addr_ton: 1,
      addr_npi: 8,
      address_range: '447.*',
    });
    await waitUntil('the bind', () => carrier.sessions[0]?.pdus().length === 1);
    expect(carrier.sessions[0]!.pdus()[0]).toEqual(
      wire('00000021 00000002 00000000 00000001 "r" 00 "r" 00 "VMA" 00 50 01 08 "447.*" 00'),
    );
  });

  test.each([
    ['refused', headerPdu(0x80000009, 0x0d, 1), 'bind refused: ESME_RBINDFAIL'],
    ['not understood', headerPdu(0x80000000, 0x03, 1), 'bind refused: ESME_RINVCMDID'],
    [
      'answered by what is no PDU',
      Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
      'command_length 1213486160 is not one',
    ],
  ])('%s: said so in the log, and tried again', async (_how, answer, reason) => {
    const carrier = await listen();
    const node = await start(carrier.port);
    await waitUntil('the bind', () => carrier.sessions[0]?.pdus().length === 1);
    carrier.sessions[0]!.socket.write(answer);
    await waitUntil('another try', () => carrier.sessions[1]?.pdus().length === 1);
    expect(node.logs('carrier session lost')[0]).toMatchObject({ carrier: 'sink', reason });
  });

  test('not answered at all: given up after its time', async () => {
    const carrier = await listen();
    const node = await start(carrier.port, { bind_timeout_seconds: 1 });
    await waitUntil('another try', () => carrier.sessions[1]?.pdus().length === 1);
    expect(node.logs('carrier session lost')[0]).toMatchObject({ reason: 'the bind was not answered in time' });
  });
});

const isEmpty = ({ queues }: NodeStatus): boolean =>
  queues.every(({ ready, inFlight, parked }) => ready + inFlight + parked === 0);

/** The carrier has accepted its bind. */
async function bound(carrier: Awaited<ReturnType<typeof listen>>, session = 0) {
  await waitUntil('the bind', () => carrier.sessions[session]?.pdus().length === 1);
  const { socket, pdus } = carrier.sessions[session]!;
  const command = (pdus()[0]!.readUInt32BE(4) | 0x80000000) >>> 0;
  socket.write(headerPdu(command, 0, 1));
  return { socket, after: (): Buffer[] => pdus().slice(1) };
}

describe('a submit_sm', () => {
  test('is as the customer has sent it', async () => {
    const carrier = await listen();
    const node = await start(carrier.port);
    const { after } = await bound(carrier);
    await submit(node, 'as it is');
    await waitUntil('the message', () => after().length === 1);
    expect(after()[0]!.toString('hex', 16, 16 + 33)).toBe(
      wire('00 05 00 "ACME" 00 01 01 "447700900123" 00 00 00 00 00 00 00 00 00 00 08').toString('hex'),
    );
  });

  test('has the addresses and the service_type that its carrier wants', async () => {
    const carrier = await listen();
    const node = await start(carrier.port, {
      source_ton: 0,
      source_npi: 9,
      dest_ton: 2,
      dest_npi: 0,
      service_type: 'BULK',
    });
    const { after } = await bound(carrier);
    await submit(node, 'as it is wanted');
    await waitUntil('the message', () => after().length === 1);
    const body = '"BULK" 00 00 09 "ACME" 00 02 00 "447700900123" 00 00 00 00 00 00 00 00 00 00 0f "as it is wanted"';
    expect(after()[0]!.subarray(16)).toEqual(wire(body));
    expect(after()[0]!.toString('hex', 0, 12)).toBe(`000000${after()[0]!.length.toString(16)}0000000400000000`);
  });
});

describe('a session that ends', () => {
  test('by the carrier’s unbind: what is in flight may still be answered, and nothing is sent twice', async () => {
    const carrier = await listen();
    const node = await start(carrier.port, { window: 10 });
    const first = await bound(carrier);
    await submit(node, 'in flight', 15);
    await waitUntil('a full window', () => first.after().length === 10);
    const inFlight = first.after();
    first.socket.write(headerPdu(6, 0, 77));
    // Answers that come behind the unbind count.
    for (const pdu of inFlight) first.socket.write(headerPdu(0x80000004, 0, pdu.readUInt32BE(12)));
    await waitUntil('the unbind is answered', () => first.after().length === 11);
    expect(first.after()[10]).toEqual(headerPdu(0x80000006, 0, 77));
    const second = await bound(carrier, 1);
    await waitUntil('the others', () => second.after().length === 5);
    for (const pdu of second.after()) second.socket.write(headerPdu(0x80000004, 0, pdu.readUInt32BE(12)));
    await node.statusWhen('nothing is left', isEmpty);
    expect((await node.status()).messages.sent).toBe(15);
  });

  test('in the middle of a PDU: nothing is lost', async () => {
    const carrier = await listen();
    const node = await start(carrier.port);
    const first = await bound(carrier);
    await submit(node, 'half an answer');
    await waitUntil('the message', () => first.after().length === 1);
    first.socket.end(headerPdu(0x80000004, 0, 1).subarray(0, 9));
    const second = await bound(carrier, 1);
    await waitUntil('the message again', () => second.after().length === 1);
    second.socket.write(headerPdu(0x80000004, 0, second.after()[0]!.readUInt32BE(12)));
    await node.statusWhen('nothing is left', isEmpty);
  });

  test('by silence: enquire_link is not answered', async () => {
    const carrier = await listen();
    const node = await start(carrier.port, { enquire_link_seconds: 1, response_timeout_seconds: 1 });
    const { after } = await bound(carrier);
    await waitUntil('another try', () => carrier.sessions.length === 2);
    expect(after().map(pdu => pdu.readUInt32BE(4))).toEqual([0x15]);
    expect(node.logs('carrier session lost')[0]).toMatchObject({ reason: 'enquire_link was not answered' });
  });
});

test('what a carrier may send and we do not take is answered; what has no answer is ignored', async () => {
  const carrier = await listen();
  await start(carrier.port);
  const { socket, after } = await bound(carrier);
  const said = [headerPdu(0x102, 0, 1), headerPdu(0x103, 0, 2), headerPdu(4, 0, 3), headerPdu(0x110, 0, 4)];
  socket.write(Buffer.concat([...said, headerPdu(0x15, 0, 5)]));
  await waitUntil('the answers', () => after().length === 4);
  expect(after()).toEqual([
    // A data_sm without a body: ESME_RINVSERTYP, for its first field.
    headerPdu(0x80000103, 0x15, 2),
    headerPdu(0x80000004, 4, 3),
    headerPdu(0x80000000, 3, 4),
    headerPdu(0x80000015, 0, 5),
  ]);
});
