import { charsetOf } from '../text/data-coding.ts';
import { capacityOf, charactersOf, cutOctets, unitOf } from '../text/cut.ts';
import { concatenationElement, writeUdh } from '../text/udh.ts';
import { isConcatenationElement } from './concatenation.ts';
import type { Shape, Wording } from './shape.ts';

/** Octets that every message may have; a text of no more is one message whatever it is. */
export const PLAIN_OCTETS = 140;
/** Octets of a header's own length, and of a concatenation element of 8 and of 16 bits. */
const HEADER_LENGTH = 1;
const MARK_OCTETS = { udh8: 5, udh16: 6, sar: 6 } as const;

/** What an account's messages have beside their own texts, in the coding of the message (`wrap.ts`). */
export interface Trim {
  /** Before and behind the text of every message. */
  readonly header: Buffer;
  readonly footer: Buffer;
  /** Behind every part but the last. */
  readonly suffix: Buffer;
  /** A part ends behind one of these characters, if it has one. */
  readonly splitChars: Buffer;
}

const EMPTY = Buffer.alloc(0);
export const NO_TRIM: Trim = { header: EMPTY, footer: EMPTY, suffix: EMPTY, splitChars: EMPTY };

/**
 * The texts of the messages that a long one is sent as, each with a header that says which it is; undefined when it is to go
 * as it is: it fits one message, is a part itself, or is of a charset that cannot be cut safely, or the destination wants it
 * whole, or in fewer parts than it needs.
 *
 * For `sar` the marks are in headers too, of 16 bits: whoever writes the PDU turns them into TLVs (`mapping.ts`). The parts are
 * no longer for that: the carrier puts a header on them before they go on the air.
 *
 * @param reference the parts' common number; as many bits as there are are used
 * @param trim what each part has beside its share of the text
 */
export function splitText(text: Wording, shape: Shape, reference: number, trim: Trim = NO_TRIM): Buffer[] | undefined {
  const { split, messageOctets, maxParts } = shape;
  if (split === 'payload') return undefined;
  const unit = unitOf(charsetOf(text.dataCoding));
  const { header, body } = text;
  if (unit === undefined || header.some(({ id }) => isConcatenationElement(id))) return undefined;
  const elements = header.reduce((sum, { data }) => sum + 2 + data.length, 0);
  const alone = elements === 0 ? 0 : HEADER_LENGTH + elements;
  const around = trim.header.length + trim.footer.length;
  if (around + body.length <= capacityOf(unit, alone, messageOctets)) return undefined;
  const mark = MARK_OCTETS[split];
  const last = capacityOf(unit, HEADER_LENGTH + mark + elements, messageOctets) - around;
  const most = last - trim.suffix.length;
  if (most < 4) return undefined;
  const ends = cutOctets(body, unit, most, { after: charactersOf(trim.splitChars, unit), last });
  const total = ends.length;
  if (total > maxParts) return undefined;
  const wide = split !== 'udh8';
  const number = wide ? reference & 0xffff : reference & 0xff;
  return ends.map((end, index) => {
    const concatenation = concatenationElement({ reference: number, wide, total, sequence: index + 1 });
    return Buffer.concat([
      writeUdh([concatenation, ...header]),
      trim.header,
      body.subarray(ends[index - 1] ?? 0, end),
      trim.footer,
      index === total - 1 ? EMPTY : trim.suffix,
    ]);
  });
}
