import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { carefulStore } from '../../actors/careful-store.ts';
import { serveStore, storeOver } from '../../actors/store/store-link.ts';
import { Link } from '../../runtime/link/link.ts';
import { Bench, claimed, frame, messagesIn, sent, SENT, textsOf } from './engine.ts';
import { lmdbEngine } from './fixtures/lmdb-engine.ts';

/** A store in another thread, as it were: all that is said and heard goes through a port. */
test('claims over a link are as they are there: many, or one alone, also for one who is careful', async () => {
  const bench = await Bench.open(lmdbEngine(mkdtempSync(join(tmpdir(), 'heliograph-contract-'))));
  const { port1, port2 } = new MessageChannel();
  const serving = new Link(port1, { peer: 'the claimant', service: serveStore(bench.claimant().store) });
  const asking = new Link(port2, { peer: 'the store' });
  try {
    const store = storeOver(asking);
    await bench.append([sent('one'), sent('two'), sent('three')]);
    const alone = await store.claimAlone('sink');
    expect(textsOf(messagesIn([alone!]))).toEqual(['one']);
    expect(await store.claimAlone('nowhere')).toBeUndefined();

    const careful = carefulStore({ store, monotonic: () => 0, forMs: 1, ready: () => undefined });
    const [two, ...more] = await claimed(careful, 'sink');
    expect([two!.text, more]).toEqual(['two', []]);
    // One at a time: nothing more until it is told what became of it.
    expect(await claimed(careful, 'sink')).toEqual([]);
    await careful.settle([frame('sink', [[two!.id, SENT]])]);
    expect(textsOf(await claimed(careful, 'sink'))).toEqual(['three']);
    expect(await claimed(store, 'sink')).toEqual([]);
  } finally {
    asking.close();
    serving.close();
    await bench.remove();
  }
});
