import { beforeEach, describe, expect, test } from 'vitest';
import { Fate } from '../../../../actors/message/ledger.ts';
import { Kind, R } from '../../../../actors/message/record.ts';
import { ApiBench, NOW } from '../../../support/api-bench.ts';

let api: ApiBench;
beforeEach(() => {
  api = new ApiBench();
});

const message = {
  source_msisdn: '+1234567890',
  destination_msisdn: '+447700900123',
  message_body: 'Hello, World!',
  source_smsc: 'web-app',
};

async function kept(more: object = {}, role = 'admin'): Promise<number> {
  expect((await api.post({ ...message, ...more }, role)).status).toBe(201);
  return api.keep();
}

async function patch(id: number, changes: object, role = 'admin'): Promise<readonly [number, Record<string, unknown>]> {
  const body = JSON.stringify(changes);
  const headers = { 'content-type': 'application/json', 'content-length': `${Buffer.byteLength(body)}` };
  const answer = await api.request(`/api/messages/${id}`, role, { method: 'PATCH', headers, body });
  return [answer.status, (await answer.json()) as Record<string, unknown>];
}

describe('PATCH', () => {
  test.each([
    ['a text', {}, { message_body: 'Bye [€]' }, { message_body: 'Bye [€]', tp_dcs_character_set: 'gsm7' }],
    ['a text in UCS-2', { message_body: 'Привет' }, { message_body: 'Пока' }, { message_body: 'Пока' }],
    [
      'a text behind a header',
      { tp_user_data_header: { 0: '2a0201' } },
      { message_body: 'Bye' },
      { message_body: 'Bye', tp_user_data_header: { 0: '2a0201' } },
    ],
    [
      'octets',
      { message_body: '00ff', raw_data_flag: true },
      { message_body: '01', raw_data_flag: true },
      { message_body: '01', raw_data_flag: true },
    ],
    ['its end', {}, { expires: '2025-10-16T11:30:00Z' }, { expires: '2025-10-16T11:30:00Z' }],
    ['its time', {}, { deliver_after: '2025-10-16T11:30:00Z' }, { deliver_after: '2025-10-16T11:30:00Z' }],
    [
      'its time, to at once',
      { deliver_after: '2025-10-16T11:30:00Z' },
      { deliver_after: '2025-10-16T10:00:00Z' },
      { deliver_after: null },
    ],
    [
      'nothing but what is said',
      { dest_imsi: '234150999999999' },
      { message_body: 'Bye' },
      { dest_imsi: '234150999999999' },
    ],
  ])('%s', async (_what, given, changes, shown) => {
    const id = await kept(given);
    const [status, view] = await patch(id, changes);
    expect([status, view]).toEqual([200, expect.objectContaining({ id, status: 'queued', ...shown })]);
  });

  test('which receipts are asked for', async () => {
    const id = await kept();
    expect((await patch(id, { registered_delivery: 2 }))[0]).toBe(200);
    expect(api.found.get(id)!.record[R.registeredDelivery]).toBe(2);
  });

  test.each([
    ['nothing', {}, '', 'expected one or more of message_body, deliver_after, expires, registered_delivery'],
    ['what it cannot change', { dest_smsc: 'sink' }, 'dest_smsc', 'unknown field'],
    [
      'characters that its coding has not',
      { message_body: 'Привет' },
      'message_body',
      'expected characters that gsm7 has: the message keeps its coding',
    ],
    [
      'half an octet',
      { message_body: '0', raw_data_flag: true },
      'message_body',
      'expected octets in hexadecimal, since raw_data_flag is true',
    ],
    [
      'an end that has passed',
      { expires: '2025-10-16T10:00:00Z' },
      'expires',
      'expected a time that is still to come, and after deliver_after',
    ],
    [
      'a time behind its end',
      { deliver_after: '2025-10-18T10:30:00Z' },
      'deliver_after',
      'expected a time before the message expires, or a later expires too',
    ],
    [
      'a time too far away',
      { deliver_after: '2027-10-18T10:30:00Z' },
      'deliver_after',
      'expected a time within a year from now',
    ],
    ['no bits', { registered_delivery: 32 }, 'registered_delivery', 'expected a whole number from 0 to 31, got 32'],
  ])('refuses %s', async (_what, changes, field, error) => {
    const id = await kept();
    expect(await patch(id, changes)).toEqual([
      422,
      expect.objectContaining({ errors: [{ field, message: error }] }) as Record<string, unknown>,
    ]);
    expect(api.found.get(id)!.record).toBe(api.submitted[0]!.record);
  });

  test('refuses a text for a binary message that is none', async () => {
    const id = await kept({ message_body: '00ff', raw_data_flag: true });
    const [status, { detail }] = await patch(id, { message_body: 'Bye' });
    expect([status, detail]).toEqual([
      422,
      'raw_data_flag: expected true and octets in hexadecimal: the message has data_coding 4',
    ]);
  });

  test('refuses a text that would have to go in parts', async () => {
    const id = await kept();
    expect((await patch(id, { message_body: 'x'.repeat(160) }))[0]).toBe(200);
    expect((await patch(id, { message_body: 'x'.repeat(161) }))[0]).toBe(422);
  });
});

describe.each(['PATCH', 'DELETE'])('%s', method => {
  const ask = async (id: number, role = 'admin'): Promise<readonly [number, unknown]> => {
    if (method === 'PATCH') {
      const [status, body] = await patch(id, { message_body: 'Bye' }, role);
      return [status, body['detail']];
    }
    const answer = await api.request(`/api/messages/${id}`, role, { method });
    const text = await answer.text();
    return [answer.status, text === '' ? undefined : (JSON.parse(text) as Record<string, unknown>)['detail']];
  };
  const done = method === 'PATCH' ? 200 : 204;

  test('is done for what waits, also for another try', async () => {
    const id = await kept();
    expect((await ask(id))[0]).toBe(done);
    const parked = await kept();
    api.found.set(parked, { ...api.found.get(parked)!, attempts: 1, dueAt: NOW + 60_000 });
    expect((await ask(parked))[0]).toBe(done);
  });

  test.each([
    ['is being sent', { claimed: true }, 'being sent just now'],
    ['awaits its receipt', { fate: Fate.sent }, 'sent'],
    ['was delivered', { fate: Fate.delivered }, 'delivered'],
    ['has expired', { fate: Fate.expired }, 'expired'],
  ])('is too late for what %s', async (_what, more, state) => {
    const id = await kept();
    api.found.set(id, { ...api.found.get(id)!, ...more });
    expect(await ask(id)).toEqual([409, `message ${id} is ${state}`]);
  });

  test('is not for what a carrier brought', async () => {
    await api.post(message);
    const record = Buffer.from(api.submitted[0]!.record);
    record[R.kind] = Kind.mo;
    const id = api.keep({ record });
    expect(await ask(id)).toEqual([409, `message ${id} came from a carrier: it is not its account’s to change`]);
  });

  test('knows nothing of what is unknown, somebody else’s, or an id that cannot be', async () => {
    const foreign = await kept();
    expect(await ask(foreign, 'frontend')).toEqual([404, `there is no message ${foreign}`]);
    expect(await ask(77, 'frontend')).toEqual([404, 'there is no message 77']);
    expect((await ask(Number.MAX_SAFE_INTEGER))[0]).toBe(404);
    expect(api.found.get(foreign)!.fate).toBe(Fate.queued);
  });

  test('cannot tell while the archive is away', async () => {
    api.archiveIsUp = false;
    expect((await ask(77))[0]).toBe(503);
  });

  test('is for those who may submit', async () => {
    const own = await kept({}, 'frontend');
    expect((await ask(own, 'frontend'))[0]).toBe(done);
    const id = await kept();
    expect((await ask(id, 'operator'))[0]).toBe(done);
    expect((await ask(id, 'viewer'))[0]).toBe(403);
    expect((await ask(id, ''))[0]).toBe(401);
    const forIt = await kept();
    api.found.set(forIt, { ...api.found.get(forIt)!, destination: 'the-frontend' });
    expect((await ask(forIt, 'frontend'))[0]).toBe(403);
  });
});

test('DELETE may be asked again', async () => {
  const id = await kept();
  for (let i = 0; i < 2; i++) {
    expect((await api.request(`/api/messages/${id}`, 'admin', { method: 'DELETE' })).status).toBe(204);
  }
});
