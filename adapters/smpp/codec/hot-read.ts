import type { MessageDraft } from '../../../actors/message/draft.ts';
import { STATUS } from './command-status.ts';

/*
 * submit_sm, deliver_sm and the responses to them come by the million: read here by hand, without an allocation, into
 * a draft that is used again. test/unit/adapters/smpp/codec/hot-read.test.ts proves each equal to decode.ts.
 * Constants are copied out of STATUS because a property of a frozen record is a load, and these are not.
 */
const { ESME_RINVSERTYP, ESME_RINVSRCADR, ESME_RINVDSTADR, ESME_RINVCMDLEN, ESME_RINVSCHED, ESME_RINVEXPIRY } = STATUS;
const { ESME_RINVMSGLEN, ESME_RINVOPTPARSTREAM, ESME_ROPTPARNOTALLWD } = STATUS;

const MESSAGE_PAYLOAD = 0x0424;
const DELIVER_SM = 0x05;

/** Where the NUL is in buf[at..stop), -1 when there is none. A loop: indexOf costs a call into C++ for a few octets. */
export function nulAt(buf: Buffer, at: number, stop: number): number {
  for (let i = at; i < stop; i++) if (buf[i] === 0) return i;
  return -1;
}

/**
 * Reads a submit_sm or deliver_sm (one layout: v3.4 §4.4.1, §4.6.1) that is exactly buf[at..end), header included,
 * its command_id known and its command_length checked by the framer. Ranges of the draft are positions in `buf`.
 *
 * The leniencies are decode.ts's. In a deliver_sm the two times are unused: where they do not have 16 octets the draft
 * says 0.
 *
 * @param version interface_version of the session, for a message with two texts: see decode.ts, `checkText`
 * @returns 0, or the command_status to refuse it with; the draft is then half filled and means nothing
 */
export function readSm(draft: MessageDraft, buf: Buffer, at: number, end: number, version = 0x34): number {
  const isDeliver = buf[at + 7] === DELIVER_SM;
  draft.buffer = buf;

  let p = at + 16;
  let nul = nulAt(buf, p, p + 6 < end ? p + 6 : end);
  if (nul < 0) return ESME_RINVSERTYP;
  draft.serviceTypeAt = p;
  draft.serviceTypeLength = nul - p;

  p = nul + 1;
  if (p + 2 > end) return ESME_RINVCMDLEN;
  draft.sourceTon = buf[p]!;
  draft.sourceNpi = buf[p + 1]!;
  p += 2;
  nul = nulAt(buf, p, p + 21 < end ? p + 21 : end);
  if (nul < 0) return ESME_RINVSRCADR;
  draft.sourceAt = p;
  draft.sourceLength = nul - p;

  p = nul + 1;
  if (p + 2 > end) return ESME_RINVCMDLEN;
  draft.destTon = buf[p]!;
  draft.destNpi = buf[p + 1]!;
  p += 2;
  nul = nulAt(buf, p, p + 21 < end ? p + 21 : end);
  if (nul < 0) return ESME_RINVDSTADR;
  draft.destAt = p;
  draft.destLength = nul - p;

  p = nul + 1;
  if (p + 3 > end) return ESME_RINVCMDLEN;
  draft.esmClass = buf[p]!;
  draft.protocolId = buf[p + 1]!;
  draft.priority = buf[p + 2]!;
  p += 3;

  nul = nulAt(buf, p, p + 17 < end ? p + 17 : end);
  if (nul < 0) return ESME_RINVSCHED;
  let length = nul - p;
  if (length !== 0 && length !== 16) {
    if (!isDeliver) return ESME_RINVSCHED;
    length = 0;
  }
  draft.scheduleAt = p;
  draft.scheduleLength = length;

  p = nul + 1;
  nul = nulAt(buf, p, p + 17 < end ? p + 17 : end);
  if (nul < 0) return ESME_RINVEXPIRY;
  length = nul - p;
  if (length !== 0 && length !== 16) {
    if (!isDeliver) return ESME_RINVEXPIRY;
    length = 0;
  }
  draft.validityAt = p;
  draft.validityLength = length;

  p = nul + 1;
  if (p + 5 > end) return ESME_RINVCMDLEN;
  draft.registeredDelivery = buf[p]!;
  draft.replaceIfPresent = buf[p + 1]!;
  draft.dataCoding = buf[p + 2]!;
  draft.defaultMessageId = buf[p + 3]!;
  const smLength = buf[p + 4]!;
  p += 5;
  if (p + smLength > end) return ESME_RINVMSGLEN;
  draft.textAt = p;
  draft.textLength = smLength;
  p += smLength;

  draft.tlvsAt = p;
  draft.tlvsLength = 0;
  draft.payloadTlvAt = -1;
  draft.payloadTlvLength = 0;
  return p + 4 <= end ? readTlvs(draft, buf, p, end, version, isDeliver) : 0;
}

/** The TLVs: checks that each ends inside the PDU, and finds message_payload. Most messages have none. */
export function readTlvs(
  draft: MessageDraft,
  buf: Buffer,
  at: number,
  end: number,
  version: number,
  isDeliver: boolean,
): number {
  let p = at;
  while (p + 4 <= end) {
    const tag = (buf[p]! << 8) | buf[p + 1]!;
    const length = (buf[p + 2]! << 8) | buf[p + 3]!;
    const next = p + 4 + length;
    if (next > end) {
      if (isDeliver && tag !== MESSAGE_PAYLOAD) break;
      return ESME_RINVOPTPARSTREAM;
    }
    if (tag === MESSAGE_PAYLOAD) {
      // The first fault in wire order decides in decode.ts too: a TLV that runs past the end comes before this one.
      draft.payloadTlvLength = draft.payloadTlvAt < 0 ? 4 + length : -1;
      draft.payloadTlvAt = p;
    }
    p = next;
  }
  draft.tlvsLength = p - at;
  if (draft.payloadTlvAt < 0) return 0;
  if (draft.payloadTlvLength < 0) return ESME_ROPTPARNOTALLWD;
  const payloadLength = draft.payloadTlvLength - 4;
  if (draft.textLength > 0) {
    if (payloadLength === 0) return 0;
    if (version < 0x50) return ESME_ROPTPARNOTALLWD;
  }
  draft.textAt = draft.payloadTlvAt + 4;
  draft.textLength = payloadLength;
  return 0;
}

/** Where a message_id is: `length` octets at `at`. Used again for every response. */
export class IdRange {
  at = 0;
  length = 0;
}

/**
 * Finds the message_id of a submit_sm_resp, deliver_sm_resp or data_sm_resp that is exactly buf[at..end). Length 0
 * where there is none. As in decode.ts, an id that runs to the end of the PDU without a NUL is taken as it stands.
 *
 * @returns false when the id is longer than the 64 octets of v3.4 §4.4.2: there is none that could be used
 */
export function readSmRespId(buf: Buffer, at: number, end: number, into: IdRange): boolean {
  const from = at + 16;
  const stop = from + 65 < end ? from + 65 : end;
  let p = from;
  while (p < stop && buf[p] !== 0) p++;
  into.at = from;
  into.length = p - from;
  if (p - from < 65) return true;
  into.length = 0;
  return false;
}
