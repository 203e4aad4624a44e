import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  candidates,
  carrierSeed,
  HASH_WORDS,
  hashCarrierId,
  isSameNumber,
  normalizeCarrierId,
  ReceiptIds,
  type ReceiptIdMode,
} from '../../../../actors/message/correlation-key.ts';

function hash(carrier: string, id: string): string {
  const out = new Uint32Array(HASH_WORDS + 2);
  const buffer = Buffer.from(`0${id}A`, 'latin1');
  hashCarrierId(carrierSeed(carrier), buffer, 1, id.length, out, 1);
  expect([out[0], out[HASH_WORDS + 1]]).toEqual([0, 0]);
  return Buffer.from(out.buffer, 4, HASH_WORDS * 4).toString('hex');
}

test.each([
  ['00af', 'AF'],
  ['AF', 'AF'],
  ['0', '0'],
  ['0000', '0'],
  ['', ''],
  ['  007 ', '7'],
  ['12\0\0', '12'],
  ['a29f-E', 'A29F-E'],
])('%j compares as %j', (id, expected) => {
  expect(normalizeCarrierId(id)).toBe(expected);
});

describe('candidates', () => {
  test.each([
    ['0Ab', 'as-is', ['AB']],
    // Kannel's user guide, msg-id-type; Jasmin's dlr_msgid. Ids of jasmin's captured receipts.
    ['1891273321', 'hex-to-decimal', ['70BA8A69', '1891273321']],
    ['0000436949', 'hex-to-decimal', ['6AAD5', '436949']],
    ['70ba8a69', 'decimal-to-hex', ['1891273321', '70BA8A69']],
    ['70ba8a69', 'hex-to-decimal', ['70BA8A69']],
    ['not-hex', 'decimal-to-hex', ['NOT-HEX']],
    ['7', 'hex-to-decimal', ['7']],
    ['', 'hex-to-decimal', ['']],
    [
      '123456789012345678901234567890',
      'hex-to-decimal',
      ['18EE90FF6C373E0EE4E3F0AD2', '123456789012345678901234567890'],
    ],
  ] as const)('%s, %s', (id, mode, expected) => {
    expect(candidates(id, mode)).toEqual(expected);
  });

  test('the id that the response gave is among them', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 128n }), fc.nat(4), (id, zeros) => {
        const pad = (text: string): string => '0'.repeat(zeros) + text;
        expect(candidates(pad(id.toString(10)), 'hex-to-decimal')).toContain(normalizeCarrierId(id.toString(16)));
        expect(candidates(pad(id.toString(16)), 'decimal-to-hex')).toContain(normalizeCarrierId(id.toString(10)));
        expect(candidates(pad(id.toString(16)), 'as-is')).toContain(normalizeCarrierId(id.toString(16)));
      }),
    );
  });
});

describe('hashCarrierId', () => {
  const id = fc.oneof(
    fc.string({ unit: fc.constantFrom('0', '1', 'a', 'A', 'F', '-', ' ', '\0'), maxLength: 6 }),
    fc.string({ unit: fc.integer({ min: 0, max: 255 }).map(octet => String.fromCharCode(octet)), maxLength: 64 }),
  );
  test('is equal for ids that are equal when normalized, and for those only', () => {
    fc.assert(
      fc.property(id, id, (a, b) => {
        expect(hash('sink', a) === hash('sink', b)).toBe(normalizeCarrierId(a) === normalizeCarrierId(b));
        expect(hash('sink', a)).toBe(hash('sink', normalizeCarrierId(a)));
      }),
      { numRuns: 2000 },
    );
  });
  test('carriers have ids of their own', () => {
    expect(hash('sink', '1')).not.toBe(hash('sunk', '1'));
    expect(hash('ab', 'c')).not.toBe(hash('a', 'bc'));
  });
  test('ids that count up spread evenly, in each word', () => {
    const counts = Array.from({ length: HASH_WORDS }, () => new Uint32Array(256));
    const out = new Uint32Array(HASH_WORDS);
    const seed = carrierSeed('sink');
    const seen = new Set<number>();
    for (let i = 0; i < 100_000; i++) {
      const buffer = Buffer.from(String(4_000_000_000 + i));
      hashCarrierId(seed, buffer, 0, buffer.length, out, 0);
      for (const [word, count] of counts.entries()) count[out[word]! & 255]!++;
      seen.add(out[0]! * 2 ** 20 + (out[1]! & 0xfffff));
    }
    expect(seen.size).toBe(100_000);
    // 390 are expected in each; 6 standard deviations are 118.
    for (const count of counts) for (const n of count) expect(Math.abs(n - 390.6)).toBeLessThan(118);
  });
});

const ids = (mode: ReceiptIdMode, siblings: readonly string[] = []): ReceiptIds =>
  new ReceiptIds('sink', mode, siblings);
const sink = (id: string) => ({ carrier: 'sink', id });
const spare = (id: string) => ({ carrier: 'spare', id });

describe('ReceiptIds', () => {
  test('the usual case has one, and allocates no list', () => {
    expect(ids('as-is').first('00ab')).toBe('AB');
    expect(ids('as-is').others('00ab', '')).toBeUndefined();
  });
  test('then the id as it stands, then the one in the text', () => {
    expect(ids('hex-to-decimal').first('171')).toBe('AB');
    expect(ids('hex-to-decimal').others('171', '')).toEqual([sink('171')]);
    expect(ids('hex-to-decimal').others('171', '0172')).toEqual([sink('171'), sink('AC'), sink('172')]);
    expect(ids('as-is').others('ab', 'cd')).toEqual([sink('CD')]);
    expect(ids('decimal-to-hex').others('x-1', '')).toBeUndefined();
  });
  test('then those of the carriers of its group', () => {
    expect(ids('as-is', ['spare']).others('ab', '')).toEqual([spare('AB')]);
    expect(ids('decimal-to-hex', ['spare']).others('ab', '')).toEqual([sink('AB'), spare('171'), spare('AB')]);
  });
});

test.each([
  ['447700900123', '447700900123', true],
  ['+447700900123', '447700900123', true],
  ['00447700900123', '+447700900123', true],
  ['07700900123', '447700900123', true],
  ['447700900124', '447700900123', false],
  ['1447700900123', '447700900123', true],
  ['12345', '2345', false],
  ['12345', '12345', true],
  ['', '447700900123', false],
  ['', '', false],
])('%j and %j are one number: %s', (a, b, same) => {
  const both = Buffer.from(`x${a}${b}y`, 'latin1');
  expect(isSameNumber(both, 1, a.length, both, 1 + a.length, b.length)).toBe(same);
  expect(isSameNumber(both, 1 + a.length, b.length, both, 1, a.length)).toBe(same);
});
