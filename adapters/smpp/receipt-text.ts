import type { Fate } from '../../actors/message/ledger.ts';
import { RECEIPT } from '../../actors/message/receipt.ts';
import { MessageState, STATE_WORDS, stateOfFate } from './receipt-states.ts';

/**
 * Delivery receipts as SMPP peers want them, SMPP v3.4 Appendix B (vendor specific; ours is the contract's):
 *
 *     id:1234 sub:001 dlvrd:001 submit date:2611211200 done date:2611211201 stat:DELIVRD err:000 text:Hello
 *
 * and the TLVs receipted_message_id, message_state and network_error_code. Written from the receipt's octets
 * (actors/message/receipt.ts) straight into the output: nothing is allocated. Dates are UTC.
 */

/** Octets `writeReceiptText` writes at most. */
export const RECEIPT_TEXT_LIMIT = 160;
/** Octets `writeReceiptTlvs` writes at most. */
export const RECEIPT_TLVS_LIMIT = 4 + 17 + 4 + 1 + 4 + 3;

const RECEIPTED_MESSAGE_ID = 0x001e;
const NETWORK_ERROR_CODE = 0x0423;
const MESSAGE_STATE = 0x0427;
/** network_error_code's type "GSM" (v3.4 §5.3.2.31): carriers' `err` is a GSM or MAP error where it is a standard one. */
const NETWORK_GSM = 3;

const ID = Buffer.from('id:');
const SUB_ONE = Buffer.from(' sub:001 dlvrd:');
const SUB = Buffer.from(' sub:');
const DLVRD = Buffer.from(' dlvrd:');
const DELIVERED = Buffer.from('001');
const NOT_DELIVERED = Buffer.from('000');
const SUBMIT_DATE = Buffer.from(' submit date:');
const DONE_DATE = Buffer.from(' done date:');
const STAT = Buffer.from(' stat:');
const ERR = Buffer.from(' err:');
const TEXT = Buffer.from(' text:');
const WORDS = STATE_WORDS.map(word => Buffer.from(word));

const ZERO = 0x30;
const DOT = 0x2e;

/**
 * Writes a receipt's text and returns the offset after it. `err` is what the carrier gave, filled up to three digits;
 * octets of the message that are not printable ASCII are written as ".", since a receipt has no alphabet of its own.
 *
 * @param body holds the receipt (`writeReceipt`) at `bodyAt`
 * @param publicId the id the peer was given for its message, 0 to 2^53-1
 * @param parts messages that it was sent as, when it was too long for one; 0: it was one
 * @param delivered of these
 */
export function writeReceiptText(
  out: Buffer,
  at: number,
  body: Buffer,
  bodyAt: number,
  publicId: number,
  parts = 0,
  delivered = 0,
): number {
  const state = stateOfFate(body[bodyAt + RECEIPT.fate]! as Fate);
  let to = put(out, at, ID);
  to = putNumber(out, to, publicId);
  if (parts === 0) {
    to = put(out, to, SUB_ONE);
    to = put(out, to, state === MessageState.delivered ? DELIVERED : NOT_DELIVERED);
  } else {
    to = putDigits(out, put(out, to, SUB), parts, 3);
    to = putDigits(out, put(out, to, DLVRD), delivered, 3);
  }
  to = put(out, to, SUBMIT_DATE);
  to = putDate(out, to, body.readDoubleLE(bodyAt + RECEIPT.submittedAt));
  to = put(out, to, DONE_DATE);
  to = putDate(out, to, body.readDoubleLE(bodyAt + RECEIPT.doneAt));
  to = put(out, to, STAT);
  to = put(out, to, WORDS[state]!);
  to = put(out, to, ERR);
  const errorAt = bodyAt + RECEIPT.head;
  const errorLength = body[bodyAt + RECEIPT.errorLength]!;
  for (let i = errorLength; i < 3; i++) out[to++] = ZERO;
  to = putPrintable(out, to, body, errorAt, errorLength);
  to = put(out, to, TEXT);
  return putPrintable(out, to, body, errorAt + errorLength, body[bodyAt + RECEIPT.textLength]!);
}

/**
 * Writes a receipt's TLVs (v3.4 §5.3.2.12, §5.3.2.35, §5.3.2.31) and returns the offset after them. Not for peers below
 * v3.4. network_error_code is left out where the error is no number, or none.
 */
export function writeReceiptTlvs(out: Buffer, at: number, body: Buffer, bodyAt: number, publicId: number): number {
  let to = putTlvHead(out, at, RECEIPTED_MESSAGE_ID, 0);
  const idAt = to;
  to = putNumber(out, to, publicId);
  out[to++] = 0;
  out[idAt - 1] = to - idAt;
  to = putTlvHead(out, to, MESSAGE_STATE, 1);
  out[to++] = stateOfFate(body[bodyAt + RECEIPT.fate]! as Fate);
  const error = numberAt(body, bodyAt + RECEIPT.head, body[bodyAt + RECEIPT.errorLength]!);
  if (error < 1 || error > 0xffff) return to;
  to = putTlvHead(out, to, NETWORK_ERROR_CODE, 3);
  out[to] = NETWORK_GSM;
  out[to + 1] = error >>> 8;
  out[to + 2] = error;
  return to + 3;
}

function put(out: Buffer, at: number, octets: Buffer): number {
  for (let i = 0; i < octets.length; i++) out[at + i] = octets[i]!;
  return at + octets.length;
}

function putPrintable(out: Buffer, at: number, from: Buffer, fromAt: number, length: number): number {
  for (let i = 0; i < length; i++) {
    const octet = from[fromAt + i]!;
    out[at + i] = octet >= 0x20 && octet <= 0x7e ? octet : DOT;
  }
  return at + length;
}

const HALF = 100_000_000;

/** In decimal. Two halves of eight digits, so that the divisions are of 32-bit integers. */
function putNumber(out: Buffer, at: number, value: number): number {
  if (value < HALF) return putDigits(out, at, value, digitsOf(value));
  const high = Math.floor(value / HALF);
  const next = putDigits(out, at, high, digitsOf(high));
  return putDigits(out, next, value - high * HALF, 8);
}

function digitsOf(value: number): number {
  let digits = 1;
  for (let limit = 10; value >= limit; limit *= 10) digits++;
  return digits;
}

function putDigits(out: Buffer, at: number, value: number, digits: number): number {
  let left = value | 0;
  for (let i = digits - 1; i >= 0; i--) {
    const tenth = (left / 10) | 0;
    out[at + i] = ZERO + left - tenth * 10;
    left = tenth;
  }
  return at + digits;
}

const DAY = 86_400_000;
let knownDay = Number.NaN;
let knownDate = 0;

/** YYMMDDhhmm. Nearly all receipts are of one day: its date is worked out once. */
function putDate(out: Buffer, at: number, ms: number): number {
  const day = Math.floor(ms / DAY);
  if (day !== knownDay) {
    const date = new Date(ms);
    knownDay = day;
    knownDate = (date.getUTCFullYear() % 100) * 10_000 + (date.getUTCMonth() + 1) * 100 + date.getUTCDate();
  }
  const minutes = Math.floor((ms - day * DAY) / 60_000);
  const hours = (minutes / 60) | 0;
  const next = putDigits(out, at, knownDate, 6);
  return putDigits(out, next, hours * 100 + minutes - hours * 60, 4);
}

function putTlvHead(out: Buffer, at: number, tag: number, length: number): number {
  out[at] = tag >>> 8;
  out[at + 1] = tag;
  out[at + 2] = 0;
  out[at + 3] = length;
  return at + 4;
}

/** The number that these octets write in decimal, -1 when they do not. */
function numberAt(buffer: Buffer, at: number, length: number): number {
  if (length === 0) return -1;
  let value = 0;
  for (let i = 0; i < length; i++) {
    const digit = buffer[at + i]! - ZERO;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}
