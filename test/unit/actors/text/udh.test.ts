import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addressesPort,
  concatenationElement,
  concatenationOf,
  languageElements,
  languagesOf,
  parseUdh,
  writeUdh,
  type InformationElement,
  type UserDataHeader,
} from '../../../../actors/text/udh.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

const header = (elements: readonly InformationElement[]): UserDataHeader => parseUdh(writeUdh(elements))!;

describe('parseUdh', () => {
  test('length and elements', () => {
    expect(parseUdh(hex('0b 0003a20201 0504 0b84 23f0 4869'))).toEqual({
      length: 12,
      elements: [
        { id: 0, data: hex('a20201') },
        { id: 5, data: hex('0b8423f0') },
      ],
    });
    expect(parseUdh(hex('00 48'))).toEqual({ length: 1, elements: [] });
    expect(parseUdh(hex('02 7000'))).toEqual({ length: 3, elements: [{ id: 0x70, data: hex('') }] });
  });
  test.each(['', '01', '05 0003a202', '05 0004a20201', '01 00', '03 240201'])('%j is none', octets => {
    expect(parseUdh(hex(octets))).toBeUndefined();
  });
  test('reads what was written, and never goes astray', () => {
    const element = fc.record({ id: fc.nat(255), data: fc.uint8Array({ maxLength: 20 }) });
    fc.assert(
      fc.property(fc.array(element, { maxLength: 10 }), fc.uint8Array({ maxLength: 5 }), (elements, text) => {
        const header = writeUdh(elements);
        const parsed = parseUdh(Buffer.concat([header, text]))!;
        expect(parsed.length).toBe(header.length);
        expect(parsed.elements.map(e => ({ id: e.id, data: Uint8Array.from(e.data) }))).toEqual(elements);
      }),
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), octets => void parseUdh(octets)));
  });
  test('a header of more than 255 octets is refused', () => {
    const data = new Uint8Array(127);
    expect(() =>
      writeUdh([
        { id: 1, data },
        { id: 2, data },
      ]),
    ).toThrow('user data header: expected at most 255 octets, got 258');
  });
});

describe('concatenation', () => {
  test.each([
    ['05 0003a20302', { reference: 0xa2, wide: false, total: 3, sequence: 2 }],
    ['06 0804a2b30302', { reference: 0xa2b3, wide: true, total: 3, sequence: 2 }],
    ['0a 0003010201 0003020202', { reference: 2, wide: false, total: 2, sequence: 2 }],
    ['0a 0003010201 0003020203', { reference: 1, wide: false, total: 2, sequence: 1 }],
    ['05 0003a20001', undefined],
    ['05 0003a20200', undefined],
    ['04 0002a202', undefined],
    ['03 240101', undefined],
  ])('%s', (octets, expected) => {
    expect(concatenationOf(parseUdh(hex(octets))!)).toEqual(expected);
  });
  test('what is written is read', () => {
    for (const wide of [false, true]) {
      const concatenation = { reference: wide ? 0xabcd : 0xcd, wide, total: 9, sequence: 4 };
      expect(concatenationOf(parseUdh(writeUdh([concatenationElement(concatenation)]))!)).toEqual(concatenation);
    }
  });
});

test('languages', () => {
  expect(languagesOf(header(languageElements(1, 3)))).toEqual({ locking: 1, single: 3 });
  expect(languagesOf(header([]))).toEqual({ locking: 0, single: 0 });
  expect(languageElements(0, 0)).toEqual([]);
  expect(languagesOf(parseUdh(hex('04 24020101'))!)).toEqual({ locking: 0, single: 0 });
});

test('ports', () => {
  expect(addressesPort(parseUdh(hex('04 0402f0f0'))!)).toBe(true);
  expect(addressesPort(parseUdh(hex('05 0003a20201'))!)).toBe(false);
});
