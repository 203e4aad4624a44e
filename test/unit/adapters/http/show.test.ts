import { beforeEach, describe, expect, test } from 'vitest';
import { Fate, LedgerFlag, LedgerWriter, What } from '../../../../actors/message/ledger.ts';
import { Kind, R } from '../../../../actors/message/record.ts';
import { ApiBench, NOW } from '../../../support/api-bench.ts';
import { archivedRow } from '../../../support/archived-row.ts';

let api: ApiBench;
beforeEach(() => {
  api = new ApiBench();
});

const message = {
  source_msisdn: '+1234567890',
  destination_msisdn: '+447700900123',
  message_body: 'Hello, World!',
  source_smsc: 'web-app',
  dest_smsc: 'sink',
};

async function show(id: number, role = 'admin'): Promise<Record<string, unknown>> {
  const answer = await api.request(`/api/messages/${id}`, role);
  expect(answer.status).toBe(200);
  return (await answer.json()) as Record<string, unknown>;
}
const statusOf = async (id: number | string, role = 'admin'): Promise<number> =>
  (await api.request(`/api/messages/${id}`, role)).status;

/** A ledger with one entry for each; `id` does not matter to who reads it. */
function ledger(...entries: readonly (readonly [What, Fate, number, number, string])[]): Uint8Array {
  const writer = new LedgerWriter();
  for (const [what, fate, error, at, carrierId] of entries) {
    const id = Buffer.from(carrierId);
    writer.add(256, what, fate, 1, LedgerFlag.awaitsReceipt, error, at, id, 0, id.length);
  }
  return writer.take();
}

describe('a message in the queue', () => {
  test('is shown with what was submitted', async () => {
    await api.post(message);
    const answer = await api.request(`/api/messages/${api.keep()}`);
    const id = [...api.found.keys()][0]!;
    expect(await answer.text()).toBe(
      `{"id":${id},"source_msisdn":"+1234567890","destination_msisdn":"+447700900123","dest_smsc":"sink",` +
        `"message_body":"Hello, World!","raw_data_flag":false,"tp_dcs_character_set":"gsm7","deliver_time":null,` +
        `"delivery_attempts":0,"expires":"2025-10-17T10:30:00Z","inserted_at":"2025-10-16T10:30:00Z",` +
        `"deliver_after":null,"status":"queued","sent_time":null,"done_time":null,"error":null,"account":"the-admin",` +
        `"carrier_id":null,"found_in":"queue"}`,
    );
  });

  test.each([
    ['UCS-2', { message_body: 'Grüße 😀' }, { message_body: 'Grüße 😀', tp_dcs_character_set: 'ucs2' }],
    ['octets', { message_body: '00ff', raw_data_flag: true }, { message_body: '00ff', raw_data_flag: true }],
    [
      'a header, without it in the text',
      { tp_user_data_header: { 0: '2a0201' } },
      { message_body: 'Hello, World!', tp_user_data_header: { 0: '2a0201' } },
    ],
    [
      'a header that addresses a port',
      { message_body: '4869', raw_data_flag: true, tp_user_data_header: { 5: '1581158a' } },
      { message_body: '4869', raw_data_flag: true, tp_user_data_header: { 5: '1581158a' } },
    ],
    ['what SMPP has no place for', { dest_imsi: '234150999999999' }, { dest_imsi: '234150999999999' }],
    ['its time', { deliver_after: '2025-10-16T12:00:00Z' }, { deliver_after: '2025-10-16T12:00:00Z' }],
    ['numbers as they came', { source_msisdn: 'Shop', destination_msisdn: '12345' }, { destination_msisdn: '12345' }],
  ])('%s', async (_what, given, shown) => {
    expect((await api.post({ ...message, ...given })).status).toBe(201);
    expect(await show(api.keep())).toMatchObject(shown);
  });

  test('that was put aside tells until when', async () => {
    await api.post(message);
    const dueAt = NOW + 120_000;
    const parked = ledger([What.parked, Fate.queued, 0x58, dueAt, '']);
    const id = api.keep({ attempts: 1, dueAt, ledger: parked });
    expect(await show(id)).toMatchObject({
      status: 'queued',
      delivery_attempts: 1,
      deliver_after: '2025-10-16T10:32:00Z',
      error: 0x58,
      done_time: null,
    });
  });

  test('that was sent waits for its receipt', async () => {
    await api.post(message);
    const sent = ledger([What.parked, Fate.queued, 0x58, NOW, ''], [What.settled, Fate.sent, 0, NOW + 5000, 'A1']);
    expect(await show(api.keep({ fate: Fate.sent, attempts: 2, ledger: sent }))).toMatchObject({
      status: 'sent',
      sent_time: '2025-10-16T10:30:05Z',
      deliver_time: null,
      done_time: null,
      error: null,
      carrier_id: 'A1',
    });
  });

  test.each([
    [Fate.delivered, 0, { status: 'delivered', deliver_time: '2025-10-16T10:30:09Z', error: null }],
    [Fate.undeliverable, 27, { status: 'undeliverable', deliver_time: null, error: 27 }],
  ])('whose receipt came: %i', async (fate, error, shown) => {
    await api.post(message);
    const done = ledger([What.settled, Fate.sent, 0, NOW + 5000, 'A1'], [What.receipt, fate, error, NOW + 9000, 'A1']);
    const view = await show(api.keep({ fate, ledger: done }));
    expect(view).toMatchObject({ ...shown, done_time: '2025-10-16T10:30:09Z', carrier_id: 'A1' });
  });

  test('that a route dropped went nowhere', async () => {
    await api.post(message);
    const id = api.keep({ fate: Fate.dropped, destination: '' });
    expect(await show(id)).toMatchObject({ status: 'dropped', dest_smsc: null, done_time: '2025-10-16T10:30:00Z' });
  });

  test('is nobody’s when it is a receipt on its way', async () => {
    await api.post(message);
    const record = Buffer.from(api.submitted[0]!.record);
    record[R.kind] = Kind.receipt;
    expect(await statusOf(api.keep({ record }))).toBe(404);
  });
});

const row = archivedRow();

describe('a message in the archive', () => {
  const id = 4242;

  test('is shown alike', async () => {
    api.rows.set(id, row);
    expect(await show(id)).toEqual({
      id,
      source_msisdn: '+1234567890',
      destination_msisdn: '+447700900123',
      dest_smsc: 'sink',
      message_body: 'Hello',
      raw_data_flag: false,
      tp_dcs_character_set: 'gsm7',
      deliver_time: '2025-10-16T10:30:03Z',
      delivery_attempts: 1,
      expires: '2025-10-17T10:30:00Z',
      inserted_at: '2025-10-16T10:30:00Z',
      deliver_after: null,
      status: 'delivered',
      sent_time: '2025-10-16T10:30:01Z',
      done_time: '2025-10-16T10:30:03Z',
      error: null,
      account: 'the-frontend',
      carrier_id: 'A1',
      found_in: 'archive',
    });
  });

  test('binary, with a header and extras', async () => {
    const tlvs = Buffer.from(`ffff0017${Buffer.from('{"source_imsi":"23415"}').toString('hex')}0204000200ff`, 'hex');
    const body = Buffer.from('00ff', 'hex');
    api.rows.set(id, { ...row, text: null, body, dataCoding: 4, udh: Buffer.from('0500032a0201', 'hex'), tlvs });
    expect(await show(id)).toMatchObject({
      message_body: '00ff',
      raw_data_flag: true,
      tp_dcs_character_set: '8bit',
      tp_user_data_header: { 0: '2a0201' },
      source_imsi: '23415',
    });
  });

  test('whose text is not kept', async () => {
    api.rows.set(id, { ...row, text: null });
    expect(await show(id)).toMatchObject({ message_body: null, raw_data_flag: false });
  });

  test('that failed without having been sent', async () => {
    api.rows.set(id, { ...row, fate: Fate.expired, doneAt: null, carrierId: null, error: 8 });
    expect(await show(id)).toMatchObject({
      status: 'expired',
      deliver_time: null,
      sent_time: null,
      done_time: '2025-10-16T10:30:01Z',
      error: 8,
    });
  });

  test('whose receipt only the queue knows yet: the text is the archive’s, the fate the queue’s', async () => {
    await api.post(message);
    const record = Buffer.from(api.submitted[0]!.record);
    record.writeUInt32LE(0, R.textLength);
    record.writeUInt32LE(0, R.tlvsLength);
    const done = ledger(
      [What.settled, Fate.sent, 0, NOW + 5000, 'A1'],
      [What.receipt, Fate.delivered, 0, NOW + 9000, 'A1'],
    );
    const known = api.keep({ fate: Fate.delivered, record, ledger: done });
    api.rows.set(known, { ...row, fate: Fate.sent, doneAt: null });
    expect(await show(known)).toMatchObject({
      message_body: 'Hello',
      status: 'delivered',
      deliver_time: '2025-10-16T10:30:09Z',
    });
    // Where the archive keeps no rows, what the queue has left.
    api.rows.clear();
    expect(await show(known)).toMatchObject({ message_body: null, status: 'delivered' });
  });

  test('cannot be told from an unknown one while the archive is away', async () => {
    api.archiveIsUp = false;
    const answer = await api.request(`/api/messages/${id}`);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
  });
});

describe('who sees what', () => {
  const id = 4242;

  test('a frontend what it submitted and what is for it', async () => {
    await api.post(message, 'frontend');
    expect(await statusOf(api.keep(), 'frontend')).toBe(200);
    expect(await statusOf(api.keep({ account: 'other', destination: 'the-frontend' }), 'frontend')).toBe(200);
    api.rows.set(id, row);
    expect(await statusOf(id, 'frontend')).toBe(200);
  });

  test('what is somebody else’s looks to it as what is unknown', async () => {
    await api.post(message);
    const foreign = api.keep();
    api.rows.set(id, { ...row, account: 'other' });
    const bodies = [];
    for (const one of [foreign, id, 77]) {
      const answer = await api.request(`/api/messages/${one}`, 'frontend');
      bodies.push([answer.status, (await answer.text()).replaceAll(String(one), 'ID')]);
    }
    expect(bodies[0]).toEqual(bodies[2]);
    expect(bodies[1]).toEqual(bodies[2]);
    // Also while the archive is away.
    api.archiveIsUp = false;
    expect(await statusOf(foreign, 'frontend')).toBe(await statusOf(77, 'frontend'));
  });

  test('a viewer everything but texts', async () => {
    await api.post(message);
    expect(await show(api.keep(), 'viewer')).toMatchObject({ message_body: null, destination_msisdn: '+447700900123' });
    api.rows.set(id, row);
    expect(await show(id, 'viewer')).toMatchObject({ message_body: null, status: 'delivered' });
  });
});

test.each(['0', '77', '4503599627370495', '4503599627370496', '99999999999999999', 'x', '-1', '1.5', '%00', '1e3'])(
  'no message has the id %s',
  async id => {
    expect(await statusOf(id)).toBe(404);
  },
);
