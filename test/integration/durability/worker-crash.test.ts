import { describe, expect, test } from 'vitest';
import { Inspector } from '../../support/inspector.ts';
import { smppload } from '../../support/smppload.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { freePort, loadedNode, underLoad, WINDOWS } from './support.ts';

const MESSAGES = 12_000;

describe('a worker thread that crashes', () => {
  test.each([
    ['throws', 'setTimeout(() => { throw new Error("from a test"); })'],
    ['exits', 'setTimeout(() => process.exit(1))'],
    ['is stuck', 'setTimeout(() => { for (;;); })'],
    ['runs out of memory', 'setTimeout(() => { const all = []; for (;;) all.push(new Array(1e5).fill(all.length)); })'],
  ])(
    'it %s in mid-run: the process lives, nothing acknowledged is lost, each receipt arrives',
    async (_, expression) => {
      const carrierPort = await freePort();
      await using node = await loadedNode(carrierPort, {
        env: { NODE_OPTIONS: '--inspect=127.0.0.1:0 --max-old-space-size=300' },
      });
      const load = smppload({
        port: node.ports['smpp']!,
        upstream: carrierPort,
        'min-upstream': 2,
        binds: 4,
        window: 200,
        count: MESSAGES,
        rate: 4000,
        reconnect: true,
        exact: true,
        timeout: 60,
        linger: 10,
      });
      await underLoad(node);
      {
        // A process that a debugger is attached to does not end.
        using inspector = await Inspector.attach(node.stderr);
        await inspector.run('worker 1', expression);
        await waitUntil('the worker has ended', () => node.logs('thread ended').length === 1);
      }
      const result = await load.result;
      expect(node.isUp, node.stderr).toBe(true);
      expect(node.logs('thread ended')).toHaveLength(1);
      expect(result).toMatchObject({ acked_not_delivered: 0, acked_no_dlr: 0, bad_text: 0, proto_errors: 0 });
      expect(result.duplicates).toBeLessThanOrEqual(WINDOWS);
      expect(result.acked).toBeGreaterThan(MESSAGES * 0.5);
      await node.statusWhen('nothing is left for the carrier', status =>
        status.queues.every(q => q.kind === 'account' || q.ready + q.inFlight === 0),
      );
      expect(await node.stop()).toBe(0);
    },
    90_000,
  );
});
