import { describe, expect, test } from 'vitest';
import { convert, type Shape } from '../../../../actors/long/shape.ts';
import { MessageDraft } from '../../../../actors/message/draft.ts';
import { decodePeer } from '../../../../actors/text/charset.ts';
import { decodeText } from '../../../../actors/text/decode.ts';
import { encodeText } from '../../../../actors/text/encode.ts';
import { formOf, reform } from '../../../../adapters/smpp/form.ts';
import { GOLDEN_TEXTS, PEER_TEXTS } from '../../../vectors/golden-texts.ts';

function kept(hex: string, dataCoding: number): MessageDraft {
  const m = new MessageDraft();
  m.buffer = Buffer.concat([Buffer.from('AB'), Buffer.from(hex, 'hex')]);
  m.sourceLength = m.destAt = m.destLength = 1;
  m.textAt = 2;
  m.textLength = hex.length / 2;
  m.dataCoding = dataCoding;
  m.tlvsAt = m.buffer.length;
  return m;
}
const textOf = (m: MessageDraft): string => m.buffer.toString('hex', m.textAt, m.textAt + m.textLength);

describe.each(PEER_TEXTS)('$charset: $text', ({ charset, text, hex, dataCoding, kept: own }) => {
  test('is kept as the system has it', () => {
    const made = encodeText(decodePeer(Buffer.from(hex, 'hex'), charset));
    expect([made.dataCoding, made.bytes.toString('hex')]).toEqual([dataCoding, own]);
    expect(decodeText(made.bytes, made.dataCoding, false)).toBe(text);
  });

  test('is sent as its peer has it', () => {
    const m = kept(own, dataCoding);
    reform(m, formOf(charset, false));
    // What is in UCS-2 stays so: every peer has that.
    expect([m.dataCoding, textOf(m)]).toEqual(dataCoding === 8 ? [8, own] : [0, hex]);
    expect(m.buffer.toString('latin1', m.sourceAt, m.destAt + m.destLength)).toBe('AB');
  });
});

test('what a charset has not is sent as UCS-2, or with question marks where that is too long', () => {
  const m = kept('1b6510', 0);
  reform(m, formOf('latin1', false));
  expect([m.dataCoding, textOf(m)]).toEqual([8, '20ac0394']);
  const long = kept(`${'61'.repeat(150)}10`, 0);
  reform(long, formOf('latin1', false));
  expect([long.dataCoding, textOf(long)]).toEqual([0, `${'61'.repeat(150)}3f`]);
});

const shape = (more: Partial<Shape>): Shape => ({
  split: 'udh8',
  messageOctets: 140,
  maxParts: 255,
  codings: [],
  languages: [],
  transliterate: false,
  ...more,
});
const golden = (name: string) => GOLDEN_TEXTS.find(each => each.name === name)!;
const ucs2 = (text: string): string => Buffer.from(text, 'utf16le').swap16().toString('hex');

describe('codings that a destination takes', () => {
  const made = (hex: string, dataCoding: number, more: Partial<Shape>) => {
    const text = convert(Buffer.from(hex, 'hex'), dataCoding, false, shape(more));
    return text && [text.dataCoding, text.header.map(({ id, data }) => [id, ...data]), text.body.toString('hex')];
  };

  test('Turkish goes by its locking table', () => {
    const { hex } = golden('Turkish in UCS-2');
    const locked = golden('Turkish by its locking table').hex;
    const by = made(hex, 8, { languages: [1] })!;
    // The single shift table alone has all of it, and does less harm on a phone that does not know it.
    expect(by.slice(0, 2)).toEqual([0, [[0x24, 1]]]);
    expect(locked.length).toBeLessThan(hex.length / 2 + 2);
  });

  test('Latin-1 goes as GSM where that has it, else as UCS-2', () => {
    // é ö ñ in Latin-1; 3GPP TS 23.038 has them at 0x05, 0x7C, 0x7D.
    expect(made('e9f6f1', 3, { codings: ['gsm7', 'ucs2'] })).toEqual([0, [], '057c7d']);
    expect(made('e9ffbd', 3, { codings: ['gsm7', 'ucs2'] })).toEqual([8, [], '00e900ff00bd']);
    expect(made('e9f6f1', 3, { codings: ['latin1'] })).toBeUndefined();
  });

  test('a flash message stays one', () => {
    // 0x10 and 0x18: class 0 in GSM 7-bit and in UCS-2, 3GPP TS 23.038 §4.
    expect(made('0048', 0x18, { codings: ['gsm7'] })).toEqual([0x10, [], '48']);
    expect(made('48', 0x10, { codings: ['ucs2'] })).toEqual([0x18, [], '0048']);
    // A stored voicemail indication: 0xD8 in GSM 7-bit, 0xE8 in UCS-2.
    expect(made('48', 0xd8, { codings: ['ucs2'] })).toEqual([0xe8, [], '0048']);
  });

  test('the nearest characters, where each has one', () => {
    expect(made(ucs2('“Don’t” – łódź…'), 8, { transliterate: true })).toEqual([
      0,
      [],
      Buffer.from('"Don\'t" - lodz...').toString('hex'),
    ]);
    expect(made(ucs2('Привет'), 8, { transliterate: true })).toBeUndefined();
    expect(made(ucs2('ok 😀'), 8, { transliterate: true })).toBeUndefined();
  });

  test('octets that are no text stay as they are', () => {
    expect(made('00ff', 4, { codings: ['gsm7'] })).toBeUndefined();
  });
});
