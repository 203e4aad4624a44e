import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fate } from '../../../../../actors/message/ledger.ts';
import { MessageDraft } from '../../../../../actors/message/draft.ts';
import { COMMAND_ID } from '../../../../../adapters/smpp/codec/command-id.ts';
import { decodePdu } from '../../../../../adapters/smpp/codec/decode.ts';
import { encodePdu } from '../../../../../adapters/smpp/codec/encode.ts';
import { readSm } from '../../../../../adapters/smpp/codec/hot-read.ts';
import { smSize, writeSm } from '../../../../../adapters/smpp/codec/hot-write.ts';
import type { PduOf } from '../../../../../adapters/smpp/codec/pdus.ts';
import { tlvValue } from '../../../../../adapters/smpp/codec/tlvs.ts';
import { ParsedReceipt, parseReceipt } from '../../../../../adapters/smpp/receipt-parse.ts';
import { firstId, idAfter, writeAccepted, writeId } from '../../../../../adapters/smpp/simulator/carrier-id.ts';
import { CarrierReceipt, wantsReceipt } from '../../../../../adapters/smpp/simulator/carrier-receipt.ts';
import { DeliveryKind, fillRecord, RECORD } from '../../../../../adapters/smpp/simulator/delivery-record.ts';

const SUBMITTED = Date.UTC(2026, 10, 21, 9, 5, 59);
const DONE = Date.UTC(2026, 11, 1, 23, 59);
const ID = 0x00ab_cdef_1234;

/** The record of a submit_sm that came in by the codec. */
function recordOf(fields: object = {}, kind: DeliveryKind = DeliveryKind.delivered, id = ID): Buffer {
  const pdu = encodePdu({
    command: 'submit_sm',
    sequence_number: 1,
    source_addr_ton: 5,
    source_addr: 'ACME',
    dest_addr_ton: 1,
    dest_addr_npi: 1,
    destination_addr: '447700900123',
    short_message: Buffer.from('Hello, this is more than twenty octets'),
    ...fields,
  });
  const draft = new MessageDraft();
  expect(readSm(draft, pdu, 0, pdu.length)).toBe(0);
  const record = Buffer.alloc(RECORD.size + 7, 0xaa);
  fillRecord(record, 7, draft, kind, id, 3, SUBMITTED);
  return record;
}

const receipts = new CarrierReceipt();

function pduOf(record: Buffer, doneMs = DONE, tlvs = true): PduOf<'deliver_sm'> {
  const draft = receipts.of(record, 7, doneMs);
  const out = Buffer.alloc(smSize(draft));
  const end = writeSm(out, 0, COMMAND_ID.deliver_sm, 9, draft, tlvs);
  return decodePdu(out, 0, end) as PduOf<'deliver_sm'>;
}

describe('CarrierReceipt', () => {
  test('of a delivered message is the text of SMPP v3.4 Appendix B, from the recipient to the sender', () => {
    const pdu = pduOf(recordOf());
    expect(pdu.short_message.latin1Slice()).toBe(
      'id:00ABCDEF1234 sub:001 dlvrd:001 submit date:2611210905 done date:2612012359 stat:DELIVRD err:000 ' +
        'text:Hello, this is more ',
    );
    expect(pdu).toMatchObject({
      source_addr_ton: 1,
      source_addr_npi: 1,
      source_addr: '447700900123',
      dest_addr_ton: 5,
      dest_addr_npi: 0,
      destination_addr: 'ACME',
      esm_class: 4,
      data_coding: 0,
      registered_delivery: 0,
    });
    expect(tlvValue(pdu.tlvs, 'receipted_message_id')).toBe('00ABCDEF1234');
    expect(tlvValue(pdu.tlvs, 'message_state')).toBe(2);
  });

  test('of a failed message says so everywhere, and the next is not touched by it', () => {
    const failed = pduOf(recordOf({ short_message: Buffer.from([0, 0x41, 0xe9, 0x0a]) }, DeliveryKind.failed));
    expect(failed.short_message.latin1Slice()).toMatch(/ dlvrd:000 .* stat:UNDELIV err:001 text:\.A\.\.$/);
    expect(tlvValue(failed.tlvs, 'message_state')).toBe(5);
    const next = pduOf(recordOf({ short_message: Buffer.alloc(0) }), SUBMITTED + 60_000);
    expect(next.short_message.latin1Slice()).toMatch(/ dlvrd:001 .* done date:2611210906 stat:DELIVRD err:000 text:$/);
    expect(tlvValue(next.tlvs, 'message_state')).toBe(2);
  });

  test('has no TLV for a peer that knows none', () => {
    expect(pduOf(recordOf(), DONE, false).tlvs).toEqual([]);
  });

  test('takes addresses of any length', () => {
    const longest = '12345678901234567890';
    const pdu = pduOf(recordOf({ source_addr: '', destination_addr: longest }));
    expect([pdu.source_addr, pdu.destination_addr]).toEqual([longest, '']);
    expect(pduOf(recordOf({ source_addr: longest })).destination_addr).toBe(longest);
  });

  test('is read by our own reader of receipts', () => {
    const parsed = new ParsedReceipt();
    for (const [kind, fate] of [
      [DeliveryKind.delivered, Fate.delivered],
      [DeliveryKind.failed, Fate.undeliverable],
    ] as const) {
      const m = receipts.of(recordOf({}, kind), 7, DONE);
      expect(parseReceipt(m.buffer, m.textAt, m.textLength, m.tlvsAt, m.tlvsLength, m.esmClass, parsed)).toBe(true);
      expect(m.buffer.latin1Slice(parsed.idAt, parsed.idAt + parsed.idLength)).toBe('00ABCDEF1234');
      expect([parsed.otherIdLength, parsed.fate, parsed.final]).toEqual([0, fate, true]);
      expect([parsed.submittedAt, parsed.doneAt]).toEqual([SUBMITTED - 59_000, DONE]);
    }
  });
});

describe('ids', () => {
  test('are 12 digits, upper-case hexadecimal', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 48 - 1 }), id => {
        const out = Buffer.alloc(14, 0x2e);
        expect(writeId(out, 1, id)).toBe(13);
        expect(out.latin1Slice()).toBe(`.${id.toString(16).toUpperCase().padStart(12, '0')}.`);
      }),
    );
  });

  test('begin above those of an earlier run and go round', () => {
    expect(firstId(SUBMITTED + 1)).toBe(firstId(SUBMITTED) + 256);
    expect(firstId(2 ** 50)).toBeLessThan(2 ** 48);
    expect([idAfter(1), idAfter(2 ** 48 - 1)]).toEqual([2, 0]);
  });

  test('are in a submit_sm_resp as the table of PDUs writes it', () => {
    const out = Buffer.alloc(64);
    const end = writeAccepted(out, 2, 0x7fffffff, ID);
    const expected = encodePdu({ command: 'submit_sm_resp', sequence_number: 0x7fffffff, message_id: '00ABCDEF1234' });
    expect(out.subarray(2, end)).toEqual(expected);
  });
});

test.each([
  [0, false, false],
  [1, true, true],
  [2, false, true],
  [3, true, false],
  // The other bits ask for other things.
  [0x1c, false, false],
  [0x1d, true, true],
])('registered_delivery %i: a receipt of delivery %s, of failure %s', (value, ofDelivery, ofFailure) => {
  expect([wantsReceipt(value, false), wantsReceipt(value, true)]).toEqual([ofDelivery, ofFailure]);
});
