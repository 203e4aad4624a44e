import type { MessageDraft } from '../../../actors/message/draft.ts';

/**
 * What a simulated carrier keeps of a message until its receipt is acknowledged: fixed places, so that a million of them
 * are a few large buffers. In memory only: its layout may change.
 */
export const RECORD = {
  /** When it is due (f64, written by DueQueue). */
  due: 0,
  /** Wall clock (f64). */
  submittedAt: 8,
  /** Our id (f64: it has 48 bits). */
  id: 16,
  /** Number of the session that submitted it (u32); 0: none. */
  session: 24,
  kind: 28,
  /** How often it was sent already. */
  repetitions: 29,
  sourceTon: 30,
  sourceNpi: 31,
  sourceLength: 32,
  destTon: 33,
  destNpi: 34,
  destLength: 35,
  textLength: 36,
  source: 40,
  dest: 60,
  text: 80,
  size: 100,
} as const;

export const DeliveryKind = {
  /** A receipt that says DELIVRD. */
  delivered: 0,
  /** A receipt that says UNDELIV. */
  failed: 1,
  /** A message from a phone: what it says is in the settings. */
  mo: 2,
} as const;
export type DeliveryKind = (typeof DeliveryKind)[keyof typeof DeliveryKind];

/** Octets of an address at most (v3.4 §5.2.8, without the NUL). */
const ADDRESS_LIMIT = 20;
/** Octets of the message that a receipt repeats (v3.4 Appendix B). */
export const RECEIPT_TEXT_OCTETS = 20;

/** Fills in what a receipt for this message will need. `due` is there already. */
export function fillRecord(
  record: Buffer,
  at: number,
  m: MessageDraft,
  kind: DeliveryKind,
  id: number,
  session: number,
  submittedAtMs: number,
): void {
  record.writeDoubleLE(submittedAtMs, at + RECORD.submittedAt);
  record.writeDoubleLE(id, at + RECORD.id);
  record.writeUInt32LE(session, at + RECORD.session);
  record[at + RECORD.kind] = kind;
  record[at + RECORD.repetitions] = 0;
  record[at + RECORD.sourceTon] = m.sourceTon;
  record[at + RECORD.sourceNpi] = m.sourceNpi;
  record[at + RECORD.sourceLength] = copy(record, at + RECORD.source, m.buffer, m.sourceAt, m.sourceLength);
  record[at + RECORD.destTon] = m.destTon;
  record[at + RECORD.destNpi] = m.destNpi;
  record[at + RECORD.destLength] = copy(record, at + RECORD.dest, m.buffer, m.destAt, m.destLength);
  const textLength = Math.min(RECEIPT_TEXT_OCTETS, m.textLength);
  record[at + RECORD.textLength] = copy(record, at + RECORD.text, m.buffer, m.textAt, textLength);
}

function copy(to: Buffer, at: number, from: Buffer, fromAt: number, length: number): number {
  if (length > ADDRESS_LIMIT) throw new RangeError(`expected at most ${ADDRESS_LIMIT} octets, got ${length}`);
  for (let i = 0; i < length; i++) to[at + i] = from[fromAt + i]!;
  return length;
}
