import type { Recovery } from '../../adapters/smpp/codec/errors.ts';
import { wire } from '../support/smpp-wire.ts';

/** PDUs that must be refused: with which status, and what the session does then. */
export type BadVector = {
  readonly name: string;
  readonly spec: string;
  readonly hex: Buffer;
  readonly code: 'SMPP_BODY' | 'SMPP_COMMAND_ID';
  readonly command_status: number;
  readonly recovery: Recovery;
  /** Fields that were read before the fault. */
  readonly known?: Readonly<Record<string, unknown>>;
  readonly message: string;
};

export const BAD_VECTORS: readonly BadVector[] = [
  {
    name: 'a command_id nobody defined',
    spec: 'v3.4 §3.3: generic_nack with ESME_RINVCMDID',
    hex: wire('00000010 00000110 00000000 0A342EE7'),
    code: 'SMPP_COMMAND_ID',
    command_status: 0x03,
    recovery: 'nack',
    message: 'unknown command_id 0x00000110',
  },
  {
    name: 'a response nobody defined is never answered',
    spec: 'errors.ts, Recovery',
    hex: wire('00000010 80000110 00000000 0A342EE7'),
    code: 'SMPP_COMMAND_ID',
    command_status: 0x03,
    recovery: 'ignore',
    message: 'unknown command_id 0x80000110',
  },
  {
    name: 'submit_sm without a body',
    spec: 'v3.4 §4.4.1',
    hex: wire('00000010 00000004 00000000 00000001'),
    code: 'SMPP_BODY',
    command_status: 0x15,
    recovery: 'respond',
    message: 'submit_sm: service_type: has no terminating NUL',
  },
  {
    name: 'submit_sm that ends in the middle',
    spec: 'v5.0 §4.7.6 ESME_RINVCMDLEN: too short for the given PDU',
    hex: wire('00000017 00000004 00000000 00000001 "CMT" 00 01 01 00'),
    code: 'SMPP_BODY',
    command_status: 0x02,
    recovery: 'respond',
    known: { service_type: 'CMT', source_addr_ton: 1, source_addr_npi: 1, source_addr: '' },
    message: 'submit_sm: dest_addr_ton: the PDU ends before it',
  },
  {
    name: 'submit_sm with a service_type of 6 characters',
    spec: 'v3.4 §4.4.1: 5 and a NUL',
    hex: wire('00000027 00000004 00000000 00000001 "ABCDEF" 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00'),
    code: 'SMPP_BODY',
    command_status: 0x15,
    recovery: 'respond',
    message: 'submit_sm: service_type: is longer than 5 octets',
  },
  {
    name: 'submit_sm with a source_addr of 21 digits',
    spec: 'v5.0 §4.7.6 ESME_RINVSRCADR: too long',
    hex: wire(
      '00000036 00000004 00000000 00000001 00 01 01 "123456789012345678901" 00 01 01 00 00 00 00 00 00 00 00 00 00 00',
    ),
    code: 'SMPP_BODY',
    command_status: 0x0a,
    recovery: 'respond',
    known: { service_type: '', source_addr_ton: 1, source_addr_npi: 1 },
    message: 'submit_sm: source_addr: is longer than 20 octets',
  },
  {
    name: 'submit_sm with a destination_addr of 21 digits',
    spec: 'v5.0 §4.7.6 ESME_RINVDSTADR: too long',
    hex: wire(
      '00000037 00000004 00000000 00000001 00 01 01 "1" 00 01 01 "123456789012345678901" 00 00 00 00 00 00 00 00 00 00 00',
    ),
    code: 'SMPP_BODY',
    command_status: 0x0b,
    recovery: 'respond',
    known: { source_addr: '1', dest_addr_ton: 1 },
    message: 'submit_sm: destination_addr: is longer than 20 octets',
  },
  {
    name: 'submit_sm with a schedule_delivery_time of 20 characters',
    spec: 'v5.0 §2.8.2: the very example',
    hex: wire(
      '00000036 00000004 00000000 00000001 00 00 00 00 01 01 "1" 00 00 00 00 "12345678901234567890" 00 00 00 00 00 00 00',
    ),
    code: 'SMPP_BODY',
    command_status: 0x61,
    recovery: 'respond',
    message: 'submit_sm: schedule_delivery_time: is longer than 16 octets',
  },
  {
    name: 'submit_sm with a validity_period of 12 characters',
    spec: 'v3.4 §4.4.1: 1 or 17',
    hex: wire(
      '0000002E 00000004 00000000 00000001 00 00 00 00 01 01 "1" 00 00 00 00 00 "123456789012" 00 00 00 00 00 00',
    ),
    code: 'SMPP_BODY',
    command_status: 0x62,
    recovery: 'respond',
    message: 'submit_sm: validity_period: must be 0 or 16 octets',
  },
  {
    name: 'deliver_sm with sm_length 16 and 8 octets of text',
    spec: 'v3.4 §5.1.3 ESME_RINVMSGLEN',
    hex: wire(`0000003A 00000005 00000000 00000001 00 01 01 "9999199145930" 00 00 00 "6464" 00
      00 00 00 00 00 00 00 08 00 10 C1E1E9EDF3FAF1FC`),
    code: 'SMPP_BODY',
    command_status: 0x01,
    recovery: 'respond',
    known: { source_addr: '9999199145930', destination_addr: '6464', data_coding: 8 },
    message: 'deliver_sm: short_message: sm_length is 16, 8 octets follow',
  },
  {
    name: 'submit_sm with a TLV that runs past the end',
    spec: 'v5.0 §4.7.6 ESME_RINVTLVSTREAM: the very example',
    hex: wire(`0000002C 00000004 00000000 00000001 00 00 00 "1" 00 00 00 "2" 00 00 00 00 00 00 00 00 00 00 00
      001E 0041 "3005" 00`),
    code: 'SMPP_BODY',
    command_status: 0xc0,
    recovery: 'respond',
    known: { source_addr: '1', destination_addr: '2' },
    message: 'submit_sm: tlvs: 0x001e is 65 octets, 5 follow',
  },
  {
    name: 'submit_sm with two texts',
    spec: 'v3.4 §4.4.1 note: must not be used simultaneously',
    hex: wire(
      '00000028 00000004 00000000 00000001 00 00 00 00 00 00 "2" 00 00 00 00 00 00 00 00 00 00 01 "a" 0424 0001 "b"',
    ),
    code: 'SMPP_BODY',
    command_status: 0xc1,
    recovery: 'respond',
    message: 'submit_sm: tlvs: both short_message and message_payload have a text',
  },
  {
    name: 'data_sm with two payloads',
    spec: 'decode.ts, checkText',
    hex: wire('00000025 00000103 00000000 00000001 00 00 00 00 00 00 "2" 00 00 00 00 0424 0001 "a" 0424 0001 "b"'),
    code: 'SMPP_BODY',
    command_status: 0xc1,
    recovery: 'respond',
    message: 'data_sm: tlvs: message_payload is there 2 times',
  },
  {
    name: 'submit_multi to nobody',
    spec: 'v3.4 §5.2.24',
    hex: wire('00000015 00000021 00000000 00000001 00 00 00 00 00'),
    code: 'SMPP_BODY',
    command_status: 0x33,
    recovery: 'respond',
    message: 'submit_multi: dest_address: number_of_dests is 0',
  },
  {
    name: 'submit_multi that announces more destinations than it has',
    spec: 'v3.4 §5.2.24',
    hex: wire('0000001A 00000021 00000000 00000001 00 00 00 00 02 01 01 01 "1" 00'),
    code: 'SMPP_BODY',
    command_status: 0x33,
    recovery: 'respond',
    message: 'submit_multi: dest_address: 2 announced, 1 found',
  },
  {
    name: 'submit_multi with a dest_flag of 3',
    spec: 'v3.4 §5.2.25',
    hex: wire('00000018 00000021 00000000 00000001 00 00 00 00 01 03 "x" 00'),
    code: 'SMPP_BODY',
    command_status: 0x40,
    recovery: 'respond',
    message: 'submit_multi: dest_address: dest_flag 3 is neither 1 nor 2',
  },
  {
    name: 'submit_multi with a list name without NUL',
    spec: 'v3.4 Table 4-15',
    hex: wire('00000019 00000021 00000000 00000001 00 00 00 00 01 02 "abc"'),
    code: 'SMPP_BODY',
    command_status: 0x34,
    recovery: 'respond',
    message: 'submit_multi: dest_address: has no terminating NUL',
  },
  {
    name: 'bind_transmitter with a password of 65 octets',
    spec: 'pdus.ts: 64 and a NUL',
    hex: Buffer.concat([
      wire('00000059 00000002 00000000 00000001 "a" 00'),
      Buffer.alloc(65, 0x70),
      wire('00 00 34 00 00'),
      wire('00'),
    ]),
    code: 'SMPP_BODY',
    command_status: 0x0e,
    recovery: 'respond',
    known: { system_id: 'a' },
    message: 'bind_transmitter: password: is longer than 64 octets',
  },
  {
    name: 'query_sm with a message_id without NUL',
    spec: 'v3.4 §4.8.1',
    hex: wire('00000013 00000003 00000000 00000001 "123"'),
    code: 'SMPP_BODY',
    command_status: 0x0c,
    recovery: 'respond',
    message: 'query_sm: message_id: has no terminating NUL',
  },
  {
    name: 'alert_notification has no response, so a bad one is nacked',
    spec: 'v3.4 §4.12',
    hex: wire('00000012 00000102 00000000 00000001 01 01'),
    code: 'SMPP_BODY',
    command_status: 0x0a,
    recovery: 'nack',
    message: 'alert_notification: source_addr: has no terminating NUL',
  },
  {
    name: 'submit_sm_resp with an endless message_id cannot be answered',
    spec: 'v3.4 §4.4.2: 64 and a NUL',
    hex: Buffer.concat([wire('00000056 80000004 00000000 00000001'), Buffer.alloc(70, 0x31)]),
    code: 'SMPP_BODY',
    command_status: 0x0c,
    recovery: 'ignore',
    message: 'submit_sm_resp: message_id: is longer than 64 octets',
  },
];
