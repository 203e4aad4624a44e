import { charsetOf, type Charset } from '../text/data-coding.ts';
import { decodeText } from '../text/decode.ts';
import { alphabetOf } from '../text/gsm7.ts';
import { encodeLatin1 } from '../text/latin1.ts';
import { addressesPort, languagesOf, parseUdh, type UserDataHeader } from '../text/udh.ts';
import { encodeUcs2 } from '../text/ucs2.ts';
import { codedAs, converted, converts, takes, withoutLanguages, type Shape, type Wording } from './shape.ts';
import type { Trim } from './split.ts';

/**
 * What an account has its texts sent with (Kannel's `header`, `footer`, `split-chars`, `split-suffix`): the first two with
 * every message, and where a text goes in several, the header before and the footer behind each part's share of it.
 */
export interface Wrap {
  readonly header: string;
  readonly footer: string;
  /** A part ends behind one of these characters, if it has one. */
  readonly splitChars: string;
  /** Behind every part but the last. */
  readonly suffix: string;
}

/** A text as it is sent with its wrap. */
export interface Wrapped {
  /** In one message. */
  readonly whole: Wording;
  /** Without header and footer, to be cut. */
  readonly bare: Wording;
  readonly trim: Trim;
}

/** Octets that a message's text may have: a TLV has no more (SMPP v3.4 §5.3.1). */
const MOST_OCTETS = 65_535;

/**
 * A text with its wrap, in a coding that has all of both: its own if that does, or one that the destination takes. Undefined
 * where it is to go as it is: it is no text, is for a port, cannot be read, would be too long, or no coding is right.
 *
 * @param shape what its destination wants; undefined: messages as they come
 */
export function wrap(
  octets: Buffer,
  dataCoding: number,
  udhPresent: boolean,
  wanted: Wrap,
  shape: Shape | undefined,
): Wrapped | undefined {
  const charset = charsetOf(dataCoding);
  if (charset === 'binary' || charset === 'unknown') return undefined;
  const header = udhPresent ? parseUdh(octets) : NO_HEADER;
  if (!header || addressesPort(header)) return undefined;
  const coded = inCoding(octets, dataCoding, udhPresent, charset, header, wanted, shape);
  if (!coded) return undefined;
  const { bare, encode } = coded;
  const trim: Trim = {
    header: encode(wanted.header)!,
    footer: encode(wanted.footer)!,
    suffix: encode(wanted.suffix)!,
    // Those that it has not do not stand in the text either.
    splitChars: Buffer.concat(Array.from(wanted.splitChars, one => encode(one) ?? NOTHING)),
  };
  const body = Buffer.concat([trim.header, bare.body, trim.footer]);
  return body.length > MOST_OCTETS ? undefined : { whole: { ...bare, body }, bare, trim };
}

const NOTHING = Buffer.alloc(0);
const NO_HEADER: UserDataHeader = { length: 0, elements: [] };

type Encode = (text: string) => Buffer | undefined;
interface Coded {
  readonly bare: Wording;
  readonly encode: Encode;
}

function inCoding(
  octets: Buffer,
  dataCoding: number,
  udhPresent: boolean,
  charset: Charset,
  header: UserDataHeader,
  wanted: Wrap,
  shape: Shape | undefined,
): Coded | undefined {
  const beside = wanted.header + wanted.footer + wanted.suffix;
  const other = shape && converts(shape) ? converted(octets, dataCoding, udhPresent, shape, beside) : undefined;
  if (other) {
    const { dataCoding: code, header: elements, text, encode } = other;
    return { bare: { dataCoding: code, header: elements, body: encode(text) }, encode };
  }
  const { elements } = header;
  const own = encoderOf(charset, header);
  if (own?.(beside) !== undefined) {
    return { bare: { dataCoding, header: elements, body: octets.subarray(header.length) }, encode: own };
  }
  const text = decodeText(octets, dataCoding, udhPresent);
  const wide = codedAs(dataCoding, 'ucs2');
  if (text === undefined || text.includes('\ufffd') || wide === undefined) return undefined;
  if (shape && !takes(shape, 'ucs2')) return undefined;
  const bare = { dataCoding: wide, header: withoutLanguages(elements), body: encodeUcs2(text) };
  return { bare, encode: encodeUcs2 };
}

/** How texts get into a message's own coding; undefined where that is not known here. */
function encoderOf(charset: Charset, header: UserDataHeader): Encode | undefined {
  switch (charset) {
    case 'gsm7': {
      const { locking, single } = languagesOf(header);
      return text => alphabetOf(locking, single).encode(text);
    }
    case 'latin1':
      return encodeLatin1;
    case 'ascii':
      return text => (/^[\0-\x7f]*$/.test(text) ? encodeLatin1(text) : undefined);
    case 'ucs2':
      return encodeUcs2;
    case 'cyrillic':
    case 'hebrew':
    case 'iso-2022-jp':
    case 'ks-c-5601':
    case 'binary':
    case 'unknown':
      return undefined;
    default:
      return charset satisfies never;
  }
}
