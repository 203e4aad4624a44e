import { describe, expect, test } from 'vitest';
import type { Shape } from '../../../../actors/long/shape.ts';
import { Shaper } from '../../../../actors/long/shaper.ts';
import type { Wrap } from '../../../../actors/long/wrap.ts';
import { MessageDraft } from '../../../../actors/message/draft.ts';
import { UDHI } from '../../../../actors/text/udh.ts';

/** What an account has its texts sent with. Octets are written out: 3GPP TS 23.038 §6.2.1, UTF-16BE. */

const SHAPE: Shape = {
  split: 'udh8',
  messageOctets: 140,
  maxParts: 255,
  codings: [],
  languages: [],
  transliterate: false,
};
const NOTHING: Wrap = { header: '', footer: '', splitChars: '', suffix: '' };

interface Sent {
  readonly dataCoding: number;
  /** The one message's octets, or each part's behind its mark of 6 octets. */
  readonly texts: string[];
}

function sent(octets: Buffer, dataCoding: number, wanted: Partial<Wrap>, shape?: Partial<Shape>, esmClass = 0): Sent {
  const m = new MessageDraft();
  m.buffer = octets;
  m.textLength = octets.length;
  m.tlvsAt = octets.length;
  m.dataCoding = dataCoding;
  m.esmClass = esmClass;
  const shaper = new Shaper(7);
  if (shape) shaper.useShapes(new Map([['sink', { ...SHAPE, ...shape }]]));
  shaper.useWraps(new Map([['shop', { ...NOTHING, ...wanted }]]));
  const shaped = shaper.shape(m, 'sink', shaper.wrapOf('shop'));
  if (!shaped) return { dataCoding, texts: [octets.toString('latin1')] };
  const { message, parts } = shaped;
  const whole = message.buffer.subarray(message.textAt, message.textAt + message.textLength);
  return {
    dataCoding: shaped.dataCoding,
    texts: parts ? parts.map(part => part.toString('latin1', 6)) : [whole.toString('latin1')],
  };
}

/** A text as UCS-2 octets, written as Latin-1. */
const wide = (text: string): string => Buffer.from(text, 'utf16le').swap16().toString('latin1');
const latin = (text: string): Buffer => Buffer.from(text, 'latin1');

describe('header and footer', () => {
  test('are with a text that fits one message, and with every part of one that does not', () => {
    const wanted = { header: 'Shop: ', footer: ' Bye' };
    expect(sent(latin('Hello'), 0, wanted, {}).texts).toEqual(['Shop: Hello Bye']);
    // 160 septets with 10 of them: 150 fit one message, 151 take two of 153.
    expect(sent(latin('x'.repeat(150)), 0, wanted, {}).texts).toEqual([`Shop: ${'x'.repeat(150)} Bye`]);
    expect(sent(latin('x'.repeat(151)), 0, wanted, {}).texts).toEqual([
      `Shop: ${'x'.repeat(143)} Bye`,
      `Shop: ${'x'.repeat(8)} Bye`,
    ]);
  });

  test('count in septets: an extension character is two', () => {
    const wanted = { header: '€' };
    expect(sent(latin('x'.repeat(158)), 0, wanted, {}).texts).toEqual([`\x1be${'x'.repeat(158)}`]);
    const [first, second] = sent(latin(`${'x'.repeat(150)}\x1b<${'x'.repeat(8)}`), 0, wanted, {}).texts;
    // 153 less 2 leave 151: the escape would be the last and goes with what it escapes.
    expect([first, second]).toEqual([`\x1be${'x'.repeat(150)}`, `\x1be\x1b<${'x'.repeat(8)}`]);
  });

  test('that a text’s coding has not make it UCS-2, message class and all', () => {
    expect(sent(latin('Hello'), 0, { header: 'Ж ' }, {})).toEqual({ dataCoding: 8, texts: [wide('Ж Hello')] });
    expect(sent(latin('Hello'), 0x10, { footer: ' Ж' }, {})).toEqual({ dataCoding: 0x18, texts: [wide('Hello Ж')] });
    expect(sent(latin('Gr\xfc\xdfe'), 3, { footer: ' €' }, {})).toEqual({ dataCoding: 8, texts: [wide('Grüße €')] });
    // The carrier takes 7 bits alone: the text goes without.
    expect(sent(latin('Hello'), 0, { header: 'Ж ' }, { codings: ['gsm7'] }).texts).toEqual(['Hello']);
  });

  test('are in the alphabet that the carrier gets the text in', () => {
    const turkish = { languages: [1] } as const;
    // "ş" 0x1c and "ı" 0x07 of the locking table (TS 23.038 A.3.1), single shift: escape and "s", "i" (A.2.1).
    const text = Buffer.from(wide('iş'), 'latin1');
    const header = Buffer.from([3, 0x24, 1, 1]).toString('latin1');
    const { dataCoding, texts } = sent(text, 8, { header: 'ı: ' }, turkish);
    expect([dataCoding, texts]).toEqual([0, [`${header}\x1bi: i\x1bs`]]);
    // Of a header alone that needs it: the text has no such letter.
    expect(sent(Buffer.from(wide('is'), 'latin1'), 8, { header: 'ı: ' }, turkish).texts).toEqual([
      `${header}\x1bi: is`,
    ]);
    const near = { transliterate: true };
    expect(sent(Buffer.from(wide('caf\u00ea'), 'latin1'), 8, { footer: ' – ŁÓDŹ' }, near)).toEqual({
      dataCoding: 0,
      texts: ['cafe - LODZ'],
    });
  });

  test('go once with a text that goes whole, also to a destination that takes messages as they come', () => {
    const text = latin('x'.repeat(400));
    const wanted = { header: '>', footer: '<', suffix: '…', splitChars: 'x' };
    expect(sent(text, 8, { ...wanted, suffix: '' }, { split: 'payload' }).texts).toEqual([
      wide('>') + 'x'.repeat(400) + wide('<'),
    ]);
    expect(sent(text, 0, { ...wanted, suffix: '' }).texts).toEqual([`>${'x'.repeat(400)}<`]);
  });

  test('stay away from parts, from octets that are no text, and from ports', () => {
    const part = Buffer.concat([Buffer.from([5, 0, 3, 1, 2, 1]), latin('Hello')]);
    expect(sent(part, 0, { header: '>' }, {}, UDHI).texts).toEqual([part.toString('latin1')]);
    expect(sent(latin('Hello'), 4, { header: '>' }, {}).texts).toEqual(['Hello']);
    const port = Buffer.concat([Buffer.from([6, 5, 4, 0x0b, 0x84, 0x23, 0xf0]), latin('Hello')]);
    expect(sent(port, 0, { header: '>' }, {}, UDHI).texts).toEqual([port.toString('latin1')]);
  });
});

describe('where a text is cut', () => {
  const words = 'word '.repeat(40).trimEnd();

  test('a part ends behind the last of the characters that it has room for', () => {
    const { texts } = sent(latin(words), 0, { splitChars: ' .' }, {});
    // 153 septets hold 30 words with their spaces, and three letters that go with the rest of theirs.
    expect(texts).toEqual(['word '.repeat(30), words.slice(150)]);
    expect(sent(latin(words), 0, { splitChars: '#€' }, {}).texts).toEqual([words.slice(0, 153), words.slice(153)]);
  });

  test('an extension character is one of them, and half of it is not', () => {
    const text = `${'x'.repeat(100)}\x1b<${'x'.repeat(100)}`;
    expect(sent(latin(text), 0, { splitChars: '[' }, {}).texts).toEqual([text.slice(0, 102), text.slice(102)]);
    // "{" is escape and 0x28, "(" is 0x28: 3GPP TS 23.038 §6.2.1.1.
    const brace = `${'x'.repeat(100)}\x1b(${'x'.repeat(100)}`;
    expect(sent(latin(brace), 0, { splitChars: '(' }, {}).texts[0]).toBe(brace.slice(0, 153));
  });

  test('the suffix is behind every part but the last, and has its room', () => {
    const text = 'x'.repeat(151 + 153);
    expect(sent(latin(text), 0, { suffix: '>>' }, {}).texts).toEqual([`${'x'.repeat(151)}>>`, 'x'.repeat(153)]);
    const longer = sent(latin(`${text}x`), 0, { suffix: '>>' }, {}).texts;
    expect(longer.map(part => part.length)).toEqual([153, 153, 3]);
    expect(longer.map(part => part.endsWith('>>'))).toEqual([true, true, false]);
    // One that fits one message has none.
    expect(sent(latin('x'.repeat(160)), 0, { suffix: '>>' }, {}).texts).toEqual(['x'.repeat(160)]);
  });

  test('header, share, footer and suffix come in that order, as Kannel has them', () => {
    const { texts } = sent(latin('x'.repeat(200)), 0, { header: 'H:', footer: ':F', suffix: '+' }, {});
    expect(texts).toEqual([`H:${'x'.repeat(148)}:F+`, `H:${'x'.repeat(52)}:F`]);
  });

  test('a surrogate pair is never cut, and may be one of the characters', () => {
    const text = `${'Ж'.repeat(63)}😀${'Ж'.repeat(20)}`;
    // 67 units less a suffix of 3: the pair would be units 64 and 65.
    const cut = sent(Buffer.from(wide(text), 'latin1'), 8, { suffix: '...' }, {}).texts;
    expect(cut).toEqual([wide(`${'Ж'.repeat(63)}...`), wide(`😀${'Ж'.repeat(20)}`)]);
    const after = sent(Buffer.from(wide(`ЖЖ😀${'Ж'.repeat(80)}`), 'latin1'), 8, { splitChars: '😀' }, {}).texts;
    expect(after[0]).toBe(wide('ЖЖ😀'));
    // The low half of that pair and "Ж" beside it are no such character.
    expect(
      sent(Buffer.from(wide(`ЖЖ😁${'Ж'.repeat(80)}`), 'latin1'), 8, { splitChars: '😀' }, {}).texts[0]!.length,
    ).toBe(134);
  });

  test('where nothing is left for the text it goes whole', () => {
    const wanted = { header: 'Ж'.repeat(40), footer: 'Ж'.repeat(30) };
    const text = Buffer.from(wide('Ж'.repeat(80)), 'latin1');
    expect(sent(text, 8, wanted, {}).texts).toEqual([wide('Ж'.repeat(150))]);
    // 3 parts of 2 characters each beside a header and a suffix: more than the carrier takes.
    expect(sent(text, 8, { suffix: '...' }, { maxParts: 1 }).texts).toEqual([wide('Ж'.repeat(80))]);
  });
});
