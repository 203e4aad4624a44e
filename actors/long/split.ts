import { charsetOf } from '../text/data-coding.ts';
import { capacityOf, cutOctets, unitOf } from '../text/cut.ts';
import { concatenationElement, writeUdh } from '../text/udh.ts';
import { isConcatenationElement } from './concatenation.ts';
import type { Shape, Wording } from './shape.ts';

/** Octets that every message may have; a text of no more is one message whatever it is. */
export const PLAIN_OCTETS = 140;
/** Octets of a header's own length, and of a concatenation element of 8 and of 16 bits. */
const HEADER_LENGTH = 1;
const MARK_OCTETS = { udh8: 5, udh16: 6, sar: 6 } as const;

/**
 * The texts of the messages that a long one is sent as, each with a header that says which it is; undefined when it is to go
 * as it is: it fits one message, is a part itself, or is of a charset that cannot be cut safely, or the destination wants it
 * whole, or in fewer parts than it needs.
 *
 * For `sar` the marks are in headers too, of 16 bits: whoever writes the PDU turns them into TLVs (`mapping.ts`). The parts are
 * no longer for that: the carrier puts a header on them before they go on the air.
 *
 * @param reference the parts' common number; as many bits as there are are used
 */
export function splitText(text: Wording, shape: Shape, reference: number): Buffer[] | undefined {
  const { split, messageOctets, maxParts } = shape;
  if (split === 'payload') return undefined;
  const unit = unitOf(charsetOf(text.dataCoding));
  const { header, body } = text;
  if (unit === undefined || header.some(({ id }) => isConcatenationElement(id))) return undefined;
  const elements = header.reduce((sum, { data }) => sum + 2 + data.length, 0);
  const alone = elements === 0 ? 0 : HEADER_LENGTH + elements;
  if (body.length <= capacityOf(unit, alone, messageOctets)) return undefined;
  const mark = MARK_OCTETS[split];
  const most = capacityOf(unit, HEADER_LENGTH + mark + elements, messageOctets);
  if (most < 4) return undefined;
  const ends = cutOctets(body, unit, most);
  const total = ends.length;
  if (total > maxParts) return undefined;
  const wide = split !== 'udh8';
  const number = wide ? reference & 0xffff : reference & 0xff;
  return ends.map((end, index) => {
    const concatenation = concatenationElement({ reference: number, wide, total, sequence: index + 1 });
    return Buffer.concat([writeUdh([concatenation, ...header]), body.subarray(ends[index - 1] ?? 0, end)]);
  });
}
