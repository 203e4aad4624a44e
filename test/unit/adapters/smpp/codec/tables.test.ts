import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COMMAND_ID, commandName, isResponse, responseIdOf } from '../../../../../adapters/smpp/codec/command-id.ts';
import { findStatus, STATUS, STATUSES, statusOf } from '../../../../../adapters/smpp/codec/command-status.ts';
import { encodePdu } from '../../../../../adapters/smpp/codec/encode.ts';
import { PduEncodeError } from '../../../../../adapters/smpp/codec/errors.ts';
import {
  type Tlv,
  tlv,
  tlvName,
  type TlvName,
  TLVS,
  tlvValue,
  tlvValues,
} from '../../../../../adapters/smpp/codec/tlvs.ts';
import { octets, text } from '../../../../support/smpp-arbitraries.ts';
import { wire } from '../../../../support/smpp-wire.ts';

describe('command ids', () => {
  it('names every id, and none that is not defined', () => {
    for (const [name, id] of Object.entries(COMMAND_ID)) expect(commandName(id)).toBe(name);
    for (const id of [0, 0x0a, 0x110, 0x8000000a, 0x8000000b, 0x80000102]) expect(commandName(id)).toBeUndefined();
  });

  it('knows which requests have a response, and which id it has', () => {
    for (const [name, id] of Object.entries(COMMAND_ID)) {
      expect(isResponse(id)).toBe(name.endsWith('_resp') || name === 'generic_nack');
      const response = COMMAND_ID[`${name}_resp` as keyof typeof COMMAND_ID] ?? 0;
      expect(responseIdOf(id)).toBe(response);
    }
    expect(responseIdOf(0)).toBe(0);
    expect(responseIdOf(0x0a)).toBe(0);
  });
});

describe('command_status', () => {
  it('is in order, each value and name once', () => {
    const values = STATUSES.map(s => s.value);
    expect(values).toEqual([...new Set(values)].sort((a, b) => a - b));
    const names = STATUSES.flatMap(s => ('alias' in s ? [s.name, s.alias] : [s.name]));
    expect(new Set(names).size).toBe(names.length);
    for (const s of STATUSES) expect(s.text).toMatch(/^[A-Z].*\.$/);
  });

  it('has every status of v3.4 Table 5-2 and v5.0 Table 4-45', () => {
    const v34 = wire(`00 01 02 03 04 05 06 07 08 0A 0B 0C 0D 0E 0F 11 13 14 15 33 34 40 42 43 44 45 48 49 50 51 53 54
      55 58 61 62 63 64 65 66 67 C0 C1 C2 C3 C4 FE FF`);
    const v50 = Array.from({ length: 0x13 }, (_, i) => 0x100 + i);
    expect(STATUSES.map(s => s.value)).toEqual([...v34, ...v50]);
    expect(STATUS.ESME_RTHROTTLED).toBe(0x58);
  });

  it('says something of every value', () => {
    expect(statusOf(0x14)).toMatchObject({ name: 'ESME_RMSGQFUL', retry: 'later' });
    expect(statusOf(0x401)).toMatchObject({
      name: '0x00000401',
      retry: 'elsewhere',
      text: expect.stringMatching('vendor'),
    });
    expect(statusOf(0xffffffff)).toMatchObject({ name: '0xffffffff', retry: 'elsewhere', text: 'A reserved value.' });
  });

  it('is found by the name of either version and by value', () => {
    for (const t of ['ESME_RTHROTTLED', 'esme_rthrottled', '0x58', '0x00000058', '88']) {
      expect(findStatus(t)?.name).toBe('ESME_RTHROTTLED');
    }
    expect(findStatus('ESME_RINVTLVSTREAM')?.name).toBe('ESME_RINVOPTPARSTREAM');
    expect(findStatus('0x401')?.name).toBe('0x00000401');
    for (const t of ['', 'ESME', '0x', '-1', '1.5', '58h', '4294967296', '0x100000000']) {
      expect(findStatus(t)).toBeUndefined();
    }
  });
});

function read<N extends TlvName>(name: N, hex: string) {
  return tlvValue([{ tag: TLVS[name].tag, value: wire(hex) }], name);
}

describe('TLVs', () => {
  const names = Object.keys(TLVS) as TlvName[];

  it('have one name a tag', () => {
    expect(new Set(names.map(n => TLVS[n].tag)).size).toBe(names.length);
    for (const n of names) expect(tlvName(TLVS[n].tag)).toBe(n);
    expect(tlvName(0x1401)).toBeUndefined();
  });

  it('come back as they were made, whichever kind', () => {
    const any = fc.constantFrom(...names).chain(name => {
      const { kind, min, max } = TLVS[name];
      const value =
        kind === 'integer'
          ? fc.nat(Math.min(256 ** max - 1, 2 ** 31))
          : kind === 'cstring'
            ? text(max - 1, 'latin1', min - 1)
            : octets(Math.min(max, 500), min);
      return value.map(v => ({ name, value: v }));
    });
    fc.assert(
      fc.property(any, any, (a, b) => {
        const list: Tlv[] = [{ tag: 0x1401, value: Buffer.from('x') }, tlv(a.name, a.value), tlv(b.name, b.value)];
        expect(tlvValue(list, a.name)).toEqual(a.value);
        expect(tlvValues(list, b.name)).toEqual(a.name === b.name ? [a.value, b.value] : [b.value]);
      }),
    );
    expect(tlvValue([], 'message_state')).toBeUndefined();
  });

  it('are written as the spec says', () => {
    expect(tlv('user_message_reference', 0x102)).toEqual({ tag: 0x204, value: wire('0102') });
    expect(tlv('receipted_message_id', '4a')).toEqual({ tag: 0x1e, value: wire('"4a" 00') });
    expect(tlv('qos_time_to_live', 0xffffffff)).toEqual({ tag: 0x17, value: wire('FFFFFFFF') });
  });

  it('are read in the widths and without the NULs that are met', () => {
    expect(read('source_telematics_id', '0102')).toBe(0x102);
    expect(read('message_state', '00000002')).toBe(2);
    expect(read('alert_on_message_delivery', '')).toBe(0);
    expect(read('dest_addr_np_country', '0000002272')).toBe(8818);
    expect(read('receipted_message_id', '"abc"')).toBe('abc');
    expect(read('receipted_message_id', '"abc" 00 "junk"')).toBe('abc');
    expect(read('message_state', '01020304050607')).toBeUndefined();
  });

  it('are refused when they do not fit, with their name', () => {
    expect(() => tlv('message_state', 256)).toThrow('message_state: must be an integer of 1 octets');
    expect(() => tlv('message_state', -1)).toThrow(PduEncodeError);
    expect(() => tlv('network_error_code', Buffer.alloc(2))).toThrow('network_error_code: must be 3 to 3 octets');
    expect(() => tlv('receipted_message_id', 'x'.repeat(65))).toThrow('must be 1 to 65 octets, NUL included');
  });
});

describe('encodePdu', () => {
  it.each([
    [{ source_addr: '1'.repeat(21) }, 'source_addr: must be at most 20 octets'],
    [{ source_addr: 'a\0b' }, 'source_addr: must be Latin-1 without a NUL'],
    [{ source_addr: 'Привет' }, 'source_addr: must be Latin-1 without a NUL'],
    [{ validity_period: '123' }, 'validity_period: must be 0 or 16 octets'],
    [{ esm_class: 256 }, 'esm_class: must be an integer from 0 to 255'],
    [{ esm_class: 1.5 }, 'esm_class: must be an integer'],
    [{ short_message: Buffer.alloc(256) }, 'short_message: must be at most 255 octets'],
    [{ sequence_number: -1 }, 'sequence_number: must be an integer'],
    [{ command_status: 2 ** 32 }, 'command_status: must be an integer'],
    [{ tlvs: [{ tag: 65536, value: Buffer.alloc(0) }] }, 'tlvs: a tag must be'],
    [{ tlvs: [{ tag: 0x424, value: Buffer.alloc(65536) }] }, 'tlvs: a value must be at most 65535 octets'],
    [
      { tlvs: Array.from({ length: 2 }, () => tlv('message_payload', Buffer.alloc(40_000))) },
      'submit_sm: must be at most',
    ],
    [{ command: 'submit_multi' }, 'dest_address: must hold 1 to 255 destinations'],
    [
      { command: 'submit_multi', dest_address: Array.from({ length: 256 }, () => ({ dest_flag: 2, dl_name: 'x' })) },
      'dest_address: must hold',
    ],
    [
      { command: 'submit_multi', dest_address: [{ dest_flag: 2, dl_name: 'x'.repeat(21) }] },
      'dest_address.dl_name: must',
    ],
  ])('refuses %o', (pdu, message) => {
    expect(() => encodePdu({ command: 'submit_sm', sequence_number: 1, ...pdu } as never)).toThrow(message);
  });

  it('takes the longest message there is', () => {
    const longest = encodePdu({
      command: 'submit_sm',
      sequence_number: 1,
      source_addr: '1'.repeat(20),
      destination_addr: '1'.repeat(20),
      tlvs: [tlv('message_payload', Buffer.alloc(65_535))],
    });
    expect(longest.length).toBe(16 + 17 + 40 + 4 + 65_535);
  });
});
