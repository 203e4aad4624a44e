import { COMMAND_ID, isResponse } from './command-id.ts';
import { HEADER_LENGTH } from './decode.ts';
import { PduEncodeError } from './errors.ts';
import { FIELD_LIST, NO_BODY_ON_ERROR, type PduInput } from './pdus.ts';
import type { Tlv } from './tlvs.ts';

/** The longest PDU we send: the largest message_payload with every mandatory field at its longest fits. */
export const MAX_PDU_LENGTH = 66_560;

/**
 * Encodes a PDU. Fields that are not given are written as NULL. A response that carries an error has no body
 * (v3.4 §4.1.2, §4.4.2; v5.0 §3.2.1.3) unless it has TLVs, or, where v3.4 does not forbid it, fields of its own.
 *
 * @throws PduEncodeError naming the field that SMPP cannot carry
 */
export function encodePdu(pdu: PduInput): Buffer {
  const commandId = COMMAND_ID[pdu.command];
  const status = pdu.command_status ?? 0;
  const tlvs = pdu.tlvs ?? [];
  const values = pdu as unknown as Readonly<Record<string, unknown>>;
  const fields = FIELD_LIST[pdu.command];
  checkUint32(status, 'command_status');
  checkUint32(pdu.sequence_number, 'sequence_number');
  const bare =
    status !== 0 &&
    isResponse(commandId) &&
    tlvs.length === 0 &&
    (NO_BODY_ON_ERROR.has(commandId) || fields.every(([name]) => values[name] === undefined));

  let length = HEADER_LENGTH;
  if (!bare) {
    for (const [name, field] of fields) length += field.size(values[name] ?? field.empty, name);
    for (const t of tlvs) length += tlvSize(t);
  }
  if (length > MAX_PDU_LENGTH) {
    throw new PduEncodeError(pdu.command, `must be at most ${MAX_PDU_LENGTH} octets, is ${length}`);
  }

  const out = Buffer.allocUnsafe(length);
  let at = out.writeUInt32BE(length, 0);
  at = out.writeUInt32BE(commandId, at);
  at = out.writeUInt32BE(status, at);
  at = out.writeUInt32BE(pdu.sequence_number, at);
  if (!bare) {
    for (const [name, field] of fields) at = field.write(out, at, values[name] ?? field.empty);
    for (const t of tlvs) {
      at = out.writeUInt16BE(t.tag, at);
      at = out.writeUInt16BE(t.value.length, at);
      out.set(t.value, at);
      at += t.value.length;
    }
  }
  // Our own fault if it ever happens, and a peer would read garbage from here on: better no PDU at all.
  if (at !== length) throw new PduEncodeError(pdu.command, `wrote ${at} octets where ${length} were computed`);
  return out;
}

function checkUint32(value: number, name: string): void {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
    throw new PduEncodeError(name, 'must be an integer from 0 to 4294967295');
  }
}

function tlvSize(t: Tlv): number {
  if (!Number.isInteger(t.tag) || t.tag < 0 || t.tag > 0xffff) {
    throw new PduEncodeError('tlvs', 'a tag must be an integer from 0 to 65535');
  }
  if (t.value.length > 0xffff) throw new PduEncodeError('tlvs', 'a value must be at most 65535 octets');
  return 4 + t.value.length;
}
