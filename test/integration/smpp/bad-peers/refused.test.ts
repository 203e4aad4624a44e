import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startNode, type NodeProcess } from '../../../support/node-process.ts';
import { bindPdu, headerPdu, RawPeer, submitPdu } from '../../../support/raw-peer.ts';
import { wire } from '../../../support/smpp-wire.ts';
import { waitUntil } from '../../../support/wait-until.ts';

/** Peers that say what they must not, when they must not: each gets its exact answer, and the node stays as it is. */
let node: NodeProcess;

beforeAll(async () => {
  node = await startNode({
    config: {
      accounts: [
        { system_id: 'shop', password: 'shop' },
        { system_id: 'off', password: 'off', enabled: false },
        { system_id: 'far', password: 'far', allow_ips: ['192.0.2.0/24'] },
      ],
      routes: [{ called_prefix: '44', drop: true }],
      guard: { failures: 1000 },
    },
  });
});
afterAll(async () => {
  // One customer more, after all of this.
  using peer = await RawPeer.bind(node.ports['smpp']!, 'shop');
  peer.send(submitPdu(2, '447700900123'));
  const [answer] = await peer.pdus(1);
  expect(answer!.toString('hex', 4, 16)).toBe('800000040000000000000002');
  expect(node.isUp).toBe(true);
  await node[Symbol.asyncDispose]();
});

const connected = (): Promise<RawPeer> => RawPeer.connect(node.ports['smpp']!);
const bound = (): Promise<RawPeer> => RawPeer.bind(node.ports['smpp']!, 'shop');

/** The session stays: it answers an enquire_link. */
async function stays(peer: RawPeer): Promise<void> {
  peer.take();
  peer.send(headerPdu(0x15, 0, 0x7777));
  expect((await peer.pdus(1))[0]).toEqual(headerPdu(0x80000015, 0, 0x7777));
}

describe('a command_length that cannot be is nacked with ESME_RINVCMDLEN, and the connection closed', () => {
  const lengths = ['00000000', '0000000f', '80000000', 'ffffffff', '00020000'];
  test.each(lengths.flatMap(length => [['before a bind', length] as const, ['bound', length] as const]))(
    '%s, 0x%s',
    async (when, length) => {
      using peer = await (when === 'bound' ? bound() : connected());
      peer.send(`${length} 00000004 00000000 00000009`);
      expect(await peer.end()).toEqual(headerPdu(0x80000000, 2, 9));
    },
  );

  test('as soon as it is there, however little follows', async () => {
    using peer = await connected();
    peer.send('80000000');
    expect(await peer.end()).toEqual(headerPdu(0x80000000, 2, 0));
  });

  test('what a bind never needs is too long before one', async () => {
    using peer = await connected();
    peer.send('00000201 00000009 00000000 00000001');
    expect(await peer.end()).toEqual(headerPdu(0x80000000, 2, 1));
  });
});

describe('what is not SMPP at all is cut off without a line in the log', () => {
  test.each([
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
    ['a TLS hello', wire('16 03 01 02 00 01 00 01 fc 03 03 00 00 00 00 00 00 00')],
    ['SSH', Buffer.from('SSH-2.0-OpenSSH_9.2p1\r\n')],
  ])('%s', async (_name, hello) => {
    using peer = await connected();
    const lines = node.logs().length;
    peer.send(hello);
    const said = await peer.end();
    expect(said.toString('hex', 0, 12)).toBe('000000108000000000000002');
    expect(said).toHaveLength(16);
    expect(node.logs()).toHaveLength(lines);
  });
});

describe('an unknown command is nacked with ESME_RINVCMDID, and the session stays', () => {
  test.each([
    ['one that nobody has defined', 0x00000110, 3],
    ['one of a vendor', 0x00010200, 3],
    ['broadcast_sm, which is for cell broadcast centres', 0x00000111, 3],
    ['query_broadcast_sm', 0x00000112, 3],
    ['cancel_broadcast_sm', 0x00000113, 3],
  ])('%s', async (_name, command, status) => {
    using peer = await bound();
    peer.send(headerPdu(command, 0, 5));
    expect((await peer.pdus(1))[0]).toEqual(headerPdu(0x80000000, status, 5));
    await stays(peer);
  });

  test('before a bind too', async () => {
    using peer = await connected();
    peer.send(headerPdu(0x00000110, 0, 5));
    expect((await peer.pdus(1))[0]).toEqual(headerPdu(0x80000000, 3, 5));
    await stays(peer);
  });
});

describe('a request that is not for this state gets its response with ESME_RINVBNDSTS, and the session stays', () => {
  test('submit_sm before a bind, which is still possible', async () => {
    using peer = await connected();
    peer.send(submitPdu(3, '447700900123'));
    expect((await peer.pdus(1))[0]).toEqual(headerPdu(0x80000004, 4, 3));
    peer.take();
    peer.send(bindPdu('shop', 'shop'));
    expect((await peer.pdus(1))[0]!.toString('hex', 4, 16)).toBe('800000090000000000000001');
  });

  test('submit_sm of a receiver', async () => {
    using peer = await RawPeer.bind(node.ports['smpp']!, 'shop', 'receiver');
    peer.send(submitPdu(3, '447700900123'));
    expect((await peer.pdus(1))[0]).toEqual(headerPdu(0x80000004, 4, 3));
    await stays(peer);
  });

  test('deliver_sm, which is ours to send', async () => {
    using peer = await bound();
    peer.send(headerPdu(0x00000005, 0, 3));
    expect((await peer.pdus(1))[0]).toEqual(headerPdu(0x80000005, 4, 3));
    await stays(peer);
  });

  test('outbind and alert_notification, which have no response, are nacked', async () => {
    using peer = await bound();
    peer.send(Buffer.concat([headerPdu(0x0000000b, 0, 3), headerPdu(0x00000102, 0, 4)]));
    expect(await peer.pdus(2)).toEqual([headerPdu(0x80000000, 4, 3), headerPdu(0x80000000, 4, 4)]);
    await stays(peer);
  });

  test('a second bind, with ESME_RALYBND', async () => {
    using peer = await bound();
    peer.send(bindPdu('shop', 'shop', 'transmitter', 8));
    expect((await peer.pdus(1))[0]).toEqual(headerPdu(0x80000002, 5, 8));
    await stays(peer);
  });

  test('a response to what we never asked, with nothing', async () => {
    using peer = await bound();
    peer.send(Buffer.concat([headerPdu(0x80000005, 0, 99), headerPdu(0x80000006, 0, 9), headerPdu(0x80000000, 3, 9)]));
    await stays(peer);
  });
});

describe('a bind that is not welcome gets ESME_RBINDFAIL whatever was wrong, after a quarter of a second', () => {
  test.each([
    ['a wrong password', 'shop', 'pa55w0rd'],
    ['an unknown account', 'nobody', 'pa55w0rd'],
    ['a disabled account', 'off', 'off'],
    ['an address that is not allowed', 'far', 'far'],
  ])('%s', async (_name, systemId, password) => {
    using peer = await connected();
    const sentMs = performance.now();
    peer.send(bindPdu(systemId, password));
    expect(await peer.end()).toEqual(headerPdu(0x80000009, 0x0d, 1));
    expect(performance.now() - sentMs).toBeGreaterThan(249);
    const refused = () => node.logs('bind refused').filter(line => line['account'] === systemId);
    await waitUntil('the log says so', () => refused().length > 0);
    expect(refused()[0]).toMatchObject({ peer: '127.0.0.1' });
    expect(node.stdout).not.toContain('pa55w0rd');
  });

  test('a body that does not parse gets a status, and may try again', async () => {
    using peer = await connected();
    peer.send('00000018 00000009 00000000 00000002 "shopshop"');
    const [answer] = await peer.pdus(1);
    expect(answer!.readUInt32BE(4)).toBe(0x80000009);
    expect(answer!.readUInt32BE(8)).not.toBe(0);
    peer.take();
    peer.send(bindPdu('shop', 'shop'));
    expect((await peer.pdus(1))[0]!.readUInt32BE(8)).toBe(0);
  });
});

test('a peer that sends one octet at a time is served like any other', async () => {
  using peer = await connected();
  const said = [
    bindPdu('shop', 'shop'),
    submitPdu(2, '447700900123', 'one octet at a time'),
    headerPdu(0x15, 0, 3),
    headerPdu(6, 0, 4),
  ];
  for (const octet of Buffer.concat(said)) {
    peer.send(Buffer.from([octet]));
    await new Promise(resolve => setImmediate(resolve));
  }
  const answers = await peer.end();
  const bindResp = wire('00000020 80000009 00000000 00000001 "heliograph" 00 0210 0001 34');
  expect(answers.subarray(0, bindResp.length)).toEqual(bindResp);
  const [, ...others] = await peer.pdus(4);
  const submitResp = others.find(pdu => pdu.readUInt32BE(4) === 0x80000004)!;
  // The message_id is the node's own: decimal digits. It waits for the disk, the enquire_link does not.
  expect(submitResp.toString('hex', 8, 16)).toBe('0000000000000002');
  expect(submitResp.toString('latin1', 16)).toMatch(/^\d+\0$/);
  const rest = others.filter(pdu => pdu !== submitResp);
  expect(rest).toEqual([headerPdu(0x80000015, 0, 3), headerPdu(0x80000006, 0, 4)]);
  expect(others.at(-1)).toEqual(headerPdu(0x80000006, 0, 4));
});

test('none of this is a line in the log but the binds', () => {
  const messages = new Set(node.logs().map(line => line.msg));
  expect([...messages].filter(message => !message.startsWith('node is')).sort()).toEqual([
    'account bound',
    'account unbound',
    'bind refused',
  ]);
});
