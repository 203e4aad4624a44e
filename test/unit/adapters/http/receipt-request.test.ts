import { describe, expect, test } from 'vitest';
import { requestOf } from '../../../../actors/push/push-request.ts';
import { R, RecordFlag } from '../../../../actors/message/record.ts';
import { account, ApiBench } from '../../../support/api-bench.ts';

const MESSAGE = {
  source_msisdn: 'ACME',
  destination_msisdn: '447700900123',
  message_body: 'Hello',
  source_smsc: 'shop',
};
const URL_ = 'https://app.example/r';

async function submit(receipt: unknown, push?: Parameters<typeof account>[0]) {
  const api = new ApiBench();
  api.accounts.set('shop', account(push));
  const body = { ...MESSAGE, ...(receipt === undefined ? {} : { receipt }) };
  const answer = await api.post(body);
  return { answer, record: api.submitted[0]?.record };
}

describe('how its sender wants to be told of a message', () => {
  test.each([
    [{ url: URL_ }, { format: 'heliograph', method: 'POST', mask: 3 }],
    [
      { url: URL_, events: ['accepted', 'buffered'] },
      { format: 'heliograph', method: 'POST', mask: 12 },
    ],
    [
      { url: `${URL_}?k=%d`, format: 'kannel', dlr_mask: 31 },
      { format: 'kannel', method: 'GET', mask: 31 },
    ],
    [
      { url: URL_, format: 'jasmin', dlr_level: 1 },
      { format: 'jasmin', method: 'GET', mask: 24 },
    ],
    [
      { url: URL_, format: 'jasmin', dlr_level: 2, method: 'POST' },
      { format: 'jasmin', method: 'POST', mask: 3 },
    ],
    [
      { url: URL_, format: 'jasmin', dlr_level: 3, events: null },
      { format: 'jasmin', method: 'GET', mask: 27 },
    ],
  ])('is kept with it: %j', async (receipt, expected) => {
    const { answer, record } = await submit(receipt);
    expect(answer.status).toBe(201);
    expect(requestOf(record!, 0)).toEqual({ url: receipt.url, ...expected });
    expect(record!.readUInt16LE(R.flags)).toBe(RecordFlag.pull | RecordFlag.extras | RecordFlag.pushed);
  });

  test('for intermediate notifications its carrier is asked', async () => {
    const asked = await submit({ url: URL_, events: ['intermediate'] });
    const others = await submit({ url: URL_ });
    expect([asked, others].map(({ record }) => record![R.registeredDelivery])).toEqual([0x11, 0x01]);
  });

  test('is as its account has it where it does not say', async () => {
    const push = { url: URL_, format: 'kannel', method: 'GET', mask: 7 } as const;
    const { record } = await submit(undefined, { push });
    expect(requestOf(record!, 0)).toEqual(push);
    const own = await submit({ url: `${URL_}/own` }, { push });
    expect(requestOf(own.record!, 0)?.url).toBe(`${URL_}/own`);
  });

  test('costs a message nothing that says nothing', async () => {
    const { record } = await submit(undefined);
    expect(record!.readUInt16LE(R.flags)).toBe(RecordFlag.pull);
    expect(record!.readUInt32LE(R.tlvsLength)).toBe(0);
  });

  test.each([
    [{}, 'receipt.url', 'expected a URL'],
    [{ url: 'http://app.example/' }, 'receipt.url', 'expected an https URL'],
    [{ url: URL_, format: 'xml' }, 'receipt.format', 'expected one of heliograph, kannel, jasmin'],
    [{ url: URL_, method: 'GET' }, 'receipt.method', 'expected POST, the only one of the format heliograph, got GET'],
    [{ url: URL_, format: 'kannel', method: 'POST' }, 'receipt.method', 'expected GET'],
    [{ url: URL_, events: [] }, 'receipt.events', 'expected one event or more'],
    [{ url: URL_, events: ['read'] }, 'receipt.events.0', 'expected one of delivered'],
    [{ url: URL_, dlr_mask: 64 }, 'receipt.dlr_mask', 'expected a whole number from 1 to 63'],
    [{ url: URL_, dlr_level: 0 }, 'receipt.dlr_level', 'expected a whole number from 1 to 3'],
    [{ url: URL_, dlr_mask: 1, dlr_level: 1 }, 'receipt.dlr_level', 'expected one of events, dlr_mask, dlr_level'],
    [{ url: URL_, secret: 'x' }, 'receipt.secret', ''],
  ])('is refused: %j', async (receipt, field, words) => {
    const { answer } = await submit(receipt);
    expect(answer.status).toBe(422);
    const { errors } = (await answer.json()) as { errors: { field: string; message: string }[] };
    expect(errors[0]!.field).toBe(field);
    expect(errors[0]!.message).toContain(words);
  });
});
