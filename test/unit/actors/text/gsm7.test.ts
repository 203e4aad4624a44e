import { createRequire } from 'node:module';
import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  DEFAULT_ALPHABET,
  alphabetOf,
  packSeptets,
  unpackSeptets,
  type Gsm7Alphabet,
} from '../../../../actors/text/gsm7.ts';
import { LOCKING, SINGLE } from '../../../../actors/text/national-tables.ts';
import { GSM7_DEFAULT, GSM7_EXTENSION, NATIONAL_TABLES } from '../../../vectors/gsm7.ts';

/** The npm package, an implementation that shares nothing with ours. */
const theirs = createRequire(import.meta.url)('smpp') as {
  gsmCoder: { encode(text: string, language: number): Buffer; decode(octets: Buffer, language: number): string };
  encodings: { UCS2: { encode(text: string): Buffer } };
};

const character = (hex: string): string => String.fromCharCode(Number.parseInt(hex, 16));

const decoded = (hex: string): string => DEFAULT_ALPHABET.decode(Buffer.from(hex, 'hex'));

/** Texts of an alphabet's own characters. */
function texts(alphabet: Gsm7Alphabet): fc.Arbitrary<string> {
  const own = Array.from({ length: 0x2100 }, (_, unit) => String.fromCharCode(unit)).filter(
    c => c !== '\x1b' && alphabet.length(c) > 0,
  );
  return fc.array(fc.constantFrom(...own)).map(list => list.join(''));
}

/** "<code>=<character>,…" of a table as it is written. */
function listing(table: string): string {
  return Array.from({ length: 128 }, (_, code) => code)
    .filter(code => code !== 0x1b && (table[code] ?? '\0') !== '\0')
    .map(code => `${code.toString(16).padStart(2, '0')}=${table.charCodeAt(code).toString(16).padStart(4, '0')}`)
    .join(',');
}

describe('the default alphabet', () => {
  test.each(
    GSM7_DEFAULT.split(' ')
      .map((hex, code) => [code, hex] as const)
      .filter(([code]) => code !== 0x1b),
  )('code %i is U+%s', (code, hex) => {
    expect(DEFAULT_ALPHABET.encode(character(hex))).toEqual(Buffer.of(code));
    expect(DEFAULT_ALPHABET.decode(Uint8Array.of(code))).toBe(character(hex));
  });
  test.each(GSM7_EXTENSION.split(' ').map(pair => pair.split('=') as [string, string]))(
    'escape %s is U+%s',
    (code, hex) => {
      expect(DEFAULT_ALPHABET.encode(character(hex))).toEqual(Buffer.from(`1b${code}`, 'hex'));
      expect(DEFAULT_ALPHABET.decode(Buffer.from(`1b${code}`, 'hex'))).toBe(character(hex));
    },
  );
  test('has these and no other characters', () => {
    const own = new Set([...GSM7_DEFAULT.split(' '), ...GSM7_EXTENSION.split(' ').map(pair => pair.slice(3))]);
    own.delete('fffd');
    let found = 0;
    for (let unit = 0; unit < 0x1_0000; unit++) if (DEFAULT_ALPHABET.septetsOf(unit) > 0) found++;
    expect(found).toBe(own.size);
    expect(found).toBe(137);
  });
  test.each(['ç', '`', 'á', 'ğ', 'Я', '漢', '😀', '\t', '\u00a0'])('%j it has not', text => {
    expect(DEFAULT_ALPHABET.length(`a${text}`)).toBe(-1);
    expect(DEFAULT_ALPHABET.encode(`a${text}`)).toBeUndefined();
  });
  test('what it does not know, it shows as the specification says', () => {
    expect(decoded('411b4142')).toBe('AAB');
    expect(decoded('411b1b42')).toBe('A B');
    expect(decoded('411b')).toBe('A ');
    expect(decoded('41ff42')).toBe('A\ufffdB');
    expect(decoded('411bff')).toBe('A\ufffd');
  });
  test('agrees with the npm package smpp, both ways', () => {
    fc.assert(
      fc.property(texts(DEFAULT_ALPHABET), text => {
        const encoded = theirs.gsmCoder.encode(text, 0);
        expect(DEFAULT_ALPHABET.encode(text)).toEqual(encoded);
        expect(DEFAULT_ALPHABET.decode(encoded)).toBe(text);
      }),
    );
  });
});

describe('national languages', () => {
  test.each(NATIONAL_TABLES)('%s table %i is the published one', (kind, language, digest) => {
    const table = (kind === 'lock' ? LOCKING : SINGLE)[language]!;
    expect(createHash('sha256').update(listing(table)).digest('hex').slice(0, 16)).toBe(digest);
    expect(kind === 'lock' ? table.length : table.length % 16).toBe(kind === 'lock' ? 128 : 0);
  });
  test('are all there', () => {
    expect(Object.keys(LOCKING)).toEqual(
      NATIONAL_TABLES.filter(([kind]) => kind === 'lock').map(([, language]) => String(language)),
    );
    expect(Object.keys(SINGLE)).toEqual(
      NATIONAL_TABLES.filter(([kind]) => kind === 'shift').map(([, language]) => String(language)),
    );
  });
  test.each([
    // 3GPP TS 23.038 A.3.1, A.2.1 to A.2.3, A.3.6, A.2.13
    ['Turkish, both tables', 1, 1, 'İğĞşŞıç€', '400c0b1d1c076004'],
    ['Turkish, single shift', 0, 1, 'Şşçğı€[', '1b531b731b631b671b691b651b3c'],
    ['Spanish, single shift', 0, 2, 'ÁÍÓÚáíóúçñ', '1b411b491b4f1b551b611b691b6f1b751b097d'],
    ['Portuguese, single shift', 0, 3, 'êãÕâÂçΦ', '1b051b7b1b5c1b7f1b611b0912'],
    ['Portuguese, locking', 3, 0, 'êçÓ∞\\€|`Ã', '0409191517181a7d5b'],
    ['Hindi, locking', 6, 0, 'नमस्ते', '2f424c5f2759'],
    ['Urdu, single shift', 0, 13, '۰۹؟۔', '1b1c1b251b331b3f'],
  ])('%s', (_, locking, single, text, hex) => {
    const alphabet = alphabetOf(locking, single);
    expect(alphabet.encode(text)?.toString('hex')).toBe(hex);
    expect(alphabet.decode(Buffer.from(hex, 'hex'))).toBe(text);
  });
  test('the npm package smpp reads the same in Spanish and Turkish', () => {
    for (const [language, alphabet] of [
      [1, alphabetOf(1, 1)],
      [2, alphabetOf(0, 2)],
    ] as const) {
      fc.assert(
        fc.property(texts(alphabet), text => {
          expect(theirs.gsmCoder.decode(alphabet.encode(text)!, language)).toBe(text);
        }),
      );
    }
  });
  test('a language without tables is the default alphabet', () => {
    expect(alphabetOf(2, 99)).toBe(DEFAULT_ALPHABET);
    expect(alphabetOf(255, 0)).toBe(DEFAULT_ALPHABET);
  });
  test('what an alphabet encodes it decodes, whichever tables it has', () => {
    const language = fc.integer({ min: 0, max: 13 });
    fc.assert(
      fc.property(language, language, fc.uint8Array({ max: 127 }), (locking, single, octets) => {
        const alphabet = alphabetOf(locking, single);
        const text = alphabet.decode(octets);
        if (text.includes('\ufffd')) return;
        const encoded = alphabet.encode(text)!;
        expect(encoded).toHaveLength(alphabet.length(text));
        expect(alphabet.decode(encoded)).toBe(text);
      }),
      { numRuns: 500 },
    );
  });
});

describe('packing', () => {
  test.each([
    // The example that 3GPP TS 23.038 implementations are tried with, and one of each length up to a full round of eight.
    ['hellohello', 'e8329bfd4697d9ec37'],
    ['1', '31'],
    ['12', '3119'],
    ['1234567', '31d98c56b3dd00'],
    ['12345678', '31d98c56b3dd70'],
    ['123456789', '31d98c56b3dd7039'],
  ])('%s', (text, hex) => {
    const septets = DEFAULT_ALPHABET.encode(text)!;
    expect(packSeptets(septets).toString('hex')).toBe(hex);
    expect(unpackSeptets(Buffer.from(hex, 'hex'), septets.length)).toEqual(septets);
  });
  test('behind a header of 6 octets one bit is filled', () => {
    // 3GPP TS 23.040 §9.2.3.24.1: the text starts on a septet boundary.
    expect(packSeptets(DEFAULT_ALPHABET.encode('hello')!, 1).toString('hex')).toBe('d06536fb0d');
  });
  test('is undone by unpacking, for any septets and fill', () => {
    fc.assert(
      fc.property(fc.uint8Array({ max: 127, maxLength: 160 }), fc.nat(6), (septets, fill) => {
        const packed = packSeptets(septets, fill);
        expect(packed).toHaveLength(Math.ceil((septets.length * 7 + fill) / 8));
        expect(unpackSeptets(packed, septets.length, fill)).toEqual(Buffer.from(septets));
        expect(unpackSeptets(packed, 9999, fill).length).toBeGreaterThanOrEqual(septets.length);
      }),
    );
  });
});
