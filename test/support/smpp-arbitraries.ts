import * as fc from 'fast-check';
import type { CommandName } from '../../adapters/smpp/codec/command-id.ts';
import type { Field } from '../../adapters/smpp/codec/fields.ts';
import { FIELD_LIST, type PduInput } from '../../adapters/smpp/codec/pdus.ts';
import { type Tlv, TLVS } from '../../adapters/smpp/codec/tlvs.ts';

/** Characters without a NUL: all of Latin-1, or ASCII only where the other side cannot do more. */
export type Alphabet = 'latin1' | 'ascii';

export function text(maxLength: number, alphabet: Alphabet = 'latin1', minLength = 0): fc.Arbitrary<string> {
  const unit = fc.integer({ min: 1, max: alphabet === 'latin1' ? 255 : 127 }).map(c => String.fromCharCode(c));
  return fc.string({ unit, maxLength, minLength });
}

export function octets(maxLength: number, minLength = 0): fc.Arbitrary<Buffer> {
  return fc.uint8Array({ minLength, maxLength }).map(a => Buffer.from(a));
}

const uint8 = fc.nat(255);
const uint32 = fc.nat(0xffffffff);

/** Any value of a field, made from the table the codec itself is made from. */
export function fieldValue(field: Field<unknown>, alphabet: Alphabet = 'latin1'): fc.Arbitrary<unknown> {
  switch (field.kind) {
    case 'uint8':
      return uint8;
    case 'cstring':
      return text(field.max - 1, alphabet);
    case 'time':
      return fc.oneof(fc.constant(''), text(16, alphabet, 16));
    case 'octets':
      return octets(field.max);
    case 'dest_address':
      return fc.array(
        fc.oneof(
          fc.record({
            dest_flag: fc.constant(1),
            dest_addr_ton: uint8,
            dest_addr_npi: uint8,
            destination_addr: text(20, alphabet),
          }),
          fc.record({ dest_flag: fc.constant(2), dl_name: text(20, alphabet) }),
        ),
        { minLength: 1, maxLength: 20 },
      );
    case 'unsuccess_sme':
      return fc.array(
        fc.record({
          dest_addr_ton: uint8,
          dest_addr_npi: uint8,
          destination_addr: text(20, alphabet),
          error_status_code: uint32,
        }),
        { maxLength: 20 },
      );
    default:
      throw new Error(`no values for ${String(field.kind satisfies never)}`);
  }
}

const tag = fc.oneof(fc.constantFrom(...Object.values(TLVS).map(t => t.tag)), fc.integer({ min: 0x1400, max: 0x3fff }));

/** TLVs of any tag, repeats included, without message_payload. */
export const tlvs: fc.Arbitrary<Tlv[]> = fc.array(
  fc.record({ tag: tag.filter(t => t !== TLVS.message_payload.tag), value: octets(40) }),
  { maxLength: 6 },
);

/** The mandatory parameters of a command, all present. */
export function body(command: CommandName, alphabet: Alphabet = 'latin1'): fc.Arbitrary<Record<string, unknown>> {
  return fc.record(Object.fromEntries(FIELD_LIST[command].map(([name, f]) => [name, fieldValue(f, alphabet)])));
}

/** A whole PDU of a command, status 0, without TLVs. */
export function pdu(command: CommandName, alphabet: Alphabet = 'latin1'): fc.Arbitrary<PduInput> {
  return fc
    .record({ fields: body(command, alphabet), sequence_number: fc.integer({ min: 1, max: 0x7fffffff }) })
    .map(({ fields, sequence_number }) => ({ command, sequence_number, ...fields }) as unknown as PduInput);
}
