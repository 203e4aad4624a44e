import { expect, test } from 'vitest';
import { overloadedOf } from '../../../node/overload.ts';

test('overloaded above one mark, until at or below the other', () => {
  const marks = new Map([
    ['a', { overload: 10, normal: 5 }],
    ['b', { overload: 1, normal: 0 }],
  ]);
  const step = (before: readonly string[], a: number, b = 0): string[] => [
    ...overloadedOf(
      marks,
      new Set(before),
      new Map([
        ['a', a],
        ['b', b],
        ['unmarked', 99],
      ]),
    ),
  ];
  expect(step([], 10)).toEqual([]);
  expect(step([], 11)).toEqual(['a']);
  expect(step(['a'], 6)).toEqual(['a']);
  expect(step(['a'], 5)).toEqual([]);
  expect(step(['gone'], 0, 2)).toEqual(['b']);
  expect(overloadedOf(marks, new Set(['a']), new Map())).toEqual(new Set());
});
