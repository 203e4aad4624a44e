import { expect, test } from 'vitest';
import { DraftsLike } from '../../../../actors/long/drafts-like.ts';
import { BatchBuilder, Keep, readBatch, subsetOf, type Batch } from '../../../../actors/message/batch.ts';
import { MessageDraft } from '../../../../actors/message/draft.ts';
import { EXTRAS_LIMIT, writeExtras } from '../../../../actors/message/extras.ts';
import { ArchiveMode, destOf, Kind, R, RecordFlag, sourceOf } from '../../../../actors/message/record.ts';
import { requestOf, type PushRequest } from '../../../../actors/push/push-request.ts';
import { CorrelatedBuilder } from '../../../../actors/store/records.ts';

/** What is kept of a message whose receipt is awaited: whom to tell by HTTP, and no more than a receipt repeats. */

const REQUEST: PushRequest = { url: 'https://app.example/r?a=%d', format: 'kannel', method: 'GET', mask: 31 };
const TLV = Buffer.from('020400020001', 'hex'); // user_message_reference 1
const TEXT = 'A text of more than twenty octets';

function draft(pushed: boolean): MessageDraft {
  const m = new MessageDraft();
  m.buffer = Buffer.alloc(EXTRAS_LIMIT + 200);
  m.sourceLength = m.buffer.latin1Write('ACME', 0);
  m.destAt = 4;
  m.destLength = m.buffer.latin1Write('447700900123', 4);
  m.textAt = 16;
  m.textLength = m.buffer.latin1Write(TEXT, 16);
  m.tlvsAt = 16 + TEXT.length;
  let end = m.tlvsAt;
  if (pushed) end = writeExtras(m.buffer, end, { source_imsi: '12345', receipt: REQUEST });
  end += TLV.copy(m.buffer, end);
  m.tlvsLength = end - m.tlvsAt;
  m.flags = pushed ? RecordFlag.extras | RecordFlag.pushed : 0;
  return m;
}

function batchOf(...drafts: readonly MessageDraft[]): Batch {
  const builder = new BatchBuilder();
  for (const each of drafts) {
    builder.add(each, {
      kind: Kind.mt,
      group: builder.group('sink', 'shop', 0),
      fateAtBirth: 0,
      archiveMode: ArchiveMode.full,
      flags: RecordFlag.pull,
      expiresAt: 1,
      deliverAfter: 0,
      route: 0,
      hops: 0,
      part: 0,
      parts: 0,
      gathered: 0,
    });
  }
  return readBatch(builder.close(4096, 1000, 1), true);
}

const shape = (b: Buffer, at: number) => ({
  length: b.readUInt32LE(at),
  source: sourceOf(b, at),
  dest: destOf(b, at),
  text: b.latin1Slice(at + R.head + 16, at + R.head + 16 + b.readUInt32LE(at + R.textLength)),
  request: (b[at + R.flags]! & RecordFlag.pushed) === 0 ? undefined : requestOf(b, at),
});

test('in the store: the batch is as long as what is left, and its stub can be cut again', () => {
  const whole = batchOf(draft(true), draft(false));
  const kept = readBatch(subsetOf(whole, Uint8Array.of(Keep.stub, Keep.stub)), true);
  const [pushed, plain] = [...kept.offsets].map(at => shape(kept.buffer, at));
  expect(pushed).toMatchObject({ source: 'ACME', dest: '447700900123', text: TEXT.slice(0, 20), request: REQUEST });
  expect(plain).toMatchObject({ text: TEXT.slice(0, 20), length: R.head + 16 + 20, request: undefined });
  expect(kept.buffer.readUInt32LE(kept.offsets[1]! + R.tlvsLength)).toBe(0);
  expect(kept.buffer.readUInt16LE(kept.offsets[0]! + R.flags) & RecordFlag.stub).toBe(RecordFlag.stub);
  const again = readBatch(subsetOf(kept, Uint8Array.of(Keep.stub, Keep.no)), true);
  expect(shape(again.buffer, again.offsets[0]!)).toEqual(pushed);
});

test('in the answer of a correlation', () => {
  const batch = batchOf(draft(false), draft(true));
  const builder = new CorrelatedBuilder(2);
  for (const index of [0, 1]) builder.add(index, 1 + index, false, 1000, 'shop', batch, index);
  const { records, offsets } = builder.done();
  const b = Buffer.from(records);
  expect([...offsets].map(at => shape(b, at))).toMatchObject([
    { text: TEXT.slice(0, 20), request: undefined, length: R.head + 16 + 20 },
    { text: TEXT.slice(0, 20), request: REQUEST },
  ]);
});

test('of a message in parts the first alone says it', () => {
  const drafts = new DraftsLike();
  drafts.parts(draft(true), [Buffer.from('one'), Buffer.from('two')], 0);
  const read = [0, 1, 0].map(index => {
    const { buffer, offsets } = batchOf(drafts.part(index));
    const at = offsets[0]!;
    const end = at + buffer.readUInt32LE(at);
    return { ...shape(buffer, at), reference: buffer.subarray(end - TLV.length, end).equals(TLV) };
  });
  expect(read.map(({ text, request, reference }) => ({ text, request, reference }))).toEqual([
    { text: 'one', request: REQUEST, reference: true },
    { text: 'two', request: undefined, reference: true },
    { text: 'one', request: REQUEST, reference: true },
  ]);
});
