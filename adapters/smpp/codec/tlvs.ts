import { PduEncodeError } from './errors.ts';

/**
 * One optional parameter as it is on the wire, v3.4 §3.2.4.1. A PDU keeps them as a list: order, repeats and unknown
 * tags stay as they came ("shall be ignored", v3.4 §3.3, is not "shall be dropped": we pass messages on).
 */
export type Tlv = { readonly tag: number; readonly value: Buffer };

/** `integer`: big-endian, `max` octets when we write it. `cstring`: ends in a NUL. */
export type TlvKind = 'integer' | 'cstring' | 'octets';

type TlvDef = { readonly tag: number; readonly kind: TlvKind; readonly min: number; readonly max: number };

function integer(tag: number, octets: number, min = octets) {
  return { tag, kind: 'integer', min, max: octets } as const satisfies TlvDef;
}

function cstring(tag: number, min: number, max: number) {
  return { tag, kind: 'cstring', min, max } as const satisfies TlvDef;
}

function octets(tag: number, min: number, max: number) {
  return { tag, kind: 'octets', min, max } as const satisfies TlvDef;
}

/** v3.4 §5.3.2 Table 5-7 and v5.0 §4.8.1 Table 4-60; `min` and `max` in octets of value. Names are v3.4's. */
export const TLVS = {
  dest_addr_subunit: integer(0x0005, 1),
  dest_network_type: integer(0x0006, 1),
  dest_bearer_type: integer(0x0007, 1),
  dest_telematics_id: integer(0x0008, 2),
  source_addr_subunit: integer(0x000d, 1),
  source_network_type: integer(0x000e, 1),
  source_bearer_type: integer(0x000f, 1),
  source_telematics_id: integer(0x0010, 1),
  qos_time_to_live: integer(0x0017, 4),
  payload_type: integer(0x0019, 1),
  additional_status_info_text: cstring(0x001d, 1, 256),
  receipted_message_id: cstring(0x001e, 1, 65),
  ms_msg_wait_facilities: integer(0x0030, 1),
  privacy_indicator: integer(0x0201, 1),
  source_subaddress: octets(0x0202, 2, 23),
  dest_subaddress: octets(0x0203, 2, 23),
  user_message_reference: integer(0x0204, 2),
  user_response_code: integer(0x0205, 1),
  source_port: integer(0x020a, 2),
  destination_port: integer(0x020b, 2),
  sar_msg_ref_num: integer(0x020c, 2),
  language_indicator: integer(0x020d, 1),
  sar_total_segments: integer(0x020e, 1),
  sar_segment_seqnum: integer(0x020f, 1),
  sc_interface_version: integer(0x0210, 1),
  callback_num_pres_ind: integer(0x0302, 1),
  callback_num_atag: octets(0x0303, 1, 65),
  number_of_messages: integer(0x0304, 1),
  callback_num: octets(0x0381, 4, 19),
  dpf_result: integer(0x0420, 1),
  set_dpf: integer(0x0421, 1),
  ms_availability_status: integer(0x0422, 1),
  network_error_code: octets(0x0423, 3, 3),
  message_payload: octets(0x0424, 0, 65535),
  delivery_failure_reason: integer(0x0425, 1),
  more_messages_to_send: integer(0x0426, 1),
  message_state: integer(0x0427, 1),
  congestion_state: integer(0x0428, 1),
  ussd_service_op: integer(0x0501, 1),
  broadcast_channel_indicator: integer(0x0600, 1),
  broadcast_content_type: octets(0x0601, 3, 3),
  broadcast_content_type_info: octets(0x0602, 1, 255),
  broadcast_message_class: integer(0x0603, 1),
  broadcast_rep_num: integer(0x0604, 2),
  broadcast_frequency_interval: octets(0x0605, 3, 3),
  broadcast_area_identifier: octets(0x0606, 1, 101),
  broadcast_error_status: integer(0x0607, 4),
  broadcast_area_success: integer(0x0608, 1),
  broadcast_end_time: cstring(0x0609, 16, 17),
  broadcast_service_group: octets(0x060a, 1, 255),
  billing_identification: octets(0x060b, 1, 1024),
  source_network_id: cstring(0x060d, 7, 65),
  dest_network_id: cstring(0x060e, 7, 65),
  source_node_id: octets(0x060f, 6, 6),
  dest_node_id: octets(0x0610, 6, 6),
  dest_addr_np_resolution: integer(0x0611, 1),
  dest_addr_np_information: octets(0x0612, 10, 10),
  dest_addr_np_country: integer(0x0613, 5, 1),
  display_time: integer(0x1201, 1),
  sms_signal: integer(0x1203, 2),
  ms_validity: octets(0x1204, 1, 4),
  // v3.4 §5.3.2.41: no value; v5.0 §4.8.4.2: none, or one octet. None means 0.
  alert_on_message_delivery: integer(0x130c, 1, 0),
  its_reply_type: integer(0x1380, 1),
  its_session_info: octets(0x1383, 2, 2),
} as const satisfies Record<string, TlvDef>;

export type TlvName = keyof typeof TLVS;

/** What the value of a TLV is in code. */
export type TlvValue<N extends TlvName> = {
  integer: number;
  cstring: string;
  octets: Buffer;
}[(typeof TLVS)[N]['kind']];

const NAMES = new Map<number, TlvName>(Object.entries(TLVS).map(([name, def]) => [def.tag, name as TlvName] as const));

/** The tag's name, undefined for one that neither v3.4 nor v5.0 defines (0x1400 to 0x3FFF are the vendors'). */
export function tlvName(tag: number): TlvName | undefined {
  return NAMES.get(tag);
}

/**
 * The value of the first TLV of that name; undefined when there is none, or when its octets cannot be that kind.
 * Leniency: an integer of another width than the spec's is taken by its value (v3.4 itself gives
 * source_telematics_id one octet and dest_telematics_id two), a string without its NUL as it stands.
 */
export function tlvValue<N extends TlvName>(tlvs: readonly Tlv[], name: N): TlvValue<N> | undefined {
  const { tag } = TLVS[name];
  const found = tlvs.find(t => t.tag === tag);
  return found === undefined ? undefined : read(found.value, name);
}

/** All values of that name, in order, for the TLVs that may be repeated (callback_num, broadcast_area_identifier). */
export function tlvValues<N extends TlvName>(tlvs: readonly Tlv[], name: N): TlvValue<N>[] {
  const { tag } = TLVS[name];
  const values: TlvValue<N>[] = [];
  for (const t of tlvs) {
    const value = t.tag === tag ? read(t.value, name) : undefined;
    if (value !== undefined) values.push(value);
  }
  return values;
}

/** Makes a TLV. @throws PduEncodeError when the value does not fit the spec's width or length. */
export function tlv<N extends TlvName>(name: N, value: TlvValue<N>): Tlv {
  const def: TlvDef = TLVS[name];
  return { tag: def.tag, value: write(name, def, value) };
}

function read<N extends TlvName>(octets: Buffer, name: N): TlvValue<N> | undefined {
  const { kind }: TlvDef = TLVS[name];
  if (kind === 'octets') return octets as TlvValue<N>;
  if (kind === 'integer') {
    if (octets.length > 6) return undefined;
    return (octets.length === 0 ? 0 : octets.readUIntBE(0, octets.length)) as TlvValue<N>;
  }
  const nul = octets.indexOf(0);
  return octets.toString('latin1', 0, nul === -1 ? octets.length : nul) as TlvValue<N>;
}

function write(name: string, def: TlvDef, value: number | string | Buffer): Buffer {
  if (typeof value === 'number') {
    if (!Number.isInteger(value) || value < 0 || value >= 256 ** def.max) {
      throw new PduEncodeError(name, `must be an integer of ${def.max} octets`);
    }
    const octets = Buffer.alloc(def.max);
    octets.writeUIntBE(value, 0, def.max);
    return octets;
  }
  const octets = typeof value === 'string' ? Buffer.from(`${value}\0`, 'latin1') : value;
  if (octets.length < def.min || octets.length > def.max) {
    throw new PduEncodeError(name, `must be ${def.min} to ${def.max} octets, NUL included`);
  }
  return octets;
}
