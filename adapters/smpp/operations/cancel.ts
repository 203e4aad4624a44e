import { STATUS } from '../codec/command-status.ts';
import type { PduOf } from '../codec/pdus.ts';
import type { Operation } from './operation.ts';

/**
 * cancel_sm (v3.4 §4.9): one message by its id, or without an id all that wait from this source to this destination, of
 * this service_type if one is named. What this session submitted before is found, answered or not.
 *
 * A message that is not known, or not this account's, is ESME_RINVMSGID; one that is on its way or has arrived is
 * ESME_RCANCELFAIL, and so are addresses that nothing waits for. Who cancels gets no receipt of it: this is the answer.
 */
export const cancelSm: Operation<PduOf<'cancel_sm'>> = async (request, { account, desk, ids }) => {
  const { sequence_number, message_id, source_addr: source, destination_addr: dest, service_type } = request;
  let command_status: number = STATUS.ESME_ROK;
  if (message_id === '') {
    const match = { source, dest, serviceType: service_type === '' ? undefined : service_type };
    const count = dest === '' ? 0 : await desk.cancelMatching(account, match);
    if (count === 0) command_status = STATUS.ESME_RCANCELFAIL;
  } else {
    const id = ids.parse(message_id);
    const outcome = id === undefined ? 'unknown' : await desk.cancel(account, id, source, dest);
    if (outcome === 'unknown') command_status = STATUS.ESME_RINVMSGID;
    else if (outcome === 'too-late') command_status = STATUS.ESME_RCANCELFAIL;
  }
  return { command: 'cancel_sm_resp', sequence_number, command_status };
};
