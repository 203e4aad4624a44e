import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageDraft } from '../../../../../actors/message/draft.ts';
import { COMMAND_ID } from '../../../../../adapters/smpp/codec/command-id.ts';
import { encodePdu } from '../../../../../adapters/smpp/codec/encode.ts';
import { readSm } from '../../../../../adapters/smpp/codec/hot-read.ts';
import {
  RESP_ROOM,
  smSize,
  writeDeliverSmResp,
  writeGenericNack,
  writeHeaderOnly,
  writeSm,
  writeSmResp,
} from '../../../../../adapters/smpp/codec/hot-write.ts';
import type { PduInput, SubmitSm } from '../../../../../adapters/smpp/codec/pdus.ts';
import type { Tlv } from '../../../../../adapters/smpp/codec/tlvs.ts';
import { body, octets, text, tlvs } from '../../../../support/smpp-arbitraries.ts';

const sequence = fc.integer({ min: 1, max: 0x7fffffff });
const status = fc.oneof(fc.constant(0), fc.nat(0xffffffff));

type Fields = Omit<SubmitSm, 'command_id' | 'command_length' | 'command_status' | 'sequence_number' | 'command'>;

const message = fc.record({
  fields: body('submit_sm') as unknown as fc.Arbitrary<Fields>,
  text: fc.oneof(octets(60), octets(255, 250), octets(2000)),
  before: tlvs,
  payload: fc.option(octets(300), { nil: undefined }),
  after: tlvs,
});

const raw = (list: readonly Tlv[]): Buffer =>
  encodePdu({ command: 'unbind', sequence_number: 1, tlvs: list }).subarray(16);
const str = (value: string): Buffer => Buffer.from(value, 'latin1');

/** Lays the fields out in a buffer of its own, in no order of the wire, as a message out of the store would be. */
function draftOf(f: Fields, messageText: Buffer, before: Tlv[], payload: Buffer | undefined, after: Tlv[]) {
  const parts: Buffer[] = [Buffer.from('junk')];
  let length = 4;
  const put = (part: Buffer): number => {
    parts.push(part);
    length += part.length;
    return length - part.length;
  };
  const d = new MessageDraft();
  d.textAt = put(messageText);
  d.textLength = messageText.length;
  d.validityAt = put(str(f.validity_period));
  d.validityLength = f.validity_period.length;
  d.destAt = put(str(f.destination_addr));
  d.destLength = f.destination_addr.length;
  d.sourceAt = put(str(f.source_addr));
  d.sourceLength = f.source_addr.length;
  d.scheduleAt = put(str(f.schedule_delivery_time));
  d.scheduleLength = f.schedule_delivery_time.length;
  d.serviceTypeAt = put(str(f.service_type));
  d.serviceTypeLength = f.service_type.length;
  d.tlvsAt = put(raw(before));
  if (payload !== undefined) {
    const tlv = raw([{ tag: 0x0424, value: payload }]);
    d.payloadTlvAt = put(tlv);
    d.payloadTlvLength = tlv.length;
  }
  put(raw(after));
  d.tlvsLength = length - d.tlvsAt;
  d.sourceTon = f.source_addr_ton;
  d.sourceNpi = f.source_addr_npi;
  d.destTon = f.dest_addr_ton;
  d.destNpi = f.dest_addr_npi;
  d.esmClass = f.esm_class;
  d.protocolId = f.protocol_id;
  d.priority = f.priority_flag;
  d.registeredDelivery = f.registered_delivery;
  d.replaceIfPresent = f.replace_if_present_flag;
  d.dataCoding = f.data_coding;
  d.defaultMessageId = f.sm_default_msg_id;
  d.buffer = Buffer.concat(parts);
  return d;
}

/** Writes at an odd place and checks that nothing outside of what was written is touched. */
function written(room: number, write: (out: Buffer, at: number) => number): Buffer {
  const out = Buffer.alloc(3 + room + 5, 0xa5);
  const end = write(out, 3);
  expect(end).toBeLessThanOrEqual(3 + room);
  expect(out.subarray(0, 3).every(b => b === 0xa5)).toBe(true);
  expect(out.subarray(end).every(b => b === 0xa5)).toBe(true);
  return out.subarray(3, end);
}

describe('writeSm', () => {
  it('writes any submit_sm as encodePdu does, in exactly smSize octets', () => {
    fc.assert(
      fc.property(message, sequence, ({ fields, text: sm, before, payload, after }, sequence_number) => {
        const d = draftOf(fields, sm, before, payload, after);
        const long = sm.length > 254;
        const table = encodePdu({
          command: 'submit_sm',
          sequence_number,
          ...fields,
          short_message: long ? Buffer.alloc(0) : sm,
          tlvs: [...before, ...after, ...(long ? [{ tag: 0x0424, value: sm }] : [])],
        });
        const hot = written(smSize(d), (out, at) => writeSm(out, at, COMMAND_ID.submit_sm, sequence_number, d));
        expect(hot.toString('hex')).toBe(table.toString('hex'));
        expect(hot.length).toBe(smSize(d));
      }),
      { numRuns: 1000 },
    );
  });

  it('writes any deliver_sm as encodePdu does, with what deliver_sm does not use NULL', () => {
    fc.assert(
      fc.property(message, sequence, ({ fields, text: sm, before, payload, after }, sequence_number) => {
        const d = draftOf(fields, sm, before, payload, after);
        const long = sm.length > 254;
        const table = encodePdu({
          command: 'deliver_sm',
          sequence_number,
          ...fields,
          schedule_delivery_time: '',
          validity_period: '',
          replace_if_present_flag: 0,
          sm_default_msg_id: 0,
          short_message: long ? Buffer.alloc(0) : sm,
          tlvs: [...before, ...after, ...(long ? [{ tag: 0x0424, value: sm }] : [])],
        });
        const hot = written(smSize(d), (out, at) => writeSm(out, at, COMMAND_ID.deliver_sm, sequence_number, d));
        expect(hot.toString('hex')).toBe(table.toString('hex'));
      }),
      { numRuns: 1000 },
    );
  });

  it('writes again what readSm read', () => {
    fc.assert(
      fc.property(message, sequence, ({ fields, text: sm, before, payload, after }, sequence_number) => {
        const d = draftOf(fields, sm, before, payload, after);
        const first = written(smSize(d), (out, at) => writeSm(out, at, COMMAND_ID.submit_sm, sequence_number, d));
        const read = new MessageDraft();
        expect(readSm(read, first, 0, first.length)).toBe(0);
        const second = written(smSize(read), (out, at) => writeSm(out, at, COMMAND_ID.submit_sm, 7, read));
        const again = new MessageDraft();
        expect(readSm(again, second, 0, second.length)).toBe(0);
        expect(second.length).toBe(first.length);
        expect(second.subarray(again.textAt, again.textAt + again.textLength)).toEqual(sm);
      }),
    );
  });

  it('sends no TLV to a peer below 3.4, and no text that would need one', () => {
    fc.assert(
      fc.property(message, sequence, ({ fields, text: sm, before, payload, after }, sequence_number) => {
        const d = draftOf(fields, sm, before, payload, after);
        const write = (out: Buffer, at: number): number =>
          writeSm(out, at, COMMAND_ID.submit_sm, sequence_number, d, false);
        if (sm.length > 254) {
          expect(() => write(Buffer.alloc(smSize(d)), 0)).toThrow('short_message: must be at most 254 octets');
        } else {
          const table = encodePdu({ command: 'submit_sm', sequence_number, ...fields, short_message: sm });
          expect(written(smSize(d), write).toString('hex')).toBe(table.toString('hex'));
        }
      }),
    );
  });
});

const same = (hot: Buffer, pdu: PduInput): void => expect(hot.toString('hex')).toBe(encodePdu(pdu).toString('hex'));

describe('responses', () => {
  it('writeSmResp writes what encodePdu does, for an id of letters and for a number', () => {
    const anyId = fc.oneof(
      text(64),
      fc.nat(Number.MAX_SAFE_INTEGER),
      fc.nat(2_000_000_000),
      fc.integer({ min: 0, max: 15 }).map(n => 10 ** n),
      fc.integer({ min: 1, max: 15 }).map(n => 10 ** n - 1),
      fc.constantFrom(0, 2 ** 31, 2 ** 31 - 1, 2 ** 32, 2 ** 53 - 1),
    );
    const command = fc.constantFrom('submit_sm_resp' as const, 'data_sm_resp' as const);
    fc.assert(
      fc.property(command, status, sequence, anyId, (name, command_status, sequence_number, id) => {
        const hot = written(RESP_ROOM, (out, at) =>
          writeSmResp(out, at, COMMAND_ID[name], command_status, sequence_number, id),
        );
        const message_id = command_status === 0 ? { message_id: String(id) } : {};
        same(hot, { command: name, command_status, sequence_number, ...message_id });
      }),
      { numRuns: 2000 },
    );
  });

  it('writeSmResp refuses an id that cannot be one', () => {
    const out = Buffer.alloc(200);
    for (const id of [-1, 1.5, 2 ** 53, NaN, 'x'.repeat(65)]) {
      expect(() => writeSmResp(out, 0, COMMAND_ID.submit_sm_resp, 0, 1, id)).toThrow('message_id: must be');
    }
  });

  it('the others write what encodePdu does', () => {
    fc.assert(
      fc.property(status, fc.nat(0xffffffff), (command_status, sequence_number) => {
        same(
          written(RESP_ROOM, (out, at) => writeDeliverSmResp(out, at, command_status, sequence_number)),
          { command: 'deliver_sm_resp', command_status, sequence_number },
        );
        same(
          written(RESP_ROOM, (out, at) => writeGenericNack(out, at, command_status, sequence_number)),
          { command: 'generic_nack', command_status, sequence_number },
        );
        same(
          written(RESP_ROOM, (out, at) =>
            writeHeaderOnly(out, at, COMMAND_ID.unbind_resp, command_status, sequence_number),
          ),
          { command: 'unbind_resp', command_status, sequence_number },
        );
      }),
    );
  });
});
