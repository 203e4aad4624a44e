import { DataCoding } from './data-coding.ts';
import { DEFAULT_ALPHABET, alphabetOf, type Gsm7Alphabet, type Language } from './gsm7.ts';
import { encodeLatin1 } from './latin1.ts';
import { encodeUcs2 } from './ucs2.ts';

/** Character sets that texts can be sent in. */
export type TextCharset = 'gsm7' | 'latin1' | 'ucs2';

export interface EncodedText {
  readonly dataCoding: number;
  readonly bytes: Buffer;
}

/** GSM 7-bit where the default alphabet has the whole text, else UCS-2. */
export function chooseCoding(text: string): 'gsm7' | 'ucs2' {
  return DEFAULT_ALPHABET.length(text) < 0 ? 'ucs2' : 'gsm7';
}

/** A text cannot be sent as asked: its charset has not all of its characters, or it takes too many parts. */
export class TextEncodingError extends Error {
  readonly code: 'CHARACTERS' | 'TOO_LONG';
  constructor(code: 'CHARACTERS' | 'TOO_LONG', message: string) {
    super(message);
    this.code = code;
  }
}

/** What charsets are called in messages. */
const NAMES: Readonly<Record<TextCharset, string>> = { gsm7: 'GSM 7-bit', latin1: 'Latin-1', ucs2: 'UCS-2' };

export const missingCharacters = (charset: TextCharset): TextEncodingError =>
  new TextEncodingError('CHARACTERS', `the text has characters that ${NAMES[charset]} has not`);

/**
 * A text as the octets of one message, unpacked (one septet an octet), without a header; not cut (`segmentation.ts`).
 *
 * @param charset absent: what `chooseCoding` says, which has every text
 * @throws TextEncodingError when the charset asked for does not have all of it
 */
export function encodeText(text: string, charset: TextCharset = chooseCoding(text)): EncodedText {
  const bytes = encodeIn(text, charset);
  if (bytes === undefined) throw missingCharacters(charset);
  return { dataCoding: DataCoding[charset], bytes };
}

function encodeIn(text: string, charset: TextCharset): Buffer | undefined {
  switch (charset) {
    case 'gsm7':
      return DEFAULT_ALPHABET.encode(text);
    case 'latin1':
      return encodeLatin1(text);
    case 'ucs2':
      return encodeUcs2(text);
    default:
      return charset satisfies never;
  }
}

/**
 * The GSM 7-bit alphabets that have all of a text, the one that does the least harm first: the default tables alone where
 * they do; else, language by language, the single shift table (a phone that does not know it shows the letter without
 * its mark), the locking table (such a phone shows another letter), both.
 *
 * @param languages National Language Identifiers that may be used; the default tables always may
 */
export function alphabetsFor(text: string, languages: readonly Language[]): Gsm7Alphabet[] {
  if (DEFAULT_ALPHABET.length(text) >= 0) return [DEFAULT_ALPHABET];
  const fitting = new Set<Gsm7Alphabet>();
  for (const [locking, single] of [
    [0, 1],
    [1, 0],
    [1, 1],
  ] as const) {
    for (const language of languages) {
      const alphabet = alphabetOf(locking * language, single * language);
      if (alphabet.length(text) >= 0) fitting.add(alphabet);
    }
  }
  return [...fitting];
}
