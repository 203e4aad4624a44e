const ZERO = 0x30;

export const isDigit = (octet: number): boolean => octet >= ZERO && octet <= ZERO + 9;

/**
 * A date of a receipt, taken as UTC, in ms since 1970: YYMMDDhhmm, YYMMDDhhmmss, YYYYMMDDhhmm or YYYYMMDDhhmmss; 0 for
 * anything else.
 */
export function readDate(buffer: Uint8Array, at: number, end: number): number {
  const digits = end - at;
  for (let i = at; i < end; i++) if (!isDigit(buffer[i]!)) return 0;
  if (digits === 10) return dateAt(buffer, at, 2, 0);
  if (digits === 14) return dateAt(buffer, at, 4, 2);
  if (digits !== 12) return 0;
  // "2019…" has no month 19: of this century's years, only one reading of twelve digits is a date.
  return dateAt(buffer, at, 2, 2) || dateAt(buffer, at, 4, 0);
}

function dateAt(buffer: Uint8Array, at: number, yearDigits: number, secondDigits: number): number {
  const year = yearDigits === 4 ? pair(buffer, at) * 100 + pair(buffer, at + 2) : 2000 + pair(buffer, at);
  const from = at + yearDigits;
  const month = pair(buffer, from);
  const day = pair(buffer, from + 2);
  const hour = pair(buffer, from + 4);
  const minute = pair(buffer, from + 6);
  const second = secondDigits === 0 ? 0 : pair(buffer, from + 8);
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 59) return 0;
  return startOfDay(year, month, day) + ((hour * 60 + minute) * 60 + second) * 1000;
}

/** Receipts are nearly all of one day: the last one's is kept. */
let knownDay = 0;
let knownStart = 0;

function startOfDay(year: number, month: number, day: number): number {
  const packed = (year * 16 + month) * 32 + day;
  if (packed !== knownDay) {
    knownStart = Date.UTC(year, month - 1, day);
    knownDay = packed;
  }
  return knownStart;
}

const pair = (buffer: Uint8Array, at: number): number => (buffer[at]! - ZERO) * 10 + buffer[at + 1]! - ZERO;
