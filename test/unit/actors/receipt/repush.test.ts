import { expect, test } from 'vitest';
import { NumberSource } from '../../../../actors/batch/number-source.ts';
import { groupOf, readBatch } from '../../../../actors/message/batch.ts';
import { Fate } from '../../../../actors/message/ledger.ts';
import type { AppendRequest } from '../../../../actors/ports.ts';
import { newsOf, type PushRequest } from '../../../../actors/push/push-request.ts';
import { pushAgain } from '../../../../actors/receipt/repush.ts';

const REQUEST: PushRequest = { url: 'https://app.example/r', format: 'heliograph', method: 'POST', mask: 3 };

const failed = (error: unknown): never => {
  throw error;
};

/** Where the receipt of one failed message goes that is told again. */
async function again(push: PushRequest | undefined) {
  const requests: AppendRequest[] = [];
  const numbers = new NumberSource({ allocate: async () => 4096 }, () => undefined, failed);
  await numbers.start();
  const append = async (request: AppendRequest): Promise<{ type: 'done'; granted: number[] }> => {
    requests.push(request);
    return { type: 'done', granted: [] };
  };
  const address = { ton: 1, npi: 1 };
  const receipt = {
    id: 256,
    as: 0,
    submittedAt: 1000,
    doneAt: 2000,
    fate: Fate.undeliverable,
    error: 27,
    source: { ...address, digits: '12345' },
    dest: { ...address, digits: '447700900123' },
    text: 'Hello',
  };
  expect(await pushAgain('shop', [receipt], { append }, numbers, 3000, 1000, new Map(), push)).toBe('');
  const batch = readBatch(requests[0]!.batch, true);
  return { queue: groupOf(batch, 0).destination, news: newsOf(batch.buffer, batch.offsets[0]!) };
}

test('receipts that are told once more go to the sessions of their account', async () => {
  expect(await again(undefined)).toEqual({ queue: 'shop', news: undefined });
});

test('or by HTTP, where that is how it is told', async () => {
  const { queue, news } = await again(REQUEST);
  expect(queue).toBe('http/https://app.example');
  expect(news).toEqual({ request: REQUEST, event: 2, carrier: '', carrierId: '', status: 0 });
});
