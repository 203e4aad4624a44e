import type { MessageDraft } from '../message/draft.ts';
import { concatenationOf, Ie, parseUdh, UDHI, type Concatenation } from '../text/udh.ts';

/** Where a message says it stands in a longer one: by its header (3GPP TS 23.040 §9.2.3.24.1, .8), or by SMPP's SAR TLVs. */
export interface PartMark extends Concatenation {
  readonly by: 'udh' | 'sar';
}

/** sar_msg_ref_num, sar_total_segments, sar_segment_seqnum: SMPP v3.4 §5.3.2.22 to §5.3.2.24. */
export const SAR_REFERENCE = 0x020c;
export const SAR_TOTAL = 0x020e;
export const SAR_SEQUENCE = 0x020f;

/**
 * The mark of a message that is a part; undefined for one that is whole: one without marks, with a damaged header, with
 * marks that contradict themselves, or with a total of 1.
 */
export function partMarkOf(m: MessageDraft): PartMark | undefined {
  if ((m.esmClass & UDHI) !== 0) {
    const header = parseUdh(m.buffer.subarray(m.textAt, m.textAt + m.textLength));
    const found = header && concatenationOf(header);
    if (found) return found.total > 1 ? { ...found, by: 'udh' } : undefined;
  }
  return m.tlvsLength >= SAR_OCTETS ? sarMarkOf(m) : undefined;
}

/** Octets of the three TLVs. */
const SAR_OCTETS = 6 + 5 + 5;

function sarMarkOf({ buffer, tlvsAt, tlvsLength }: MessageDraft): PartMark | undefined {
  let reference = -1;
  let total = 0;
  let sequence = 0;
  const end = tlvsAt + tlvsLength;
  for (let at = tlvsAt; at + 4 <= end;) {
    const tag = buffer.readUInt16BE(at);
    const length = buffer.readUInt16BE(at + 2);
    if (tag === SAR_REFERENCE && length === 2) reference = buffer.readUInt16BE(at + 4);
    else if (tag === SAR_TOTAL && length === 1) total = buffer[at + 4]!;
    else if (tag === SAR_SEQUENCE && length === 1) sequence = buffer[at + 4]!;
    at += 4 + length;
  }
  if (reference < 0 || total < 2 || sequence === 0 || sequence > total) return undefined;
  return { reference, wide: true, total, sequence, by: 'sar' };
}

/** True for the TLVs and information elements that only say which part a message is. */
export const isSarTag = (tag: number): boolean => tag === SAR_REFERENCE || tag === SAR_TOTAL || tag === SAR_SEQUENCE;
export const isConcatenationElement = (id: number): boolean => id === Ie.concat8 || id === Ie.concat16;

/** A message's TLVs without those that say which part it is, and without message_payload, which is its text. */
export function tlvsWithoutMarks({ buffer, tlvsAt, tlvsLength, payloadTlvAt }: MessageDraft): Buffer {
  const kept: Buffer[] = [];
  const end = tlvsAt + tlvsLength;
  for (let at = tlvsAt; at + 4 <= end;) {
    const next = at + 4 + buffer.readUInt16BE(at + 2);
    if (!isSarTag(buffer.readUInt16BE(at)) && at !== payloadTlvAt) kept.push(buffer.subarray(at, next));
    at = next;
  }
  return Buffer.concat(kept);
}
