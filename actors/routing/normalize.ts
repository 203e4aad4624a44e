/**
 * Numbers compare as international digits: a leading "+" or "00" is the same number as none (contract, "Configuration
 * file"). Nothing else is stripped; what is no number at all (an alphanumeric sender) stays as it is.
 */

const PLUS = 0x2b;
const ZERO = 0x30;

/** Offset of the first octet after a leading "+" or "00" of the `length` octets at `at`. */
export function numberStart(buffer: Uint8Array, at: number, length: number): number {
  if (length === 0) return at;
  const first = buffer[at]!;
  if (first === PLUS) return at + 1;
  return first === ZERO && length > 1 && buffer[at + 1] === ZERO ? at + 2 : at;
}

/** True when all octets from `from` to `end` (exclusive) are the digits 0 to 9; none at all is true. */
export function areDigits(buffer: Uint8Array, from: number, end: number): boolean {
  for (let i = from; i < end; i++) {
    const octet = buffer[i]!;
    if (octet < ZERO || octet > ZERO + 9) return false;
  }
  return true;
}

/** `numberStart` for a string: the number without a leading "+" or "00". */
export function normalizeNumber(number: string): string {
  if (number.startsWith('+')) return number.slice(1);
  return number.startsWith('00') ? number.slice(2) : number;
}
