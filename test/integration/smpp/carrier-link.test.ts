import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { openControl } from '../../../adapters/control/client.ts';
import { startNode, type NodeProcess } from '../../support/node-process.ts';
import { RawPeer, submitPdu } from '../../support/raw-peer.ts';
import { answer, deliverPdu, ScriptedCarrier } from '../../support/scripted-carrier.ts';
import { waitUntil } from '../../support/wait-until.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function listen(...args: Parameters<typeof ScriptedCarrier.listen>): Promise<ScriptedCarrier> {
  const carrier = await ScriptedCarrier.listen(...args);
  cleanUps.push(() => carrier[Symbol.asyncDispose]());
  return carrier;
}

const sink = (port: number, settings: object = {}): object => ({
  name: 'sink',
  protocol: 'smpp',
  host: '127.0.0.1',
  port,
  system_id: 'r',
  password: 'r',
  reconnect_seconds: 0.05,
  reconnect_max_seconds: 0.1,
  ...settings,
});

async function start(port: number, settings: object = {}): Promise<NodeProcess> {
  const node = await startNode({
    config: {
      accounts: [{ system_id: 'shop', password: 'shop' }],
      carriers: [sink(port, settings)],
      routes: [{ called_prefix: '44', dest_smsc: 'sink' }],
    },
  });
  cleanUps.push(() => node[Symbol.asyncDispose]());
  return node;
}

const TRANSCEIVER = 9;

describe('where it connects', () => {
  test('receivers have a port of their own', async () => {
    const [transmit, receive] = [await listen(), await listen()];
    const node = await start(transmit.port, { bind: 'separate', receive_port: receive.port, binds: 2 });
    await waitUntil('the binds', () => transmit.sessions.length + receive.sessions.length === 4);
    await waitUntil('all bound', () => transmit.open(2).length === 2 && receive.open(1).length === 2);
    const { sessions } = await node.statusWhen('all bound', s => s.sessions.every(x => x.state.startsWith('BOUND')));
    expect(sessions.map(({ bind, peer }) => `${bind} ${peer.split(':')[1]}`).toSorted()).toEqual(
      [`receiver ${receive.port}`, `transmitter ${transmit.port}`].flatMap(s => [s, s]),
    );
  });

  test('an alternate while the first place is away, the first again when that session is lost', async () => {
    const [first, second] = [await listen(), await listen()];
    const { port } = first;
    await first[Symbol.asyncDispose]();
    await start(port, { alternates: [{ host: '127.0.0.1', port: second.port }] });
    await waitUntil('a bind at the alternate', () => second.open(TRANSCEIVER).length === 1);
    const back = await listen(port);
    expect(back.sessions).toEqual([]);
    second.open(TRANSCEIVER)[0]!.socket.destroy();
    await waitUntil('a bind at the first', () => back.open(TRANSCEIVER).length === 1);
  });

  test('from a local address', async () => {
    const carrier = await listen();
    await start(carrier.port, { local_address: '127.0.0.9' });
    await waitUntil('the bind', () => carrier.open(TRANSCEIVER).length === 1);
    expect(carrier.sessions[0]!.socket.remoteAddress).toBe('127.0.0.9');
  });
});

const file = (name: string): string => fileURLToPath(new URL(`../../support/tls/${name}`, import.meta.url));
const pem = (name: string): Buffer => readFileSync(file(name));

describe('TLS', () => {
  const server = { cert: pem('smsc.pem'), key: pem('smsc.key.pem'), ca: pem('ca.pem') };
  const strict = { ...server, requestCert: true, rejectUnauthorized: true };
  const client = { ca_file: file('ca.pem'), cert_file: file('esme.pem'), key_file: file('esme.key.pem') };

  test('a message over a session where both have shown a certificate', async () => {
    const carrier = await listen(0, '127.0.0.1', strict);
    const node = await start(carrier.port, { tls: client });
    await waitUntil('the bind', () => carrier.open(TRANSCEIVER).length === 1);
    using peer = await RawPeer.bind(node.ports['smpp']!, 'shop');
    peer.send(submitPdu(2, '447700900123', 'secret'));
    await waitUntil('the message', () => carrier.submitted.length === 1);
    expect(carrier.submitted[0]!.pdu.toString('latin1')).toContain('secret');
  });

  test.each([
    ['no certificate of ours', strict, { ca_file: client.ca_file }, /certificate required|closed/],
    ['a certificate of theirs that nobody known has signed', server, {}, /unable to verify|self-signed/],
    ['another name', server, { ...client, server_name: 'other.example' }, /does not match certificate's altnames/],
    ['a file that is not there', server, { ca_file: '/nowhere/ca.pem' }, /^tls\.ca_file \/nowhere\/ca\.pem .*ENOENT$/],
  ])('%s: no session, and why', async (_what, options, tls, reason) => {
    const carrier = await listen(0, '127.0.0.1', options);
    const node = await start(carrier.port, { tls });
    await waitUntil('a line in the log', () => node.logs('carrier session lost').length > 0);
    expect(node.logs('carrier session lost')[0]!['reason']).toMatch(reason);
    expect(carrier.open(TRANSCEIVER)).toEqual([]);
    expect((await node.status()).alarms.join()).toContain('carrier sink has no session');
  });

  test.each([
    ['the name that is asked for', { ...client, server_name: 'smsc.example' }],
    ['any certificate, where that is wanted', { verify: false, server_name: 'other.example' }],
  ])('%s', async (_what, tls) => {
    const carrier = await listen(0, '127.0.0.1', server);
    await start(carrier.port, { tls });
    await waitUntil('the bind', () => carrier.open(TRANSCEIVER).length === 1);
  });
});

describe('a bind that is refused', () => {
  test('is an error in the log, once a minute, and an alarm until it is taken', async () => {
    const carrier = await listen();
    carrier.bindStatus = 0x0e;
    const node = await start(carrier.port);
    await waitUntil('several tries', () => carrier.sessions.length > 4 && node.logs('carrier session lost').length > 0);
    expect(node.logs('carrier session lost')).toEqual([
      expect.objectContaining({ level: 'error', carrier: 'sink', reason: 'bind refused: ESME_RINVPASWD' }),
    ]);
    expect((await node.status()).alarms).toEqual(['carrier sink has no session: bind refused: ESME_RINVPASWD']);
    carrier.bindStatus = 0;
    await node.statusWhen('no alarm', ({ alarms }) => alarms.length === 0);
  });

  test('beside others that are taken is an alarm too', async () => {
    const carrier = await listen();
    const node = await start(carrier.port, { binds: 2 });
    await waitUntil('the binds', () => carrier.open(TRANSCEIVER).length === 2);
    // ESME_RALYBND.
    carrier.bindStatus = 5;
    carrier.open(TRANSCEIVER)[0]!.socket.destroy();
    const { alarms } = await node.statusWhen('an alarm', status => status.alarms.length > 0);
    expect(alarms).toEqual(['carrier sink refuses 1 of 2 sessions: ESME_RALYBND']);
  });
});

describe('apply', () => {
  async function bound(settings: object = {}) {
    const carrier = await listen();
    const node = await start(carrier.port, settings);
    await waitUntil('the bind', () => carrier.open(TRANSCEIVER).length === 1);
    const control = openControl(node.dataDir);
    return { carrier, node, apply: (change: object) => control.apply({ carriers: [sink(carrier.port, change)] }) };
  }

  test('other habits, window and times: the session goes on', async () => {
    const { carrier, node, apply } = await bound({ window: 1 });
    using peer = await RawPeer.bind(node.ports['smpp']!, 'shop');
    peer.send(Buffer.concat([2, 3, 4].map(n => submitPdu(n, '447700900123', `text ${n}`))));
    await waitUntil('a full window', () => carrier.submitted.length === 1);
    await apply({ window: 50, service_type: 'NEW', enquire_link_seconds: 1, log_pdus: true });
    answer(carrier.submitted[0]!, 0, '1');
    await waitUntil('the others at once', () => carrier.submitted.length === 3);
    expect(carrier.submitted.map(({ pdu }) => pdu.toString('latin1', 16, 19))).toEqual(['\0\x05\0', 'NEW', 'NEW']);
    await waitUntil('an enquire_link', () => carrier.sessions[0]!.pdus.some(pdu => pdu.readUInt32BE(4) === 0x15));
    expect(carrier.sessions).toHaveLength(1);
    await waitUntil('the messages in the log', () => node.logs('pdu').some(({ command }) => command === 'submit_sm'));
    const lines = node.logs('pdu');
    expect(lines).toContainEqual(expect.objectContaining({ direction: 'out', command: 'submit_sm', carrier: 'sink' }));
    expect(JSON.stringify(lines)).not.toContain('text');
  });

  test('more sessions: those there are go on; fewer: the surplus is unbound', async () => {
    const { carrier, apply } = await bound();
    await apply({ binds: 3 });
    await waitUntil('two more', () => carrier.open(TRANSCEIVER).length === 3);
    expect(carrier.sessions).toHaveLength(3);
    await apply({ binds: 1 });
    await waitUntil('one left', () => carrier.open(TRANSCEIVER).length === 1);
    expect(carrier.sessions[0]!.isOpen).toBe(true);
    expect(carrier.sessions.slice(1).map(({ pdus }) => pdus.at(-1)!.readUInt32BE(4))).toEqual([6, 6]);
  });

  test('another address range: unbound, and bound again with it', async () => {
    const { carrier, apply } = await bound();
    await apply({ address_range: '^44' });
    await waitUntil('another bind', () => carrier.sessions.length === 2 && !carrier.sessions[0]!.isOpen);
    expect(carrier.sessions[1]!.pdus[0]!.toString('latin1')).toContain('^44\0');
  });

  test('disabled: unbound, its queue is kept; enabled: bound, and the queue leaves', async () => {
    const { carrier, node, apply } = await bound();
    await apply({ enabled: false });
    await waitUntil('no session', () => carrier.open(TRANSCEIVER).length === 0);
    using peer = await RawPeer.bind(node.ports['smpp']!, 'shop');
    peer.send(submitPdu(2, '447700900123', 'kept'));
    expect((await peer.pdus(1))[0]!.readUInt32BE(8)).toBe(0);
    await apply({ enabled: true });
    await waitUntil('the message', () => carrier.submitted.length === 1);
  });
});

test('one bind more, one less, stop, start, remove: on the command line', async () => {
  const carrier = await listen();
  const node = await start(carrier.port, { bind: 'separate' });
  await waitUntil('the binds', () => carrier.open(1).length + carrier.open(2).length === 2);
  expect(await node.command('carriers', 'set', 'sink', '--binds', '2')).toMatchObject({ code: 0 });
  await waitUntil('two of each', () => carrier.open(1).length === 2 && carrier.open(2).length === 2);
  expect(await node.command('carriers', 'set', 'sink', '--binds', '1')).toMatchObject({ code: 0 });
  await waitUntil('one of each', () => carrier.open(1).length === 1 && carrier.open(2).length === 1);
  expect(await node.command('carriers', 'stop', 'sink')).toMatchObject({ code: 0 });
  await waitUntil('none', () => carrier.open(1).length + carrier.open(2).length === 0);
  expect(await node.command('carriers', 'start', 'sink')).toMatchObject({ code: 0 });
  await waitUntil('one of each again', () => carrier.open(1).length === 1 && carrier.open(2).length === 1);
  // The password was kept sealed all the time.
  expect(carrier.sessions.at(-1)!.pdus[0]!.toString('latin1')).toContain('r\0r\0');
  const named = await node.command('carriers', 'remove', 'sink');
  expect(named).toMatchObject({ code: 1, stderr: 'heliograph: route 1 names sink: change the routes first\n' });
  await openControl(node.dataDir).apply({ routes: [] });
  expect(await node.command('carriers', 'remove', 'sink')).toMatchObject({ code: 0 });
  await waitUntil('none', () => carrier.open(1).length + carrier.open(2).length === 0);
  expect(await node.command('carriers', 'set', 'sink', '--binds', '0')).toMatchObject({ code: 1 });
});

test('a message from a phone goes where the routes say, to an application or out by another carrier', async () => {
  const [first, second] = [await listen(), await listen()];
  const node = await startNode({
    config: {
      accounts: [{ system_id: 'shop', password: 'shop' }],
      carriers: [sink(first.port), { ...sink(second.port), name: 'other' }],
      routes: [
        { called_prefix: '12345', source_smsc: 'sink', dest_smsc: 'shop' },
        { called_prefix: '44', source_smsc: 'sink', dest_smsc: 'other' },
      ],
    },
  });
  cleanUps.push(() => node[Symbol.asyncDispose]());
  await waitUntil('the binds', () => first.open(TRANSCEIVER).length + second.open(TRANSCEIVER).length === 2);
  using shop = await RawPeer.bind(node.ports['smpp']!, 'shop');
  const { socket, pdus } = first.open(TRANSCEIVER)[0]!;
  const numbers = ['12345', '447700900123', '999'];
  for (const [i, to] of numbers.entries()) socket.write(deliverPdu(i + 1, '447700900999', to, `to ${to}`));
  const [delivered] = await shop.pdus(1);
  expect(delivered!.toString('latin1', 16)).toContain('447700900999\0');
  expect(delivered!.readUInt32BE(4)).toBe(5);
  await waitUntil('a message at the other', () => second.submitted.length === 1);
  expect(second.texts(/to \d+/)).toEqual(['to 447700900123']);
  answer(second.submitted[0]!, 0, 'x');
  await waitUntil('three answers', () => pdus.length === 4);
  const answers = new Map(pdus.slice(1).map(pdu => [pdu.readUInt32BE(12), pdu.readUInt32BE(8)]));
  expect(answers).toEqual(
    new Map([
      [1, 0],
      [2, 0],
      [3, 0x0b],
    ]),
  );
});
