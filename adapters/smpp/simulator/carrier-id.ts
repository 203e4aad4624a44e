import { COMMAND_ID } from '../codec/command-id.ts';

/** Digits of the ids a simulated carrier gives: upper-case hexadecimal, as many carriers write them. */
export const ID_DIGITS = 12;
/** Octets of a submit_sm_resp with such an id. */
export const ACCEPTED_LENGTH = 16 + ID_DIGITS + 1;

const IDS = 2 ** 48;
const IDS_PER_MS = 256;
const HALF = 2 ** 24;

/**
 * Where ids begin. Those of an earlier run must not come again while its receipts can still be asked for, so they go by
 * the clock: at up to 256,000 messages a second they come again after 34 years.
 */
export function firstId(nowMs: number): number {
  return (nowMs * IDS_PER_MS) % IDS;
}

export function idAfter(id: number): number {
  return id + 1 === IDS ? 0 : id + 1;
}

/** Writes the id's 12 digits and returns the offset after them. */
export function writeId(out: Buffer, at: number, id: number): number {
  const high = Math.floor(id / HALF);
  writeHalf(out, at, high);
  writeHalf(out, at + 6, id - high * HALF);
  return at + ID_DIGITS;
}

/** Six digits of a number of 24 bits. */
function writeHalf(out: Buffer, at: number, value: number): void {
  for (let i = 0; i < 6; i++) {
    const digit = (value >>> (20 - i * 4)) & 0xf;
    out[at + i] = digit + (digit < 10 ? 0x30 : 0x37);
  }
}

/** Writes a submit_sm_resp, ESME_ROK (SMPP v3.4 §4.4.2), and returns the offset after it. */
export function writeAccepted(out: Buffer, at: number, sequence: number, id: number): number {
  out.writeUInt32BE(ACCEPTED_LENGTH, at);
  out.writeUInt32BE(COMMAND_ID.submit_sm_resp, at + 4);
  out.writeUInt32BE(0, at + 8);
  out.writeUInt32BE(sequence, at + 12);
  const end = writeId(out, at + 16, id);
  out[end] = 0;
  return end + 1;
}
