import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { areDigits, normalizeNumber, numberStart } from '../../../../actors/routing/normalize.ts';
import { normalizePattern } from '../../../../actors/routing/sender-pattern.ts';

test.each([
  ['447700900123', '447700900123'],
  ['+447700900123', '447700900123'],
  ['00447700900123', '447700900123'],
  ['0044', '44'],
  ['07700', '07700'],
  ['0', '0'],
  ['00', ''],
  ['+', ''],
  ['+0044', '0044'],
  ['', ''],
  ['BANK', 'BANK'],
])('%j is the number %j', (given, expected) => {
  expect(normalizeNumber(given)).toBe(expected);
});

test('octets and strings agree, and nothing outside the range is read', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('+', '0', '1', '9', 'A', '/', ':'), maxLength: 6 }),
      fc.nat(3),
      (text, at) => {
        const buffer = Buffer.from('0'.repeat(at) + text + '0');
        const from = numberStart(buffer, at, text.length);
        expect(buffer.toString('latin1', from, at + text.length)).toBe(normalizeNumber(text));
        expect(areDigits(buffer, at, at + text.length)).toBe(/^\d*$/.test(text));
      },
    ),
  );
});

test.each([
  ['+44*', '44*'],
  ['0044?', '44?'],
  ['00*', '00*'],
  ['+*', '+*'],
  ['0044BANK', '0044bank'],
  ['My Bank', 'my bank'],
])('the sender pattern %j is %j', (given, expected) => {
  expect(normalizePattern(given)).toBe(expected);
});
