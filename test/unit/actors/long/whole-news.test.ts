import { expect, test } from 'vitest';
import { NewsOfWholes, outcomeOf } from '../../../../actors/long/whole-news.ts';
import { Fate } from '../../../../actors/message/ledger.ts';

/** What became of a message of 3 parts, told in this order: [part, fate, error]. */
function outcome(...told: readonly (readonly [number, Fate, string?])[]) {
  const wholes = new NewsOfWholes();
  told.forEach(([part, fate, error = '000'], i) => void wholes.add(7, part, 3, fate, error, 1000 + i, 100 + i, 0));
  const { fate, error, delivered, parts } = outcomeOf(wholes.get(7), 3, 5);
  return [fate, error, delivered, parts];
}

const { delivered, undeliverable, expired, sent, unknown, accepted } = Fate;

test('all parts make the fate, in whatever order they tell theirs', () => {
  expect(outcome([3, delivered], [1, delivered], [2, delivered])).toEqual([delivered, '000', 3, 3]);
  expect(outcome([2, undeliverable, '011'], [3, delivered], [1, delivered])).toEqual([undeliverable, '011', 2, 3]);
  expect(outcome([3, undeliverable, '011'], [1, expired, '027'], [2, delivered])).toEqual([expired, '027', 1, 3]);
  expect(outcome([1, sent], [2, sent], [3, delivered])).toEqual([sent, '000', 1, 3]);
  expect(outcome([1, accepted], [2, delivered], [3, delivered])).toEqual([accepted, '000', 2, 3]);
});

test('what is told twice counts once', () => {
  expect(outcome([1, delivered], [1, undeliverable, '011'], [2, delivered], [3, delivered])).toEqual([
    delivered,
    '000',
    3,
    3,
  ]);
});

test('while a part is missing, the fate is that of one that failed, or unknown', () => {
  expect(outcome([1, delivered], [2, delivered])).toEqual([unknown, '000', 2, 3]);
  expect(outcome([2, undeliverable, '011'])).toEqual([undeliverable, '011', 0, 3]);
  expect(outcomeOf(undefined, 3, 5)).toEqual({ fate: unknown, error: '000', delivered: 0, parts: 3, doneAt: 5 });
});

test('what told it is known, to be settled with it', () => {
  const wholes = new NewsOfWholes();
  for (const told of [1, 2]) wholes.add(7, 1, 2, delivered, '000', 9, told, 0);
  expect(wholes.get(7)).toMatchObject({ ids: [1, 2], known: 1, doneAt: 9 });
  wholes.delete(7);
  expect(wholes.size).toBe(0);
});
