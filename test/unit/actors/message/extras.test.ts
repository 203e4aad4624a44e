import { expect, test } from 'vitest';
import { MessageDraft } from '../../../../actors/message/draft.ts';
import { EXTRAS_LIMIT, readExtras, skipExtras, writeExtras } from '../../../../actors/message/extras.ts';
import { RecordFlag } from '../../../../actors/message/record.ts';

const TLV = Buffer.from('020400020001', 'hex'); // user_message_reference 1

function draftWith(tlvs: Buffer, flags: number): MessageDraft {
  const m = new MessageDraft();
  m.buffer = Buffer.concat([Buffer.from('front'), tlvs]);
  m.tlvsAt = 5;
  m.tlvsLength = tlvs.length;
  m.flags = flags;
  return m;
}

function written(extras: object): Buffer {
  const out = Buffer.alloc(EXTRAS_LIMIT);
  return out.subarray(0, writeExtras(out, 0, extras as Record<string, unknown>));
}

test('are written as they are kept on disk', () => {
  expect(written({ a: 'é' }).toString('hex')).toBe(`ffff000a${Buffer.from('{"a":"é"}').toString('hex')}`);
});

test('are read back from the beginning of the TLVs', () => {
  expect(readExtras(Buffer.concat([written({ a: 1, b: [true] }), TLV]))).toEqual({ a: 1, b: [true] });
});

test('are not found in TLVs of a peer', () => {
  expect(readExtras(TLV)).toBeUndefined();
  expect(readExtras(Buffer.alloc(0))).toBeUndefined();
  expect(readExtras(Buffer.from('ffff0002ff00', 'hex'))).toBeUndefined();
  expect(readExtras(Buffer.from('ffffff00', 'hex'))).toBeUndefined();
});

test('are passed over for who sends the message on, and nothing else is', () => {
  const m = draftWith(Buffer.concat([written({ a: 1 }), TLV]), RecordFlag.extras | RecordFlag.pull);
  skipExtras(m);
  expect(m.buffer.subarray(m.tlvsAt, m.tlvsAt + m.tlvsLength)).toEqual(TLV);
  const without = draftWith(TLV, RecordFlag.pull);
  skipExtras(without);
  expect([without.tlvsAt, without.tlvsLength]).toEqual([5, TLV.length]);
  // What only waits for its receipt has no TLVs left.
  const stub = draftWith(Buffer.alloc(0), RecordFlag.extras);
  skipExtras(stub);
  expect(stub.tlvsLength).toBe(0);
});

test('of more than their room are refused', () => {
  expect(() => written({ a: 'x'.repeat(EXTRAS_LIMIT) })).toThrow(RangeError);
});
