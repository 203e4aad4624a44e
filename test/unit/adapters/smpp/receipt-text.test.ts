import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fate } from '../../../../actors/message/ledger.ts';
import { RECEIPT_LIMIT, writeReceipt, type Receipt } from '../../../../actors/message/receipt.ts';
import { ParsedReceipt, parseReceipt } from '../../../../adapters/smpp/receipt-parse.ts';
import { fateOfState, stateOfFate } from '../../../../adapters/smpp/receipt-states.ts';
import {
  RECEIPT_TEXT_LIMIT,
  RECEIPT_TLVS_LIMIT,
  writeReceiptText,
  writeReceiptTlvs,
} from '../../../../adapters/smpp/receipt-text.ts';

function receipt(fields: Partial<Receipt> = {}): Receipt {
  return {
    messageId: 1,
    submittedAt: Date.UTC(2026, 10, 21, 9, 5, 59),
    doneAt: Date.UTC(2026, 11, 1, 23, 59),
    fate: Fate.delivered,
    error: '000',
    text: 'Hello',
    ...fields,
  };
}

function bodyOf(r: Receipt): Buffer {
  const body = Buffer.alloc(5 + RECEIPT_LIMIT);
  const text = Buffer.from(r.text, 'latin1');
  writeReceipt(body, 5, r, text, 0, text.length);
  return body;
}

/** Written with another octet on either side, which must stay. */
function written(limit: number, write: (out: Buffer, at: number) => number): Buffer {
  const out = Buffer.alloc(limit + 2, 0xaa);
  const end = write(out, 1);
  expect(end).toBeLessThanOrEqual(limit + 1);
  expect([out[0], out[end]]).toEqual([0xaa, 0xaa]);
  return out.subarray(1, end);
}

const textOf = (r: Receipt, id = 1): string =>
  written(RECEIPT_TEXT_LIMIT, (out, at) => writeReceiptText(out, at, bodyOf(r), 5, id)).latin1Slice();
const tlvsOf = (r: Receipt, id = 1): string =>
  written(RECEIPT_TLVS_LIMIT, (out, at) => writeReceiptTlvs(out, at, bodyOf(r), 5, id)).toString('hex');

describe('writeReceiptText', () => {
  test('is the text of the contract (SMPP v3.4 Appendix B)', () => {
    expect(textOf(receipt(), 4_503_599_627_370_495)).toBe(
      'id:4503599627370495 sub:001 dlvrd:001 submit date:2611210905 done date:2612012359 stat:DELIVRD err:000 text:Hello',
    );
  });
  test.each([
    [Fate.sent, 'dlvrd:000', 'stat:ENROUTE'],
    [Fate.expired, 'dlvrd:000', 'stat:EXPIRED'],
    [Fate.deleted, 'dlvrd:000', 'stat:DELETED'],
    [Fate.undeliverable, 'dlvrd:000', 'stat:UNDELIV'],
    [Fate.accepted, 'dlvrd:000', 'stat:ACCEPTD'],
    [Fate.unknown, 'dlvrd:000', 'stat:UNKNOWN'],
    [Fate.rejected, 'dlvrd:000', 'stat:REJECTD'],
    [Fate.dropped, 'dlvrd:000', 'stat:DELETED'],
    [Fate.replied, 'dlvrd:001', 'stat:DELIVRD'],
  ])('fate %d', (fate, delivered, stat) => {
    expect(textOf(receipt({ fate }))).toContain(` ${delivered} submit`);
    expect(textOf(receipt({ fate }))).toContain(` ${stat} err`);
  });
  test.each([
    ['', 'err:000'],
    ['7', 'err:007'],
    ['0x1F', 'err:0x1F'],
    ['12345678', 'err:12345678'],
  ])('err %j', (error, expected) => {
    expect(textOf(receipt({ error }))).toContain(` ${expected} text:`);
  });
  test('what is not printable ASCII becomes a dot', () => {
    expect(textOf(receipt({ text: '\0H\0é\n~' }))).toMatch(/ text:\.H\.\.\.~$/);
  });
  test.each([0, 9, 10, 99_999_999, 100_000_000, 100_000_001, 1_000_000_099_999_999, 2 ** 53 - 1])('id %d', id => {
    expect(textOf(receipt(), id)).toContain(`id:${id} sub`);
  });
});

describe('writeReceiptTlvs', () => {
  test('receipted_message_id and message_state', () => {
    expect(tlvsOf(receipt(), 123)).toBe('001e0004313233000427000102');
  });
  test('network_error_code where the error is a number', () => {
    expect(tlvsOf(receipt({ fate: Fate.undeliverable, error: '259' }), 1)).toBe('001e00023100042700010504230003030103');
    expect(tlvsOf(receipt({ error: '0x1F' }))).not.toContain('0423');
    expect(tlvsOf(receipt({ error: '65536' }))).not.toContain('0423');
  });
});

test('what is written is read again', () => {
  const day = fc.integer({ min: Date.UTC(2020, 0, 1) / 60_000, max: Date.UTC(2099, 11, 31) / 60_000 });
  const receipts = fc.record({
    submittedAt: day.map(minutes => minutes * 60_000),
    doneAt: day.map(minutes => minutes * 60_000),
    fate: fc.constantFrom(...Object.values(Fate)),
    error: fc.stringMatching(/^[0-9A-F]{3,8}$/),
    text: fc.stringMatching(/^[ -~]{0,20}$/),
  });
  fc.assert(
    fc.property(receipts, fc.integer({ min: 0, max: 2 ** 53 - 1 }), fc.boolean(), (fields, id, withTlvs) => {
      const r = receipt(fields);
      const text = Buffer.from(textOf(r, id), 'latin1');
      const tlvs = Buffer.from(withTlvs ? tlvsOf(r, id) : '', 'hex');
      const out = new ParsedReceipt();
      const buffer = Buffer.concat([text, tlvs]);
      expect(parseReceipt(buffer, 0, text.length, text.length, tlvs.length, 0x04, out)).toBe(true);
      const slice = (at: number, length: number): string => buffer.latin1Slice(at, at + length);
      expect(slice(out.idAt, out.idLength)).toBe(String(id));
      expect(out.otherIdLength).toBe(0);
      expect(out.fate).toBe(fateOfState(stateOfFate(r.fate)));
      expect(out.submittedAt).toBe(r.submittedAt);
      expect(out.doneAt).toBe(r.doneAt);
      expect(slice(out.errorAt, out.errorLength)).toBe(r.error);
      expect(slice(out.textAt, out.textLength)).toBe(r.text);
    }),
    { numRuns: 1000 },
  );
});
