import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  RELATIVE_MAX_MS,
  SCHEDULE_INVALID,
  TIME_LENGTH,
  VALIDITY_INVALID,
  readSchedule,
  readValidity,
  writeAbsoluteTime,
  writeRelativeTime,
} from '../../../../adapters/smpp/smpp-time.ts';

const NOW = Date.UTC(2026, 10, 21, 12, 0, 0, 250);

function schedule(text: string, nowMs = NOW): number {
  const buffer = Buffer.from(`9${text}9`, 'latin1');
  return readSchedule(buffer, 1, text.length, nowMs);
}
function validity(text: string, nowMs = NOW): number {
  const buffer = Buffer.from(`9${text}9`, 'latin1');
  return readValidity(buffer, 1, text.length, nowMs);
}

function written(write: (out: Buffer) => number): Buffer {
  const out = Buffer.alloc(TIME_LENGTH + 2, 0xaa);
  expect(write(out)).toBe(TIME_LENGTH + 1);
  expect([out[0], out[TIME_LENGTH + 1]]).toEqual([0xaa, 0xaa]);
  return out;
}

describe('absolute times (SMPP v3.4 §7.1.1.1)', () => {
  test.each([
    ['261122130459300+', Date.UTC(2026, 10, 22, 13, 4, 59, 300)],
    ['261122130459008+', Date.UTC(2026, 10, 22, 11, 4, 59)],
    ['261122130459020-', Date.UTC(2026, 10, 22, 18, 4, 59)],
    ['270101000000048+', Date.UTC(2026, 11, 31, 12)],
    ['280229000000000+', Date.UTC(2028, 1, 29)],
    ['751231235959900+', Date.UTC(2075, 11, 31, 23, 59, 59, 900)],
    ['991231235959000+', Date.UTC(1999, 11, 31, 23, 59, 59)],
  ])('%s', (text, expected) => {
    expect(schedule(text)).toBe(expected);
  });
  test.each([
    '260229000000000+',
    '261301000000000+',
    '260001000000000+',
    '261100000000000+',
    '261131000000000+',
    '261122240000000+',
    '261122006000000+',
    '261122000060000+',
    '261122000000049+',
    '261122000000000Z',
    '26112200000000+',
    '2611220000000000+',
    '26112a000000000+',
    '261122 00000000+',
    '0',
  ])('%s is none', text => {
    expect(schedule(text)).toBe(SCHEDULE_INVALID);
    expect(validity(text)).toBe(VALIDITY_INVALID);
  });
});

describe('relative times (SMPP v3.4 §7.1.1.2)', () => {
  test.each([
    // The example of the specification: 2 years, 6 months, 10 days, 23 hours, 34 minutes and 29 seconds.
    ['020610233429000R', Date.UTC(2029, 4, 31 + 1, 11, 34, 29, 250)],
    ['000000010000000R', NOW + 3_600_000],
    ['000001000000000R', NOW + 86_400_000],
    ['000000480000000R', NOW + 48 * 3_600_000],
    ['000000000001000R', NOW + 1000],
    ['000300000000000R', Date.UTC(2027, 1, 21, 12, 0, 0, 250)],
  ])('%s', (text, expected) => {
    expect(schedule(text)).toBe(expected);
    expect(validity(text)).toBe(expected);
  });
  test('a month after the 31st is the last day of the next one', () => {
    expect(schedule('000100000000000R', Date.UTC(2027, 0, 31, 5))).toBe(Date.UTC(2027, 1, 28, 5));
  });
});

test('an empty field is no time', () => {
  expect(schedule('')).toBe(0);
  expect(validity('')).toBe(0);
});

test('a schedule may have passed, a validity may not', () => {
  expect(schedule('200101000000000+')).toBe(Date.UTC(2020, 0, 1));
  expect(validity('200101000000000+')).toBe(VALIDITY_INVALID);
  expect(validity('000000000000000R')).toBe(VALIDITY_INVALID);
});

test('what is wrong is the negative of the status to answer with', () => {
  expect([-SCHEDULE_INVALID, -VALIDITY_INVALID]).toEqual([0x61, 0x62]);
});

describe('written times', () => {
  test('absolute ones are read again', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: Math.floor(NOW / 100) - 100_000_000, max: Math.floor(NOW / 100) + 12_000_000_000 }),
        tenths => {
          const out = written(out => writeAbsoluteTime(out, 1, tenths * 100));
          expect(readSchedule(out, 1, TIME_LENGTH, NOW)).toBe(tenths * 100);
        },
      ),
    );
  });
  test('relative ones are read again', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: RELATIVE_MAX_MS }), duration => {
        const out = written(out => writeRelativeTime(out, 1, duration));
        expect(readSchedule(out, 1, TIME_LENGTH, NOW)).toBe(NOW + duration - (duration % 1000));
      }),
    );
  });
  test('are what the specification prints', () => {
    const absolute = written(out => writeAbsoluteTime(out, 1, Date.UTC(2026, 10, 22, 13, 4, 59, 399)));
    expect(absolute.latin1Slice(1, 17)).toBe('261122130459300+');
    const relative = written(out => writeRelativeTime(out, 1, 10 * 86_400_000 + 23 * 3_600_000 + 34 * 60_000 + 29_999));
    expect(relative.latin1Slice(1, 17)).toBe('000010233429000R');
  });
  test('a duration out of bounds is refused', () => {
    const out = Buffer.alloc(16);
    for (const duration of [-1, RELATIVE_MAX_MS + 1, Number.NaN]) {
      expect(() => writeRelativeTime(out, 0, duration)).toThrow(/^relative time: expected 0 to 2764799999 ms, got/);
    }
  });
});
