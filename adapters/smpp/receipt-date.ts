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

const DAY_MS = 86_400_000;
/** From 1 March of the year 0 to 1 January 1970. */
const DAYS_BEFORE_1970 = 719_468;

/** What `Date.UTC` says, for years from 1 on: a year that begins in March has its leap day at its end. */
function startOfDay(year: number, month: number, day: number): number {
  const y = month > 2 ? year : year - 1;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const leapDays = Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400);
  return (y * 365 + leapDays + dayOfYear - DAYS_BEFORE_1970) * DAY_MS;
}

const pair = (buffer: Uint8Array, at: number): number => (buffer[at]! - ZERO) * 10 + buffer[at + 1]! - ZERO;
