import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv4 } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { AddressRules } from '../../../../actors/push/address-rules.ts';
import { PinnedResolver } from '../../../../adapters/receipt-push/resolver.ts';

/** A name server (RFC 1035 §4) that knows one name; `addresses` is what it says, for 60 s, and `asked` how often it was asked for A. */
let server: Socket;
let addresses: readonly string[] = [];
let asked = 0;
const TYPE_A = 1;

beforeAll(async () => {
  server = createSocket('udp4');
  server.on('message', (query, { port, address }) => {
    let end = 12;
    while (query[end] !== 0) end += query[end]! + 1;
    const question = query.subarray(12, end + 5);
    const isA = query.readUInt16BE(end + 1) === TYPE_A;
    if (isA) asked++;
    const given = isA ? addresses.filter(isIPv4) : [];
    const head = Buffer.from(query.subarray(0, 12));
    head.writeUInt16BE(0x8180, 2);
    head.writeUInt16BE(given.length, 6);
    head.fill(0, 8, 12);
    const answers = given.map(each =>
      Buffer.concat([Buffer.from('c00c000100010000003c0004', 'hex'), Buffer.from(each.split('.').map(Number))]),
    );
    server.send(Buffer.concat([head, question, ...answers]), port, address);
  });
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => server.close());
beforeEach(() => void (asked = 0));

let now = 0;
const resolver = (networks: readonly string[] = []): PinnedResolver =>
  new PinnedResolver(new AddressRules(networks), 2000, () => now, [`127.0.0.1:${server.address().port}`]);

const lookUp = (of: PinnedResolver, host = 'app.example'): Promise<unknown> =>
  new Promise((resolve, reject) => {
    of.lookup(host, { all: true }, (error, found) => (error ? reject(error) : resolve(found)));
  });

test('a connection is given those addresses alone that may be connected to', async () => {
  addresses = ['10.0.0.1', '8.8.8.8', '169.254.169.254'];
  expect(await lookUp(resolver())).toEqual([{ address: '8.8.8.8', family: 4 }]);
});

test('a name that leads to others alone is refused, whatever it has said before', async () => {
  const own = resolver();
  addresses = ['8.8.8.8'];
  await lookUp(own);
  addresses = ['127.0.0.1'];
  now += 61_000;
  await expect(lookUp(own)).rejects.toThrow(/app\.example has no address to push receipts to, but 127\.0\.0\.1/);
  expect(await lookUp(resolver(['127.0.0.0/8']))).toEqual([{ address: '127.0.0.1', family: 4 }]);
});

test('it is asked for once in the time that the answer is good for', async () => {
  const own = resolver();
  addresses = ['8.8.8.8'];
  await lookUp(own);
  now += 59_000;
  await lookUp(own);
  expect(asked).toBe(1);
  now += 2000;
  await lookUp(own);
  expect(asked).toBe(2);
});

test('a name without an address, and this machine by its name', async () => {
  addresses = [];
  await expect(lookUp(resolver())).rejects.toThrow('app.example has no address');
  await expect(lookUp(resolver(), 'localhost')).rejects.toThrow(/no address to push receipts to/);
});
