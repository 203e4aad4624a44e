import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { messageId } from '../../../../actors/message/id.ts';
import { LmdbStore } from '../../../../adapters/store-lmdb/lmdb-store.ts';
import { appendAs, frame, sent, SENT, systemTestClock } from '../../../contract/engine.ts';

test('the archive is away: at the outbox bound new messages are refused, receipts are not, until it has taken some', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'heliograph-outbox-'));
  const clock = systemTestClock();
  const engine = new LmdbStore(
    folder,
    { maxQueued: 1e6, maxOutbox: 4, diskReserveOctets: 0, lingerMs: 0, reserveOctets: 0 },
    {
      now: () => clock.nowMs(),
      monotonic: () => clock.monotonicMs(),
      atDisk: () => undefined,
      fatal: line => {
        throw new Error(line);
      },
      alarm: () => undefined,
      ready: () => undefined,
    },
  );
  const { store } = engine.claimant();
  const first = await store.allocate(4);
  const number = (i: number): number => first + i * 16;
  const append = (i: number, exempt = false): Promise<unknown> =>
    appendAs(
      store,
      number(i),
      1,
      ['a', 'b'].map(text => sent(text)),
      ['sink'],
      { exempt },
    );
  for (const i of [0, 1]) {
    expect(await append(i)).toMatchObject({ type: 'done' });
    await store.settle([
      frame(
        'sink',
        [0, 1].map(index => [messageId(number(i), index), SENT] as const),
      ),
    ]);
  }
  expect(await append(2)).toEqual({ type: 'refused', reason: 'outbox-full' });
  expect(await store.stats()).toMatchObject({ refusing: 'outbox-full', outboxMessages: 4 });
  expect(await append(2, true)).toMatchObject({ type: 'done' });

  const items = await store.outbox(1);
  expect((await store.stats()).outboxMessages).toBe(4);
  await store.archived(items.map(({ number: n, due }) => ({ number: n, due })));
  expect((await store.stats()).outboxMessages).toBe(2);
  expect(await append(3)).toMatchObject({ type: 'done' });
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
});
