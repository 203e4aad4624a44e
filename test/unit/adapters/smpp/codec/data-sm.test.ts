import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageDraft } from '../../../../../actors/message/draft.ts';
import { dataSmSize, readDataSm, timeToLiveMs, writeDataSm } from '../../../../../adapters/smpp/codec/data-sm.ts';
import { decodePdu } from '../../../../../adapters/smpp/codec/decode.ts';
import { encodePdu } from '../../../../../adapters/smpp/codec/encode.ts';
import { PduError } from '../../../../../adapters/smpp/codec/errors.ts';
import type { PduOf } from '../../../../../adapters/smpp/codec/pdus.ts';
import { tlv } from '../../../../../adapters/smpp/codec/tlvs.ts';
import { octets, pdu, tlvs } from '../../../../support/smpp-arbitraries.ts';
import { wire, withLength } from '../../../../support/smpp-wire.ts';

const message = fc
  .record({ pdu: pdu('data_sm'), before: tlvs, payload: fc.option(octets(300)), after: tlvs })
  .map(({ pdu: plain, before, payload, after }) => {
    const text = payload ? [{ tag: 0x0424, value: payload }] : [];
    return encodePdu({ ...plain, tlvs: [...before, ...text, ...after] });
  });

const damaged = fc
  .tuple(
    message,
    fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
    fc.integer({ min: -60, max: 6 }),
  )
  .map(([whole, changes, by]) => {
    const copy = Buffer.alloc(Math.max(17, whole.length + by));
    whole.copy(copy);
    for (const [where, octet] of changes) copy[16 + (where % (copy.length - 16))] = octet;
    return withLength(copy);
  });

const part = (m: MessageDraft, at: number, length: number): string => m.buffer.toString('latin1', at, at + length);

describe('data_sm', () => {
  it('is read as decode.ts reads it', () => {
    fc.assert(
      fc.property(message, bytes => {
        const m = new MessageDraft();
        expect(readDataSm(m, bytes, 0, bytes.length)).toBe(0);
        const slow = decodePdu(bytes, 0, bytes.length) as PduOf<'data_sm'>;
        expect({
          service_type: part(m, m.serviceTypeAt, m.serviceTypeLength),
          source_addr: part(m, m.sourceAt, m.sourceLength),
          destination_addr: part(m, m.destAt, m.destLength),
          numbers: [m.sourceTon, m.sourceNpi, m.destTon, m.destNpi, m.esmClass, m.registeredDelivery, m.dataCoding],
          text: part(m, m.textAt, m.textLength),
        }).toEqual({
          service_type: slow.service_type,
          source_addr: slow.source_addr,
          destination_addr: slow.destination_addr,
          numbers: [
            slow.source_addr_ton,
            slow.source_addr_npi,
            slow.dest_addr_ton,
            slow.dest_addr_npi,
            slow.esm_class,
            slow.registered_delivery,
            slow.data_coding,
          ],
          text: slow.tlvs.find(t => t.tag === 0x0424)?.value.toString('latin1') ?? '',
        });
      }),
    );
  });

  it('is refused as decode.ts refuses it', () => {
    fc.assert(
      fc.property(damaged, bytes => {
        let wanted = 0;
        try {
          decodePdu(bytes, 0, bytes.length);
        } catch (error) {
          if (!(error instanceof PduError)) throw error;
          wanted = error.command_status;
        }
        expect(readDataSm(new MessageDraft(), bytes, 0, bytes.length)).toBe(wanted);
      }),
    );
  });

  it('is written so that it is read as it was', () => {
    fc.assert(
      fc.property(message, fc.integer({ min: 1, max: 0x7fffffff }), (bytes, sequence) => {
        const before = decodePdu(bytes, 0, bytes.length) as PduOf<'data_sm'>;
        const m = asKept(bytes);
        const out = Buffer.alloc(dataSmSize(m) + 8);
        const end = writeDataSm(out, 8, sequence, m);
        expect(end - 8).toBeLessThanOrEqual(dataSmSize(m));
        const after = decodePdu(out, 8, end) as PduOf<'data_sm'>;
        const payload = before.tlvs.find(t => t.tag === 0x0424) ?? tlv('message_payload', Buffer.alloc(0));
        expect(after).toEqual({
          ...before,
          sequence_number: sequence,
          command_length: end - 8,
          tlvs: [...before.tlvs.filter(t => t.tag !== 0x0424), payload],
        });
      }),
    );
  });

  it('has these octets (v3.4 §4.7.1)', () => {
    const m = asKept(
      wire(
        '00000031 00000103 00000000 00000001 00 0500 "ACME" 00 0101 "4412" 00 00 01 00 0424 0005 "Hello" 0204 0002 0007',
      ),
    );
    const out = Buffer.alloc(200);
    const end = writeDataSm(out, 0, 9, m);
    expect(out.subarray(0, end)).toEqual(
      wire(
        '00000031 00000103 00000000 00000009 00 0500 "ACME" 00 0101 "4412" 00 00 01 00 0204 0002 0007 0424 0005 "Hello"',
      ),
    );
  });

  it('has a validity in seconds', () => {
    expect(ttl(bytes(['source_port', 1], ['qos_time_to_live', 90]))).toBe(90_000);
    expect(ttl(bytes(['source_port', 1]))).toBe(0);
  });
});

/** As a record keeps it: without the payload among its TLVs. */
function asKept(bytes: Buffer): MessageDraft {
  const m = new MessageDraft();
  readDataSm(m, bytes, 0, bytes.length);
  const tlvsOf = m.buffer.subarray(m.tlvsAt, m.tlvsAt + m.tlvsLength);
  const from = m.payloadTlvAt < 0 ? tlvsOf.length : m.payloadTlvAt - m.tlvsAt;
  const others = Buffer.concat([tlvsOf.subarray(0, from), tlvsOf.subarray(from + m.payloadTlvLength)]);
  m.buffer = Buffer.concat([bytes, others]);
  m.tlvsAt = bytes.length;
  m.tlvsLength = others.length;
  return m;
}

const bytes = (...list: Parameters<typeof tlv>[]): Buffer =>
  encodePdu({ command: 'data_sm', sequence_number: 1, tlvs: list.map(one => tlv(...one)) });
const ttl = (buf: Buffer): number => {
  const m = new MessageDraft();
  readDataSm(m, buf, 0, buf.length);
  return timeToLiveMs(m);
};
