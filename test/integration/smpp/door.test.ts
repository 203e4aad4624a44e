import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { startNode, type NodeProcess } from '../../support/node-process.ts';
import { bindPdu, cut, headerPdu } from '../../support/raw-peer.ts';
import { wire } from '../../support/smpp-wire.ts';
import { waitUntil } from '../../support/wait-until.ts';

/** What comes before SMPP on a connection: TLS, and a balancer's word on who is there. */
const file = (name: string): string => fileURLToPath(new URL(`../../support/tls/${name}`, import.meta.url));
const CA = readFileSync(file('ca.pem'));
const ESME = { cert: readFileSync(file('esme.pem')), key: readFileSync(file('esme.key.pem')) };
const smpps = { port: 0, cert_file: file('smsc.pem'), key_file: file('smsc.key.pem') };
const accounts = [
  { system_id: 'shop', password: 'shop' },
  { system_id: 'far', password: 'far', allow_ips: ['192.0.2.0/24'] },
];
const start = (listeners: object): Promise<NodeProcess> => startNode({ config: { accounts, listeners } });

/** Says it, and returns the first PDU that comes back; undefined when the connection ends before. */
async function answerTo(socket: Socket, ...said: Buffer[]): Promise<Buffer | undefined> {
  let received: Buffer = Buffer.alloc(0);
  let isClosed = false;
  socket.on('data', (chunk: Buffer) => (received = Buffer.concat([received, chunk])));
  socket.on('error', () => undefined);
  socket.on('close', () => (isClosed = true));
  for (const octets of said) socket.write(octets);
  await waitUntil('an answer, or the end', () => cut(received).length > 0 || isClosed);
  socket.destroy();
  return cut(received)[0];
}

const plain = async (port: number): Promise<Socket> => {
  const socket = connect({ host: '127.0.0.1', port });
  await once(socket, 'connect');
  return socket;
};
const secure = (port: number, options: ConnectionOptions = {}): Socket =>
  connectTls({ host: '127.0.0.1', port, ca: CA, ...options });
const isBound = (pdu: Buffer | undefined): boolean => pdu?.toString('hex', 4, 12) === '8000000900000000';

describe('TLS', () => {
  test('an ESME binds; with a certificate of its own or without; nobody else does', async () => {
    await using node = await start({ smpps: { ...smpps, ca_file: file('ca.pem') } });
    const port = node.ports['smpps']!;
    expect(isBound(await answerTo(secure(port), bindPdu('shop', 'shop')))).toBe(true);
    expect(isBound(await answerTo(secure(port, ESME), bindPdu('shop', 'shop')))).toBe(true);
    // Whoever speaks no TLS there gets nothing, and nobody else is held up.
    expect(await answerTo(await plain(port), headerPdu(0x15, 0, 1), Buffer.alloc(64))).toSatisfy(
      (pdu: Buffer | undefined) => pdu === undefined || pdu.readUInt32BE(4) !== 0x80000015,
    );
    expect(isBound(await answerTo(await plain(node.ports['smpp']!), bindPdu('shop', 'shop')))).toBe(true);
  });

  test('a certificate that is required', async () => {
    await using node = await start({ smpps: { ...smpps, ca_file: file('ca.pem'), client_cert: 'required' } });
    const port = node.ports['smpps']!;
    expect(await answerTo(secure(port), bindPdu('shop', 'shop'))).toBeUndefined();
    expect(isBound(await answerTo(secure(port, ESME), bindPdu('shop', 'shop')))).toBe(true);
  });

  test('a certificate file that is not there: the node says so and does not start', async () => {
    const config = { listeners: { smpps: { ...smpps, key_file: '/nowhere/key.pem' } } };
    await expect(startNode({ config })).rejects.toThrow(
      'listeners.smpps.key_file /nowhere/key.pem cannot be read: ENOENT',
    );
  });
});

describe('PROXY protocol', () => {
  const V2 = wire('0d0a0d0a 000d0a51 5549540a 21 11 000c c0000207 c6336409 dc04 0ad7');
  const V1 = Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.9 56324 2775\r\n');

  test('the allow list sees who is behind the balancer, in whatever pieces it comes', async () => {
    await using node = await start({ smpp: { proxy_from: ['127.0.0.0/8'] } });
    const port = node.ports['smpp']!;
    for (const header of [V1, V2]) {
      expect(isBound(await answerTo(await plain(port), header, bindPdu('far', 'far')))).toBe(true);
      expect(isBound(await answerTo(await plain(port), Buffer.concat([header, bindPdu('far', 'far')])))).toBe(true);
    }
    const other = Buffer.from('PROXY TCP4 198.51.100.7 198.51.100.9 56324 2775\r\n');
    expect(isBound(await answerTo(await plain(port), other, bindPdu('far', 'far')))).toBe(false);
    const refused = node.logs('bind refused');
    expect(refused.map(({ peer, reason }) => [peer, reason])).toEqual([['198.51.100.7', 'address not allowed']]);
    // A balancer that says nothing of the kind is cut off.
    expect(await answerTo(await plain(port), bindPdu('shop', 'shop'))).toBeUndefined();
    const { sessions } = await node.status();
    expect(sessions).toEqual([]);
  });

  test('before TLS', async () => {
    await using node = await start({ smpp: { proxy_from: ['127.0.0.1'] }, smpps });
    const socket = await plain(node.ports['smpps']!);
    socket.write(V2);
    const answer = await answerTo(connectTls({ socket, ca: CA, host: '127.0.0.1' }), bindPdu('far', 'far'));
    expect(isBound(answer)).toBe(true);
  });

  test('from nobody else', async () => {
    await using node = await start({ smpp: { proxy_from: ['192.0.2.1'] } });
    const port = node.ports['smpp']!;
    expect(isBound(await answerTo(await plain(port), bindPdu('shop', 'shop')))).toBe(true);
    expect(isBound(await answerTo(await plain(port), V1, bindPdu('far', 'far')))).toBe(false);
  });
});
