import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DueQueue } from '../../../../../adapters/smpp/simulator/due-queue.ts';

const SIZE = 12;

function add(queue: DueQueue, nowMs: number, delayMs: number, value: number): void {
  const { buffer, at } = queue.add(nowMs, delayMs);
  buffer.writeUInt32LE(value, at + 8);
}

function take(queue: DueQueue, nowMs: number): number | undefined {
  if (!queue.first(nowMs)) return undefined;
  const value = queue.buffer.readUInt32LE(queue.at + 8);
  queue.removeFirst();
  return value;
}

describe('DueQueue', () => {
  test('gives nothing before its time', () => {
    const queue = new DueQueue(SIZE);
    expect([queue.nextDueMs, queue.first(1e9)]).toEqual([Infinity, false]);
    add(queue, 100, 50, 7);
    expect([queue.nextDueMs, queue.size]).toEqual([150, 1]);
    expect(take(queue, 149.9)).toBeUndefined();
    expect(take(queue, 150)).toBe(7);
    expect([queue.nextDueMs, queue.size]).toEqual([Infinity, 0]);
  });

  test('keeps many records, over several chunks, in order', () => {
    const queue = new DueQueue(SIZE);
    for (let i = 0; i < 5000; i++) add(queue, i, 10, i);
    expect(queue.size).toBe(5000);
    for (let i = 0; i < 5000; i++) expect(take(queue, 1e9)).toBe(i);
    expect(queue.size).toBe(0);
  });

  test('orders by due time what has different delays, and by age what is due together', () => {
    const step = fc.record({ wait: fc.nat(3), delay: fc.constantFrom(0, 5, 20), takes: fc.nat(2) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 2000, size: 'max' }), steps => {
        const queue = new DueQueue(SIZE);
        const model: { due: number; value: number }[] = [];
        let now = 0;
        steps.forEach(({ wait, delay, takes }, value) => {
          now += wait;
          add(queue, now, delay, value);
          model.push({ due: now + delay, value });
          for (let i = 0; i < takes; i++) {
            const dueMs = Math.min(...model.map(({ due }) => due));
            expect(queue.nextDueMs).toBe(model.length === 0 ? Infinity : dueMs);
            const got = take(queue, now);
            if (dueMs > now) {
              expect(got).toBeUndefined();
              continue;
            }
            const place = model.findIndex(one => one.value === got);
            expect(model[place]!.due).toBe(dueMs);
            model.splice(place, 1);
          }
          expect(queue.size).toBe(model.length);
        });
        const rest = model.map(({ due }) => due).sort((a, b) => a - b);
        for (const due of rest) {
          expect(queue.nextDueMs).toBe(due);
          expect(take(queue, Infinity)).toBeTypeOf('number');
        }
        expect(queue.first(Infinity)).toBe(false);
      }),
      { numRuns: 50 },
    );
  });
});
