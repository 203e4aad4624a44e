import type { PduInput } from '../../adapters/smpp/codec/pdus.ts';
import { type Tlv, TLVS, type TlvName } from '../../adapters/smpp/codec/tlvs.ts';
import { wire } from '../support/smpp-wire.ts';
import type { Vector } from './smpp-pdus.ts';

/**
 * PDUs whose octets other implementations wrote, one for every command: Net::SMPP 1.19 (Debian 12) those of v3.4, the
 * npm package smpp 0.5.1 the broadcast operations of v5.0. test/integration/interop/codec.test.ts has each written
 * again by its writer.
 */
export const NET_SMPP_VECTORS: readonly Vector[] = [
  v(`00000026 00000002 00000000 000003E9 7065726C00736563726574303800564D410034010100`, {
    command: 'bind_transmitter',
    sequence_number: 1001,
    system_id: 'perl',
    password: 'secret08',
    system_type: 'VMA',
    interface_version: 0x34,
    addr_ton: 1,
    addr_npi: 1,
  }),
  v(`0000002A 00000001 00000000 000003EA 7065726C00736563726574303800003402085E343437392E2A00`, {
    command: 'bind_receiver',
    sequence_number: 1002,
    system_id: 'perl',
    password: 'secret08',
    interface_version: 0x34,
    addr_ton: 2,
    addr_npi: 8,
    address_range: '^4479.*',
  }),
  v(`00000023 00000009 00000000 000003EB 7065726C007365637265743038000050000000`, {
    command: 'bind_transceiver',
    sequence_number: 1003,
    system_id: 'perl',
    password: 'secret08',
    interface_version: 0x50,
  }),
  v(`0000001A 80000002 00000000 000003EC 534D5343000210000134`, {
    command: 'bind_transmitter_resp',
    sequence_number: 1004,
    system_id: 'SMSC',
    tlvs: [t('sc_interface_version', '34')],
  }),
  v(`00000015 80000001 00000000 000003ED 534D534300`, {
    command: 'bind_receiver_resp',
    sequence_number: 1005,
    system_id: 'SMSC',
  }),
  v(`0000001A 80000009 00000000 000003EE 534D5343000210000150`, {
    command: 'bind_transceiver_resp',
    sequence_number: 1006,
    system_id: 'SMSC',
    tlvs: [t('sc_interface_version', '50')],
  }),
  v(`0000001E 0000000B 00000000 000003EF 534D534300736563726574303800`, {
    command: 'outbind',
    sequence_number: 1007,
    system_id: 'SMSC',
    password: 'secret08',
  }),
  v(`00000010 00000006 00000000 000003F0`, { command: 'unbind', sequence_number: 1008 }),
  v(`00000010 80000006 00000000 000003F1`, { command: 'unbind_resp', sequence_number: 1009 }),
  v(`00000010 00000015 00000000 000003F2`, { command: 'enquire_link', sequence_number: 1010 }),
  v(`00000010 80000015 00000000 000003F3`, { command: 'enquire_link_resp', sequence_number: 1011 }),
  v(`00000010 80000000 00000003 000003F4`, { command: 'generic_nack', sequence_number: 1012, command_status: 3 }),
  v(
    `0000006E 00000004 00000000 000003F5 434D5400050048656C696F677261706800010134343737303039303031323300 4000013236303133313132303030303030302B00303030303031303030303030 30303052000100F500090605040B8423F001FF0204000212340005000101`,
    {
      command: 'submit_sm',
      sequence_number: 1013,
      service_type: 'CMT',
      source_addr_ton: 5,
      source_addr_npi: 0,
      source_addr: 'Heliograph',
      dest_addr_ton: 1,
      dest_addr_npi: 1,
      destination_addr: '447700900123',
      esm_class: 0x40,
      priority_flag: 1,
      schedule_delivery_time: '260131120000000+',
      validity_period: '000001000000000R',
      registered_delivery: 1,
      data_coding: 0xf5,
      short_message: wire('0605040b8423f001ff'),
      tlvs: [t('user_message_reference', '1234'), t('dest_addr_subunit', '01')],
    },
  ),
  v(`0000001E 80000004 00000000 000003F6 3430333532323532363631323300`, {
    command: 'submit_sm_resp',
    sequence_number: 1014,
    message_id: '4035225266123',
  }),
  v(
    `00000049 00000021 00000000 000003F7 000300343034303400030101013434373730303930303132330002667269656E 64730001020830313531000000000000010008000400480069`,
    {
      command: 'submit_multi',
      sequence_number: 1015,
      source_addr_ton: 3,
      source_addr: '40404',
      dest_address: [
        { dest_flag: 1, dest_addr_ton: 1, dest_addr_npi: 1, destination_addr: '447700900123' },
        { dest_flag: 2, dl_name: 'friends' },
        { dest_flag: 1, dest_addr_ton: 2, dest_addr_npi: 8, destination_addr: '0151' },
      ],
      registered_delivery: 1,
      data_coding: 8,
      short_message: wire('00480069'),
    },
  ),
  v(
    `0000003D 80000021 00000000 000003F8 3430333532323532363631323400020101343437373030393030313233000000 000B0208303135310000000014`,
    {
      command: 'submit_multi_resp',
      sequence_number: 1016,
      message_id: '4035225266124',
      unsuccess_sme: [
        { dest_addr_ton: 1, dest_addr_npi: 1, destination_addr: '447700900123', error_status_code: 0x0b },
        { dest_addr_ton: 2, dest_addr_npi: 8, destination_addr: '0151', error_status_code: 0x14 },
      ],
    },
  ),
  v(
    `000000A8 00000005 00000000 000003F9 0001013434373730303930303132330003003430343034000400000000000000 006369643A3137207375623A30303120646C7672643A303030207375626D6974 20646174653A3236303133313132303020646F6E6520646174653A3236303133 313132303120737461743A45585049524544206572723A30313120746578743A 48656C6C6F001E000331370004270001030423000303000B`,
    {
      command: 'deliver_sm',
      sequence_number: 1017,
      source_addr_ton: 1,
      source_addr_npi: 1,
      source_addr: '447700900123',
      dest_addr_ton: 3,
      destination_addr: '40404',
      esm_class: 4,
      short_message: wire(
        '"id:17 sub:001 dlvrd:000 submit date:2601311200 done date:2601311201 stat:EXPIRED err:011 text:Hello"',
      ),
      tlvs: [t('receipted_message_id', '313700'), t('message_state', '03'), t('network_error_code', '03000b')],
    },
  ),
  v(`00000011 80000005 00000000 000003FA 00`, { command: 'deliver_sm_resp', sequence_number: 1018, message_id: '' }),
  v(
    `00000051 00000103 00000000 000003FB 57415000010134343737303039303031323300000E3132372E302E302E310002 11040424000748656C6C6F00FF020A000223F0020B00020B840017000400000E 10`,
    {
      command: 'data_sm',
      sequence_number: 1019,
      service_type: 'WAP',
      source_addr_ton: 1,
      source_addr_npi: 1,
      source_addr: '447700900123',
      dest_addr_npi: 0x0e,
      destination_addr: '127.0.0.1',
      esm_class: 2,
      registered_delivery: 0x11,
      data_coding: 4,
      tlvs: [
        t('message_payload', '48656c6c6f00ff'),
        t('source_port', '23f0'),
        t('destination_port', '0b84'),
        t('qos_time_to_live', '00000e10'),
      ],
    },
  ),
  v(`0000002D 80000103 000000FE 000003FC 31370004250001030423000303000B001D000562757379000420000101`, {
    command: 'data_sm_resp',
    sequence_number: 1020,
    command_status: 0xfe,
    message_id: '17',
    tlvs: [
      t('delivery_failure_reason', '03'),
      t('network_error_code', '03000b'),
      t('additional_status_info_text', '6275737900'),
      t('dpf_result', '01'),
    ],
  }),
  v(`0000002B 00000003 00000000 000003FD 3430333532323532363631323300050048656C696F677261706800`, {
    command: 'query_sm',
    sequence_number: 1021,
    message_id: '4035225266123',
    source_addr_ton: 5,
    source_addr_npi: 0,
    source_addr: 'Heliograph',
  }),
  v(`00000031 80000003 00000000 000003FE 34303335323235323636313233003236303133313132303135393030382B0005 1B`, {
    command: 'query_sm_resp',
    sequence_number: 1022,
    message_id: '4035225266123',
    final_date: '260131120159008+',
    message_state: 5,
    error_code: 0x1b,
  }),
  v(
    `0000003B 00000008 00000000 000003FF 003430333532323532363631323300050048656C696F67726170680001013434 3737303039303031323300`,
    {
      command: 'cancel_sm',
      sequence_number: 1023,
      message_id: '4035225266123',
      source_addr_ton: 5,
      source_addr_npi: 0,
      source_addr: 'Heliograph',
      dest_addr_ton: 1,
      dest_addr_npi: 1,
      destination_addr: '447700900123',
    },
  ),
  v(`00000010 80000008 00000011 00000400`, { command: 'cancel_sm_resp', sequence_number: 1024, command_status: 0x11 }),
  v(
    `0000004D 00000007 00000000 00000401 3430333532323532363631323300050048656C696F6772617068000030303030 3032303030303030303030520001000D41206265747465722074657874`,
    {
      command: 'replace_sm',
      sequence_number: 1025,
      message_id: '4035225266123',
      source_addr_ton: 5,
      source_addr_npi: 0,
      source_addr: 'Heliograph',
      validity_period: '000002000000000R',
      registered_delivery: 1,
      short_message: wire('"A better text"'),
    },
  ),
  v(`00000010 80000007 00000000 00000402`, { command: 'replace_sm_resp', sequence_number: 1026 }),
  v(`0000002C 00000102 00000000 00000403 01013434373730303930303132330003003430343034000422000100`, {
    command: 'alert_notification',
    sequence_number: 1027,
    source_addr_ton: 1,
    source_addr_npi: 1,
    source_addr: '447700900123',
    esme_addr_ton: 3,
    esme_addr: '40404',
    tlvs: [t('ms_availability_status', '00')],
  }),
].map(by('Net::SMPP'));

export const NPM_SMPP_VECTORS: readonly Vector[] = [
  v(
    `0000005B 00000111 00000000 00000404 434253000101393030000001000000F100060600080042726973746F6C060600 050042617468060100030000210604000200030605000308001E0424000D466C 6F6F64207761726E696E67`,
    {
      command: 'broadcast_sm',
      sequence_number: 1028,
      service_type: 'CBS',
      source_addr_ton: 1,
      source_addr_npi: 1,
      source_addr: '900',
      priority_flag: 1,
      data_coding: 0xf1,
      tlvs: [
        t('broadcast_area_identifier', '0042726973746f6c'),
        t('broadcast_area_identifier', '0042617468'),
        t('broadcast_content_type', '000021'),
        t('broadcast_rep_num', '0003'),
        t('broadcast_frequency_interval', '08001e'),
        t('message_payload', '"Flood warning"'),
      ],
    },
  ),
  v(`00000028 80000111 00000000 00000405 3137000607000400000110060600090041746C616E746973`, {
    command: 'broadcast_sm_resp',
    sequence_number: 1029,
    message_id: '17',
    tlvs: [t('broadcast_error_status', '00000110'), t('broadcast_area_identifier', '0041746c616e746973')],
  }),
  v(`0000001F 00000112 00000000 00000406 313700010139303000020400021234`, {
    command: 'query_broadcast_sm',
    sequence_number: 1030,
    message_id: '17',
    source_addr_ton: 1,
    source_addr_npi: 1,
    source_addr: '900',
    tlvs: [t('user_message_reference', '1234')],
  }),
  v(`00000029 80000112 00000000 00000407 3137000427000109060600080042726973746F6C0608000155`, {
    command: 'query_broadcast_sm_resp',
    sequence_number: 1031,
    message_id: '17',
    tlvs: [
      t('message_state', '09'),
      t('broadcast_area_identifier', '0042726973746f6c'),
      t('broadcast_area_success', '55'),
    ],
  }),
  v(`00000024 00000113 00000000 00000408 4342530031370001013930300006010003000021`, {
    command: 'cancel_broadcast_sm',
    sequence_number: 1032,
    service_type: 'CBS',
    message_id: '17',
    source_addr_ton: 1,
    source_addr_npi: 1,
    source_addr: '900',
    tlvs: [t('broadcast_content_type', '000021')],
  }),
  v(`00000010 80000113 00000000 00000409`, { command: 'cancel_broadcast_sm_resp', sequence_number: 1033 }),
].map(by('npm smpp'));

type Written = readonly [octets: string, pdu: PduInput];

/** The octets, and what was to be written. */
function v(octets: string, pdu: PduInput): Written {
  return [octets, pdu];
}

function t(name: TlvName, value: string): Tlv {
  return { tag: TLVS[name].tag, value: wire(value) };
}

function by(writer: string) {
  return ([octets, pdu]: Written): Vector => ({
    name: `${pdu.command} as ${writer} writes it`,
    spec: writer,
    hex: wire(octets),
    pdu,
  });
}
