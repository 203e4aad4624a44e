import { MessageDraft } from '../message/draft.ts';
import { RecordFlag } from '../message/record.ts';
import { charsetOf } from '../text/data-coding.ts';
import { decodeText } from '../text/decode.ts';
import { encodeText } from '../text/encode.ts';
import { UDHI, type InformationElement } from '../text/udh.ts';
import { isConcatenationElement, tlvsWithoutMarks } from './concatenation.ts';
import { apart, joined, type Wording } from './shape.ts';

/**
 * The message that parts make, in their order: addresses and what else is said once as the first has it, the most urgent of
 * their priorities, the earliest end of their validities, receipts if one of them wants any.
 *
 * @param parts drafts that were read from records (times are given apart), 1 to 255
 */
export function putTogether(parts: readonly MessageDraft[], expiresAt: number, deliverAfter: number): MessageDraft {
  const [first] = parts;
  if (!first) throw new RangeError('parts: expected 1 or more, got 0');
  const text = textOf(parts);
  const octets = joined(text);
  const tlvs = tlvsWithoutMarks(first);
  const { buffer } = first;
  const m = Object.assign(new MessageDraft(), first);
  m.buffer = Buffer.concat([
    buffer.subarray(first.sourceAt, first.sourceAt + first.sourceLength),
    buffer.subarray(first.destAt, first.destAt + first.destLength),
    buffer.subarray(first.serviceTypeAt, first.serviceTypeAt + first.serviceTypeLength),
    tlvs,
    octets,
  ]);
  m.sourceAt = 0;
  m.destAt = first.sourceLength;
  m.serviceTypeAt = m.destAt + first.destLength;
  m.tlvsAt = m.serviceTypeAt + first.serviceTypeLength;
  m.tlvsLength = tlvs.length;
  m.payloadTlvAt = -1;
  m.payloadTlvLength = 0;
  m.textAt = m.tlvsAt + tlvs.length;
  m.textLength = octets.length;
  m.dataCoding = text.dataCoding;
  m.esmClass = text.header.length === 0 ? first.esmClass & ~UDHI : first.esmClass | UDHI;
  m.registeredDelivery = receiptsFor(parts);
  m.priority = Math.max(...parts.map(({ priority }) => priority));
  m.flags = (first.flags & RecordFlag.extras) | ((m.registeredDelivery & 0x03) === 0 ? 0 : RecordFlag.gathered);
  m.expiresAt = expiresAt;
  m.deliverAfter = deliverAfter;
  return m;
}

/** registered_delivery (SMPP v3.4 §5.2.17) of the whole: what all agree on, else every receipt; the other bits of any. */
function receiptsFor(parts: readonly MessageDraft[]): number {
  let wanted = 0;
  let others = 0;
  for (const { registeredDelivery } of parts) {
    const asks = registeredDelivery & 0x03;
    if (asks !== 0) wanted = wanted === 0 || wanted === asks ? asks : 1;
    others |= registeredDelivery & ~0x03;
  }
  return wanted | others;
}

/**
 * One text of all: the octets one after the other where all are of one coding; otherwise (a sender may have put each part
 * into the shortest coding that has it) in one that has all of them.
 */
function textOf(parts: readonly MessageDraft[]): Wording {
  const texts = parts.map(part => wordingOf(part));
  const [first] = texts as [Wording, ...Wording[]];
  const isUniform = texts.every(
    text => text.dataCoding === first.dataCoding && sameElements(text.header, first.header),
  );
  const together = { ...first, body: Buffer.concat(texts.map(({ body }) => body)) };
  if (isUniform || charsetOf(first.dataCoding) === 'binary') return together;
  let whole = '';
  for (const text of texts) {
    const read = decodeText(joined(text), text.dataCoding, text.header.length > 0);
    if (read === undefined) return together;
    whole += read;
  }
  const { dataCoding, bytes } = encodeText(whole);
  return { dataCoding, header: [], body: bytes };
}

/** A part's text without its mark; with a damaged header, as it came. */
function wordingOf({ buffer, textAt, textLength, dataCoding, esmClass }: MessageDraft): Wording {
  const octets = buffer.subarray(textAt, textAt + textLength);
  const text = apart(octets, dataCoding, esmClass) ?? { dataCoding, header: [], body: octets };
  return { ...text, header: text.header.filter(({ id }) => !isConcatenationElement(id)) };
}

function sameElements(a: readonly InformationElement[], b: readonly InformationElement[]): boolean {
  return (
    a.length === b.length && a.every(({ id, data }, i) => id === b[i]!.id && Buffer.compare(data, b[i]!.data) === 0)
  );
}
