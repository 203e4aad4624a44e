import { DataCoding } from './data-coding.ts';
import { TextEncodingError, alphabetsFor, missingCharacters, type TextCharset } from './encode.ts';
import { DEFAULT_ALPHABET, type Gsm7Alphabet, type Language } from './gsm7.ts';
import { encodeLatin1 } from './latin1.ts';
import { encodeUcs2, isHighSurrogate } from './ucs2.ts';
import { concatenationElement, languageElements, writeUdh, type InformationElement } from './udh.ts';

/**
 * Long texts in several messages. On the air a message has 140 octets for header and text together (3GPP TS 23.040
 * §9.2.3.16): 160 septets, 140 octets or 70 units of UCS-2, and with a reference of 8 bits 153, 134 or 67, of 16 bits
 * 152, 133 or 66. A character is never cut: neither an escape from what it escapes, nor a surrogate pair.
 */

export const MESSAGE_OCTETS = 140;
/** Most parts: they are counted in one octet (3GPP TS 23.040 §9.2.3.24.1). */
export const PARTS_LIMIT = 255;

export interface SegmentOptions {
  /** Absent: GSM 7-bit where it has the whole text, else UCS-2. */
  readonly charset?: TextCharset;
  /** True: a reference of 16 bits, which repeats later and costs a character a part. */
  readonly wideReference?: boolean;
  /** National Language Identifiers whose tables may be used where the default alphabet does not have the text. */
  readonly languages?: readonly Language[];
}

export interface Segmented {
  readonly dataCoding: number;
  /** True when each part starts with a header: esm_class needs UDHI. */
  readonly udhPresent: boolean;
  /** 1 to PARTS_LIMIT. GSM 7-bit with one septet an octet behind the header, as SMPP has it. */
  readonly parts: readonly Buffer[];
}

/**
 * Cuts a text into messages; one message, without a header if its tables need none, when it fits. National tables that
 * make the fewest parts are taken, of several the one that does the least harm (`alphabetsFor`).
 *
 * @param reference the parts' common number, of which as many bits are used as `wideReference` says
 * @throws TextEncodingError
 */
export function segmentText(text: string, reference: number, options: SegmentOptions = {}): Segmented {
  const plan = planFor(text, options);
  const { dataCoding } = plan;
  const { wideReference: wide = false } = options;
  if (countEnds(text, plan, capacity(plan, 0), 2) === 1) {
    return { dataCoding, udhPresent: plan.header.length > 0, parts: [withHeader(plan, [], text)] };
  }
  const cuts = ends(text, plan, capacity(plan, wide ? 6 : 5));
  const total = cuts.length;
  if (total > PARTS_LIMIT) throw tooLong(total);
  const number = wide ? reference & 0xffff : reference & 0xff;
  let from = 0;
  const parts = cuts.map((end, index) => {
    const concatenation = concatenationElement({ reference: number, wide, total, sequence: index + 1 });
    const part = withHeader(plan, [concatenation], text.slice(from, end));
    from = end;
    return part;
  });
  return { dataCoding, udhPresent: true, parts };
}

/** How many messages `segmentText` makes of a text, without making them. @throws TextEncodingError */
export function countParts(text: string, options: SegmentOptions = {}): number {
  const total = partsOf(text, planFor(text, options), options);
  if (total > PARTS_LIMIT) throw tooLong(total);
  return total;
}

function partsOf(text: string, plan: Plan, { wideReference = false }: SegmentOptions): number {
  if (countEnds(text, plan, capacity(plan, 0), 2) === 1) return 1;
  return countEnds(text, plan, capacity(plan, wideReference ? 6 : 5), Infinity);
}

interface Plan {
  readonly dataCoding: number;
  readonly charset: TextCharset;
  readonly alphabet: Gsm7Alphabet;
  /** Elements that every part has. */
  readonly header: readonly InformationElement[];
}

function planFor(text: string, options: SegmentOptions): Plan {
  const { charset, languages = [] } = options;
  const alphabets = charset === undefined || charset === 'gsm7' ? alphabetsFor(text, languages) : [];
  if (charset === 'gsm7' && alphabets.length === 0) throw missingCharacters(charset);
  if (charset === 'latin1' && encodeLatin1(text) === undefined) throw missingCharacters(charset);
  if (alphabets.length > 0) return fewestParts(text, alphabets.map(septetPlan), options);
  const chosen = charset ?? 'ucs2';
  return { dataCoding: DataCoding[chosen], charset: chosen, alphabet: DEFAULT_ALPHABET, header: [] };
}

function septetPlan(alphabet: Gsm7Alphabet): Plan {
  const header = languageElements(alphabet.locking, alphabet.single);
  return { dataCoding: DataCoding.gsm7, charset: 'gsm7', alphabet, header };
}

/** The first of the plans that make the fewest parts. */
function fewestParts(text: string, plans: readonly Plan[], options: SegmentOptions): Plan {
  if (plans.length === 1) return plans[0]!;
  const parts = plans.map(plan => partsOf(text, plan, options));
  return plans[parts.indexOf(Math.min(...parts))]!;
}

/** Characters a message holds beside its header, in the charset's own units. */
function capacity(plan: Plan, concatenationOctets: number): number {
  const elements = plan.header.length * 3 + concatenationOctets;
  const octets = MESSAGE_OCTETS - (elements === 0 ? 0 : 1 + elements);
  if (plan.charset === 'gsm7') return Math.floor((octets * 8) / 7);
  return plan.charset === 'ucs2' ? octets >>> 1 : octets;
}

/** Where the parts end; one part of an empty text. */
function ends(text: string, plan: Plan, most: number): number[] {
  const result: number[] = [];
  let at = 0;
  do {
    at = endOfPart(text, plan, at, most);
    result.push(at);
  } while (at < text.length);
  return result;
}

/** How many `ends` there are; no more than `limit` are counted. */
function countEnds(text: string, plan: Plan, most: number, limit: number): number {
  let count = 0;
  let at = 0;
  do {
    at = endOfPart(text, plan, at, most);
    count++;
  } while (at < text.length && count < limit);
  return count;
}

function endOfPart(text: string, { charset, alphabet }: Plan, from: number, most: number): number {
  if (charset !== 'gsm7') {
    const end = Math.min(text.length, from + most);
    return charset === 'ucs2' && end < text.length && isPair(text, end - 1) ? end - 1 : end;
  }
  let left = most;
  let at = from;
  while (at < text.length && (left -= alphabet.septetsOf(text.charCodeAt(at))) >= 0) at++;
  return at;
}

function isPair(text: string, at: number): boolean {
  const next = text.charCodeAt(at + 1);
  return isHighSurrogate(text.charCodeAt(at)) && next >= 0xdc00 && next <= 0xdfff;
}

function withHeader(plan: Plan, concatenation: readonly InformationElement[], text: string): Buffer {
  return Buffer.concat([headerOf([...concatenation, ...plan.header]), encoded(plan, text)]);
}

/** A message without elements has no header at all. */
function headerOf(elements: readonly InformationElement[]): Buffer {
  return elements.length === 0 ? Buffer.alloc(0) : writeUdh(elements);
}

function encoded({ charset, alphabet }: Plan, text: string): Buffer {
  if (charset === 'ucs2') return encodeUcs2(text);
  // The plan has made sure that the charset has all of it.
  return charset === 'gsm7' ? alphabet.encode(text)! : encodeLatin1(text)!;
}

const tooLong = (parts: number): TextEncodingError =>
  new TextEncodingError('TOO_LONG', `the text needs ${parts} parts, at most ${PARTS_LIMIT} are possible`);

/**
 * Cuts octets (a ringtone, an application's data) into messages, as `segmentText` does.
 *
 * @param header elements that every part has, port addresses for example
 * @throws TextEncodingError
 */
export function segmentOctets(
  octets: Uint8Array,
  reference: number,
  wideReference: boolean,
  header: readonly InformationElement[],
): Buffer[] {
  const alone = headerOf(header);
  if (octets.length <= MESSAGE_OCTETS - alone.length) return [Buffer.concat([alone, octets])];
  const most = MESSAGE_OCTETS - writeUdh(header).length - (wideReference ? 6 : 5);
  const total = most <= 0 ? Infinity : Math.ceil(octets.length / most);
  if (total > PARTS_LIMIT) throw tooLong(total);
  const number = wideReference ? reference & 0xffff : reference & 0xff;
  return Array.from({ length: total }, (_, index) => {
    const concatenation = concatenationElement({ reference: number, wide: wideReference, total, sequence: index + 1 });
    return Buffer.concat([headerOf([concatenation, ...header]), octets.subarray(index * most, (index + 1) * most)]);
  });
}
