import { createRequire } from 'node:module';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { charsetOf, formatDcs, parseDcs, type Dcs } from '../../../../actors/text/data-coding.ts';
import { decodeText } from '../../../../actors/text/decode.ts';
import { TextEncodingError, alphabetsFor, chooseCoding, encodeText } from '../../../../actors/text/encode.ts';
import { decodeUcs2, encodeUcs2 } from '../../../../actors/text/ucs2.ts';

/** The npm package, an implementation that shares nothing with ours. */
const theirs = createRequire(import.meta.url)('smpp') as {
  gsmCoder: { encode(text: string, language: number): Buffer; decode(octets: Buffer, language: number): string };
  encodings: { UCS2: { encode(text: string): Buffer } };
};

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('encodeText', () => {
  test.each([
    ['Hello', 0, '48656c6c6f'],
    ['@£$¥', 0, '00010203'],
    ['10 €', 0, '3130201b65'],
    ['{[~]}^|\\', 0, '1b281b3c1b3d1b3e1b291b141b401b2f'],
    ['', 0, ''],
    ['Привет', 8, '041f04400438043204350442'],
    ['日本', 8, '65e5672c'],
    ['a😀', 8, '0061d83dde00'],
    ['ç', 8, '00e7'],
  ])('%j', (text, dataCoding, expected) => {
    expect(encodeText(text)).toEqual({ dataCoding, bytes: hex(expected) });
    expect(chooseCoding(text)).toBe(dataCoding === 0 ? 'gsm7' : 'ucs2');
    expect(decodeText(hex(expected), dataCoding, false)).toBe(text);
  });
  test('in a charset asked for, or not at all', () => {
    expect(encodeText('çé', 'latin1')).toEqual({ dataCoding: 3, bytes: hex('e7e9') });
    expect(encodeText('hi', 'ucs2')).toEqual({ dataCoding: 8, bytes: hex('00680069') });
    expect(() => encodeText('ç', 'gsm7')).toThrow('the text has characters that GSM 7-bit has not');
    expect(() => encodeText('€', 'latin1')).toThrow(TextEncodingError);
  });
  test('any text is read again', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        const { dataCoding, bytes } = encodeText(text);
        expect(decodeText(bytes, dataCoding, false)).toBe(text);
      }),
    );
  });
  test('UCS-2 agrees with the npm package smpp', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        expect(encodeUcs2(text)).toEqual(theirs.encodings.UCS2.encode(text));
      }),
    );
  });
});

describe('decodeText', () => {
  test.each([
    ['ASCII', 1, '48694021', 'Hi@!'],
    ['Latin-1', 3, 'e7e9ff', 'çéÿ'],
    ['Cyrillic (ISO-8859-5)', 6, 'bfe0d8d2d5e2', 'Привет'],
    ['Hebrew (ISO-8859-8)', 7, 'f9ece5ed', 'שלום'],
    ['KS C 5601', 14, 'c7d1b1db', '한글'],
    ['ISO-2022-JP', 10, '1b2442467c4b5c1b2842', '日本'],
    ['flash, GSM 7-bit', 0x10, '4869', 'Hi'],
    ['flash, UCS-2', 0x18, '00480069', 'Hi'],
    ['class 1 of the message class group', 0xf1, '001b65', '@€'],
    ['message waiting, stored UCS-2', 0xe8, '0041', 'A'],
    ['message waiting', 0xd0, '4869', 'Hi'],
    ['an odd octet too many', 8, '004841', 'H\ufffd'],
    ['half a surrogate pair', 8, '0048d83d', 'H\ufffd'],
  ])('%s', (_, dataCoding, octets, text) => {
    expect(decodeText(hex(octets), dataCoding, false)).toBe(text);
  });
  test.each([
    ['binary', 2],
    ['binary', 4],
    ['JIS', 5],
    ['pictograms', 9],
    ['reserved', 15],
    ['8-bit, class 1', 0x15],
    ['8-bit of the message class group', 0xf5],
    ['compressed', 0x20],
  ])('%s (%i) is no text', (_, dataCoding) => {
    expect(decodeText(hex('4869'), dataCoding, false)).toBeUndefined();
  });
  test.each([
    ['behind a header of concatenation', '050003a20201 48656c6c6f', 0, 'Hello'],
    ['with 16 bits of reference, UCS-2', '0608040001 0201 0048', 8, 'H'],
    ['Turkish, single shift', '03240101 1b731b53', 0, 'şŞ'],
    ['Turkish, locking', '03250101 1d1c', 0, 'şŞ'],
    ['both, among others', '0b 0003a20201 240101 250101 1d1b53', 0, 'şŞ'],
    ['an element nobody knows', '03700100 48', 0, 'H'],
    ['nothing behind the header', '050003a20201', 0, ''],
  ])('%s', (_, octets, dataCoding, text) => {
    expect(decodeText(hex(octets), dataCoding, true)).toBe(text);
  });
  test.each([
    ['a header longer than the message', '0600 48'],
    ['an element longer than the header', '03000501 48'],
    ['no octets at all', ''],
    ['an address of a port', '060504 0b84 0b84 48'],
  ])('%s is no text', (_, octets) => {
    expect(decodeText(hex(octets), 0, true)).toBeUndefined();
  });
  test('any octets give a text or none', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.nat(255), fc.boolean(), (octets, dataCoding, udh) => {
        const text = decodeText(octets, dataCoding, udh);
        if (text !== undefined) expect(text.isWellFormed()).toBe(true);
      }),
    );
  });
  test('the octets given are left as they are', () => {
    const octets = hex('00480069');
    decodeUcs2(octets);
    expect(octets).toEqual(hex('00480069'));
  });
});

describe('data coding schemes (3GPP TS 23.038 §4)', () => {
  const plain: Dcs = { alphabet: 'gsm7', compressed: false, autoDelete: false };
  test.each<[number, Dcs]>([
    [0x00, plain],
    [0x04, { ...plain, alphabet: '8bit' }],
    [0x08, { ...plain, alphabet: 'ucs2' }],
    [0x0c, { ...plain, alphabet: 'reserved' }],
    [0x10, { ...plain, messageClass: 0 }],
    [0x1a, { ...plain, alphabet: 'ucs2', messageClass: 2 }],
    [0x20, { ...plain, compressed: true }],
    [0x48, { ...plain, alphabet: 'ucs2', autoDelete: true }],
    [0xc8, { ...plain, waiting: { store: false, active: true, type: 'voicemail' } }],
    [0xd2, { ...plain, waiting: { store: true, active: false, type: 'email' } }],
    [0xeb, { ...plain, alphabet: 'ucs2', waiting: { store: true, active: true, type: 'other' } }],
  ])('0x%s', (octet, dcs) => {
    expect(parseDcs(octet)).toEqual(dcs);
    expect(formatDcs(dcs)).toBe(octet);
  });
  test('the message class group, and reserved groups', () => {
    expect(parseDcs(0xf6)).toEqual({ ...plain, alphabet: '8bit', messageClass: 2 });
    expect(parseDcs(0xf0)).toEqual({ ...plain, messageClass: 0 });
    expect(parseDcs(0x9c)).toEqual(plain);
  });
  test('every scheme written is read as the same', () => {
    for (let octet = 0; octet < 256; octet++) {
      const dcs = parseDcs(octet);
      expect(parseDcs(formatDcs(dcs))).toEqual(dcs);
    }
  });
  test('what none can say is refused', () => {
    const waiting = { store: true, active: true, type: 'fax' } as const;
    expect(() => formatDcs({ ...plain, alphabet: '8bit', waiting })).toThrow(
      /^data coding: a message waiting indication/,
    );
    expect(() => formatDcs({ ...plain, alphabet: 'ucs2', waiting: { ...waiting, store: false } })).toThrow(RangeError);
    expect(() => formatDcs({ ...plain, messageClass: 0, waiting })).toThrow(RangeError);
  });
  test('every data_coding has a charset', () => {
    for (let octet = 0; octet < 256; octet++) expect(charsetOf(octet)).toEqual(expect.any(String));
  });
});

describe('alphabetsFor', () => {
  test.each([
    ['the default tables where they have all', 'Hello €', [1, 2], ['0/0']],
    ['single shift, locking, both', 'gül şeker', [1], ['0/1', '1/0', '1/1']],
    ['the locking table has not all', 'æş', [1], ['0/1']],
    ['both are needed', 'नमस्ते १२', [6], ['6/6']],
    ['several languages', 'çÁ', [2, 3], ['0/2', '0/3', '3/0', '3/3']],
    ['a language that is not allowed', 'नमस्ते', [1, 2], []],
    ['no language', 'ş', [], []],
  ])('%s', (_, text, languages, expected) => {
    expect(alphabetsFor(text, languages).map(({ locking, single }) => `${locking}/${single}`)).toEqual(expected);
  });
});
