import { describe, expect, test } from 'vitest';
import { DraftWriter, MOST_TEXT_OCTETS } from '../../../../adapters/http/draft-writer.ts';
import { Problem } from '../../../../adapters/http/problem.ts';
import { submitSchema } from '../../../../adapters/http/schema.ts';
import type { MessageDraft } from '../../../../actors/message/draft.ts';
import { readExtras } from '../../../../actors/message/extras.ts';
import { RecordFlag } from '../../../../actors/message/record.ts';

const NOW = Date.UTC(2026, 0, 1);
const writer = new DraftWriter();
const least = {
  source_msisdn: '+1234567890',
  destination_msisdn: '+447700900123',
  message_body: 'Hi',
  source_smsc: 'x',
};

const fill = (fields: object): MessageDraft => writer.fill(submitSchema.parse({ ...least, ...fields }), NOW);
const source = (m: MessageDraft): string => m.buffer.latin1Slice(m.sourceAt, m.sourceAt + m.sourceLength);
const destination = (m: MessageDraft): string => m.buffer.latin1Slice(m.destAt, m.destAt + m.destLength);
const octets = (m: MessageDraft): string => m.buffer.toString('hex', m.textAt, m.textAt + m.textLength);

function refusal(fields: object): string {
  try {
    fill(fields);
  } catch (error) {
    if (error instanceof Problem) return `${error.status} ${error.message}`;
    throw error;
  }
  return 'taken';
}

describe('addresses', () => {
  test.each([
    ['+1234567890', '1234567890', 1, 1],
    ['001234567890', '1234567890', 1, 1],
    ['1234567890', '1234567890', 0, 1],
    ['12345', '12345', 0, 1],
    ['00', '00', 0, 1],
    ['Heliograph', 'Heliograph', 5, 0],
    ['My Shop 24', 'My Shop 24', 5, 0],
  ])('sender %s is %s with TON %i, NPI %i', (given, address, ton, npi) => {
    const m = fill({ source_msisdn: given });
    expect([source(m), m.sourceTon, m.sourceNpi]).toEqual([address, ton, npi]);
  });

  test.each([
    ['+447700900123', '447700900123', 1],
    ['00447700900123', '447700900123', 1],
    ['447700900123', '447700900123', 0],
    ['12345', '12345', 0],
  ])('recipient %s is %s with TON %i', (given, address, ton) => {
    const m = fill({ destination_msisdn: given });
    expect([destination(m), m.destTon, m.destNpi]).toEqual([address, ton, 1]);
  });
});

describe('text', () => {
  test.each([
    ['where it has it all, GSM 7-bit', { message_body: '@€' }, 0, '001b65'],
    ['else UCS-2', { message_body: 'Привет' }, 8, '041f04400438043204350442'],
    ['UCS-2 with surrogates', { message_body: '😀' }, 8, 'd83dde00'],
    ['as asked, Latin-1', { message_body: 'é', tp_dcs_character_set: 'latin1' }, 3, 'e9'],
    ['as asked, octets', { message_body: 'é', tp_dcs_character_set: '8bit' }, 4, 'e9'],
    ['as asked, UCS-2', { message_body: 'A', tp_dcs_character_set: 'ucs2' }, 8, '0041'],
    ['octets in hexadecimal', { message_body: '00fF10', raw_data_flag: true }, 4, '00ff10'],
    ['septets in hexadecimal', { message_body: '41', raw_data_flag: true, tp_dcs_character_set: 'gsm7' }, 0, '41'],
  ])('%s', (_what, fields, dataCoding, expected) => {
    const m = fill(fields);
    expect([m.dataCoding, octets(m), m.esmClass]).toEqual([dataCoding, expected, 0]);
  });

  test('a header comes first, and marks the message', () => {
    const m = fill({ tp_user_data_header: { '0x00': '2A0201', 5: '1581158a' } });
    expect(octets(m)).toBe('0b05041581158a00032a02014869');
    expect(m.esmClass).toBe(0x40);
  });

  test('a header that sets a national table makes its characters GSM 7-bit', () => {
    // Turkish, single shift: ş is 0x1B 0x73 (3GPP TS 23.038 A.2.1).
    const m = fill({ message_body: 'ş', tp_user_data_header: { 36: '01' } });
    expect([m.dataCoding, octets(m)]).toEqual([0, '032401011b73']);
  });

  test.each([
    ['gsm7', 'ж', '422 message_body: expected characters that gsm7 has'],
    ['latin1', '€', '422 message_body: expected characters that latin1 has'],
    ['8bit', '€', '422 message_body: expected characters that 8bit has'],
  ])('%s does not have %s', (tp_dcs_character_set, message_body, expected) => {
    expect(refusal({ tp_dcs_character_set, message_body })).toBe(expected);
  });

  test.each(['0', '0g', 'Hello'])('%j is not octets in hexadecimal', message_body => {
    expect(refusal({ message_body, raw_data_flag: true })).toBe(
      '422 message_body: expected octets in hexadecimal, since raw_data_flag is true',
    );
  });

  test('the longest text is taken, one octet more is not', () => {
    expect(fill({ message_body: 'x'.repeat(MOST_TEXT_OCTETS) }).textLength).toBe(MOST_TEXT_OCTETS);
    expect(refusal({ message_body: 'x'.repeat(MOST_TEXT_OCTETS + 1) })).toMatch(/^422 message_body: expected at most/);
    expect(refusal({ message_body: 'ж'.repeat(MOST_TEXT_OCTETS / 2 + 1) })).toMatch(/^422 message_body: expected/);
  });

  test('a header of more than 255 octets is refused', () => {
    expect(refusal({ tp_user_data_header: { 1: '00'.repeat(130), 2: '00'.repeat(130) } })).toMatch(
      /^422 tp_user_data_header: .*at most 255/,
    );
  });
});

describe('data coding', () => {
  test.each([
    [{ tp_dcs_has_message_class: true, tp_dcs_message_class: 0 }, 0x10],
    [{ tp_dcs_message_class: 2 }, 0x12],
    [{ tp_dcs_has_message_class: false, tp_dcs_message_class: 2 }, 0x00],
    [{ tp_dcs_message_class: 0, tp_dcs_character_set: 'ucs2' }, 0x18],
    [{ tp_dcs_message_class: 1, tp_dcs_character_set: '8bit' }, 0x15],
    [{ tp_dcs_coding_group: 'data_coding_message_class', tp_dcs_message_class: 1 }, 0xf1],
    [{ tp_dcs_coding_group: 'data_coding_message_class', tp_dcs_message_class: 2, tp_dcs_character_set: '8bit' }, 0xf6],
    [{ tp_dcs_coding_group: 'automatic_deletion' }, 0x40],
    [{ tp_dcs_compressed: true, raw_data_flag: true, message_body: '00' }, 0x24],
    [{ tp_dcs_coding_group: 'general_data_coding', tp_dcs_compressed: false, tp_dcs_character_set: 'gsm7' }, 0x00],
  ])('%j is %i', (fields, expected) => {
    expect(fill(fields).dataCoding).toBe(expected);
  });

  test.each([
    [{ tp_dcs_has_message_class: true }, 'tp_dcs_message_class'],
    [{ tp_dcs_compressed: true }, 'tp_dcs_compressed'],
    [{ tp_dcs_character_set: 'latin1', tp_dcs_message_class: 1 }, 'tp_dcs_character_set'],
    [{ tp_dcs_coding_group: 'data_coding_message_class' }, 'tp_dcs_coding_group'],
    [
      { tp_dcs_coding_group: 'data_coding_message_class', tp_dcs_message_class: 1, tp_dcs_character_set: 'ucs2' },
      'tp_dcs_coding_group',
    ],
  ])('%j cannot be said', (fields, field) => {
    expect(refusal(fields)).toMatch(new RegExp(`^422 ${field}: expected`));
  });
});

describe('times', () => {
  test('absent and null are the same', () => {
    const m = fill({ expires: null, deliver_after: null });
    expect([m.expiresAt, m.deliverAfter]).toEqual([0, 0]);
  });

  test('are kept; one that has passed is no postponement', () => {
    const m = fill({ expires: '2026-01-01T02:00:00Z', deliver_after: '2026-01-01T01:00:00Z' });
    expect([m.expiresAt, m.deliverAfter]).toEqual([NOW + 7_200_000, NOW + 3_600_000]);
    expect(fill({ deliver_after: '2025-12-31T23:00:00Z' }).deliverAfter).toBe(0);
  });

  test.each([
    [{ expires: '2025-12-31T23:59:59Z' }, 'expires'],
    [{ expires: '2026-01-01T00:00:00Z' }, 'expires'],
    [{ expires: '2026-01-01T01:00:00Z', deliver_after: '2026-01-01T02:00:00Z' }, 'expires'],
    [{ deliver_after: '2027-06-01T00:00:00Z' }, 'deliver_after'],
  ])('%j is refused', (fields, field) => {
    expect(refusal(fields)).toMatch(new RegExp(`^422 ${field}: expected a time`));
  });
});

describe('fields that SMPP has no place for', () => {
  test('are kept as extras, in front of the TLVs', () => {
    const given = { source_imsi: '234150999999999', message_parts: 3, message_part_number: 1, raw_sip_flag: true };
    const m = fill({ ...given, deadletter: false, dest_imsi: null });
    expect(m.flags).toBe(RecordFlag.extras);
    expect(readExtras(m.buffer.subarray(m.tlvsAt, m.tlvsAt + m.tlvsLength))).toEqual(given);
  });

  test('leave no trace when there are none: a draft is used again', () => {
    const m = fill({});
    expect([m.flags, m.tlvsLength]).toEqual([0, 0]);
  });
});
