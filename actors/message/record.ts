import type { MessageDraft } from './draft.ts';

/**
 * One message as it lies in a batch, in the store and between threads. Little-endian. Version 1: must never change;
 * another layout needs another batch version (`batch.ts`).
 *
 *     0  u32 length of the whole record     12 u8 esm_class           24 u32 text octets
 *     4  u8  kind (Kind)                    13 u8 protocol_id         28 u32 TLV octets
 *     5  u8  group (batch.ts)               14 u8 registered_delivery 32 f64 expires, ms since 1970
 *     6  u8  fate at birth, 0 = queued      15 u8 data_coding         40 f64 deliver not before, 0 = at once
 *     7  u8  priority                       16 u8 replace_if_present  48 u32 route that chose the destination, 0 = none
 *     8  u8  source TON                     17 u8 sm_default_msg_id   52 u8 hops
 *     9  u8  source NPI                     18 u8 source octets       53 u8 part, 54 u8 parts, 55 u8 gathered
 *     10 u8  destination TON                19 u8 destination octets
 *     11 u8  destination NPI                20 u8 service_type octets, 21 u8 archive mode, 22 u16 RecordFlag
 *     56 u8 sibling, 57 u8 siblings, 58 u16 0   60 source, destination, service_type, text, TLVs
 *
 * 53 to 55 are about long messages, 0 for all others: which part of a longer message that we cut, from 1; how many parts that
 * has; how many messages this one was put together from. In a receipt about a message that we cut they say how many of
 * its parts were delivered, 53, out of how many, 54.
 */
export const R = {
  length: 0,
  kind: 4,
  group: 5,
  fateAtBirth: 6,
  priority: 7,
  sourceTon: 8,
  sourceNpi: 9,
  destTon: 10,
  destNpi: 11,
  esmClass: 12,
  protocolId: 13,
  registeredDelivery: 14,
  dataCoding: 15,
  replaceIfPresent: 16,
  defaultMessageId: 17,
  sourceLength: 18,
  destLength: 19,
  serviceTypeLength: 20,
  archiveMode: 21,
  flags: 22,
  textLength: 24,
  tlvsLength: 28,
  expiresAt: 32,
  deliverAfter: 40,
  route: 48,
  hops: 52,
  part: 53,
  parts: 54,
  gathered: 55,
  sibling: 56,
  siblings: 57,
  head: 60,
} as const;

/** What a record is: a message towards a phone, one from a phone, or a delivery receipt (whose text is `receipt.ts`'s). */
export const Kind = { mt: 0, mo: 1, receipt: 2 } as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

export const RecordFlag = {
  /** Its sender asks for its fate (REST, command line): no receipt is put into a queue for it. */
  pull: 1,
  /** Its first TLV is not a peer's: what came with it that SMPP has no place for (`extras.ts`). */
  extras: 2,
  /** Tried once: what would be tried again for any other message has failed for it. */
  once: 32,
  /** One part of a longer message, which lies as many places before it in the batch as its number says (`actors/long`). */
  part: 4,
  /** A message that goes in parts: it waits for what becomes of them, and is not sent itself. */
  whole: 8,
  /** Put together from parts that came as messages of their own: what becomes of it is what becomes of them. */
  gathered: 16,
  /** Whoever wants to be told of it by HTTP has said so in its extras (`push/push-request.ts`). */
  pushed: 64,
  /** Text and TLVs are gone (`subsetOf`, `Keep.stub`). */
  stub: 0x8000,
} as const;

/** How much of a message the archive keeps (`accounts[].archive`). */
export const ArchiveMode = { full: 0, metadata: 1, counters: 2 } as const;
export type ArchiveMode = (typeof ArchiveMode)[keyof typeof ArchiveMode];

/** What the system decides about a message beyond what came with it. */
export interface RecordDecisions {
  kind: Kind;
  group: number;
  /** 0: queued. Otherwise a `Fate`: the message is settled by the very commit that accepts it. */
  fateAtBirth: number;
  archiveMode: ArchiveMode;
  flags: number;
  /** ms since 1970. */
  expiresAt: number;
  /** ms since 1970, 0 = at once. */
  deliverAfter: number;
  route: number;
  hops: number;
  /** `R.part`, `R.parts`, `R.gathered`. */
  part: number;
  parts: number;
  gathered: number;
}

/** What is decided of a message of which nothing is known yet; always made here, so that all are of one shape. */
export const plainDecisions = (kind: Kind, archiveMode: ArchiveMode): RecordDecisions => ({
  kind,
  group: 0,
  fateAtBirth: 0,
  archiveMode,
  flags: 0,
  expiresAt: 0,
  deliverAfter: 0,
  route: 0,
  hops: 0,
  part: 0,
  parts: 0,
  gathered: 0,
});

/** Octets that `writeRecord` will write. */
export function recordSize(m: MessageDraft): number {
  return (
    R.head + m.sourceLength + m.destLength + m.serviceTypeLength + m.textLength + m.tlvsLength - m.payloadTlvLength
  );
}

/** Copies a draft into `out` at `at`; there must be room for `recordSize(m)` octets. Returns the offset after it. */
export function writeRecord(out: Buffer, at: number, m: MessageDraft, d: RecordDecisions): number {
  const from = m.buffer;
  let to = at + R.head;
  to = copyShort(from, m.sourceAt, m.sourceLength, out, to);
  to = copyShort(from, m.destAt, m.destLength, out, to);
  if (m.serviceTypeLength > 0) to = copyShort(from, m.serviceTypeAt, m.serviceTypeLength, out, to);
  if (m.textLength > 0) to = copyLong(from, m.textAt, m.textLength, out, to);
  const tlvsLength = m.tlvsLength - m.payloadTlvLength;
  if (tlvsLength > 0) to = copyTlvs(m, out, to);
  out.writeUInt32LE(to - at, at);
  out[at + R.kind] = d.kind;
  out[at + R.group] = d.group;
  out[at + R.fateAtBirth] = d.fateAtBirth;
  out[at + R.priority] = m.priority;
  out[at + R.sourceTon] = m.sourceTon;
  out[at + R.sourceNpi] = m.sourceNpi;
  out[at + R.destTon] = m.destTon;
  out[at + R.destNpi] = m.destNpi;
  out[at + R.esmClass] = m.esmClass;
  out[at + R.protocolId] = m.protocolId;
  out[at + R.registeredDelivery] = m.registeredDelivery;
  out[at + R.dataCoding] = m.dataCoding;
  out[at + R.replaceIfPresent] = m.replaceIfPresent;
  out[at + R.defaultMessageId] = m.defaultMessageId;
  out[at + R.sourceLength] = m.sourceLength;
  out[at + R.destLength] = m.destLength;
  out[at + R.serviceTypeLength] = m.serviceTypeLength;
  out[at + R.archiveMode] = d.archiveMode;
  out.writeUInt16LE(d.flags | m.flags, at + R.flags);
  out.writeUInt32LE(m.textLength, at + R.textLength);
  out.writeUInt32LE(tlvsLength, at + R.tlvsLength);
  out.writeDoubleLE(d.expiresAt, at + R.expiresAt);
  out.writeDoubleLE(d.deliverAfter, at + R.deliverAfter);
  out.writeUInt32LE(d.route, at + R.route);
  out.writeUInt32LE((d.hops | (d.part << 8) | (d.parts << 16) | (d.gathered << 24)) >>> 0, at + R.hops);
  out.writeUInt32LE(m.sibling | (m.siblings << 8), at + R.sibling);
  return to;
}

/** Points `m` at the record at `at`: nothing is copied, so `m` is good as long as `buffer` is not written again. */
export function readRecord(m: MessageDraft, buffer: Buffer, at: number): void {
  m.buffer = buffer;
  m.flags = buffer.readUInt16LE(at + R.flags);
  m.priority = buffer[at + R.priority]!;
  m.sourceTon = buffer[at + R.sourceTon]!;
  m.sourceNpi = buffer[at + R.sourceNpi]!;
  m.destTon = buffer[at + R.destTon]!;
  m.destNpi = buffer[at + R.destNpi]!;
  m.esmClass = buffer[at + R.esmClass]!;
  m.protocolId = buffer[at + R.protocolId]!;
  m.registeredDelivery = buffer[at + R.registeredDelivery]!;
  m.dataCoding = buffer[at + R.dataCoding]!;
  m.replaceIfPresent = buffer[at + R.replaceIfPresent]!;
  m.defaultMessageId = buffer[at + R.defaultMessageId]!;
  m.sibling = buffer[at + R.sibling]!;
  m.siblings = buffer[at + R.siblings]!;
  m.scheduleLength = 0;
  m.validityLength = 0;
  m.payloadTlvAt = -1;
  m.payloadTlvLength = 0;
  let next = at + R.head;
  m.sourceAt = next;
  next += m.sourceLength = buffer[at + R.sourceLength]!;
  m.destAt = next;
  next += m.destLength = buffer[at + R.destLength]!;
  m.serviceTypeAt = next;
  next += m.serviceTypeLength = buffer[at + R.serviceTypeLength]!;
  m.textAt = next;
  next += m.textLength = buffer.readUInt32LE(at + R.textLength);
  m.tlvsAt = next;
  m.tlvsLength = buffer.readUInt32LE(at + R.tlvsLength);
}

/** Where the TLVs of the record at `at` begin. */
const tlvsAt = (buffer: Buffer, at: number): number =>
  at + buffer.readUInt32LE(at + R.length) - buffer.readUInt32LE(at + R.tlvsLength);

/**
 * Copies what a receipt needs of the record at `at`: no more of its text than `textMost` octets, and of its TLVs only the
 * extras that say whom to tell by HTTP. @returns the offset after it
 */
export function copyStub(out: Buffer, to: number, buffer: Buffer, at: number, textMost: number): number {
  const pushed = pushedLength(buffer, at);
  const tlvs = tlvsAt(buffer, at);
  const textLength = Math.min(textMost, buffer.readUInt32LE(at + R.textLength));
  const textEnd = tlvs - buffer.readUInt32LE(at + R.textLength) + textLength;
  buffer.copy(out, to, at, textEnd);
  const end = to + textEnd - at + pushed;
  if (pushed > 0) buffer.copy(out, end - pushed, tlvs, tlvs + pushed);
  out.writeUInt32LE(end - to, to + R.length);
  out.writeUInt32LE(textLength, to + R.textLength);
  out.writeUInt32LE(pushed, to + R.tlvsLength);
  return end;
}

/** Octets that `copyStub` writes. */
export function stubLength(b: Buffer, at: number, textMost: number): number {
  const textLength = b.readUInt32LE(at + R.textLength);
  const excess = Math.max(0, textLength - textMost) + b.readUInt32LE(at + R.tlvsLength);
  return b.readUInt32LE(at + R.length) - excess + pushedLength(b, at);
}

/** The extras are a TLV, the first: `extras.ts`. */
function pushedLength(buffer: Buffer, at: number): number {
  if ((buffer[at + R.flags]! & RecordFlag.pushed) === 0) return 0;
  const length = buffer.readUInt32LE(at + R.tlvsLength);
  return length < 4 ? 0 : Math.min(length, 4 + buffer.readUInt16BE(tlvsAt(buffer, at) + 2));
}

export const recordLength = (buffer: Buffer, at: number): number => buffer.readUInt32LE(at);
export const expiresAtOf = (buffer: Buffer, at: number): number => buffer.readDoubleLE(at + R.expiresAt);
/** How long a message that goes in parts waits at most for what becomes of them, after its validity has ended, ms. */
export const WHOLE_GRACE_MS = 72 * 3_600_000;
/** When a message's validity ends, as its sender knows it: one that goes in parts lies in the store for longer. */
export const validUntil = (buffer: Buffer, at: number): number =>
  buffer.readDoubleLE(at + R.expiresAt) - ((buffer[at + R.flags]! & RecordFlag.whole) === 0 ? 0 : WHOLE_GRACE_MS);
export const deliverAfterOf = (buffer: Buffer, at: number): number => buffer.readDoubleLE(at + R.deliverAfter);
export const sourceOf = (buffer: Buffer, at: number): string =>
  buffer.latin1Slice(at + R.head, at + R.head + buffer[at + R.sourceLength]!);
export const destOf = (buffer: Buffer, at: number): string => {
  const from = at + R.head + buffer[at + R.sourceLength]!;
  return buffer.latin1Slice(from, from + buffer[at + R.destLength]!);
};

/** The TLVs without `message_payload`: its value already lies where the text lies. */
function copyTlvs(m: MessageDraft, out: Buffer, to: number): number {
  const end = m.tlvsAt + m.tlvsLength;
  if (m.payloadTlvAt < 0) return copyLong(m.buffer, m.tlvsAt, m.tlvsLength, out, to);
  const next = copyLong(m.buffer, m.tlvsAt, m.payloadTlvAt - m.tlvsAt, out, to);
  const after = m.payloadTlvAt + m.payloadTlvLength;
  return copyLong(m.buffer, after, end - after, out, next);
}

/** For a few octets a loop is faster than a call into the runtime. */
export function copyShort(from: Buffer, at: number, length: number, out: Buffer, to: number): number {
  for (let i = 0; i < length; i++) out[to + i] = from[at + i]!;
  return to + length;
}

function copyLong(from: Buffer, at: number, length: number, out: Buffer, to: number): number {
  if (length < 32) return copyShort(from, at, length, out, to);
  from.copy(out, to, at, at + length);
  return to + length;
}
