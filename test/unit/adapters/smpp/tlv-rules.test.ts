import { expect, test } from 'vitest';
import { parseConfiguration } from '../../../../adapters/config/load.ts';
import { AS_KEPT, formOf } from '../../../../adapters/smpp/form.ts';
import { outgoingTlvs, tlvRules } from '../../../../adapters/smpp/tlv-rules.ts';
import { wire } from '../../../support/smpp-wire.ts';

const THREE = wire('1400 0001 07 1401 0000 1402 0002 0102');

test.each([
  ['the first', [0x1400], [], '1401 0000 1402 0002 0102'],
  ['one between', [0x1401], [], '1400 0001 07 1402 0002 0102'],
  ['the last', [0x1402], [], '1400 0001 07 1401 0000'],
  ['two in a row', [0x1401, 0x1402], [], '1400 0001 07'],
  ['all', [0x1402, 0x1400, 0x1401], [], ''],
  ['one anew', [0x1400], [{ tag: 0x1400, value: 'ff' }], '1401 0000 1402 0002 0102 1400 0001 ff'],
  ['none, and one is added', [], [{ tag: 5, value: '' }], '1400 0001 07 1401 0000 1402 0002 0102 0005 0000'],
])('removed: %s', (_what, remove, add, expected) => {
  expect(outgoingTlvs(THREE, tlvRules(remove, add)!)).toEqual(wire(expected));
});

test('what no rule is about is not touched', () => {
  expect(outgoingTlvs(THREE, tlvRules([0x1500, 0x0007], [])!)).toBe(THREE);
  expect(tlvRules([], [])).toBeUndefined();
  expect(formOf('gsm7', false, undefined, tlvRules([], []))).toBe(AS_KEPT);
});

test.each([
  ['remove_tlvs: [0x424]', 'another tag than 0x0424, where long texts lie'],
  ['remove_tlvs: [65536]', 'a whole number from 0 to 65535'],
  ['add_tlvs: [{ tag: 0x424, value: "00" }]', 'another tag than 0x0424, where long texts lie'],
  ['add_tlvs: [{ tag: 0x1400, value: "0" }]', 'up to 255 octets in hexadecimal, in quotes'],
  ['add_tlvs: [{ tag: 0x1400, value: 12 }]', 'up to 255 octets in hexadecimal, in quotes'],
])('%s is refused', (setting, expected) => {
  const { problems } = parseConfiguration(`accounts: [{ system_id: a, password: a, ${setting} }]`, 'h.yaml');
  expect(JSON.stringify(problems)).toContain(expected);
});
