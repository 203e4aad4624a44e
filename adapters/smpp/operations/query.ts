import type { MessageFate } from '../../../actors/operations/message-desk.ts';
import { Fate } from '../../../actors/message/ledger.ts';
import { STATUS } from '../codec/command-status.ts';
import type { PduInput, PduOf } from '../codec/pdus.ts';
import { TIME_LENGTH, writeAbsoluteTime } from '../smpp-time.ts';
import type { Operation } from './operation.ts';

/** message_state, v3.4 §5.2.28; SCHEDULED is v5.0's (§4.7.15). */
const SCHEDULED = 0;
const ENROUTE = 1;
const DELIVERED = 2;
const ACCEPTED = 6;

/**
 * query_sm (v3.4 §4.8). A message that is not known, or not this account's, is ESME_RINVMSGID; when the archive would have
 * to be asked and cannot be, ESME_RQUERYFAIL.
 */
export const querySm: Operation<PduOf<'query_sm'>> = async (request, { account, version, desk, ids }) => {
  const { sequence_number, message_id, source_addr } = request;
  const refuse = (command_status: number): PduInput => ({ command: 'query_sm_resp', sequence_number, command_status });
  const id = ids.parse(message_id);
  if (id === undefined) return refuse(STATUS.ESME_RINVMSGID);
  let fate: MessageFate | undefined;
  try {
    fate = await desk.query(account, id, source_addr);
  } catch {
    return refuse(STATUS.ESME_RQUERYFAIL);
  }
  if (!fate) return refuse(STATUS.ESME_RINVMSGID);
  const state = stateOf(fate, version);
  const isFinal = state !== ENROUTE && state !== SCHEDULED;
  return {
    command: 'query_sm_resp',
    sequence_number,
    message_id,
    final_date: isFinal && fate.doneAt > 0 ? absolute(fate.doneAt) : '',
    message_state: state,
    error_code: fate.error & 0xff,
  };
};

/** A message that a carrier has taken and will not tell of stays ENROUTE: nobody here knows better. */
function stateOf({ fate, scheduled }: MessageFate, version: number): number {
  switch (fate) {
    case Fate.queued:
      return scheduled && version >= 0x50 ? SCHEDULED : ENROUTE;
    case Fate.sent:
      return ENROUTE;
    case Fate.dropped:
      return ACCEPTED;
    case Fate.replied:
      return DELIVERED;
    case Fate.delivered:
    case Fate.expired:
    case Fate.deleted:
    case Fate.undeliverable:
    case Fate.accepted:
    case Fate.unknown:
    case Fate.rejected:
      // Their numbers are message_state's.
      return fate;
    default:
      return fate satisfies never;
  }
}

function absolute(ms: number): string {
  const out = Buffer.alloc(TIME_LENGTH);
  writeAbsoluteTime(out, 0, ms);
  return out.toString('latin1');
}
