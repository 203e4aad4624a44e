import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SendWindow } from '../../../../adapters/smpp/window.ts';

function waitingSequences(w: SendWindow, sentBeforeMs?: number): number[] {
  const found: number[] = [];
  for (let p = w.waiting(0, sentBeforeMs); p >= 0; p = w.waiting(p + 1, sentBeforeMs)) found.push(w.sequenceAt(p));
  return found.sort((a, b) => a - b);
}

describe('SendWindow', () => {
  it('numbers from 1 and refuses beyond its capacity', () => {
    const w = new SendWindow(3);
    expect([w.take(0, 0, 0), w.take(0, 0, 0), w.take(0, 0, 0), w.take(0, 0, 0)]).toEqual([1, 2, 3, 0]);
    expect([w.size, w.waitingCount, w.isFull]).toEqual([3, 3, true]);
  });

  it('gives a place free on release, not on the answer', () => {
    const w = new SendWindow(1);
    const sequence = w.take(7, 8, 9);
    const place = w.answered(sequence);
    expect([w.a(place), w.b(place), w.sentAtMs(place), w.sequenceAt(place)]).toEqual([7, 8, 9, sequence]);
    expect([w.isFull, w.waitingCount, w.take(0, 0, 0)]).toEqual([true, 0, 0]);
    expect(w.answered(sequence)).toBe(-1);
    expect(w.release(sequence)).toBe(true);
    expect(w.release(sequence)).toBe(false);
    expect([w.size, w.take(0, 0, 0)]).toEqual([0, 2]);
  });

  it('knows no number that it did not give', () => {
    const w = new SendWindow(10);
    for (const sequence of [0, 1, -1, 0x7fffffff, 0x80000001]) {
      expect([w.answered(sequence), w.release(sequence)]).toEqual([-1, false]);
    }
    w.take(0, 0, 0);
    for (const sequence of [0, 2, 33, 1 + 2 ** 31, 1 + 2 ** 32]) {
      expect([w.answered(sequence), w.release(sequence)]).toEqual([-1, false]);
    }
    expect(w.size).toBe(1);
  });

  it('keeps numbers for requests without an entry apart', () => {
    const w = new SendWindow(10);
    expect([w.take(0, 0, 0), w.nextSequence(), w.take(0, 0, 0)]).toEqual([1, 2, 3]);
    expect(w.answered(2)).toBe(-1);
    expect(w.size).toBe(2);
  });

  it('goes from 0x7FFFFFFF to 1', () => {
    const w = new SendWindow(4, 0x7ffffffe);
    const around = [w.take(1, 0, 0), w.take(2, 0, 0), w.nextSequence(), w.take(3, 0, 0)];
    expect(around).toEqual([0x7ffffffe, 0x7fffffff, 1, 2]);
    expect(waitingSequences(w)).toEqual([2, 0x7ffffffe, 0x7fffffff]);
    expect(w.a(w.answered(0x7fffffff))).toBe(2);
    expect(w.a(w.answered(2))).toBe(3);
  });

  it('finds those that wait too long, and lets the visitor release them', () => {
    const w = new SendWindow(100);
    for (let i = 1; i <= 50; i++) w.take(i, 0, i * 10);
    w.answered(3);
    w.release(5);
    expect(waitingSequences(w, 80)).toEqual([1, 2, 4, 6, 7, 8]);
    for (let p = w.waiting(0, 80); p >= 0; p = w.waiting(p + 1, 80)) w.release(w.sequenceAt(p));
    expect(waitingSequences(w, 80)).toEqual([]);
    expect([w.size, w.waitingCount]).toEqual([43, 42]);
    expect(waitingSequences(w)).toHaveLength(42);
  });

  it('does the same as a Map, whatever happens in whatever order', () => {
    const action = fc.oneof(
      fc.record({ type: fc.constant('take' as const), a: fc.nat(Number.MAX_SAFE_INTEGER), b: fc.nat() }),
      fc.record({ type: fc.constantFrom('answer' as const, 'release' as const), which: fc.nat() }),
      fc.record({ type: fc.constant('unknown' as const), sequence: fc.integer() }),
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 70 }),
        fc.integer({ min: 0, max: 200 }),
        fc.array(action, { maxLength: 400 }),
        (capacity, beforeWrap, actions) => {
          const w = new SendWindow(capacity, 0x7fffffff - beforeWrap);
          const model = new Map<number, { a: number; b: number; at: number; answered: boolean }>();
          let now = 0;
          for (const e of actions) {
            now++;
            if (e.type === 'take') {
              const sequence = w.take(e.a, e.b, now);
              expect(sequence === 0).toBe(model.size === capacity);
              if (sequence === 0) continue;
              expect(model.has(sequence)).toBe(false);
              expect(sequence >= 1 && sequence <= 0x7fffffff).toBe(true);
              model.set(sequence, { a: e.a, b: e.b, at: now, answered: false });
            } else if (e.type === 'unknown') {
              if (model.has(e.sequence)) continue;
              expect([w.answered(e.sequence), w.release(e.sequence)]).toEqual([-1, false]);
            } else if (model.size > 0) {
              const [sequence, entry] = [...model][e.which % model.size]!;
              if (e.type === 'release') {
                expect(w.release(sequence)).toBe(true);
                model.delete(sequence);
              } else {
                const place = w.answered(sequence);
                expect(place >= 0).toBe(!entry.answered);
                if (place >= 0)
                  expect([w.a(place), w.b(place), w.sentAtMs(place)]).toEqual([entry.a, entry.b, entry.at]);
                entry.answered = true;
              }
            }
            const waiting = [...model].filter(([, m]) => !m.answered);
            expect([w.size, w.waitingCount]).toEqual([model.size, waiting.length]);
          }
          const due = [...model].filter(([, m]) => !m.answered && m.at <= now / 2).map(([sequence]) => sequence);
          expect(waitingSequences(w, now / 2)).toEqual(due.sort((a, b) => a - b));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('skips few numbers even when one request in two is never released', () => {
    const w = new SendWindow(1000);
    for (let i = 0; i < 999; i++) w.take(i, 0, 0);
    const before = w.nextSequence();
    for (let i = 0; i < 10_000; i++) {
      const sequence = w.take(i, 0, 0);
      w.answered(sequence);
      w.release(sequence);
    }
    expect(w.nextSequence() - before).toBeLessThan(25_000);
  });

  it('refuses a capacity that is none', () => {
    for (const capacity of [0, -1, 1.5, NaN, 1_000_001]) {
      expect(() => new SendWindow(capacity)).toThrow('a window holds 1 to 1000000 requests');
    }
  });
});
