import { MessageDraft } from './draft.ts';
import { R, readRecord, recordSize, writeRecord } from './record.ts';

/** What of a queued message is to be another; undefined: as it was. Times in ms since 1970. */
export interface Changes {
  readonly text: Buffer | undefined;
  /** 0: at once. */
  readonly deliverAfter: number | undefined;
  readonly expiresAt: number | undefined;
  readonly registeredDelivery: number | undefined;
  readonly defaultMessageId: number | undefined;
}

/** The record with these changes, for `MessageStore.amend`. */
export function changedRecord(record: Uint8Array, changes: Changes): Buffer {
  const from = Buffer.from(record.buffer, record.byteOffset, record.byteLength);
  const m = new MessageDraft();
  readRecord(m, from, 0);
  if (changes.text) {
    m.buffer = Buffer.concat([from, changes.text]);
    m.textAt = from.length;
    m.textLength = changes.text.length;
  }
  m.registeredDelivery = changes.registeredDelivery ?? m.registeredDelivery;
  m.defaultMessageId = changes.defaultMessageId ?? m.defaultMessageId;
  m.deliverAfter = changes.deliverAfter ?? from.readDoubleLE(R.deliverAfter);
  m.expiresAt = changes.expiresAt ?? from.readDoubleLE(R.expiresAt);
  return replacedRecord(from, m);
}

/** The record of a message that takes the place of the one in `before`: what was decided about that one holds for it. */
export function replacedRecord(before: Buffer, m: MessageDraft): Buffer {
  const out = Buffer.alloc(recordSize(m));
  writeRecord(out, 0, m, {
    kind: before[R.kind]! as 0 | 1 | 2,
    group: before[R.group]!,
    fateAtBirth: before[R.fateAtBirth]!,
    archiveMode: before[R.archiveMode]! as 0 | 1 | 2,
    flags: 0,
    expiresAt: m.expiresAt,
    deliverAfter: m.deliverAfter,
    route: before.readUInt32LE(R.route),
    hops: before[R.hops]!,
    part: before[R.part]!,
    parts: before[R.parts]!,
    gathered: before[R.gathered]!,
  });
  out[R.sibling] = before[R.sibling]!;
  out[R.siblings] = before[R.siblings]!;
  return out;
}
