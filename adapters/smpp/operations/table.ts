import { COMMAND_ID } from '../codec/command-id.ts';
import type { Pdu } from '../codec/pdus.ts';
import { cancelSm } from './cancel.ts';
import type { Operation } from './operation.ts';
import { querySm } from './query.ts';
import { replaceSm } from './replace.ts';
import { submitMulti } from './submit-multi.ts';

/**
 * The requests of an ESME that are decoded by the table and answered later, by command_id. submit_sm and data_sm are the
 * session's own. The broadcast operations of v5.0 are for cell broadcast centres: here they are unknown commands.
 */
export const OPERATIONS = new Map<number, Operation<never>>([
  [COMMAND_ID.query_sm, querySm],
  [COMMAND_ID.cancel_sm, cancelSm],
  [COMMAND_ID.replace_sm, replaceSm],
  [COMMAND_ID.submit_multi, submitMulti],
]) as unknown as ReadonlyMap<number, Operation<Pdu>>;
