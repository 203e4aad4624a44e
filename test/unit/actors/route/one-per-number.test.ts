import { expect, test } from 'vitest';
import { readBatch } from '../../../../actors/message/batch.ts';
import { Delivery } from '../../../../actors/route/delivery.ts';
import { OnePerNumber } from '../../../../actors/route/one-per-number.ts';
import { batchOf } from '../../../support/archive-items.ts';

interface Bind {
  readonly name: string;
  room(): number;
}
const bind = (name: string): Bind => ({ name, room: () => 1 });

function delivery(...numbers: string[]): Delivery {
  const bytes = batchOf(
    16,
    1,
    numbers.map(dest => ({ dest })),
  );
  return new Delivery(readBatch(bytes, false), new Uint8Array(0), numbers.length);
}

/** Sends what may go, by `by`, and says which it was. */
function go(numbers: OnePerNumber<Bind>, by: Bind, room = 100): string[] {
  const sent: string[] = [];
  numbers.each(({ delivery: d, index }) => {
    if (sent.length === room) return 'no-room';
    numbers.sent(d, index, by);
    sent.push(String(index));
    return 'sent';
  });
  return sent;
}

test('the next to a number goes when the last is answered, in their order; other numbers do not wait', () => {
  const numbers = new OnePerNumber<Bind>();
  const a = bind('a');
  const d = delivery('1', '1', '2', '1');
  expect(numbers.holds(d, 0)).toBe(false);
  numbers.sent(d, 0, a);
  expect(numbers.holds(d, 1)).toBe(true);
  expect(numbers.holds(d, 2)).toBe(false);
  numbers.sent(d, 2, a);
  expect(numbers.holds(d, 3)).toBe(true);
  expect(numbers.waiting).toBe(2);
  expect(go(numbers, a)).toEqual([]);
  numbers.ended(d, 0);
  // One that comes now is behind those that wait.
  const later = delivery('1');
  expect(numbers.holds(later, 0)).toBe(true);
  expect(go(numbers, a, 0)).toEqual([]);
  expect(go(numbers, a)).toEqual(['1']);
  // What is said of another message, or twice, changes nothing.
  numbers.ended(d, 0);
  numbers.ended(d, 3);
  expect(go(numbers, a)).toEqual([]);
  numbers.ended(d, 1);
  expect(go(numbers, a)).toEqual(['3']);
  numbers.ended(d, 3);
  expect(go(numbers, a)).toEqual(['0']);
  numbers.ended(later, 0);
  numbers.ended(d, 2);
  expect(numbers.waiting).toBe(0);
  expect(numbers.holds(delivery('1'), 0)).toBe(false);
});

test('what is taken out waits no more, and a number with nothing left is free', () => {
  const numbers = new OnePerNumber<Bind>();
  const d = delivery('1', '1');
  const other = delivery('1');
  numbers.sent(d, 0, bind('a'));
  numbers.holds(d, 1);
  numbers.holds(other, 0);
  expect(numbers.take(each => each === d).map(({ index }) => index)).toEqual([1]);
  expect(numbers.waiting).toBe(1);
  numbers.ended(d, 0);
  expect(numbers.take(() => true)).toHaveLength(1);
  expect(numbers.holds(delivery('1'), 0)).toBe(false);
});
