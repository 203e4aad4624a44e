import { styleText } from 'node:util';

/** A table for people: columns as wide as their widest cell; numbers (as `right` says) to the right. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map(row => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return right.includes(column) ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  return [faint(`  ${line(head)}`), ...rows.map(row => `  ${line(row)}`)].join('\n');
}

/** Bold or grey on a terminal that has colours, plain elsewhere and under NO_COLOR. */
export const bold = (text: string): string => styleText('bold', text);
export const faint = (text: string): string => styleText('gray', text);
export const red = (text: string): string => styleText('red', text);

export const count = (value: number): string => value.toLocaleString('en-US');

/** "1 route", "3 routes", "1,000 entries". */
export function plural(value: number, word: string): string {
  if (value === 1) return `1 ${word}`;
  return `${count(value)} ${word.endsWith('y') ? `${word.slice(0, -1)}ies` : `${word}s`}`;
}

/** "350 ms", "12 s", "4 min 10 s", "2 h 13 min", "3 d 4 h". */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = Math.floor(ms / 1000);
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const;
  const first = parts.findIndex(([value]) => value > 0);
  return parts
    .slice(first, first + 2)
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${value} ${unit}`)
    .join(' ');
}

export function octets(value: number): string {
  if (value < 1024) return `${value} B`;
  const units = ['KB', 'MB', 'GB', 'TB'];
  const power = Math.min(Math.floor(Math.log2(value) / 10), units.length);
  return `${(value / 1024 ** power).toFixed(1)} ${units[power - 1]}`;
}

/** Local time to the second: `2026-11-21 21:14:05`. */
export function clock(ms: number): string {
  return new Date(ms).toLocaleString('sv-SE');
}

/** Control characters from outside (a sender's name, an error) never reach the terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '�');
}
