import type { MessageDraft } from '../../../actors/message/draft.ts';
import { COMMAND_ID } from './command-id.ts';
import { PduEncodeError } from './errors.ts';

/*
 * What we send by the million, written straight into the connection's output buffer, without an allocation. The caller
 * makes sure of the room (`smSize`, RESP_ROOM). test/unit/adapters/smpp/codec/hot-write.test.ts proves each equal to
 * encode.ts.
 */
const { submit_sm: SUBMIT_SM, deliver_sm: DELIVER_SM, deliver_sm_resp: DELIVER_SM_RESP } = COMMAND_ID;
const { generic_nack: GENERIC_NACK } = COMMAND_ID;

/** Room that any of the responses below needs at most: a header, and a message_id of 64 octets with its NUL. */
export const RESP_ROOM = 16 + 65;

const HEADER_LENGTH = 16;
/** v3.4 §5.2.21: above it the text goes into message_payload. v5.0 allows 255; 254 is understood by all. */
const MAX_SHORT_MESSAGE = 254;
const MESSAGE_PAYLOAD = 0x0424;
/** Up to here a loop is faster than a call: bench/micro/codec.ts prints both. */
const LOOP_UP_TO = 40;

function writeUint32(out: Buffer, at: number, value: number): void {
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
}

function writeHeader(
  out: Buffer,
  at: number,
  length: number,
  commandId: number,
  status: number,
  sequence: number,
): void {
  writeUint32(out, at, length);
  writeUint32(out, at + 4, commandId);
  writeUint32(out, at + 8, status);
  writeUint32(out, at + 12, sequence);
}

/** Copies from[start..start+length) and returns where it ends. */
function copy(out: Buffer, at: number, from: Buffer, start: number, length: number): number {
  if (length > LOOP_UP_TO) {
    from.copy(out, at, start, start + length);
  } else {
    for (let i = 0; i < length; i++) out[at + i] = from[start + i]!;
  }
  return at + length;
}

function copyCString(out: Buffer, at: number, from: Buffer, start: number, length: number): number {
  const end = copy(out, at, from, start, length);
  out[end] = 0;
  return end + 1;
}

/** Octets `writeSm` writes at most for this message (exactly, for a submit_sm with its TLVs). */
export function smSize(m: MessageDraft): number {
  // 7 of flags and sm_length, 4 of TON and NPI, 5 NULs.
  const fields = m.serviceTypeLength + m.sourceLength + m.destLength + m.scheduleLength + m.validityLength;
  const textHead = m.textLength > MAX_SHORT_MESSAGE ? 4 : 0;
  return HEADER_LENGTH + 17 + fields + m.textLength + textHead + m.tlvsLength - m.payloadTlvLength;
}

/**
 * Writes the message as a submit_sm or a deliver_sm and returns where it ends.
 *
 * A text of up to 254 octets is written as short_message, a longer one as a message_payload after the other TLVs,
 * whichever way it came; the TLVs keep their order. What deliver_sm does not use is written as NULL (v3.4 Table 4-18).
 *
 * @param tlvs false for a peer below 3.4, which must not be sent any (v3.4 §3.4)
 * @throws PduEncodeError for a text above 254 octets without TLVs: it must be cut into segments before
 */
export function writeSm(
  out: Buffer,
  at: number,
  commandId: typeof SUBMIT_SM | typeof DELIVER_SM,
  sequence: number,
  m: MessageDraft,
  tlvs = true,
): number {
  const from = m.buffer;
  const isPayload = m.textLength > MAX_SHORT_MESSAGE;
  if (isPayload && !tlvs) {
    throw new PduEncodeError('short_message', `must be at most ${MAX_SHORT_MESSAGE} octets below SMPP 3.4`);
  }
  const isSubmit = commandId === SUBMIT_SM;
  let p = copyCString(out, at + HEADER_LENGTH, from, m.serviceTypeAt, m.serviceTypeLength);
  out[p] = m.sourceTon;
  out[p + 1] = m.sourceNpi;
  p = copyCString(out, p + 2, from, m.sourceAt, m.sourceLength);
  out[p] = m.destTon;
  out[p + 1] = m.destNpi;
  p = copyCString(out, p + 2, from, m.destAt, m.destLength);
  out[p] = m.esmClass;
  out[p + 1] = m.protocolId;
  out[p + 2] = m.priority;
  p = copyCString(out, p + 3, from, m.scheduleAt, isSubmit ? m.scheduleLength : 0);
  p = copyCString(out, p, from, m.validityAt, isSubmit ? m.validityLength : 0);
  out[p] = m.registeredDelivery;
  out[p + 1] = isSubmit ? m.replaceIfPresent : 0;
  out[p + 2] = m.dataCoding;
  out[p + 3] = isSubmit ? m.defaultMessageId : 0;
  out[p + 4] = isPayload ? 0 : m.textLength;
  p += 5;
  if (!isPayload) p = copy(out, p, from, m.textAt, m.textLength);
  if (tlvs) {
    if (m.tlvsLength > 0) p = writeTlvs(out, p, m);
    if (isPayload) p = writePayload(out, p, m);
  }
  writeHeader(out, at, p - at, commandId, 0, sequence);
  return p;
}

/** All TLVs but message_payload, whose text is written where the length of the text wants it. */
function writeTlvs(out: Buffer, at: number, m: MessageDraft): number {
  if (m.payloadTlvAt < 0) return copy(out, at, m.buffer, m.tlvsAt, m.tlvsLength);
  const before = m.payloadTlvAt - m.tlvsAt;
  const after = m.payloadTlvAt + m.payloadTlvLength;
  const p = copy(out, at, m.buffer, m.tlvsAt, before);
  return copy(out, p, m.buffer, after, m.tlvsAt + m.tlvsLength - after);
}

function writePayload(out: Buffer, at: number, m: MessageDraft): number {
  out[at] = MESSAGE_PAYLOAD >>> 8;
  out[at + 1] = MESSAGE_PAYLOAD & 0xff;
  out[at + 2] = m.textLength >>> 8;
  out[at + 3] = m.textLength;
  return copy(out, at + 4, m.buffer, m.textAt, m.textLength);
}

/**
 * Writes a submit_sm_resp or data_sm_resp: message_id when the status is 0, otherwise the
 * header alone (v3.4 §4.4.2).
 *
 * @param messageId a string of at most 64 Latin-1 characters, or a whole number from 0 to 2^53 - 1, whose decimal
 *   digits are written without making a string of it
 */
export function writeSmResp(
  out: Buffer,
  at: number,
  commandId: number,
  status: number,
  sequence: number,
  messageId: string | number,
): number {
  let p = at + HEADER_LENGTH;
  if (status === 0) {
    if (typeof messageId === 'number') {
      if (!Number.isSafeInteger(messageId) || messageId < 0) {
        throw new PduEncodeError('message_id', 'must be a whole number from 0 to 2^53 - 1');
      }
      p = writeDigits(out, p, messageId);
    } else {
      if (messageId.length > 64) throw new PduEncodeError('message_id', 'must be at most 64 octets');
      for (let i = 0; i < messageId.length; i++) out[p++] = messageId.charCodeAt(i);
    }
    out[p++] = 0;
  }
  writeHeader(out, at, p - at, commandId, status, sequence);
  return p;
}

/** The digits from integers of 32 bits: doubles are divided once or twice, not for each of 16 digits. */
function writeDigits(out: Buffer, at: number, value: number): number {
  if (value < 1e9) {
    const low = value | 0;
    return writeInt(out, at, low, digitsOf(low));
  }
  const high = Math.floor(value / 1e8);
  const p = writeDigits(out, at, high);
  return writeInt(out, p, (value - high * 1e8) | 0, 8);
}

function writeInt(out: Buffer, at: number, value: number, digits: number): number {
  for (let i = at + digits - 1; i >= at; i--) {
    const rest = (value / 10) | 0;
    out[i] = 48 + value - rest * 10;
    value = rest;
  }
  return at + digits;
}

function digitsOf(value: number): number {
  let digits = 1;
  for (let most = 10; most <= value; most *= 10) digits++;
  return digits;
}

/** Writes a deliver_sm_resp: its message_id is unused and NULL (v3.4 Table 4-19); on an error the header alone. */
export function writeDeliverSmResp(out: Buffer, at: number, status: number, sequence: number): number {
  if (status !== 0) return writeHeaderOnly(out, at, DELIVER_SM_RESP, status, sequence);
  out[at + HEADER_LENGTH] = 0;
  writeHeader(out, at, HEADER_LENGTH + 1, DELIVER_SM_RESP, 0, sequence);
  return at + HEADER_LENGTH + 1;
}

/** @param sequence of the PDU that is refused, 0 when it could not be read (v3.4 §4.3.1) */
export function writeGenericNack(out: Buffer, at: number, status: number, sequence: number): number {
  return writeHeaderOnly(out, at, GENERIC_NACK, status, sequence);
}

/** Writes a PDU without a body: enquire_link, unbind, any response to an error. */
export function writeHeaderOnly(out: Buffer, at: number, commandId: number, status: number, sequence: number): number {
  writeHeader(out, at, HEADER_LENGTH, commandId, status, sequence);
  return at + HEADER_LENGTH;
}
