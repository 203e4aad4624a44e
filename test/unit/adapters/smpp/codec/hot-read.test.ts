import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageDraft } from '../../../../../actors/message/draft.ts';
import { decodePdu } from '../../../../../adapters/smpp/codec/decode.ts';
import { encodePdu } from '../../../../../adapters/smpp/codec/encode.ts';
import { PduError } from '../../../../../adapters/smpp/codec/errors.ts';
import { IdRange, readSm, readSmRespId } from '../../../../../adapters/smpp/codec/hot-read.ts';
import type { DeliverSm, SubmitSm } from '../../../../../adapters/smpp/codec/pdus.ts';
import type { Tlv } from '../../../../../adapters/smpp/codec/tlvs.ts';
import { octets, pdu, text, tlvs } from '../../../../support/smpp-arbitraries.ts';
import { withLength } from '../../../../support/smpp-wire.ts';
import { VECTORS } from '../../../../vectors/smpp-pdus.ts';
import { BAD_VECTORS } from '../../../../vectors/smpp-bad-pdus.ts';

const command = fc.constantFrom('submit_sm' as const, 'deliver_sm' as const);
const version = fc.constantFrom(0x33, 0x34, 0x50);

/** Any message: most have no payload, some have one, a few have two or one and a short_message. */
const message = command.chain(c =>
  fc
    .record({
      pdu: pdu(c),
      text: fc.oneof(fc.constant(Buffer.alloc(0)), octets(255)),
      before: tlvs,
      payloads: fc.oneof(
        { weight: 3, arbitrary: fc.constant<Buffer[]>([]) },
        { weight: 3, arbitrary: fc.array(octets(300), { minLength: 1, maxLength: 1 }) },
        { weight: 1, arbitrary: fc.array(octets(3), { minLength: 2, maxLength: 3 }) },
      ),
      after: tlvs,
    })
    .map(m => {
      const payloads: Tlv[] = m.payloads.map(value => ({ tag: 0x0424, value }));
      return encodePdu({ ...m.pdu, short_message: m.text, tlvs: [...m.before, ...payloads, ...m.after] } as never);
    }),
);

/** One to four octets of it changed, cut off or added; command_length and command_id put right again. */
const damaged = fc
  .tuple(
    message,
    fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
    fc.oneof(fc.constant(0), fc.integer({ min: -60, max: 6 })),
  )
  .map(([whole, changes, by]) => {
    const length = Math.max(17, whole.length + by);
    const copy = Buffer.alloc(length);
    whole.copy(copy);
    for (const [where, octet] of changes) copy[16 + (where % (length - 16))] = octet;
    return withLength(copy);
  });

function tlvBytes(list: readonly Tlv[]): Buffer {
  return Buffer.concat(
    list.map(t => {
      const head = Buffer.alloc(4);
      head.writeUInt16BE(t.tag, 0);
      head.writeUInt16BE(t.value.length, 2);
      return Buffer.concat([head, t.value]);
    }),
  );
}

const ifTime = (value: string): string => (value.length === 16 ? value : '');

/** readSm and decodePdu must say the same of these octets, wherever in a buffer they lie. */
function expectSame(hex: Buffer, sessionVersion: number): void {
  const buf = Buffer.concat([Buffer.alloc(5, 0xff), hex, Buffer.alloc(40)]);
  const at = 5;
  const end = at + hex.length;
  const d = new MessageDraft();
  const status = readSm(d, buf, at, end, sessionVersion);
  let table: SubmitSm | DeliverSm;
  try {
    table = decodePdu(buf, at, end, sessionVersion) as SubmitSm | DeliverSm;
  } catch (error) {
    if (!(error instanceof PduError)) throw error;
    expect(status).toBe(error.command_status);
    return;
  }
  expect(status).toBe(0);
  const range = (from: number, length: number): string => {
    expect(from >= at && from + length <= end).toBe(true);
    return buf.toString('latin1', from, from + length);
  };
  const payload = table.tlvs.find(t => t.tag === 0x0424);
  const isPayload = payload !== undefined && (payload.value.length > 0 || table.short_message.length === 0);
  expect({
    service_type: range(d.serviceTypeAt, d.serviceTypeLength),
    source: [d.sourceTon, d.sourceNpi, range(d.sourceAt, d.sourceLength)],
    destination: [d.destTon, d.destNpi, range(d.destAt, d.destLength)],
    flags: [d.esmClass, d.protocolId, d.priority, d.registeredDelivery, d.replaceIfPresent, d.dataCoding],
    sm_default_msg_id: d.defaultMessageId,
    times: [range(d.scheduleAt, d.scheduleLength), range(d.validityAt, d.validityLength)],
    text: range(d.textAt, d.textLength),
    tlvs: range(d.tlvsAt, d.tlvsLength),
    payloadTlv: d.payloadTlvAt < 0 ? '' : range(d.payloadTlvAt, d.payloadTlvLength),
  }).toEqual({
    service_type: table.service_type,
    source: [table.source_addr_ton, table.source_addr_npi, table.source_addr],
    destination: [table.dest_addr_ton, table.dest_addr_npi, table.destination_addr],
    flags: [
      table.esm_class,
      table.protocol_id,
      table.priority_flag,
      table.registered_delivery,
      table.replace_if_present_flag,
      table.data_coding,
    ],
    sm_default_msg_id: table.sm_default_msg_id,
    times: [ifTime(table.schedule_delivery_time), ifTime(table.validity_period)],
    text: (isPayload ? payload.value : table.short_message).toString('latin1'),
    tlvs: tlvBytes(table.tlvs).toString('latin1'),
    payloadTlv: payload === undefined ? '' : tlvBytes([payload]).toString('latin1'),
  });
}

const isSm = (hex: Buffer): boolean => [4, 5].includes(hex.readUInt32BE(4));

describe('readSm', () => {
  it('reads every vector as decodePdu does', () => {
    const all = [...VECTORS, ...BAD_VECTORS].map(v => v.hex).filter(isSm);
    expect(all.length).toBeGreaterThan(15);
    for (const hex of all) for (const v of [0x33, 0x34, 0x50]) expectSame(hex, v);
  });

  it('reads every vector cut off anywhere as decodePdu does', () => {
    for (const { hex } of VECTORS.filter(v => isSm(v.hex))) {
      for (let length = 16; length < hex.length; length++) expectSame(withLength(hex.subarray(0, length)), 0x34);
    }
  });

  it('reads any message as decodePdu does', () => {
    fc.assert(fc.property(message, version, expectSame), { numRuns: 2000 });
  });

  it('reads any damaged message as decodePdu does', () => {
    fc.assert(fc.property(damaged, version, expectSame), { numRuns: 5000 });
  });

  it('leaves nothing of the message before in a draft that is used again', () => {
    fc.assert(
      fc.property(message, message, (first, second) => {
        const fresh = new MessageDraft();
        const used = new MessageDraft();
        readSm(used, first, 0, first.length, 0x50);
        const status = readSm(used, second, 0, second.length, 0x50);
        expect(readSm(fresh, second, 0, second.length, 0x50)).toBe(status);
        if (status === 0) expect(used).toEqual(fresh);
      }),
    );
  });
});

describe('readSmRespId', () => {
  it('finds the message_id that decodePdu finds', () => {
    const resp = fc.constantFrom('submit_sm_resp' as const, 'deliver_sm_resp' as const, 'data_sm_resp' as const);
    fc.assert(
      fc.property(resp, text(64), tlvs, fc.nat(4), (name, message_id, list, cut) => {
        const whole = encodePdu({ command: name, sequence_number: 1, message_id, tlvs: list });
        const hex = withLength(whole.subarray(0, Math.max(16, whole.length - (list.length === 0 ? cut : 0))));
        const buf = Buffer.concat([Buffer.alloc(3, 0x41), hex, Buffer.alloc(80, 0x41)]);
        const id = new IdRange();
        expect(readSmRespId(buf, 3, 3 + hex.length, id)).toBe(true);
        const table = decodePdu(buf, 3, 3 + hex.length) as { message_id: string };
        expect(buf.toString('latin1', id.at, id.at + id.length)).toBe(table.message_id);
      }),
    );
  });

  it('has none for an id of more than 64 octets', () => {
    for (const [length, good] of [
      [64, true],
      [65, false],
      [90, false],
    ] as const) {
      const hex = Buffer.alloc(16 + length + 1, 0x31);
      hex[hex.length - 1] = 0;
      const id = new IdRange();
      expect(readSmRespId(hex, 0, hex.length, id)).toBe(good);
      expect(id.length).toBe(good ? length : 0);
    }
  });
});
