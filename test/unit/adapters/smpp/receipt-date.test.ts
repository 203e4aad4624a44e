import { expect, test } from 'vitest';
import { readDate } from '../../../../adapters/smpp/receipt-date.ts';

const read = (text: string): number => readDate(Buffer.from(`<${text}>`), 1, 1 + text.length);
const two = (value: number): string => String(value).padStart(2, '0');

test('every day of a hundred years, leap days among them, is what the calendar of JavaScript says', () => {
  for (let at = Date.UTC(2000, 0, 1, 23, 59); at < Date.UTC(2100, 0, 1); at += 86_400_000) {
    const date = new Date(at);
    const day = `${two(date.getUTCFullYear() % 100)}${two(date.getUTCMonth() + 1)}${two(date.getUTCDate())}`;
    expect(read(`${day}2359`), day).toBe(at);
  }
});

test.each([
  ['2611281207', Date.UTC(2026, 10, 28, 12, 7)],
  ['261128120742', Date.UTC(2026, 10, 28, 12, 7, 42)],
  ['202611281207', Date.UTC(2026, 10, 28, 12, 7)],
  ['20261128120742', Date.UTC(2026, 10, 28, 12, 7, 42)],
  ['2400022923', 0],
  ['2613011200', 0],
  ['2600011200', 0],
  ['2611322359', 0],
  ['2611282400', 0],
  ['26112812', 0],
  ['261128120x', 0],
  ['', 0],
])('%s', (text, at) => {
  expect(read(text)).toBe(at);
});
