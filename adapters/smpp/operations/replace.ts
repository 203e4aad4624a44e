import { MessageDraft } from '../../../actors/message/draft.ts';
import { STATUS } from '../codec/command-status.ts';
import type { PduInput, PduOf } from '../codec/pdus.ts';
import { tlvValue } from '../codec/tlvs.ts';
import { readSchedule, readValidity } from '../smpp-time.ts';
import type { Operation } from './operation.ts';

/**
 * replace_sm (v3.4 §4.10): another text, and where they are given another schedule and validity. data_coding, esm_class and
 * what else replace_sm has no field for stay the message's.
 *
 * A message that is not known, or not this account's, is ESME_RINVMSGID; one that is on its way or has arrived is
 * ESME_RREPLACEFAIL.
 */
export const replaceSm: Operation<PduOf<'replace_sm'>> = async (request, { account, actor, desk, ids, now }) => {
  const { sequence_number, message_id, source_addr, schedule_delivery_time, validity_period } = request;
  const answer = (command_status: number): PduInput => ({
    command: 'replace_sm_resp',
    sequence_number,
    command_status,
  });
  const nowMs = now();
  const deliverAfter = timeOf(schedule_delivery_time, readSchedule, nowMs);
  if (deliverAfter < 0) return answer(-deliverAfter);
  const expiresAt = timeOf(validity_period, readValidity, nowMs);
  if (expiresAt < 0) return answer(-expiresAt);
  const id = ids.parse(message_id);
  if (id === undefined) return answer(STATUS.ESME_RINVMSGID);
  const outcome = await desk.change(account, id, source_addr, {
    // v5.0 §4.5.3.1: a text that is too long for short_message comes in message_payload.
    text: tlvValue(request.tlvs, 'message_payload') ?? request.short_message,
    deliverAfter: schedule_delivery_time === '' ? undefined : deliverAfter,
    expiresAt: validity_period === '' ? undefined : bounded(actor.expiryOf, deliverAfter, expiresAt),
    registeredDelivery: request.registered_delivery,
    defaultMessageId: request.sm_default_msg_id,
  });
  if (outcome === 'unknown') return answer(STATUS.ESME_RINVMSGID);
  return answer(outcome === 'done' ? STATUS.ESME_ROK : STATUS.ESME_RREPLACEFAIL);
};

function timeOf(
  text: string,
  read: (buffer: Buffer, at: number, length: number, nowMs: number) => number,
  nowMs: number,
): number {
  const octets = Buffer.from(text, 'latin1');
  return read(octets, 0, octets.length, nowMs);
}

/** A validity no longer than messages may have. */
function bounded(expiryOf: (m: MessageDraft) => number, deliverAfter: number, expiresAt: number): number {
  const m = new MessageDraft();
  m.deliverAfter = deliverAfter;
  m.expiresAt = expiresAt;
  return expiryOf(m);
}
