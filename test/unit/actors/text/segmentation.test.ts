import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { charsetOf } from '../../../../actors/text/data-coding.ts';
import { decodeText } from '../../../../actors/text/decode.ts';
import { TextEncodingError } from '../../../../actors/text/encode.ts';
import { packSeptets } from '../../../../actors/text/gsm7.ts';
import {
  MESSAGE_OCTETS,
  countParts,
  segmentOctets,
  segmentText,
  type SegmentOptions,
  type Segmented,
} from '../../../../actors/text/segmentation.ts';
import { concatenationOf, parseUdh } from '../../../../actors/text/udh.ts';

/** What a part takes on the air. */
function octetsOnAir(part: Buffer, { dataCoding, udhPresent }: Segmented): number {
  const header = udhPresent ? parseUdh(part)!.length : 0;
  const body = part.subarray(header);
  if (charsetOf(dataCoding) !== 'gsm7') return part.length;
  const fill = (7 - ((header * 8) % 7)) % 7;
  return header + packSeptets(body, fill).length;
}

/** Puts the parts together again, in a wrong order, by what their headers say. */
function joined({ parts, dataCoding, udhPresent }: Segmented): string {
  const found = new Map<number, string>();
  const references = new Set<number>();
  for (const part of parts.toReversed()) {
    const concatenation = udhPresent ? concatenationOf(parseUdh(part)!) : undefined;
    if (parts.length > 1) {
      expect(concatenation?.total).toBe(parts.length);
      references.add(concatenation!.reference);
    }
    found.set(concatenation?.sequence ?? 1, decodeText(part, dataCoding, udhPresent)!);
  }
  expect(references.size).toBeLessThanOrEqual(1);
  return Array.from({ length: parts.length }, (_, index) => found.get(index + 1)).join('');
}

const lengths = (text: string, options?: SegmentOptions): number[] =>
  segmentText(text, 7, options).parts.map(p => p.length);

describe('segmentText', () => {
  test.each([
    ['', 1],
    ['a'.repeat(160), 1],
    ['a'.repeat(161), 2],
    ['a'.repeat(306), 2],
    ['a'.repeat(307), 3],
    [`${'a'.repeat(158)}€`, 1],
    [`${'a'.repeat(159)}€`, 2],
    ['я'.repeat(70), 1],
    ['я'.repeat(71), 2],
    ['я'.repeat(134), 2],
    ['я'.repeat(135), 3],
    ['😀'.repeat(35), 1],
    ['😀'.repeat(36), 2],
    ['a'.repeat(153 * 255), 255],
  ])('%#: parts', (text, parts) => {
    expect(segmentText(text, 1).parts).toHaveLength(parts);
    expect(countParts(text)).toBe(parts);
  });

  test('what the octets are', () => {
    const { parts, dataCoding, udhPresent } = segmentText(`${'a'.repeat(160)}b`, 0x1a2, {});
    expect([dataCoding, udhPresent]).toEqual([0, true]);
    expect(parts[0]!.toString('hex')).toBe(`050003a20201${'61'.repeat(153)}`);
    expect(parts[1]!.toString('hex')).toBe(`050003a20202${'61'.repeat(7)}62`);
  });
  test('with 16 bits of reference', () => {
    const { parts } = segmentText('я'.repeat(71), 0x1a2b3, { wideReference: true });
    expect(parts.map(part => part.toString('hex'))).toEqual([
      `060804a2b30201${'044f'.repeat(66)}`,
      `060804a2b30202${'044f'.repeat(5)}`,
    ]);
    expect(lengths('a'.repeat(161), { wideReference: true })).toEqual([7 + 152, 7 + 9]);
  });
  test('one message has no header', () => {
    expect(segmentText('hi', 1)).toEqual({ dataCoding: 0, udhPresent: false, parts: [Buffer.from('hi')] });
  });
  test('an escape stays with what it escapes', () => {
    // The 153rd septet of the first part would be the escape.
    expect(lengths(`${'a'.repeat(152)}€${'a'.repeat(10)}`)).toEqual([6 + 152, 6 + 12]);
    expect(lengths(`${'a'.repeat(151)}€${'a'.repeat(10)}`)).toEqual([6 + 153, 6 + 10]);
  });
  test('a surrogate pair stays together', () => {
    expect(lengths(`${'я'.repeat(66)}😀${'я'.repeat(10)}`)).toEqual([6 + 132, 6 + 24]);
    expect(lengths(`${'я'.repeat(65)}😀${'я'.repeat(10)}`)).toEqual([6 + 134, 6 + 20]);
  });
  test('Latin-1 where asked for', () => {
    expect(segmentText('é'.repeat(141), 1, { charset: 'latin1' }).dataCoding).toBe(3);
    expect(lengths('é'.repeat(140), { charset: 'latin1' })).toEqual([140]);
    expect(lengths('é'.repeat(141), { charset: 'latin1' })).toEqual([140, 6 + 7]);
  });
  test('national tables, named in each part', () => {
    const { parts, dataCoding, udhPresent } = segmentText('şeker', 1, { languages: [1] });
    expect([dataCoding, udhPresent]).toEqual([0, true]);
    expect(parts.map(part => part.toString('hex'))).toEqual(['032401011b73656b6572']);
    // 155 septets beside a header of 4 octets, 149 beside one of 9.
    expect(lengths(`ş${'a'.repeat(153)}`, { languages: [1] })).toEqual([4 + 155]);
    expect(lengths(`şæ${'a'.repeat(153)}`, { languages: [1] })).toEqual([9 + 149, 9 + 7]);
  });

  test('the locking table where it saves a part', () => {
    const { parts } = segmentText('ş'.repeat(150), 1, { languages: [1] });
    expect(parts.map(part => part.toString('hex'))).toEqual([`03250101${'1d'.repeat(150)}`]);
  });

  test.each<[string, SegmentOptions, string, string]>([
    ['ç', { charset: 'gsm7' }, 'CHARACTERS', 'the text has characters that GSM 7-bit has not'],
    ['€', { charset: 'latin1' }, 'CHARACTERS', 'the text has characters that Latin-1 has not'],
    ['a'.repeat(153 * 255 + 1), {}, 'TOO_LONG', 'the text needs 256 parts, at most 255 are possible'],
  ])('%#: refused', (text, options, code, message) => {
    for (const refused of [() => segmentText(text, 1, options), () => countParts(text, options)]) {
      expect(refused).toThrow(TextEncodingError);
      expect(refused).toThrow(expect.objectContaining({ code, message }));
    }
  });

  test('parts fit, say the whole text, and are as many as counted, for any text', () => {
    const unit = fc.oneof(
      { weight: 5, arbitrary: fc.constantFrom('a', '@', 'é') },
      { weight: 2, arbitrary: fc.constantFrom('€', '{', '\f') },
      { weight: 1, arbitrary: fc.constantFrom('ş', 'ğ', 'á') },
    );
    const text = fc.oneof(
      fc.string({ unit, maxLength: 700 }),
      fc.string({ unit: fc.oneof(unit, fc.constantFrom('я', '😀', '漢')), maxLength: 400 }),
    );
    fc.assert(
      fc.property(
        text,
        fc.nat(70_000),
        fc.boolean(),
        fc.constantFrom([], [1], [1, 2, 3]),
        (text, reference, wideReference, languages) => {
          const options = { wideReference, languages };
          const segmented = segmentText(text, reference, options);
          expect(countParts(text, options)).toBe(segmented.parts.length);
          for (const part of segmented.parts) expect(octetsOnAir(part, segmented)).toBeLessThanOrEqual(MESSAGE_OCTETS);
          expect(joined(segmented)).toBe(text);
        },
      ),
      { numRuns: 500 },
    );
  });
});

const PORT = { id: 0x05, data: Uint8Array.of(0x0b, 0x84, 0x0b, 0x84) };
const parts = (octets: number, wide: boolean, header = [PORT]): number[] =>
  segmentOctets(new Uint8Array(octets).fill(7), 9, wide, header).map(part => part.length);

describe('segmentOctets', () => {
  test('as many octets as fit beside the header', () => {
    expect(parts(140, false, [])).toEqual([140]);
    expect(parts(141, false, [])).toEqual([140, 6 + 7]);
    expect(parts(141, true, [])).toEqual([140, 7 + 8]);
    expect(parts(133, false)).toEqual([140]);
    expect(parts(134, false)).toEqual([140, 12 + 6]);
    expect(parts(0, false)).toEqual([7]);
  });
  test('too many are refused', () => {
    expect(() => segmentOctets(new Uint8Array(134 * 255 + 1), 1, false, [])).toThrow('the text needs 256 parts');
    const full = { id: 0x70, data: new Uint8Array(133) };
    expect(() => segmentOctets(new Uint8Array(141), 1, false, [full])).toThrow(TextEncodingError);
  });
});
