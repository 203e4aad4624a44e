/**
 * `schedule_delivery_time` and `validity_period`, SMPP v3.4 §7.1.1: 16 characters YYMMDDhhmmsstnnp
 *
 *     YYMMDDhhmmss  date and time; t tenths of a second
 *     nn            absolute: quarters of an hour between this time and UTC, 00 to 48
 *     p             "+": the time is ahead of UTC, "-": behind it, "R": relative to the receiver's clock
 *
 * A time is given as ms since 1970, 0 for none (an empty field). What is wrong comes back as the negative of the
 * command_status to answer with: nothing is thrown, since a peer may send it with every message.
 */

/** Octets of a time, without the NUL. */
export const TIME_LENGTH = 16;
/** -ESME_RINVSCHED (v3.4 §5.1.3). */
export const SCHEDULE_INVALID = -0x61;
/** -ESME_RINVEXPIRY. */
export const VALIDITY_INVALID = -0x62;

const PLUS = 0x2b;
const MINUS = 0x2d;
const RELATIVE = 0x52;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Longest duration that `writeRelativeTime` can write: more would be months, which are of different lengths. */
export const RELATIVE_MAX_MS = 31 * DAY + 23 * HOUR + 59 * MINUTE + 59_999;

/**
 * When a message is to be delivered: ms since 1970, 0 for at once, or SCHEDULE_INVALID. A time that has passed is allowed
 * (clocks differ): it means at once too.
 *
 * @param length octets of the field without its NUL
 * @param nowMs what relative times count from
 */
export function readSchedule(buffer: Uint8Array, at: number, length: number, nowMs: number): number {
  if (length === 0) return 0;
  const time = readTime(buffer, at, length, nowMs);
  return Number.isNaN(time) ? SCHEDULE_INVALID : time;
}

/** When a message's validity ends: ms since 1970, 0 where none is given, or VALIDITY_INVALID, also when it has passed. */
export function readValidity(buffer: Uint8Array, at: number, length: number, nowMs: number): number {
  if (length === 0) return 0;
  const time = readTime(buffer, at, length, nowMs);
  return time > nowMs ? time : VALIDITY_INVALID;
}

/** NaN when it is no time. */
function readTime(buffer: Uint8Array, at: number, length: number, nowMs: number): number {
  if (length !== TIME_LENGTH) return Number.NaN;
  for (let i = 0; i < TIME_LENGTH - 1; i++) {
    const octet = buffer[at + i]!;
    if (octet < 0x30 || octet > 0x39) return Number.NaN;
  }
  const sign = buffer[at + 15]!;
  if (sign === RELATIVE) return readRelative(buffer, at, nowMs);
  return sign === PLUS || sign === MINUS ? readAbsolute(buffer, at, sign, nowMs) : Number.NaN;
}

function readAbsolute(buffer: Uint8Array, at: number, sign: number, nowMs: number): number {
  const year = fullYear(pair(buffer, at), nowMs);
  const month = pair(buffer, at + 2);
  const day = pair(buffer, at + 4);
  const hour = pair(buffer, at + 6);
  const minute = pair(buffer, at + 8);
  const second = pair(buffer, at + 10);
  const quarters = pair(buffer, at + 13);
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return Number.NaN;
  if (hour > 23 || minute > 59 || second > 59 || quarters > 48) return Number.NaN;
  const local = Date.UTC(year, month - 1, day, hour, minute, second, (buffer[at + 12]! - 0x30) * 100);
  return sign === PLUS ? local - quarters * 15 * MINUTE : local + quarters * 15 * MINUTE;
}

/**
 * Years and months by the calendar, then days and time. Leniency: any two digits are taken in each field ("48 hours" is
 * often written as such), tenths and nn are ignored.
 */
function readRelative(buffer: Uint8Array, at: number, nowMs: number): number {
  const months = pair(buffer, at) * 12 + pair(buffer, at + 2);
  const rest =
    pair(buffer, at + 4) * DAY +
    pair(buffer, at + 6) * HOUR +
    pair(buffer, at + 8) * MINUTE +
    pair(buffer, at + 10) * 1000;
  return (months === 0 ? nowMs : addMonths(nowMs, months)) + rest;
}

/** The same day and time so many months later; the last day of that month where it has no such day. */
function addMonths(ms: number, months: number): number {
  const from = new Date(ms);
  const month = from.getUTCMonth() + months;
  const year = from.getUTCFullYear() + Math.floor(month / 12);
  const day = Math.min(from.getUTCDate(), daysIn(year, (month % 12) + 1));
  return Date.UTC(year, month % 12, day) + (((ms % DAY) + DAY) % DAY);
}

/** Writes a time as absolute, in UTC, to a tenth of a second; returns the offset after its 16 octets (no NUL). */
export function writeAbsoluteTime(out: Uint8Array, at: number, ms: number): number {
  const time = new Date(ms);
  writePair(out, at, time.getUTCFullYear() % 100);
  writePair(out, at + 2, time.getUTCMonth() + 1);
  writePair(out, at + 4, time.getUTCDate());
  writePair(out, at + 6, time.getUTCHours());
  writePair(out, at + 8, time.getUTCMinutes());
  writePair(out, at + 10, time.getUTCSeconds());
  out[at + 12] = 0x30 + Math.floor(time.getUTCMilliseconds() / 100);
  writePair(out, at + 13, 0);
  out[at + 15] = PLUS;
  return at + TIME_LENGTH;
}

/**
 * Writes a duration as a relative time, rounded down to seconds; returns the offset after its 16 octets (no NUL).
 *
 * @throws RangeError below 0 or above RELATIVE_MAX_MS: write an absolute time then
 */
export function writeRelativeTime(out: Uint8Array, at: number, durationMs: number): number {
  if (!(durationMs >= 0 && durationMs <= RELATIVE_MAX_MS)) {
    throw new RangeError(`relative time: expected 0 to ${RELATIVE_MAX_MS} ms, got ${durationMs}`);
  }
  writePair(out, at, 0);
  writePair(out, at + 2, 0);
  writePair(out, at + 4, Math.floor(durationMs / DAY));
  writePair(out, at + 6, Math.floor((durationMs % DAY) / HOUR));
  writePair(out, at + 8, Math.floor((durationMs % HOUR) / MINUTE));
  writePair(out, at + 10, Math.floor((durationMs % MINUTE) / 1000));
  out[at + 12] = 0x30;
  writePair(out, at + 13, 0);
  out[at + 15] = RELATIVE;
  return at + TIME_LENGTH;
}

/** Of the years with these last two digits the one nearest to now. */
function fullYear(lastTwo: number, nowMs: number): number {
  // 365.2425 days a year; a day more or less does not matter half a century away.
  const now = 1970 + Math.floor(nowMs / 31_556_952_000);
  const year = now - (now % 100) + lastTwo;
  if (year > now + 50) return year - 100;
  return year <= now - 50 ? year + 100 : year;
}

function daysIn(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

const pair = (buffer: Uint8Array, at: number): number => (buffer[at]! - 0x30) * 10 + buffer[at + 1]! - 0x30;

function writePair(out: Uint8Array, at: number, value: number): void {
  out[at] = 0x30 + Math.floor(value / 10);
  out[at + 1] = 0x30 + (value % 10);
}
