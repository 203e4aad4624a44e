import type { MessageDraft } from '../../../actors/message/draft.ts';
import { COMMAND_ID } from './command-id.ts';
import { STATUS } from './command-status.ts';
import { nulAt, readTlvs } from './hot-read.ts';

/*
 * data_sm (v3.4 §4.7), read into and written from a draft like submit_sm: test/unit/adapters/smpp/codec/data-sm.test.ts
 * proves both equal to decode.ts and encode.ts. Its text is the message_payload.
 */
const { ESME_RINVSERTYP, ESME_RINVSRCADR, ESME_RINVDSTADR, ESME_RINVCMDLEN } = STATUS;
const { data_sm: DATA_SM } = COMMAND_ID;
const MESSAGE_PAYLOAD = 0x0424;
const QOS_TIME_TO_LIVE = 0x0017;
const HEADER_LENGTH = 16;

/**
 * Reads a data_sm that is exactly buf[at..end). What data_sm has no field for is NULL in the draft.
 *
 * @returns 0, or the command_status to refuse it with; the draft is then half filled and means nothing
 */
export function readDataSm(draft: MessageDraft, buf: Buffer, at: number, end: number, version = 0x34): number {
  draft.buffer = buf;
  let p = at + HEADER_LENGTH;
  let nul = nulAt(buf, p, p + 6 < end ? p + 6 : end);
  if (nul < 0) return ESME_RINVSERTYP;
  draft.serviceTypeAt = p;
  draft.serviceTypeLength = nul - p;

  p = nul + 1;
  if (p + 2 > end) return ESME_RINVCMDLEN;
  draft.sourceTon = buf[p]!;
  draft.sourceNpi = buf[p + 1]!;
  p += 2;
  nul = nulAt(buf, p, p + 65 < end ? p + 65 : end);
  if (nul < 0) return ESME_RINVSRCADR;
  draft.sourceAt = p;
  draft.sourceLength = nul - p;

  p = nul + 1;
  if (p + 2 > end) return ESME_RINVCMDLEN;
  draft.destTon = buf[p]!;
  draft.destNpi = buf[p + 1]!;
  p += 2;
  nul = nulAt(buf, p, p + 65 < end ? p + 65 : end);
  if (nul < 0) return ESME_RINVDSTADR;
  draft.destAt = p;
  draft.destLength = nul - p;

  p = nul + 1;
  if (p + 3 > end) return ESME_RINVCMDLEN;
  draft.esmClass = buf[p]!;
  draft.registeredDelivery = buf[p + 1]!;
  draft.dataCoding = buf[p + 2]!;
  p += 3;
  draft.protocolId = 0;
  draft.priority = 0;
  draft.replaceIfPresent = 0;
  draft.defaultMessageId = 0;
  draft.scheduleLength = 0;
  draft.validityLength = 0;
  draft.textAt = p;
  draft.textLength = 0;
  draft.tlvsAt = p;
  draft.tlvsLength = 0;
  draft.payloadTlvAt = -1;
  draft.payloadTlvLength = 0;
  return p + 4 <= end ? readTlvs(draft, buf, p, end, version, false) : 0;
}

/** Its qos_time_to_live (v3.4 §5.3.2.9: seconds from its submission), ms; 0 when there is none. */
export function timeToLiveMs(m: MessageDraft): number {
  const { buffer, tlvsAt, tlvsLength } = m;
  for (let p = tlvsAt; p + 4 <= tlvsAt + tlvsLength; p += 4 + buffer.readUInt16BE(p + 2)) {
    if (buffer.readUInt16BE(p) === QOS_TIME_TO_LIVE && buffer.readUInt16BE(p + 2) === 4) {
      return buffer.readUInt32BE(p + 4) * 1000;
    }
  }
  return 0;
}

/** Octets that `writeDataSm` writes at most for this message. */
export function dataSmSize(m: MessageDraft): number {
  const fields = m.serviceTypeLength + m.sourceLength + m.destLength;
  return HEADER_LENGTH + 10 + fields + 4 + m.textLength + m.tlvsLength;
}

/** Writes a draft that was read from a record: its TLVs hold no message_payload. Returns where it ends. */
export function writeDataSm(out: Buffer, at: number, sequence: number, m: MessageDraft): number {
  const from = m.buffer;
  let p = copyCString(out, at + HEADER_LENGTH, from, m.serviceTypeAt, m.serviceTypeLength);
  out[p] = m.sourceTon;
  out[p + 1] = m.sourceNpi;
  p = copyCString(out, p + 2, from, m.sourceAt, m.sourceLength);
  out[p] = m.destTon;
  out[p + 1] = m.destNpi;
  p = copyCString(out, p + 2, from, m.destAt, m.destLength);
  out[p] = m.esmClass;
  out[p + 1] = m.registeredDelivery;
  out[p + 2] = m.dataCoding;
  p += 3;
  p += from.copy(out, p, m.tlvsAt, m.tlvsAt + m.tlvsLength);
  p = out.writeUInt16BE(MESSAGE_PAYLOAD, p);
  p = out.writeUInt16BE(m.textLength, p);
  p += from.copy(out, p, m.textAt, m.textAt + m.textLength);
  out.writeUInt32BE(p - at, at);
  out.writeUInt32BE(DATA_SM, at + 4);
  out.writeUInt32BE(0, at + 8);
  out.writeUInt32BE(sequence, at + 12);
  return p;
}

function copyCString(out: Buffer, at: number, from: Buffer, start: number, length: number): number {
  const end = at + from.copy(out, at, start, start + length);
  out[end] = 0;
  return end + 1;
}
