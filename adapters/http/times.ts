/** Times of the API: ISO 8601 (RFC 3339), in answers always UTC and whole seconds, as the SMS_C document has them. */

export const ISO_TIME = 'a time such as 2026-05-31T10:30:00Z';

const PATTERN = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:Z|z|([+-])(\d\d):?(\d\d))?$/;

/** ms since 1970, undefined when it is no time. Without a zone it is UTC. */
export function parseTime(text: string): number | undefined {
  const parts = PATTERN.exec(text);
  if (!parts) return undefined;
  const [, year, month, day, hour, minute, second = '0', fraction = '', sign, offsetHours = '0', offsetMinutes = '0'] =
    parts;
  const at = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
  const date = new Date(at);
  const isThere = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
  const inRange = Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60;
  if (!isThere || !inRange || Number(offsetHours) > 23 || Number(offsetMinutes) > 59) return undefined;
  const offsetMs = (Number(offsetHours) * 60 + Number(offsetMinutes)) * 60_000;
  const ms = fraction === '' ? 0 : Math.floor(Number(`0.${fraction}`) * 1000);
  return at + ms - (sign === '-' ? -offsetMs : offsetMs);
}

/** @param ms since 1970 */
export const isoTime = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

/** null for 0, which stands for "none". */
export const isoTimeOrNull = (ms: number): string | null => (ms === 0 ? null : isoTime(ms));
