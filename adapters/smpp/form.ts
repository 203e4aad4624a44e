import type { MessageDraft } from '../../actors/message/draft.ts';
import { RecordFlag } from '../../actors/message/record.ts';
import {
  isConcatenationElement,
  partMarkOf,
  SAR_REFERENCE,
  SAR_SEQUENCE,
  SAR_TOTAL,
} from '../../actors/long/concatenation.ts';
import { apart, joined, type Wording } from '../../actors/long/shape.ts';
import { renumber, type NumberRules } from '../../actors/routing/number-rules.ts';
import { encodePeer, type PeerCharset } from '../../actors/text/charset.ts';
import { DataCoding } from '../../actors/text/data-coding.ts';
import { decodeText } from '../../actors/text/decode.ts';
import { encodeUcs2 } from '../../actors/text/ucs2.ts';
import { UDHI } from '../../actors/text/udh.ts';
import { outgoingTlvs, type TlvRules } from './tlv-rules.ts';

/** How a peer wants messages that the system keeps in its own way. */
export interface Form {
  /** What it means by data_coding 0, which is GSM 03.38 inside. */
  readonly charset: PeerCharset;
  /** The parts that a message was cut into are marked by TLVs, not by a header. */
  readonly sar: boolean;
  /** Other numbers and senders; undefined: as they are. */
  readonly numbers: NumberRules | undefined;
  /** TLVs that it is not sent, or always; undefined: those that the message has. */
  readonly tlvs: TlvRules | undefined;
}

/** As the system keeps them: nothing is to be done. */
export const AS_KEPT: Form = { charset: 'gsm7', sar: false, numbers: undefined, tlvs: undefined };

/** The form as the one object for "nothing to do" where it says so. */
export const formOf = (charset: PeerCharset, sar: boolean, numbers?: NumberRules, tlvs?: TlvRules): Form =>
  charset === 'gsm7' && !sar && !numbers && !tlvs ? AS_KEPT : { charset, sar, numbers, tlvs };

/** Octets beyond which a text that its charset has not is not sent as UCS-2 in one message. */
const UCS2_OCTETS = 140;

/** Gives a draft that was read from a record the form: its ranges are of another buffer then. */
export function reform(m: MessageDraft, { charset, sar, numbers, tlvs: rules }: Form): void {
  if (numbers) renumber(m, numbers);
  if (rules) amendTlvs(m, rules);
  const mark = sar && (m.flags & RecordFlag.part) !== 0 ? partMarkOf(m) : undefined;
  const isOther = charset !== 'gsm7' && m.dataCoding === DataCoding.gsm7 && m.textLength > 0;
  if (!mark && !isOther) return;
  const octets = m.buffer.subarray(m.textAt, m.textAt + m.textLength);
  let text = apart(octets, m.dataCoding, m.esmClass);
  if (!text) return;
  if (isOther) text = inCharset(text, octets, m.esmClass, charset);
  let tlvs = m.buffer.subarray(m.tlvsAt, m.tlvsAt + m.tlvsLength);
  if (mark) {
    text = { ...text, header: text.header.filter(({ id }) => !isConcatenationElement(id)) };
    tlvs = Buffer.concat([tlvs, sarTlvs(mark)]);
  }
  place(m, joined(text), tlvs);
  m.dataCoding = text.dataCoding;
  m.esmClass = text.header.length === 0 ? m.esmClass & ~UDHI : m.esmClass | UDHI;
}

function amendTlvs(m: MessageDraft, rules: TlvRules): void {
  const own = m.buffer.subarray(m.tlvsAt, m.tlvsAt + m.tlvsLength);
  const tlvs = outgoingTlvs(own, rules);
  if (tlvs !== own) place(m, m.buffer.subarray(m.textAt, m.textAt + m.textLength), tlvs);
}

/** As UCS-2 what the charset has not, if that is one message; else with a question mark for each character it has not. */
function inCharset(text: Wording, octets: Buffer, esmClass: number, charset: Exclude<PeerCharset, 'gsm7'>): Wording {
  const read = decodeText(octets, DataCoding.gsm7, (esmClass & UDHI) !== 0);
  if (read === undefined) return text;
  const body = encodePeer(read, charset);
  if (body) return { ...text, body };
  const wide = encodeUcs2(read);
  if (text.header.length === 0 && wide.length <= UCS2_OCTETS)
    return { dataCoding: DataCoding.ucs2, header: [], body: wide };
  const known = Array.from(read, character => (encodePeer(character, charset) ? character : '?')).join('');
  return { ...text, body: encodePeer(known, charset)! };
}

/** SMPP v3.4 §5.3.2.22 to §5.3.2.24. */
function sarTlvs({ reference, total, sequence }: { reference: number; total: number; sequence: number }): Buffer {
  const out = Buffer.alloc(6 + 5 + 5);
  out.writeUInt16BE(SAR_REFERENCE, 0);
  out.writeUInt16BE(2, 2);
  out.writeUInt16BE(reference, 4);
  out.writeUInt16BE(SAR_TOTAL, 6);
  out.writeUInt16BE(1, 8);
  out[10] = total;
  out.writeUInt16BE(SAR_SEQUENCE, 11);
  out.writeUInt16BE(1, 13);
  out[15] = sequence;
  return out;
}

function place(m: MessageDraft, octets: Buffer, tlvs: Buffer): void {
  const { buffer } = m;
  m.buffer = Buffer.concat([
    buffer.subarray(m.sourceAt, m.sourceAt + m.sourceLength),
    buffer.subarray(m.destAt, m.destAt + m.destLength),
    buffer.subarray(m.serviceTypeAt, m.serviceTypeAt + m.serviceTypeLength),
    octets,
    tlvs,
  ]);
  m.sourceAt = 0;
  m.destAt = m.sourceLength;
  m.serviceTypeAt = m.destAt + m.destLength;
  m.textAt = m.serviceTypeAt + m.serviceTypeLength;
  m.textLength = octets.length;
  m.tlvsAt = m.textAt + octets.length;
  m.tlvsLength = tlvs.length;
}
