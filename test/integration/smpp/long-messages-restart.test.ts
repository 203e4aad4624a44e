import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LongPeer } from '../../support/long-peer.ts';
import { startNode } from '../../support/node-process.ts';
import { answer, deliverPdu, receiptText, ScriptedCarrier } from '../../support/scripted-carrier.ts';
import { waitUntil } from '../../support/wait-until.ts';

const part = (i: number, text: string): Buffer => Buffer.concat([Buffer.from([5, 0, 3, 1, 3, i]), Buffer.from(text)]);

/** Nothing that waits for the rest of a long message is lost with the process that waited. */
test('kill -9 between the parts of a message, and between the receipts of another', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'heliograph-long-'));
  await using carrier = await ScriptedCarrier.listen();
  const place = { name: 'phones', protocol: 'smpp', host: '127.0.0.1', port: carrier.port };
  const config = {
    workers: 2,
    accounts: [
      { system_id: 'shop', password: 'shop' },
      { system_id: 'bank', password: 'bank', assemble: true },
    ],
    carriers: [
      { ...place, system_id: 'r', password: 'r', binds: 2, reconnect_seconds: 0.05, reconnect_max_seconds: 0.1 },
    ],
    routes: [{ called_prefix: '44', dest_smsc: 'phones' }],
  };
  const bound = (): Promise<void> => waitUntil('two binds', () => carrier.open(9).length === 2);
  const ids: string[] = [];
  let whole: string;
  try {
    {
      const node = await startNode({ config, dataDir });
      await bound();
      using shop = await LongPeer.bind(node.ports['smpp']!, 'shop');
      using bank = await LongPeer.bind(node.ports['smpp']!, 'bank');
      using bankToo = await LongPeer.bind(node.ports['smpp']!, 'bank');
      ids[2] = await bank.submit('447', part(3, 'three'), { esmClass: 0x40 });
      ids[0] = await bankToo.submit('447', part(1, 'one '), { esmClass: 0x40 });
      whole = await shop.submit('448', 'x'.repeat(400));
      await waitUntil('its parts', () => carrier.submitted.length === 3);
      carrier.submitted.splice(0).forEach((message, i) => answer(message, 0, `long${i}`));
      const [session] = carrier.open(9);
      for (const i of [0, 2]) session!.socket.write(deliverPdu(50 + i, '448', 'ACME', receiptText(`long${i}`), 0x04));
      const answered = (): number => session!.pdus.filter(pdu => pdu.readUInt32BE(4) === 0x80000005).length;
      await waitUntil('both receipts are acknowledged', () => answered() === 2);
      await node.kill();
    }
    await using node = await startNode({ config, dataDir });
    await bound();
    using shop = await LongPeer.bind(node.ports['smpp']!, 'shop');
    using bank = await LongPeer.bind(node.ports['smpp']!, 'bank');
    ids[1] = await bank.submit('447', part(2, 'two '), { esmClass: 0x40 });
    await waitUntil('the message', () => carrier.submitted.length > 0);
    const [message, ...more] = carrier.submitted.splice(0);
    expect(more).toEqual([]);
    expect(message!.pdu.toString('latin1')).toContain('one two three');
    answer(message!, 0, 'together');
    const [session] = carrier.open(9);
    session!.socket.write(deliverPdu(60, '447', 'ACME', receiptText('together'), 0x04));
    session!.socket.write(deliverPdu(61, '448', 'ACME', receiptText('long1'), 0x04));
    const told = await bank.delivered(3);
    expect(told.map(({ text }) => `${/^id:(\d+) /.exec(text)![1]}`).sort()).toEqual(ids.sort());
    const [receipt, ...others] = await shop.delivered(1);
    expect(others).toEqual([]);
    expect(receipt!.text).toMatch(new RegExp(`^id:${whole} sub:003 dlvrd:003 .* stat:DELIVRD`));
    await node.statusWhen('nothing is left', ({ queues }) => queues.every(q => q.ready + q.parked + q.inFlight === 0));
    expect(carrier.submitted).toEqual([]);
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}, 60_000);
