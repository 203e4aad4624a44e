import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startNode } from '../../support/node-process.ts';
import { cut, headerPdu, RawPeer, submitPdu } from '../../support/raw-peer.ts';
import { Sink, SteadyLoad } from '../../support/steady-load.ts';
import { waitUntil } from '../../support/wait-until.ts';

let folder = '';
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'heliograph-ending-'))));
afterAll(() => rmSync(folder, { recursive: true }));

const carrier = (port: number) => ({
  name: 'sink',
  protocol: 'smpp',
  host: '127.0.0.1',
  port,
  system_id: 'r',
  password: 'r',
  binds: 2,
  window: 100,
  reconnect_seconds: 0.1,
});

describe('an unbind', () => {
  test('is answered after everything that came before it', async () => {
    await using node = await startNode({
      config: { accounts: [{ system_id: 'shop', password: 'shop' }], routes: [{ called_prefix: '44', drop: true }] },
    });
    using peer = await RawPeer.bind(node.ports['smpp']!, 'shop');
    const submits = Array.from({ length: 500 }, (_, i) => submitPdu(i + 2, '447700900123'));
    // What comes behind it is refused for later: the session is ending.
    const late = submitPdu(1000, '447700900123');
    peer.send(Buffer.concat([...submits, headerPdu(6, 0, 999), late]));
    await peer.end();
    const answers = await peer.pdus(502);
    expect(answers).toHaveLength(502);
    expect(answers.at(-1)).toEqual(headerPdu(0x80000006, 0, 999));
    expect(answers).toContainEqual(headerPdu(0x80000004, 0x58, 1000));
    const accepted = answers.filter(pdu => pdu.readUInt32BE(4) === 0x80000004 && pdu.readUInt32BE(8) === 0);
    expect(new Set(accepted.map(pdu => pdu.readUInt32BE(12))).size).toBe(500);
    await waitUntil('the log says so', () => node.logs('account unbound').length > 0);
    expect(node.logs('account unbound')[0]).toMatchObject({ reason: 'unbound by the peer' });
  });

  test('does not wait for ever for a deliver_sm that is not answered; it goes to the next session', async () => {
    await using node = await startNode({
      config: {
        accounts: ['shop', 'app'].map(system_id => ({ system_id, password: system_id })),
        routes: [{ called_prefix: '44', dest_smsc: 'app' }],
      },
    });
    const port = node.ports['smpp']!;
    using app = await RawPeer.bind(port, 'app', 'receiver');
    using shop = await RawPeer.bind(port, 'shop');
    shop.send(submitPdu(2, '447700900123', 'once more'));
    await app.pdus(1);
    const askedMs = performance.now();
    app.send(headerPdu(6, 0, 7));
    await app.end();
    expect(performance.now() - askedMs).toBeGreaterThan(4500);
    expect((await app.pdus(2))[1]).toEqual(headerPdu(0x80000006, 0, 7));
    using next = await SteadyLoad.bind(port, 'app');
    await waitUntil('it comes again', () => next.delivered.get('once more') === 1);
  });

  test('is ours when the account is disabled or removed', async () => {
    await using node = await startNode({
      config: { accounts: ['a', 'b', 'c'].map(system_id => ({ system_id, password: system_id })) },
    });
    const port = node.ports['smpp']!;
    using a = await RawPeer.bind(port, 'a');
    using b = await RawPeer.bind(port, 'b');
    using c = await RawPeer.bind(port, 'c');
    expect((await node.command('accounts', 'disable', 'a')).code).toBe(0);
    expect((await node.command('accounts', 'remove', 'b')).code).toBe(0);
    for (const peer of [a, b]) {
      const [unbind] = await peer.pdus(1);
      expect(unbind!.readUInt32BE(4)).toBe(6);
      peer.send(headerPdu(0x80000006, 0, unbind!.readUInt32BE(12)));
      await peer.end();
    }
    c.send(headerPdu(0x15, 0, 2));
    expect(await c.pdus(1)).toEqual([headerPdu(0x80000015, 0, 2)]);
  });
});

describe('a node that is asked to end', () => {
  test('SIGTERM under load and a start: everything acknowledged is delivered, nothing twice', async () => {
    using sink = await Sink.listen();
    const dataDir = join(folder, 'sigterm');
    const config = {
      accounts: [{ system_id: 'load', password: 'load', binds: 2 }],
      carriers: [carrier(sink.port)],
      routes: [{ called_prefix: '44', dest_smsc: 'sink' }],
    };
    const acked: string[] = [];
    for (let round = 0; round < 2; round++) {
      await using node = await startNode({ config, dataDir });
      using load = await SteadyLoad.bind(node.ports['smpp']!, 'load');
      await node.statusWhen('the carrier is bound', status => status.sessions.length === 3);
      const running = load.run(4000, 10, `44${round}`);
      await waitUntil('some are under way', () => load.acked > 4000);
      expect(await node.stop()).toBe(0);
      await running;
      expect(load.unbound).toBe(true);
      acked.push(...load.ackedTexts.map(text => `44${round} ${text}`));
      expect(node.logs('account unbound')).toMatchObject([{ reason: 'unbound by us' }]);
      expect(node.stderr).toBe('');
    }
    await using node = await startNode({ config, dataDir });
    await waitUntil('all that was acknowledged has arrived', () => acked.every(text => sink.texts.has(text)));
    expect(sink.duplicates).toBe(0);
    expect(await node.stop()).toBe(0);
  });

  test('it refuses nothing; who does not answer its unbind, and goes on, holds it up for 5 s, no longer', async () => {
    await using node = await startNode({
      config: {
        accounts: [{ system_id: 'shop', password: 'shop' }],
        routes: [{ called_prefix: '44', drop: true }],
      },
    });
    const port = node.ports['smpp']!;
    using deaf = await RawPeer.bind(port, 'shop');
    using reader = await RawPeer.bind(port, 'shop', 'receiver');
    const startMs = performance.now();
    const stopped = node.stop();
    await Promise.all([deaf.pdus(1), reader.pdus(1)]);
    let sequence = 100;
    reader.send(submitPdu(2, '447700900123'));
    await reader.pdus(2);
    expect(cut(reader.received)[1]).toEqual(headerPdu(0x80000004, 4, 2));
    reader.send(headerPdu(0x80000006, 0, cut(reader.received)[0]!.readUInt32BE(12)));
    await reader.end();
    while (!deaf.closed) {
      deaf.send(submitPdu(++sequence, '447700900123'));
      await waitUntil('it is answered', () => deaf.closed || cut(deaf.received).length === sequence - 99);
    }
    expect(await stopped).toBe(0);
    expect(performance.now() - startMs).toBeGreaterThan(4900);
    expect(performance.now() - startMs).toBeLessThan(9000);
    const [, ...answers] = cut(deaf.received);
    expect(answers.length).toBeGreaterThan(100);
    const statuses = answers.map(pdu => pdu.readUInt32BE(8));
    // What comes while the session is being closed is put off by ESME_RTHROTTLED: one at most, the last.
    const last = statuses.pop();
    expect(statuses.filter(status => status !== 0)).toEqual([]);
    expect([0, 0x58]).toContain(last);
    expect(node.logs('account unbound')).toMatchObject([
      { reason: 'unbound by us' },
      { reason: 'unbind was not answered' },
    ]);
  });

  test('a carrier that does not answer what is in flight holds it up for drain_seconds, no longer', async () => {
    using sink = await Sink.listen();
    sink.answers = () => false;
    const config = {
      drain_seconds: 1,
      accounts: [{ system_id: 'shop', password: 'shop' }],
      carriers: [carrier(sink.port)],
      routes: [{ called_prefix: '44', dest_smsc: 'sink' }],
    };
    const dataDir = join(folder, 'silent');
    await using node = await startNode({ config, dataDir });
    using shop = await SteadyLoad.bind(node.ports['smpp']!, 'shop');
    await node.statusWhen('the carrier is bound', status => status.sessions.length === 3);
    const { acked } = await shop.run(100, 1, '44');
    expect(acked).toBe(100);
    const startMs = performance.now();
    expect(await node.stop()).toBe(0);
    expect(performance.now() - startMs).toBeGreaterThan(950);
    expect(performance.now() - startMs).toBeLessThan(6000);
    // They were on their way, and nobody knows how far: they go again.
    sink.answers = () => true;
    await using again = await startNode({ config, dataDir });
    await waitUntil('all arrive', () => sink.texts.size === 100);
    expect(await again.stop()).toBe(0);
  });
});
