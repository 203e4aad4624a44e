import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { carefulStore } from '../../actors/careful-store.ts';
import { batchNumberOf, stripeOf } from '../../actors/message/id.ts';
import { Bench, claimed, sent, textsOf } from './engine.ts';
import { lmdbEngine } from './fixtures/lmdb-engine.ts';

test('a careful worker goes on when the stripe of its one message has lapsed: nobody tells what became of it', async () => {
  const bench = await Bench.open(lmdbEngine(mkdtempSync(join(tmpdir(), 'heliograph-contract-'))));
  const rang: string[] = [];
  const ready = (destinations: readonly string[]): void => void rang.push(...destinations);
  try {
    await bench.append([sent('one'), sent('two')]);
    const careful = carefulStore({ store: bench.store, monotonic: () => 0, forMs: 1, ready });
    const [one] = await claimed(careful, 'sink');
    expect(await claimed(careful, 'sink')).toEqual([]);
    const stripe = stripeOf(batchNumberOf(one!.id));
    careful.lapsed([stripe + 1]);
    expect([rang, await claimed(careful, 'sink')]).toEqual([[], []]);
    careful.lapsed([stripe]);
    expect(rang).toEqual(['sink']);
    expect(textsOf(await claimed(careful, 'sink'))).toEqual(['two']);
  } finally {
    await bench.remove();
  }
});
