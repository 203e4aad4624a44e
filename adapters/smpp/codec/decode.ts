import { type CommandName, COMMAND_ID, commandName, isResponse, responseIdOf } from './command-id.ts';
import { STATUS } from './command-status.ts';
import { PduBodyError, PduFrameError, type PduHeader, UnknownCommandError } from './errors.ts';
import { type Cursor, FieldFault } from './fields.ts';
import { FIELD_LIST, type Pdu } from './pdus.ts';
import { type Tlv, TLVS } from './tlvs.ts';

export const HEADER_LENGTH = 16;

/** Reads a header. The caller has made sure that 16 octets are there. */
export function readHeader(buf: Buffer, at: number): PduHeader {
  return {
    command_length: buf.readUInt32BE(at),
    command_id: buf.readUInt32BE(at + 4),
    command_status: buf.readUInt32BE(at + 8),
    sequence_number: buf.readUInt32BE(at + 12),
  };
}

/**
 * Decodes the PDU that is exactly buf[at..end). What it returns is its own: nothing of `buf` is kept. For any PDU at
 * any time; hot-read.ts has the fast ways for what comes by the million, and is proven equal to this.
 *
 * Leniencies, each for what is met in the field:
 * - a response may have no body, or end early at any field: what is missing has its empty value (SMSCs answer
 *   deliver_sm with a bare header; v5.0 §3.2.1.3 asks for that on errors);
 * - the body of a response with an error status is read if it can be, and otherwise left ("should ignore its
 *   contents", v5.0 §3.2.1.3);
 * - one to three octets after the last parameter, too few for a TLV, are skipped (padding; Kannel and node-smpp skip
 *   them too), though v5.0 §4.7.6 would have ESME_RINVTLVSTREAM;
 * - a deliver_sm whose last TLV runs past its end is taken without it, unless that is its text: an SMSC that is told
 *   ESME_RINVTLVSTREAM sends the same octets again, for days, and the receipt in them never comes through;
 * - TLVs are read from header-only PDUs as well (v5.0: congestion_state in any response).
 * The others are told where they are: fields.ts, pdus.ts, tlvs.ts.
 *
 * @param version interface_version of the session: decides about a message with two texts, see `checkText`
 * @throws PduError, and nothing else, whatever the octets
 */
export function decodePdu(buf: Buffer, at: number, end: number, version = 0x34): Pdu {
  if (at < 0 || end > buf.length || end - at < HEADER_LENGTH) {
    throw new PduFrameError(`a PDU has 16 octets at least, not ${end - at}`, STATUS.ESME_RINVCMDLEN);
  }
  const header = readHeader(buf, at);
  if (header.command_length !== end - at) {
    throw new PduFrameError(`command_length is ${header.command_length}, not ${end - at}`, STATUS.ESME_RINVCMDLEN);
  }
  const command = commandName(header.command_id);
  if (command === undefined) {
    const recovery = isResponse(header.command_id) ? 'ignore' : 'nack';
    const id = `0x${header.command_id.toString(16).padStart(8, '0')}`;
    throw new UnknownCommandError(`unknown command_id ${id}`, STATUS.ESME_RINVCMDID, recovery, header);
  }
  const pdu: Record<string, unknown> = { command, ...header };
  const response = isResponse(header.command_id);
  const c: Cursor = { buf, at: at + HEADER_LENGTH, end, response };
  let name = '';
  try {
    for (const [field, kind] of FIELD_LIST[command]) {
      name = field;
      pdu[field] = response && c.at === end ? kind.empty : kind.read(c);
    }
    name = 'tlvs';
    const tlvs = readTlvs(c, command === 'deliver_sm');
    checkText(command, pdu, tlvs, version);
    pdu['tlvs'] = tlvs;
  } catch (fault) {
    if (!(fault instanceof FieldFault)) throw fault;
    if (response && header.command_status !== 0) return withoutBody(command, header);
    const recovery = response ? 'ignore' : responseIdOf(header.command_id) === 0 ? 'nack' : 'respond';
    throw new PduBodyError(`${command}: ${name}: ${fault.message}`, fault.status, recovery, header, pdu);
  }
  return pdu as unknown as Pdu;
}

function withoutBody(command: CommandName, header: PduHeader): Pdu {
  const pdu: Record<string, unknown> = { command, ...header };
  for (const [field, kind] of FIELD_LIST[command]) pdu[field] = kind.empty;
  pdu['tlvs'] = [];
  return pdu as unknown as Pdu;
}

function readTlvs(c: Cursor, isDeliver: boolean): Tlv[] {
  const tlvs: Tlv[] = [];
  while (c.at + 4 <= c.end) {
    const tag = c.buf.readUInt16BE(c.at);
    const length = c.buf.readUInt16BE(c.at + 2);
    const from = c.at + 4;
    if (from + length > c.end) {
      if (isDeliver && tag !== TLVS.message_payload.tag) break;
      const id = `0x${tag.toString(16).padStart(4, '0')}`;
      throw new FieldFault(STATUS.ESME_RINVOPTPARSTREAM, `${id} is ${length} octets, ${c.end - from} follow`);
    }
    tlvs.push({ tag, value: Buffer.from(c.buf.subarray(from, from + length)) });
    c.at = from + length;
  }
  return tlvs;
}

/**
 * A message has one text. v3.4 §4.4.1 (and §4.5.1, §4.6.1): short_message and message_payload "must not be used
 * simultaneously"; v5.0 §4.2.1.1: the payload supersedes. So a session below 5.0 gets ESME_ROPTPARNOTALLWD, a TLV
 * "used in an invalid context": the TLVs themselves are sound, and choosing one of two texts would deliver what the
 * sender may not have meant. Two payloads are refused in every version, for the same reason. An empty message_payload
 * beside a short_message says nothing else, and is let through in every version.
 */
function checkText(command: CommandName, pdu: Record<string, unknown>, tlvs: readonly Tlv[], version: number): void {
  const id = COMMAND_ID[command];
  const hasText = id === COMMAND_ID.submit_sm || id === COMMAND_ID.deliver_sm || id === COMMAND_ID.submit_multi;
  if (!hasText && id !== COMMAND_ID.data_sm) return;
  const payloads = tlvs.filter(t => t.tag === TLVS.message_payload.tag);
  if (payloads.length > 1) {
    throw new FieldFault(STATUS.ESME_ROPTPARNOTALLWD, `message_payload is there ${payloads.length} times`);
  }
  const [payload] = payloads;
  if (!hasText || payload === undefined || version >= 0x50) return;
  if (payload.value.length > 0 && (pdu['short_message'] as Buffer).length > 0) {
    throw new FieldFault(STATUS.ESME_ROPTPARNOTALLWD, 'both short_message and message_payload have a text');
  }
}
