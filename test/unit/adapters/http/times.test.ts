import { describe, expect, test } from 'vitest';
import { isoTime, isoTimeOrNull, parseTime } from '../../../../adapters/http/times.ts';

describe('parseTime', () => {
  test.each([
    ['2025-10-17T10:30:00Z', Date.UTC(2025, 9, 17, 10, 30)],
    ['2025-10-17T10:30:00', Date.UTC(2025, 9, 17, 10, 30)],
    ['2025-10-17 10:30Z', Date.UTC(2025, 9, 17, 10, 30)],
    ['2025-10-17T10:30:00.25Z', Date.UTC(2025, 9, 17, 10, 30, 0, 250)],
    ['2025-10-17T10:30:00.123456+02:00', Date.UTC(2025, 9, 17, 8, 30, 0, 123)],
    ['2025-10-17T10:30:00-0330', Date.UTC(2025, 9, 17, 14, 0)],
    ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29)],
  ])('reads %s', (text, ms) => {
    expect(parseTime(text)).toBe(ms);
  });

  test.each([
    '',
    'tomorrow',
    '2025-10-17',
    '1760696400',
    '2025-02-29T00:00:00Z',
    '2025-13-01T00:00:00Z',
    '2025-10-17T24:00:00Z',
    '2025-10-17T10:60:00Z',
    '2025-10-17T10:30:60Z',
    '2025-10-17T10:30:00+24:00',
    '2025-10-17T10:30:00Zz',
  ])('finds no time in %j', text => {
    expect(parseTime(text)).toBeUndefined();
  });
});

test('times are shown in UTC and whole seconds', () => {
  expect(isoTime(Date.UTC(2025, 9, 17, 10, 30, 5, 999))).toBe('2025-10-17T10:30:05Z');
  expect(isoTimeOrNull(0)).toBeNull();
});
