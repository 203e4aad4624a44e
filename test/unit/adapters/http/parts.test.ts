import { beforeEach, expect, test } from 'vitest';
import { SubmitRules } from '../../../../actors/accounts/submit-rules.ts';
import type { Shape } from '../../../../actors/long/shape.ts';
import { account, ApiBench } from '../../../support/api-bench.ts';

const SHAPE: Shape = {
  split: 'udh8',
  messageOctets: 140,
  maxParts: 255,
  codings: [],
  languages: [],
  transliterate: false,
};

let api: ApiBench;
beforeEach(() => {
  api = new ApiBench();
  const wide: Shape = { ...SHAPE, codings: ['ucs2'] };
  api.shaper.useShapes(
    new Map([
      ['sink', SHAPE],
      ['smpp-provider', wide],
    ]),
  );
  api.shaper.useWraps(new Map([['load', { header: 'AD: ', footer: '', splitChars: '', suffix: '' }]]));
});

const message = { source_msisdn: '+15550100', destination_msisdn: '+447700900123', source_smsc: 'web-app' };

async function parts(more: object, role = 'admin'): Promise<readonly [number, Record<string, unknown>]> {
  const body = JSON.stringify({ ...message, ...more });
  const headers = { 'content-type': 'application/json', 'content-length': `${Buffer.byteLength(body)}` };
  const answer = await api.request('/api/messages/parts', role, { method: 'POST', headers, body });
  return [answer.status, (await answer.json()) as Record<string, unknown>];
}

// Characters that one message has, and a part of several: 3GPP TS 23.040 §9.2.3.24.1 and TS 23.038 §6.2.
test.each([
  ['nothing much', 'x', 'gsm7', 0, 1, 1],
  ['160 septets', 'x'.repeat(160), 'gsm7', 0, 160, 1],
  ['161', 'x'.repeat(161), 'gsm7', 0, 161, 2],
  ['2 parts of 153', 'x'.repeat(306), 'gsm7', 0, 306, 2],
  ['one more', 'x'.repeat(307), 'gsm7', 0, 307, 3],
  ['characters of two septets', '€'.repeat(80), 'gsm7', 0, 160, 1],
  ['an escape that is not cut', `${'x'.repeat(152)}€${'x'.repeat(152)}`, 'gsm7', 0, 306, 3],
  ['70 of UCS-2', 'Ж'.repeat(70), 'ucs2', 8, 70, 1],
  ['71', 'Ж'.repeat(71), 'ucs2', 8, 71, 2],
  ['a pair that is not cut', `${'Ж'.repeat(66)}😀${'Ж'.repeat(66)}`, 'ucs2', 8, 134, 3],
])('%s', async (_what, message_body, tp_dcs_character_set, data_coding, characters, count) => {
  expect(await parts({ message_body })).toEqual([
    200,
    { dest_smsc: 'sink', tp_dcs_character_set, data_coding, characters, parts: count },
  ]);
});

test('a header takes room', async () => {
  const given = { message_body: 'x'.repeat(160), tp_user_data_header: { 1: '0001' } };
  expect((await parts(given))[1]).toMatchObject({ characters: 160, parts: 2 });
});

test('the coding that the destination takes counts, and what the account has sent beside it', async () => {
  const message_body = 'x'.repeat(160);
  expect((await parts({ message_body, dest_smsc: 'smpp-provider' }))[1]).toEqual({
    dest_smsc: 'smpp-provider',
    tp_dcs_character_set: 'ucs2',
    data_coding: 8,
    characters: 160,
    parts: 3,
  });
  expect((await parts({ message_body, source_smsc: 'load' }))[1]).toMatchObject({ characters: 164, parts: 2 });
});

test('nothing is kept, sent or counted', async () => {
  await parts({ message_body: 'Hi' });
  expect([api.submitted, api.counters, api.failures]).toEqual([[], { accepted: 0, refused: 0 }, []]);
});

test('what could not be submitted has no parts', async () => {
  api.routed = undefined;
  expect(await parts({ message_body: 'Hi' })).toMatchObject([422, { detail: 'no route takes this destination' }]);
  expect(await parts({ message_body: '' })).toMatchObject([422, { errors: [{ field: 'message_body' }] }]);
  expect(await parts({ message_body: 'Hi', dest_smsc: 'x' })).toMatchObject([
    422,
    { errors: [{ field: 'dest_smsc' }] },
  ]);
  expect((await parts({ message_body: 'Hi', source_smsc: 'load' }, 'frontend'))[0]).toBe(403);
  const rules = SubmitRules.of({ senders: ['SHOP'], minOctets: 0, maxOctets: 65_535 });
  api.accounts.set('load', account({ rules }));
  const refused = await parts({ message_body: 'Hi', source_smsc: 'load' });
  expect(refused).toMatchObject([422, { command_status: 'ESME_RINVSRCADR' }]);
});
