import { expect, test } from 'vitest';
import { LongPeer } from '../../support/long-peer.ts';
import { startNode } from '../../support/node-process.ts';
import { answer, ScriptedCarrier } from '../../support/scripted-carrier.ts';
import { waitUntil } from '../../support/wait-until.ts';

test('what is urgent leaves before what came earlier, and what is alike in the order it came', async () => {
  // A port that nobody listens at yet: everything is there before the first may leave.
  const closed = await ScriptedCarrier.listen();
  const { port } = closed;
  await closed[Symbol.asyncDispose]();
  const sink = { name: 'sink', protocol: 'smpp', host: '127.0.0.1', port, system_id: 'r', password: 'r' };
  await using node = await startNode({
    config: {
      workers: 1,
      accounts: [{ system_id: 'shop', password: 'shop' }],
      carriers: [{ ...sink, window: 1, reconnect_seconds: 0.1, reconnect_max_seconds: 0.1, patience_seconds: null }],
      routes: [{ called_prefix: '44', dest_smsc: 'sink' }],
    },
  });
  using shop = await LongPeer.bind(node.ports['smpp']!, 'shop');
  // SMPP v3.4 §5.2.14: 0 is the lowest, 3 the highest.
  for (const [i, priority] of [0, 0, 1, 0, 3, 2, 3].entries()) {
    await shop.submit('447', `m${i} of ${priority}`, { registered: 0, priority });
  }
  await using carrier = await ScriptedCarrier.listen(port);
  const order: string[] = [];
  await waitUntil('all of them', () => {
    order.push(...carrier.texts(/m\d of \d/));
    for (const one of carrier.submitted.splice(0)) answer(one, 0, `id${order.length}`);
    return order.length === 7;
  });
  expect(order).toEqual(['m4 of 3', 'm6 of 3', 'm5 of 2', 'm2 of 1', 'm0 of 0', 'm1 of 0', 'm3 of 0']);
});
