import type { Fate } from './ledger.ts';
import type { MessageId } from './id.ts';

/**
 * What a receipt says, independent of any protocol. As the text of a record of kind `receipt` it is laid out as
 * (little-endian, version 1, must never change):
 *
 *     0  f64 id of the message it is about     24 u8  fate
 *     8  f64 submitted, ms since 1970          25 u8  octets of the error
 *     16 f64 done, ms since 1970               26 u8  octets of the text's beginning, 27 0
 *     28 error as the carrier gave it (0 to 8 octets), then the first octets of the message (0 to 20)
 */
export interface Receipt {
  messageId: MessageId;
  submittedAt: number;
  doneAt: number;
  fate: Fate;
  /** `err:` of the receipt text (SMPP v3.4 Appendix B), usually three digits. */
  error: string;
  /** The first octets of the message as text. */
  text: string;
}

/** Offsets of the layout above, for whoever reads it in place. */
export const RECEIPT = {
  messageId: 0,
  submittedAt: 8,
  doneAt: 16,
  fate: 24,
  errorLength: 25,
  textLength: 26,
  head: 28,
} as const;

/** Octets of a message's text that its receipt repeats at most (SMPP v3.4 Appendix B). */
export const RECEIPT_TEXT = 20;

const HEAD = RECEIPT.head;
export const RECEIPT_LIMIT = HEAD + 8 + RECEIPT_TEXT;

/**
 * Writes a receipt's body at `at`, where there must be room for RECEIPT_LIMIT octets; returns the offset after it.
 *
 * @param text holds the message's text at `textAt`
 */
export function writeReceipt(
  out: Buffer,
  at: number,
  r: Omit<Receipt, 'text'>,
  text: Buffer,
  textAt: number,
  textLength: number,
): number {
  out.writeDoubleLE(r.messageId, at);
  out.writeDoubleLE(r.submittedAt, at + 8);
  out.writeDoubleLE(r.doneAt, at + 16);
  out[at + 24] = r.fate;
  out[at + 25] = Math.min(r.error.length, 8);
  const begins = Math.min(textLength, RECEIPT_TEXT);
  out[at + 26] = begins;
  out[at + 27] = 0;
  let to = at + HEAD;
  to += out.latin1Write(r.error, to, out[at + 25]);
  for (let i = 0; i < begins; i++) out[to + i] = text[textAt + i]!;
  return to + begins;
}

/** Reads what `writeReceipt` wrote. @throws RangeError when `length` is too short for what it announces */
export function readReceipt(b: Buffer, at: number, length: number): Receipt {
  const errorLength = b[at + 25]!;
  const textLength = b[at + 26]!;
  if (length < HEAD + errorLength + textLength)
    throw new RangeError(`receipt: expected ${HEAD} octets or more, got ${length}`);
  const errorAt = at + HEAD;
  return {
    messageId: b.readDoubleLE(at),
    submittedAt: b.readDoubleLE(at + 8),
    doneAt: b.readDoubleLE(at + 16),
    fate: b[at + 24]! as Fate,
    error: b.latin1Slice(errorAt, errorAt + errorLength),
    text: b.latin1Slice(errorAt + errorLength, errorAt + errorLength + textLength),
  };
}
