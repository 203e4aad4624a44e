import { BatchBuilder } from '../../actors/message/batch.ts';
import { MessageDraft } from '../../actors/message/draft.ts';
import { ArchiveMode, Kind } from '../../actors/message/record.ts';

/** A batch of short messages of account `app` for carrier `sink`, that ask for receipts. @param number as from `allocate` */
export function batchOf(number: number, count: number, createdAt = 1_000_000): Buffer<ArrayBuffer> {
  const builder = new BatchBuilder();
  const m = new MessageDraft();
  m.buffer = Buffer.from('447700900123ACMEHello');
  m.destLength = 12;
  m.sourceAt = 12;
  m.sourceLength = 4;
  m.textAt = 16;
  m.textLength = 5;
  m.registeredDelivery = 1;
  for (let i = 0; i < count; i++) {
    builder.add(m, {
      kind: Kind.mt,
      group: builder.group('sink', 'app', 0),
      fateAtBirth: 0,
      archiveMode: ArchiveMode.full,
      flags: 0,
      expiresAt: createdAt + 1000,
      deliverAfter: 0,
      route: 0,
      hops: 0,
      part: 0,
      parts: 0,
      gathered: 0,
    });
  }
  return builder.close(number, createdAt, 1);
}
