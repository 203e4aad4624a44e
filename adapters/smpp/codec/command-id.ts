/**
 * Every SMPP command_id: v3.4 §5.1.2.1 Table 5-1, and the broadcast operations of v5.0 §4.7.5.
 * A response carries its request's id with bit 31 set.
 */
export const COMMAND_ID = {
  bind_receiver: 0x00000001,
  bind_transmitter: 0x00000002,
  query_sm: 0x00000003,
  submit_sm: 0x00000004,
  deliver_sm: 0x00000005,
  unbind: 0x00000006,
  replace_sm: 0x00000007,
  cancel_sm: 0x00000008,
  bind_transceiver: 0x00000009,
  outbind: 0x0000000b,
  enquire_link: 0x00000015,
  submit_multi: 0x00000021,
  alert_notification: 0x00000102,
  data_sm: 0x00000103,
  broadcast_sm: 0x00000111,
  query_broadcast_sm: 0x00000112,
  cancel_broadcast_sm: 0x00000113,
  generic_nack: 0x80000000,
  bind_receiver_resp: 0x80000001,
  bind_transmitter_resp: 0x80000002,
  query_sm_resp: 0x80000003,
  submit_sm_resp: 0x80000004,
  deliver_sm_resp: 0x80000005,
  unbind_resp: 0x80000006,
  replace_sm_resp: 0x80000007,
  cancel_sm_resp: 0x80000008,
  bind_transceiver_resp: 0x80000009,
  enquire_link_resp: 0x80000015,
  submit_multi_resp: 0x80000021,
  data_sm_resp: 0x80000103,
  broadcast_sm_resp: 0x80000111,
  query_broadcast_sm_resp: 0x80000112,
  cancel_broadcast_sm_resp: 0x80000113,
} as const;

export type CommandName = keyof typeof COMMAND_ID;

const NAMES = new Map<number, CommandName>(
  Object.entries(COMMAND_ID).map(([name, id]) => [id, name as CommandName] as const),
);

/** The command's name, undefined for an id that neither v3.4 nor v5.0 defines. */
export function commandName(commandId: number): CommandName | undefined {
  return NAMES.get(commandId);
}

/** True for every response and for generic_nack: what must never be answered. */
export function isResponse(commandId: number): boolean {
  return commandId >= 0x80000000;
}

/**
 * The id of the response to a request; 0 when there is none: outbind and alert_notification have no response
 * (v3.4 §4.1.7, §4.12), nor has an id nobody defined.
 */
export function responseIdOf(commandId: number): number {
  const id = (commandId | 0x80000000) >>> 0;
  return commandId !== id && NAMES.has(id) && NAMES.has(commandId) ? id : 0;
}
