import { MessageDraft } from '../../../actors/message/draft.ts';
import type { PduOf } from '../codec/pdus.ts';
import { TLVS } from '../codec/tlvs.ts';
import { readSchedule, readValidity } from '../smpp-time.ts';

/**
 * The message in a submit_multi that was decoded, without its destinations. Its buffer is its own.
 *
 * @returns the draft, or the command_status to refuse it with
 */
export function draftOf(pdu: PduOf<'submit_multi'>, nowMs: number): MessageDraft | number {
  const schedule = Buffer.from(pdu.schedule_delivery_time, 'latin1');
  const deliverAfter = readSchedule(schedule, 0, schedule.length, nowMs);
  if (deliverAfter < 0) return -deliverAfter;
  const validity = Buffer.from(pdu.validity_period, 'latin1');
  const expiresAt = readValidity(validity, 0, validity.length, nowMs);
  if (expiresAt < 0) return -expiresAt;
  const payload = pdu.tlvs.find(({ tag }) => tag === TLVS.message_payload.tag);
  const others = pdu.tlvs.filter(one => one !== payload);
  const parts = [
    Buffer.from(pdu.service_type, 'latin1'),
    Buffer.from(pdu.source_addr, 'latin1'),
    payload && payload.value.length > 0 ? payload.value : pdu.short_message,
    ...others.flatMap(({ tag, value }) => [head(tag, value.length), value]),
  ] as const;
  const [serviceType, source, text] = parts;
  const m = new MessageDraft();
  m.buffer = Buffer.concat(parts);
  m.serviceTypeLength = serviceType.length;
  m.sourceAt = serviceType.length;
  m.sourceLength = source.length;
  m.textAt = m.sourceAt + source.length;
  m.textLength = text.length;
  m.tlvsAt = m.textAt + text.length;
  m.tlvsLength = m.buffer.length - m.tlvsAt;
  m.sourceTon = pdu.source_addr_ton;
  m.sourceNpi = pdu.source_addr_npi;
  m.esmClass = pdu.esm_class;
  m.protocolId = pdu.protocol_id;
  m.priority = pdu.priority_flag;
  m.registeredDelivery = pdu.registered_delivery;
  m.replaceIfPresent = pdu.replace_if_present_flag;
  m.dataCoding = pdu.data_coding;
  m.defaultMessageId = pdu.sm_default_msg_id;
  m.deliverAfter = deliverAfter;
  m.expiresAt = expiresAt;
  return m;
}

function head(tag: number, length: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeUInt16BE(tag, 0);
  octets.writeUInt16BE(length, 2);
  return octets;
}
