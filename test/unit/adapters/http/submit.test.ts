import { beforeEach, describe, expect, test } from 'vitest';
import { Throughput } from '../../../../actors/accounts/limits.ts';
import { ArchiveMode, RecordFlag } from '../../../../actors/message/record.ts';
import { account, ApiBench } from '../../../support/api-bench.ts';

let api: ApiBench;
beforeEach(() => {
  api = new ApiBench();
});

/** The request of the SMS_C document. */
const sample = {
  source_msisdn: '+1234567890',
  destination_msisdn: '+0987654321',
  message_body: 'Hello, World!',
  source_smsc: 'web-app',
  dest_smsc: 'smpp-provider',
  tp_dcs_character_set: 'gsm7',
  tp_dcs_coding_group: 'general_data_coding',
  expires: '2025-10-17T10:30:00Z',
};
const { dest_smsc: _, ...routed } = sample;

interface ProblemBody {
  readonly type: string;
  readonly status: number;
  readonly detail: string;
  readonly command_status?: string;
  readonly errors?: readonly { readonly field: string; readonly message: string }[];
}
async function problemOf(answer: Response): Promise<ProblemBody> {
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  const body = (await answer.json()) as ProblemBody;
  expect(body.status).toBe(answer.status);
  return body;
}

describe('POST /api/messages', () => {
  test('answers the sample of the document as the document does', async () => {
    const answer = await api.post(sample);
    expect(answer.status).toBe(201);
    expect(answer.headers.get('content-type')).toBe('application/json');
    const id = api.ids.toPublic(256);
    expect(answer.headers.get('location')).toBe(`/api/messages/${id}`);
    expect(await answer.text()).toBe(
      `{"status":"success","data":{"id":${id},"source_msisdn":"+1234567890","destination_msisdn":"+0987654321",` +
        `"dest_smsc":"smpp-provider","message_body":"Hello, World!","deliver_time":null,"delivery_attempts":0,` +
        `"expires":"2025-10-17T10:30:00Z","inserted_at":"2025-10-16T10:30:00Z"}}`,
    );
    expect(api.counters).toEqual({ accepted: 1, refused: 0 });
  });

  test('takes what is required alone: routed, valid for 24 hours', async () => {
    const { source_msisdn, destination_msisdn, message_body, source_smsc } = sample;
    const answer = await api.post({ source_msisdn, destination_msisdn, message_body, source_smsc });
    const { data } = (await answer.json()) as { data: Record<string, unknown> };
    expect(data).toMatchObject({ dest_smsc: 'sink', expires: '2025-10-17T10:30:00Z' });
  });

  test('takes every optional field of the document, and null for each', async () => {
    const optional = {
      source_imsi: '234150999999999',
      dest_imsi: '234150999999998',
      tp_dcs_compressed: false,
      tp_dcs_has_message_class: true,
      tp_dcs_message_class: 1,
      tp_user_data_header: { 0: '2a0201' },
      message_part_number: 1,
      message_parts: 2,
      deliver_after: '2025-10-16T12:00:00Z',
      deadletter: false,
      raw_data_flag: false,
      raw_sip_flag: true,
    };
    expect((await api.post({ ...sample, ...optional })).status).toBe(201);
    const nulls = Object.fromEntries(Object.keys(optional).map(key => [key, null]));
    expect((await api.post({ ...sample, ...nulls, dest_smsc: null, expires: null })).status).toBe(201);
  });

  test('takes destination_smsc for dest_smsc, but not another name in it', async () => {
    await api.post({ ...routed, destination_smsc: 'load' });
    expect(api.submitted.at(-1)!.destination).toBe('load');
    expect((await api.post({ ...sample, destination_smsc: 'smpp-provider' })).status).toBe(201);
    const { errors } = await problemOf(await api.post({ ...sample, destination_smsc: 'load' }));
    expect(errors).toEqual([{ field: 'destination_smsc', message: 'expected the same as dest_smsc, or nothing' }]);
  });

  test('refuses a destination that no queue leads to', async () => {
    const { status, detail } = await problemOf(await api.post({ ...sample, dest_smsc: 'nowhere' }));
    expect([status, detail]).toEqual([
      422,
      'dest_smsc: expected the name of a carrier, account or frontend, got "nowhere"',
    ]);
  });

  test('asks the carrier for a receipt, and has no receipt queue', async () => {
    await api.post(sample);
    const { record, source } = api.submitted[0]!;
    expect(record[14]).toBe(1); // registered_delivery
    expect(source.flags).toBe(RecordFlag.pull);
  });
});

describe('whose a message is', () => {
  test('the key’s, when source_smsc names no account', async () => {
    await api.post(sample, 'frontend');
    expect(api.submitted[0]!.source.name).toBe('the-frontend');
    expect(api.submitted[0]!.source.archiveMode).toBe(ArchiveMode.full);
  });

  test('the account’s that source_smsc names', async () => {
    await api.post({ ...sample, source_smsc: 'load' }, 'operator');
    expect(api.submitted[0]!.source.name).toBe('load');
    expect(api.submitted[0]!.source.archiveMode).toBe(ArchiveMode.metadata);
  });

  test('a frontend may submit as the account of its own name only', async () => {
    expect((await problemOf(await api.post({ ...sample, source_smsc: 'load' }, 'frontend'))).status).toBe(403);
    api.keys.set('key-of-load', { name: 'load', role: 'frontend', allows: () => true });
    expect((await api.post({ ...sample, source_smsc: 'load' }, 'load')).status).toBe(201);
    expect(api.submitted.map(({ source }) => source.name)).toEqual(['load']);
  });

  test('an account that is disabled, or over its rate, may not', async () => {
    api.accounts.set('load', account({ enabled: false }));
    expect((await problemOf(await api.post({ ...sample, source_smsc: 'load' }))).status).toBe(403);
    api.accounts.set('load', account({ rate: new Throughput(0.25, 0) }));
    expect((await api.post({ ...sample, source_smsc: 'load' })).status).toBe(201);
    const answer = await api.post({ ...sample, source_smsc: 'load' });
    expect(answer.headers.get('retry-after')).toBe('4');
    expect((await problemOf(answer)).status).toBe(429);
    expect(api.counters).toEqual({ accepted: 1, refused: 1 });
  });
});

describe('a refusal', () => {
  test.each([
    ['no route', { now: 0x0b }, 422, 'refused', 'ESME_RINVDSTADR', null],
    ['a route that rejects', { now: 0x0a }, 422, 'refused', 'ESME_RINVSRCADR', null],
    ['a status of the operator’s own', { now: 0x401 }, 422, 'refused', '0x00000401', null],
    ['the queue or the disk is full', { later: 0x14 }, 503, 'unavailable', 'ESME_RMSGQFUL', '5'],
    ['no number has come', { now: 0x58 }, 503, 'unavailable', 'ESME_RTHROTTLED', '1'],
    ['our own failure', { later: 0x08 }, 503, 'unavailable', 'ESME_RSYSERR', '1'],
  ] as const)('%s', async (_what, refusal, status, kind, name, retry) => {
    api.answer = refusal;
    const answer = await api.post(sample);
    expect(answer.headers.get('retry-after')).toBe(retry);
    const body = await problemOf(answer);
    expect(body).toMatchObject({ status, type: `urn:heliograph:problem:${kind}`, command_status: name });
    expect(api.counters).toEqual({ accepted: 0, refused: 1 });
  });

  test('of a node that is being stopped is 503', async () => {
    api.draining = true;
    api.answer = { now: 0x58 };
    const body = await problemOf(await api.post(sample));
    expect(body).toMatchObject({ status: 503, detail: 'this node is being stopped: try another one' });
  });

  test('is not given when nobody knows: the connection ends', async () => {
    api.answer = { later: 'in-doubt' };
    await api.post(sample);
    expect(api.failures).toEqual(['destroyed']);
    expect(api.counters).toEqual({ accepted: 0, refused: 0 });
  });
});

describe('a body that is wrong', () => {
  test('names every field that is, and what was expected', async () => {
    const body = {
      source_msisdn: 'A name that is too long',
      destination_msisdn: 447700900123,
      message_body: '',
      source_smsc: 'x'.repeat(65),
      tp_dcs_message_class: 4,
      tp_dcs_character_set: 'utf8',
      expires: 'tomorrow',
      raw_data_flag: 'yes',
      tp_user_data_header: { 256: '00' },
      spelt_wrong: 1,
    };
    const { status, errors } = await problemOf(await api.post(body));
    expect(status).toBe(422);
    const found = Object.fromEntries(errors!.map(({ field, message }) => [field, message]));
    expect(found).toMatchObject({
      source_msisdn:
        'expected a number of 1 to 20 digits, or a name of 1 to 11 printable ASCII characters, got "A name that is too long"',
      destination_msisdn: 'expected a number of 1 to 20 digits, with or without "+", got 447700900123',
      message_body: 'expected text of 1 character or more, got ""',
      source_smsc: 'expected a name of 1 to 64 printable ASCII characters, got text of 65 characters',
      tp_dcs_message_class: 'expected a whole number from 0 to 3, got 4',
      tp_dcs_character_set: 'expected one of gsm7, 8bit, latin1, ucs2, got "utf8"',
      expires: 'expected a time such as 2026-05-31T10:30:00Z, got "tomorrow"',
      raw_data_flag: 'expected true or false, got "yes"',
      spelt_wrong: 'unknown field',
    });
    expect(api.submitted).toEqual([]);
  });

  test('lacks what is required', async () => {
    const { errors } = await problemOf(await api.post({}));
    expect(errors!.map(({ field }) => field)).toEqual([
      'source_msisdn',
      'destination_msisdn',
      'message_body',
      'source_smsc',
    ]);
  });

  test.each([
    ['a list', '[]', 422],
    ['no JSON', '{', 400],
    ['a key twice', '{"source_smsc":"a","source_smsc":"b"}', 400],
    ['__proto__', JSON.stringify(sample).replace('{', '{"__proto__":{"x":1},'), 422],
    ['half a surrogate pair', JSON.stringify({ ...sample, message_body: '\ud800' }), 422],
  ])('%s', async (_what, text, status) => {
    expect((await problemOf(await api.post(text))).status).toBe(status);
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', ''])('%j', async type => {
    const answer = await api.post(sample, 'admin', { 'content-type': type });
    expect((await problemOf(answer)).status).toBe(415);
  });

  test.each(['application/json; charset=utf-8', 'Application/JSON'])('%j is taken', async type => {
    expect((await api.post(sample, 'admin', { 'content-type': type })).status).toBe(201);
  });

  test('of more than 1 MB is refused, announced or not', async () => {
    const text = JSON.stringify({ ...sample, message_body: 'x'.repeat(1024 * 1024) });
    expect((await problemOf(await api.post(text))).status).toBe(413);
    const body = new Blob([text]).stream();
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body, duplex: 'half' as const };
    expect((await problemOf(await api.request('/api/messages', 'admin', init))).status).toBe(413);
  });

  test('that comes without its length is read all the same', async () => {
    const body = new Blob([JSON.stringify(sample)]).stream();
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body, duplex: 'half' as const };
    expect((await api.request('/api/messages', 'admin', init)).status).toBe(201);
  });
});
