import type { PduInput } from '../../adapters/smpp/codec/pdus.ts';
import { wire } from '../support/smpp-wire.ts';

/**
 * PDUs written down octet by octet from the tables of the specification (v3.4 Issue 1.2, v5.0), never by our encoder.
 * The same forms were compared with the published test PDUs of cloudhopper-smpp, smpp.pdu, gosmpp and smpp_parser.
 */
export type Vector = {
  readonly name: string;
  readonly spec: string;
  readonly hex: Buffer;
  readonly pdu: PduInput;
  /** What we write for `pdu` where that is not what was read: the strict form of something read leniently. */
  readonly written?: Buffer;
};

const bytes = (...octets: number[]): Buffer => Buffer.from(octets);
const ascii = (text: string): Buffer => Buffer.from(text, 'latin1');

export const VECTORS: readonly Vector[] = [
  {
    name: 'bind_transmitter, the example of v3.4',
    spec: 'v3.4 §3.2.2',
    hex: wire(`00 00 00 2F 00 00 00 02 00 00 00 00 00 00 00 01 53 4D 50 50 33 54 45 53 54 00
      73 65 63 72 65 74 30 38 00 53 55 42 4D 49 54 31 00 00 01 01 00`),
    pdu: {
      command: 'bind_transmitter',
      sequence_number: 1,
      system_id: 'SMPP3TEST',
      password: 'secret08',
      system_type: 'SUBMIT1',
      interface_version: 0,
      addr_ton: 1,
      addr_npi: 1,
      address_range: '',
    },
  },
  {
    name: 'bind_transmitter, the example of v5.0',
    spec: 'v5.0 §3.2.2',
    hex: wire(`00 00 00 2F 00 00 00 02 00 00 00 00 00 00 00 01 53 4D 50 50 33 54 45 53 54 00 73 65 63 72 65 74
      30 38 00 53 55 42 4D 49 54 31 00 50 01 01 00`),
    pdu: {
      command: 'bind_transmitter',
      sequence_number: 1,
      system_id: 'SMPP3TEST',
      password: 'secret08',
      system_type: 'SUBMIT1',
      interface_version: 0x50,
      addr_ton: 1,
      addr_npi: 1,
    },
  },
  {
    name: 'bind_receiver with an address range',
    spec: 'v3.4 §4.1.3',
    hex: wire(`00000024 00000001 00000000 00000007 "vms" 00 "pw" 00 "VMS" 00 34 01 01 "^4470" 00`),
    pdu: {
      command: 'bind_receiver',
      sequence_number: 7,
      system_id: 'vms',
      password: 'pw',
      system_type: 'VMS',
      interface_version: 0x34,
      addr_ton: 1,
      addr_npi: 1,
      address_range: '^4470',
    },
  },
  {
    name: 'bind_transceiver with everything NULL but the version',
    spec: 'v3.4 §4.1.5',
    hex: wire('00000017 00000009 00000000 7FFFFFFF 00 00 00 34 00 00 00'),
    pdu: { command: 'bind_transceiver', sequence_number: 0x7fffffff, interface_version: 0x34 },
  },
  {
    name: 'bind_transceiver with a password longer than the 8 octets of the spec',
    spec: 'v3.4 §4.1.5; leniency in pdus.ts',
    hex: wire('00000028 00000009 00000000 00000001 "a" 00 "correct-horse-12" 00 00 34 00 00 00'),
    pdu: {
      command: 'bind_transceiver',
      sequence_number: 1,
      system_id: 'a',
      password: 'correct-horse-12',
      interface_version: 0x34,
    },
  },
  {
    name: 'bind_transmitter_resp',
    spec: 'v3.4 §4.1.2',
    hex: wire('0000001D 80000002 00000000 00000001 "SMSC-01" 00 0210 0001 34'),
    pdu: {
      command: 'bind_transmitter_resp',
      sequence_number: 1,
      system_id: 'SMSC-01',
      tlvs: [{ tag: 0x0210, value: bytes(0x34) }],
    },
  },
  {
    name: 'bind_receiver_resp to a peer below 3.4, without TLV',
    spec: 'v3.4 §4.1.4, §3.4',
    hex: wire('00000015 80000001 00000000 00000009 "SMSC" 00'),
    pdu: { command: 'bind_receiver_resp', sequence_number: 9, system_id: 'SMSC' },
  },
  {
    name: 'bind_transceiver_resp with an error has no body',
    spec: 'v3.4 §4.1.2 note',
    hex: wire('00000010 80000009 0000000E 00000D80'),
    pdu: { command: 'bind_transceiver_resp', sequence_number: 0xd80, command_status: 0x0e, system_id: '' },
  },
  {
    name: 'bind_transceiver_resp with an error and a body all the same',
    spec: 'v5.0 §3.2.1.3',
    hex: wire('00000015 80000009 0000000E 00004DB3 "SMSC" 00'),
    pdu: { command: 'bind_transceiver_resp', sequence_number: 0x4db3, command_status: 0x0e, system_id: 'SMSC' },
    written: wire('00000010 80000009 0000000E 00004DB3'),
  },
  {
    name: 'outbind',
    spec: 'v3.4 §4.1.7.1',
    hex: wire('0000001B 0000000B 00000000 0000000D "smsc" 00 "hello" 00'),
    pdu: { command: 'outbind', sequence_number: 13, system_id: 'smsc', password: 'hello' },
  },
  {
    name: 'unbind',
    spec: 'v3.4 §4.2.1',
    hex: wire('00000010 00000006 00000000 00000004'),
    pdu: { command: 'unbind', sequence_number: 4 },
  },
  {
    name: 'unbind_resp',
    spec: 'v3.4 §4.2.2',
    hex: wire('00000010 80000006 00000000 00000005'),
    pdu: { command: 'unbind_resp', sequence_number: 5 },
  },
  {
    name: 'unbind with a stray octet behind it',
    spec: 'leniency in decode.ts',
    hex: wire('00000011 00000006 00000000 00000004 FF'),
    pdu: { command: 'unbind', sequence_number: 4 },
    written: wire('00000010 00000006 00000000 00000004'),
  },
  {
    name: 'generic_nack of something that could not be decoded',
    spec: 'v3.4 §4.3.1',
    hex: wire('00000010 80000000 00000002 00000000'),
    pdu: { command: 'generic_nack', command_status: 2, sequence_number: 0 },
  },
  {
    name: 'submit_sm, the ordinary one',
    spec: 'v3.4 §4.4.1',
    hex: wire(`0000003C 00000004 00000000 00000102 00 05 00 "Heliograph" 00 01 01 "447700900123" 00
      00 00 00 00 00 01 00 00 00 05 "Hello"`),
    pdu: {
      command: 'submit_sm',
      sequence_number: 0x102,
      source_addr_ton: 5,
      source_addr: 'Heliograph',
      dest_addr_ton: 1,
      dest_addr_npi: 1,
      destination_addr: '447700900123',
      registered_delivery: 1,
      short_message: ascii('Hello'),
    },
  },
  {
    name: 'submit_sm with every field set, and both times',
    spec: 'v3.4 §4.4.1, §7.1.1',
    hex: wire(`00000070 00000004 00000000 00000001 "WAP" 00 01 02 "12345678901234567890" 00
      03 04 "09876543210987654321" 00 43 05 03
      "020610233429000R" 00 "261231235959048+" 00 1D 01 F5 07 04 05 00 03 FF`),
    pdu: {
      command: 'submit_sm',
      sequence_number: 1,
      service_type: 'WAP',
      source_addr_ton: 1,
      source_addr_npi: 2,
      source_addr: '12345678901234567890',
      dest_addr_ton: 3,
      dest_addr_npi: 4,
      destination_addr: '09876543210987654321',
      esm_class: 0x43,
      protocol_id: 5,
      priority_flag: 3,
      schedule_delivery_time: '020610233429000R',
      validity_period: '261231235959048+',
      registered_delivery: 0x1d,
      replace_if_present_flag: 1,
      data_coding: 0xf5,
      sm_default_msg_id: 7,
      short_message: bytes(5, 0, 3, 0xff),
    },
  },
  {
    name: 'submit_sm with its text in message_payload, a repeated TLV and a vendor one, in that order',
    spec: 'v3.4 §5.3.2.32, §5.3.2.36, §5.3.1',
    hex: wire(`00000042 00000004 00000000 00000003 00 00 00 00 01 01 "49151" 00 00 00 00 00 00 00 00 00 00 00
      0381 0004 01 01 01 31  1401 0000  0424 0003 "abc"  0381 0005 01 01 01 32 33`),
    pdu: {
      command: 'submit_sm',
      sequence_number: 3,
      dest_addr_ton: 1,
      dest_addr_npi: 1,
      destination_addr: '49151',
      tlvs: [
        { tag: 0x0381, value: bytes(1, 1, 1, 0x31) },
        { tag: 0x1401, value: bytes() },
        { tag: 0x0424, value: ascii('abc') },
        { tag: 0x0381, value: bytes(1, 1, 1, 0x32, 0x33) },
      ],
    },
  },
  {
    name: 'submit_sm with three stray octets behind its last TLV',
    spec: 'leniency in decode.ts; v5.0 §4.7.6 would refuse it',
    hex: wire(`0000002C 00000004 00000000 00000003 00 00 00 00 01 01 "4" 00 00 00 00 00 00 00 00 00 00 01 "x"
      0204 0002 0102 00 00 00`),
    pdu: {
      command: 'submit_sm',
      sequence_number: 3,
      dest_addr_ton: 1,
      dest_addr_npi: 1,
      destination_addr: '4',
      short_message: ascii('x'),
      tlvs: [{ tag: 0x0204, value: bytes(1, 2) }],
    },
    written: wire(`00000029 00000004 00000000 00000003 00 00 00 00 01 01 "4" 00 00 00 00 00 00 00 00 00 00 01 "x"
      0204 0002 0102`),
  },
  {
    name: 'submit_sm with a short_message of 255 octets',
    spec: 'v5.0 §4.7.28; v3.4 §5.2.21 stops at 254',
    hex: Buffer.concat([
      wire('00000121 00000004 00000000 00000001 00 00 00 00 01 01 "1" 00 00 00 00 00 00 00 00 00 00 FF'),
      Buffer.alloc(255, 0x61),
    ]),
    pdu: {
      command: 'submit_sm',
      sequence_number: 1,
      dest_addr_ton: 1,
      dest_addr_npi: 1,
      destination_addr: '1',
      short_message: Buffer.alloc(255, 0x61),
    },
  },
  {
    name: 'submit_sm_resp',
    spec: 'v3.4 §4.4.2',
    hex: wire('0000001C 80000004 00000000 0A342EE1 "94258431594" 00'),
    pdu: { command: 'submit_sm_resp', sequence_number: 0x0a342ee1, message_id: '94258431594' },
  },
  {
    name: 'submit_sm_resp with an error has no body',
    spec: 'v3.4 §4.4.2 note',
    hex: wire('00000010 80000004 00000058 00000001'),
    pdu: { command: 'submit_sm_resp', sequence_number: 1, command_status: 0x58, message_id: '' },
  },
  {
    name: 'submit_sm_resp with status 0 and no body',
    spec: 'leniency in decode.ts',
    hex: wire('00000010 80000004 00000000 00000001'),
    pdu: { command: 'submit_sm_resp', sequence_number: 1, message_id: '' },
    written: wire('00000011 80000004 00000000 00000001 00'),
  },
  {
    name: 'submit_sm_resp whose message_id has no NUL',
    spec: 'leniency in fields.ts',
    hex: wire('00000013 80000004 00000000 00000001 "3a9"'),
    pdu: { command: 'submit_sm_resp', sequence_number: 1, message_id: '3a9' },
    written: wire('00000014 80000004 00000000 00000001 "3a9" 00'),
  },
  {
    name: 'submit_multi to two numbers and a distribution list',
    spec: 'v3.4 §4.5.1, Table 4-13 to 4-15',
    hex: wire(`00000042 00000021 00000000 0000000D "CMT" 00 01 01 "777" 00
      03  01 01 01 "4470" 00  02 "friends" 00  01 02 08 "0151" 00
      00 00 01 00 00 01 00 08 00 04 00 48 00 69`),
    pdu: {
      command: 'submit_multi',
      sequence_number: 13,
      service_type: 'CMT',
      source_addr_ton: 1,
      source_addr_npi: 1,
      source_addr: '777',
      dest_address: [
        { dest_flag: 1, dest_addr_ton: 1, dest_addr_npi: 1, destination_addr: '4470' },
        { dest_flag: 2, dl_name: 'friends' },
        { dest_flag: 1, dest_addr_ton: 2, dest_addr_npi: 8, destination_addr: '0151' },
      ],
      priority_flag: 1,
      registered_delivery: 1,
      data_coding: 8,
      short_message: bytes(0, 0x48, 0, 0x69),
    },
  },
  {
    name: 'submit_multi_resp with two that failed',
    spec: 'v3.4 §4.5.2, Table 4-17',
    hex: wire('00000027 80000021 00000000 0000000D "17" 00 02 01 01 "4470" 00 0000000B 02 08 "1" 00 00000014'),
    pdu: {
      command: 'submit_multi_resp',
      sequence_number: 13,
      message_id: '17',
      unsuccess_sme: [
        { dest_addr_ton: 1, dest_addr_npi: 1, destination_addr: '4470', error_status_code: 0x0b },
        { dest_addr_ton: 2, dest_addr_npi: 8, destination_addr: '1', error_status_code: 0x14 },
      ],
    },
  },
  {
    name: 'submit_multi_resp that ends after its message_id',
    spec: 'leniency in decode.ts',
    hex: wire('00000013 80000021 00000000 0000000D "17" 00'),
    pdu: { command: 'submit_multi_resp', sequence_number: 13, message_id: '17', unsuccess_sme: [] },
    written: wire('00000014 80000021 00000000 0000000D "17" 00 00'),
  },
  {
    name: 'deliver_sm with a delivery receipt',
    spec: 'v3.4 §4.6.1, Appendix B, §5.3.2.12, §5.3.2.35',
    hex: wire(`00000074 00000005 00000000 00000002 00 01 01 "447700900123" 00 01 01 "40404" 00 04 00 00 00 00 00 00 00 00
      2F "id:42 sub:001 dlvrd:001 stat:DELIVRD err:000 te"
      001E 0003 "42" 00 0427 0001 02 0423 0003 03 0000`),
    pdu: {
      command: 'deliver_sm',
      sequence_number: 2,
      source_addr_ton: 1,
      source_addr_npi: 1,
      source_addr: '447700900123',
      dest_addr_ton: 1,
      dest_addr_npi: 1,
      destination_addr: '40404',
      esm_class: 4,
      short_message: ascii('id:42 sub:001 dlvrd:001 stat:DELIVRD err:000 te'),
      tlvs: [
        { tag: 0x001e, value: ascii('42\0') },
        { tag: 0x0427, value: bytes(2) },
        { tag: 0x0423, value: bytes(3, 0, 0) },
      ],
    },
  },
  {
    name: 'deliver_sm with something odd in the two unused times',
    spec: 'v3.4 Table 4-18; leniency in pdus.ts',
    hex: wire(
      '0000002A 00000005 00000000 80000001 00 00 00 "1" 00 00 00 "2" 00 00 00 00 "2601" 00 "0" 00 00 00 00 00 02 6F 6B',
    ),
    pdu: {
      command: 'deliver_sm',
      sequence_number: 0x80000001,
      source_addr: '1',
      destination_addr: '2',
      schedule_delivery_time: '2601',
      validity_period: '0',
      short_message: ascii('ok'),
    },
  },
  {
    name: 'deliver_sm_resp',
    spec: 'v3.4 §4.6.2',
    hex: wire('00000011 80000005 00000000 00000002 00'),
    pdu: { command: 'deliver_sm_resp', sequence_number: 2, message_id: '' },
  },
  {
    name: 'deliver_sm_resp as a bare header',
    spec: 'leniency in decode.ts',
    hex: wire('00000010 80000005 00000000 00000002'),
    pdu: { command: 'deliver_sm_resp', sequence_number: 2, message_id: '' },
    written: wire('00000011 80000005 00000000 00000002 00'),
  },
  {
    name: 'data_sm',
    spec: 'v3.4 §4.7.1',
    hex: wire(`00000039 00000103 00000000 00000001 "USSD" 00 01 01 "5552710000" 00 00 01 "9695" 00 00 01 00
      0501 0001 02 0424 0004 "Test"`),
    pdu: {
      command: 'data_sm',
      sequence_number: 1,
      service_type: 'USSD',
      source_addr_ton: 1,
      source_addr_npi: 1,
      source_addr: '5552710000',
      dest_addr_npi: 1,
      destination_addr: '9695',
      registered_delivery: 1,
      tlvs: [
        { tag: 0x0501, value: bytes(2) },
        { tag: 0x0424, value: ascii('Test') },
      ],
    },
  },
  {
    name: 'data_sm_resp with an error, and the TLVs that say why',
    spec: 'v3.4 §4.7.2',
    hex: wire('0000001C 80000103 000000FE 00000001 "9" 00 0425 0001 03 0420 0001 01'),
    pdu: {
      command: 'data_sm_resp',
      sequence_number: 1,
      command_status: 0xfe,
      message_id: '9',
      tlvs: [
        { tag: 0x0425, value: bytes(3) },
        { tag: 0x0420, value: bytes(1) },
      ],
    },
  },
  {
    name: 'query_sm',
    spec: 'v3.4 §4.8.1',
    hex: wire('0000001E 00000003 00000000 00004FE8 "12345" 00 01 01 "40404" 00'),
    pdu: {
      command: 'query_sm',
      sequence_number: 20456,
      message_id: '12345',
      source_addr_ton: 1,
      source_addr_npi: 1,
      source_addr: '40404',
    },
  },
  {
    name: 'query_sm_resp of a message that is still on its way',
    spec: 'v3.4 §4.8.2',
    hex: wire('00000019 80000003 00000000 00004FE8 "12345" 00 00 01 00'),
    pdu: { command: 'query_sm_resp', sequence_number: 20456, message_id: '12345', message_state: 1 },
  },
  {
    name: 'query_sm_resp with the final date in the SMSC form of 12 digits',
    spec: 'v3.4 §7.1.1 note; leniency in pdus.ts',
    hex: wire('00000021 80000003 00000000 00000001 "7" 00 "260131235959" 00 02 00'),
    pdu: {
      command: 'query_sm_resp',
      sequence_number: 1,
      message_id: '7',
      final_date: '260131235959',
      message_state: 2,
    },
  },
  {
    name: 'cancel_sm of a group',
    spec: 'v3.4 §4.9.1',
    hex: wire('00000026 00000008 00000000 00000001 "VMN" 00 00 01 01 "40404" 00 01 01 "449513" 00'),
    pdu: {
      command: 'cancel_sm',
      sequence_number: 1,
      service_type: 'VMN',
      source_addr_ton: 1,
      source_addr_npi: 1,
      source_addr: '40404',
      dest_addr_ton: 1,
      dest_addr_npi: 1,
      destination_addr: '449513',
    },
  },
  {
    name: 'cancel_sm_resp',
    spec: 'v3.4 §4.9.2',
    hex: wire('00000010 80000008 00000011 00000001'),
    pdu: { command: 'cancel_sm_resp', sequence_number: 1, command_status: 0x11 },
  },
  {
    name: 'replace_sm',
    spec: 'v3.4 §4.10.1',
    hex: wire(`00000034 00000007 00000000 00000001 "id-1" 00 01 01 "555" 00 00 "000001000000000R" 00 01 02 04 "text"`),
    pdu: {
      command: 'replace_sm',
      sequence_number: 1,
      message_id: 'id-1',
      source_addr_ton: 1,
      source_addr_npi: 1,
      source_addr: '555',
      validity_period: '000001000000000R',
      registered_delivery: 1,
      sm_default_msg_id: 2,
      short_message: ascii('text'),
    },
  },
  {
    name: 'replace_sm_resp',
    spec: 'v3.4 §4.10.2',
    hex: wire('00000010 80000007 00000000 00000001'),
    pdu: { command: 'replace_sm_resp', sequence_number: 1 },
  },
  {
    name: 'enquire_link',
    spec: 'v3.4 §4.11.1',
    hex: wire('00000010 00000015 00000000 00000006'),
    pdu: { command: 'enquire_link', sequence_number: 6 },
  },
  {
    name: 'enquire_link_resp with the congestion of a 5.0 peer',
    spec: 'v3.4 §4.11.2, v5.0 §4.8.4.18',
    hex: wire('00000015 80000015 00000000 00000006 0428 0001 50'),
    pdu: { command: 'enquire_link_resp', sequence_number: 6, tlvs: [{ tag: 0x0428, value: bytes(80) }] },
  },
  {
    name: 'alert_notification',
    spec: 'v3.4 §4.12.1',
    hex: wire('00000022 00000102 00000000 00000001 02 01 "4470" 00 01 06 "777" 00 0422 0001 01'),
    pdu: {
      command: 'alert_notification',
      sequence_number: 1,
      source_addr_ton: 2,
      source_addr_npi: 1,
      source_addr: '4470',
      esme_addr_ton: 1,
      esme_addr_npi: 6,
      esme_addr: '777',
      tlvs: [{ tag: 0x0422, value: bytes(1) }],
    },
  },
  {
    name: 'broadcast_sm with its mandatory TLVs',
    spec: 'v5.0 §4.4.1.1',
    hex: wire(`00000040 00000111 00000000 00000001 "CBS" 00 00 01 "900" 00 "17" 00 01 00 00 01 04 05
      0606 0005 00 "area"  0601 0003 00 0001  0604 0002 0003  0605 0003 09 001F`),
    pdu: {
      command: 'broadcast_sm',
      sequence_number: 1,
      service_type: 'CBS',
      source_addr_npi: 1,
      source_addr: '900',
      message_id: '17',
      priority_flag: 1,
      replace_if_present_flag: 1,
      data_coding: 4,
      sm_default_msg_id: 5,
      tlvs: [
        { tag: 0x0606, value: ascii('\0area') },
        { tag: 0x0601, value: bytes(0, 0, 1) },
        { tag: 0x0604, value: bytes(0, 3) },
        { tag: 0x0605, value: bytes(9, 0, 0x1f) },
      ],
    },
  },
  {
    name: 'broadcast_sm_resp',
    spec: 'v5.0 §4.4.1.2',
    hex: wire('00000013 80000111 00000000 00000001 "17" 00'),
    pdu: { command: 'broadcast_sm_resp', sequence_number: 1, message_id: '17' },
  },
  {
    name: 'query_broadcast_sm',
    spec: 'v5.0 §4.6.1.1',
    hex: wire('00000019 00000112 00000000 00000001 "17" 00 01 01 "900" 00'),
    pdu: {
      command: 'query_broadcast_sm',
      sequence_number: 1,
      message_id: '17',
      source_addr_ton: 1,
      source_addr_npi: 1,
      source_addr: '900',
    },
  },
  {
    name: 'query_broadcast_sm_resp with its TLVs',
    spec: 'v5.0 §4.6.1.3',
    hex: wire('00000026 80000112 00000000 00000001 "17" 00 0427 0001 02 0606 0005 00 "area" 0608 0001 64'),
    pdu: {
      command: 'query_broadcast_sm_resp',
      sequence_number: 1,
      message_id: '17',
      tlvs: [
        { tag: 0x0427, value: bytes(2) },
        { tag: 0x0606, value: ascii('\0area') },
        { tag: 0x0608, value: bytes(100) },
      ],
    },
  },
  {
    name: 'cancel_broadcast_sm',
    spec: 'v5.0 §4.6.2.1',
    hex: wire('0000001D 00000113 00000000 00000001 "CBS" 00 "17" 00 01 01 "900" 00'),
    pdu: {
      command: 'cancel_broadcast_sm',
      sequence_number: 1,
      service_type: 'CBS',
      message_id: '17',
      source_addr_ton: 1,
      source_addr_npi: 1,
      source_addr: '900',
    },
  },
  {
    name: 'cancel_broadcast_sm_resp',
    spec: 'v5.0 §4.6.2.3',
    hex: wire('00000010 80000113 00000000 00000001'),
    pdu: { command: 'cancel_broadcast_sm_resp', sequence_number: 1 },
  },
];
