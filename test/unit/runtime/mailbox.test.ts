import { expect, test } from 'vitest';
import { Mailbox } from '../../../runtime/mailbox.ts';

test('is first in first out over growth and wrapping, against a plain array', () => {
  const mailbox = new Mailbox<number>(100);
  const model: number[] = [];
  let seed = 7;
  for (let i = 0; i < 20_000; i++) {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    // Phases of filling and of emptying, so that the ring is full, empty and wrapped in turn.
    const filling = Math.floor(i / 500) % 2 === 0 ? 0.7 : 0.3;
    if (seed / 2_147_483_648 < filling) {
      expect(mailbox.push(i)).toBe(model.length < 100);
      if (model.length < 100) model.push(i);
    } else if (model.length > 0) {
      expect(mailbox.shift()).toBe(model.shift());
    }
    expect(mailbox.length).toBe(model.length);
  }
});

test('full is an answer, and room comes back', () => {
  const mailbox = new Mailbox<string>(3);
  expect(['a', 'b', 'c', 'd'].map(text => mailbox.push(text))).toEqual([true, true, true, false]);
  expect(mailbox.shift()).toBe('a');
  expect(mailbox.push('e')).toBe(true);
  expect([mailbox.shift(), mailbox.shift(), mailbox.shift()]).toEqual(['b', 'c', 'e']);
});

test('a shift of nothing and a capacity that is none are errors', () => {
  expect(() => new Mailbox(1).shift()).toThrow('shift of an empty mailbox');
  for (const capacity of [0, -1, 1.5, Number.NaN]) {
    expect(() => new Mailbox(capacity)).toThrow(`whole number of at least 1, not ${capacity}`);
  }
});
