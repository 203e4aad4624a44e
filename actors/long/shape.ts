import { DataCoding, charsetOf, formatDcs, parseDcs, type Charset } from '../text/data-coding.ts';
import { decodeText } from '../text/decode.ts';
import { alphabetsFor } from '../text/encode.ts';
import { DEFAULT_ALPHABET, type Gsm7Alphabet, type Language } from '../text/gsm7.ts';
import { encodeLatin1 } from '../text/latin1.ts';
import { transliterate } from '../text/transliterate.ts';
import { encodeUcs2 } from '../text/ucs2.ts';
import { addressesPort, Ie, languageElements, parseUdh, UDHI, writeUdh, type InformationElement } from '../text/udh.ts';

/** How a destination wants long messages: cut, with a mark of 8 or 16 bits in a header or by TLVs, or whole. */
export type Split = 'udh8' | 'udh16' | 'sar' | 'payload';
/** Codings that texts can be converted into. */
export type TextCoding = 'gsm7' | 'latin1' | 'ucs2';

/** What a destination wants of the messages that go to it. */
export interface Shape {
  readonly split: Split;
  /** Octets of header and text that a message may have; 140 but for carriers that say otherwise. */
  readonly messageOctets: number;
  /** Most parts of a message; one that needs more goes as it came. */
  readonly maxParts: number;
  /** Codings it takes; texts in another are converted. Empty: any. */
  readonly codings: readonly TextCoding[];
  /** National Language Identifiers whose tables it knows: UCS-2 texts that fit them are sent in 7 bits. */
  readonly languages: readonly Language[];
  /** UCS-2 texts are sent in 7 bits by the nearest characters, where there are such. */
  readonly transliterate: boolean;
}

/** True when texts may have to be converted: each message to such a destination is looked at. */
export const converts = ({ codings, languages, transliterate: near }: Shape): boolean =>
  codings.length > 0 || languages.length > 0 || near;

/** A message's text as it is to be sent. */
export interface Wording {
  readonly dataCoding: number;
  /** The header's elements; none: no header. */
  readonly header: readonly InformationElement[];
  /** Behind the header. */
  readonly body: Buffer;
}

/**
 * The text in a coding that the destination takes; undefined when it is to go as it is: it is in one already, it is no text,
 * or no coding that the destination takes has all of it.
 *
 * Message class, message waiting and deletion (3GPP TS 23.038 §4) stay as they were.
 */
export function convert(octets: Buffer, dataCoding: number, udhPresent: boolean, shape: Shape): Wording | undefined {
  const read = converted(octets, dataCoding, udhPresent, shape, '');
  return read && { dataCoding: read.dataCoding, header: read.header, body: read.encode(read.text) };
}

/** A text, and the coding it is to be sent in. */
export interface Recoding {
  readonly dataCoding: number;
  readonly header: readonly InformationElement[];
  readonly text: string;
  readonly encode: (text: string) => Buffer;
}

/** As `convert`, for a text that `others` are sent with: the coding has all of both. */
export function converted(
  octets: Buffer,
  dataCoding: number,
  udhPresent: boolean,
  shape: Shape,
  others: string,
): Recoding | undefined {
  const charset = charsetOf(dataCoding);
  if (charset === 'binary' || charset === 'unknown') return undefined;
  const header = udhPresent ? parseUdh(octets) : NO_HEADER;
  if (!header || addressesPort(header)) return undefined;
  const shrinks = charset === 'ucs2' && (shape.languages.length > 0 || shape.transliterate);
  if (!shrinks && takes(shape, charset)) return undefined;
  const text = decodeText(octets, dataCoding, udhPresent);
  if (text === undefined || text.includes('\ufffd')) return undefined;
  const elements = withoutLanguages(header.elements);
  for (const coding of order(shape, charset)) {
    const coder = coderFor(text + others, coding, shape);
    const code = coder && codedAs(dataCoding, coding);
    if (code === undefined) continue;
    return { dataCoding: code, header: [...elements, ...coder!.elements], text, encode: coder!.encode };
  }
  return undefined;
}

export const withoutLanguages = (elements: readonly InformationElement[]): InformationElement[] =>
  elements.filter(({ id }) => id !== Ie.singleShift && id !== Ie.lockingShift);

const NO_HEADER = { length: 0, elements: [] };

/** Does the destination take that charset as it is? */
export function takes({ codings }: Pick<Shape, 'codings'>, charset: Charset): boolean {
  if (codings.length === 0) return true;
  return codings.some(coding => coding === charset || (charset === 'ascii' && coding === 'latin1'));
}

/** The codings to try, the shortest first; of no other is tried what the text has already. */
function order({ codings }: Shape, from: Charset): TextCoding[] {
  if (codings.length === 0) return ['gsm7'];
  const tried: readonly TextCoding[] = from === 'ucs2' ? ['gsm7', 'latin1'] : ['gsm7', 'latin1', 'ucs2'];
  return tried.filter(coding => codings.includes(coding));
}

/** A coding that has all of some text. */
interface Coder {
  readonly elements: readonly InformationElement[];
  readonly encode: (text: string) => Buffer;
}

function coderFor(text: string, coding: TextCoding, shape: Shape): Coder | undefined {
  switch (coding) {
    case 'gsm7':
      return gsmCoder(text, shape);
    case 'latin1':
      return encodeLatin1(text) && { elements: [], encode: some => encodeLatin1(some)! };
    case 'ucs2':
      return { elements: [], encode: encodeUcs2 };
    default:
      return coding satisfies never;
  }
}

function gsmCoder(text: string, shape: Shape): Coder | undefined {
  const alphabet: Gsm7Alphabet | undefined = alphabetsFor(text, shape.languages)[0];
  if (alphabet) {
    return { elements: languageElements(alphabet.locking, alphabet.single), encode: some => alphabet.encode(some)! };
  }
  if (!shape.transliterate || transliterate(text) === undefined) return undefined;
  return { elements: [], encode: some => DEFAULT_ALPHABET.encode(transliterate(some)!)! };
}

/** The data_coding for another coding of the same kind of message; undefined when there is none. */
export function codedAs(dataCoding: number, coding: TextCoding): number | undefined {
  if (dataCoding < 0x10) return DataCoding[coding];
  if (coding === 'latin1') return undefined;
  const dcs = parseDcs(dataCoding);
  try {
    return formatDcs({ ...dcs, alphabet: coding, ...(dcs.waiting && { waiting: storedIf(dcs.waiting, coding) }) });
  } catch {
    return undefined;
  }
}

/** A waiting indication in UCS-2 is always one to be stored. */
const storedIf = <W extends { readonly store: boolean }>(waiting: W, coding: TextCoding): W =>
  coding === 'ucs2' ? { ...waiting, store: true } : waiting;

/** Header and body as one text. */
export function joined({ header, body }: Pick<Wording, 'header' | 'body'>): Buffer {
  return header.length === 0 ? body : Buffer.concat([writeUdh(header), body]);
}

/** Header and body of a text; undefined when its header is damaged. */
export function apart(octets: Buffer, dataCoding: number, esmClass: number): Wording | undefined {
  if ((esmClass & UDHI) === 0) return { dataCoding, header: [], body: octets };
  const header = parseUdh(octets);
  return header && { dataCoding, header: header.elements, body: octets.subarray(header.length) };
}
