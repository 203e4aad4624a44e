import { expect, test } from 'vitest';
import { PublicIds } from '../../../../actors/message/id.ts';
import { decodeText } from '../../../../actors/text/decode.ts';
import { rehearseArchive } from '../../../../adapters/archive/archive-rehearsal.ts';

const ids = new PublicIds(new Uint8Array(16));

test('makes rows of as many messages as were asked for, chunk by chunk, and ends when it is to', async () => {
  let looks = 0;
  await rehearseArchive(10_000, ids, decodeText, Date.now, () => {
    looks++;
    return false;
  });
  expect(looks).toBe(3);
  await rehearseArchive(1_000_000, ids, decodeText, Date.now, () => ++looks === 6);
  expect(looks).toBe(6);
});
