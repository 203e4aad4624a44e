import { COMMAND_ID, type CommandName } from './command-id.ts';
import { STATUS } from './command-status.ts';
import { cstring, destAddresses, type Field, shortMessage, time, uint8, unsuccessSmes } from './fields.ts';
import type { PduHeader } from './errors.ts';
import type { Tlv } from './tlvs.ts';

/**
 * The mandatory parameters of every PDU, in the order of the wire. Reading, writing, the types, the generators of the
 * tests all come from these tables. Lengths are the spec's, NUL included, unless a comment says otherwise.
 */

/**
 * Leniency: v3.4 allows 15 octets of system_id, 8 of password, 12 of system_type, 40 of address_range. Accounts and
 * carriers with longer ones are common (the password above all), and who may bind is decided by comparing, not by
 * counting. Bounded all the same.
 */
const systemId = cstring(65, STATUS.ESME_RINVSYSID);
const password = cstring(65, STATUS.ESME_RINVPASWD);
const systemType = cstring(33, STATUS.ESME_RINVSYSTYP);
const addressRange = cstring(65, STATUS.ESME_RINVPARLEN);

const serviceType = cstring(6, STATUS.ESME_RINVSERTYP);
const sourceAddr = cstring(21, STATUS.ESME_RINVSRCADR);
const destinationAddr = cstring(21, STATUS.ESME_RINVDSTADR);
const messageId = cstring(65, STATUS.ESME_RINVMSGID);

const bind = {
  system_id: systemId,
  password,
  system_type: systemType,
  interface_version: uint8,
  addr_ton: uint8,
  addr_npi: uint8,
  address_range: addressRange,
};

const bindResp = { system_id: systemId };
const nothing = {};

const source = { source_addr_ton: uint8, source_addr_npi: uint8, source_addr: sourceAddr };
const destination = { dest_addr_ton: uint8, dest_addr_npi: uint8, destination_addr: destinationAddr };
const flags = { esm_class: uint8, protocol_id: uint8, priority_flag: uint8 };
const schedule = {
  schedule_delivery_time: time(STATUS.ESME_RINVSCHED),
  validity_period: time(STATUS.ESME_RINVEXPIRY),
};
const message = {
  registered_delivery: uint8,
  replace_if_present_flag: uint8,
  data_coding: uint8,
  sm_default_msg_id: uint8,
  short_message: shortMessage,
};

/** v3.4 §4 (and v5.0 §4.4, §4.6 for the broadcast operations). Header-only PDUs have no fields. */
export const FIELDS = {
  bind_receiver: bind,
  bind_receiver_resp: bindResp,
  bind_transmitter: bind,
  bind_transmitter_resp: bindResp,
  bind_transceiver: bind,
  bind_transceiver_resp: bindResp,
  outbind: { system_id: systemId, password },
  unbind: nothing,
  unbind_resp: nothing,
  generic_nack: nothing,
  submit_sm: { service_type: serviceType, ...source, ...destination, ...flags, ...schedule, ...message },
  submit_sm_resp: { message_id: messageId },
  submit_multi: {
    service_type: serviceType,
    ...source,
    dest_address: destAddresses,
    ...flags,
    ...schedule,
    ...message,
  },
  submit_multi_resp: { message_id: messageId, unsuccess_sme: unsuccessSmes },
  deliver_sm: {
    service_type: serviceType,
    ...source,
    ...destination,
    ...flags,
    // Leniency: deliver_sm does not use these two ("must be set to NULL", v3.4 Table 4-18), so what stands in them is
    // no reason to refuse a message or a receipt; only that they end is checked.
    schedule_delivery_time: cstring(17, STATUS.ESME_RINVSCHED),
    validity_period: cstring(17, STATUS.ESME_RINVEXPIRY),
    ...message,
  },
  // v3.4 Table 4-19: one NUL; v5.0 §4.3.1.2 allows 65 octets.
  deliver_sm_resp: { message_id: messageId },
  data_sm: {
    service_type: serviceType,
    source_addr_ton: uint8,
    source_addr_npi: uint8,
    source_addr: cstring(65, STATUS.ESME_RINVSRCADR),
    dest_addr_ton: uint8,
    dest_addr_npi: uint8,
    destination_addr: cstring(65, STATUS.ESME_RINVDSTADR),
    esm_class: uint8,
    registered_delivery: uint8,
    data_coding: uint8,
  },
  data_sm_resp: { message_id: messageId },
  query_sm: { message_id: messageId, ...source },
  query_sm_resp: {
    message_id: messageId,
    // Leniency: the SMSC's own form of 12 or 13 octets (v3.4 §7.1.1, note) is taken too.
    final_date: cstring(17, STATUS.ESME_RINVPARLEN),
    message_state: uint8,
    error_code: uint8,
  },
  cancel_sm: { service_type: serviceType, message_id: messageId, ...source, ...destination },
  cancel_sm_resp: nothing,
  replace_sm: {
    message_id: messageId,
    ...source,
    ...schedule,
    registered_delivery: uint8,
    sm_default_msg_id: uint8,
    short_message: shortMessage,
  },
  replace_sm_resp: nothing,
  enquire_link: nothing,
  enquire_link_resp: nothing,
  alert_notification: {
    source_addr_ton: uint8,
    source_addr_npi: uint8,
    source_addr: cstring(65, STATUS.ESME_RINVSRCADR),
    esme_addr_ton: uint8,
    esme_addr_npi: uint8,
    esme_addr: cstring(65, STATUS.ESME_RINVDSTADR),
  },
  broadcast_sm: {
    service_type: serviceType,
    ...source,
    message_id: messageId,
    priority_flag: uint8,
    ...schedule,
    replace_if_present_flag: uint8,
    data_coding: uint8,
    sm_default_msg_id: uint8,
  },
  broadcast_sm_resp: { message_id: messageId },
  query_broadcast_sm: { message_id: messageId, ...source },
  query_broadcast_sm_resp: { message_id: messageId },
  cancel_broadcast_sm: { service_type: serviceType, message_id: messageId, ...source },
  cancel_broadcast_sm_resp: nothing,
} as const satisfies Record<CommandName, Readonly<Record<string, Field<unknown>>>>;

export type BodyOf<F> = { -readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

/** A decoded PDU of one command: header, mandatory parameters, TLVs in the order they came. */
export type PduOf<N extends CommandName> = { readonly command: N; tlvs: Tlv[] } & PduHeader &
  BodyOf<(typeof FIELDS)[N]>;

/** Any decoded PDU; `command` tells which. */
export type Pdu = { [N in CommandName]: PduOf<N> }[CommandName];

/** What `encodePdu` takes: fields left out are written as their NULL setting, status 0, no TLVs. */
export type PduInputOf<N extends CommandName> = {
  readonly command: N;
  readonly sequence_number: number;
  readonly command_status?: number;
  readonly tlvs?: readonly Tlv[];
} & Partial<BodyOf<(typeof FIELDS)[N]>>;

export type PduInput = { [N in CommandName]: PduInputOf<N> }[CommandName];

export type SubmitSm = PduOf<'submit_sm'>;
export type DeliverSm = PduOf<'deliver_sm'>;

/** The fields of a command as a list, for the code that walks them. */
export const FIELD_LIST = Object.fromEntries(
  Object.entries(FIELDS).map(([command, fields]) => [command, Object.entries(fields)]),
) as unknown as Readonly<Record<CommandName, readonly (readonly [name: string, field: Field<unknown>])[]>>;

/**
 * "The PDU body is not returned if the command_status field contains a non-zero value": v3.4 §4.1.2, §4.1.4, §4.1.6,
 * §4.4.2. (Not data_sm_resp: its failures carry TLVs.)
 */
export const NO_BODY_ON_ERROR: ReadonlySet<number> = new Set([
  COMMAND_ID.bind_transmitter_resp,
  COMMAND_ID.bind_receiver_resp,
  COMMAND_ID.bind_transceiver_resp,
  COMMAND_ID.submit_sm_resp,
]);
