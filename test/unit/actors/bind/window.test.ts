import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Window } from '../../../../actors/bind/window.ts';

describe('Window', () => {
  it('numbers from 1 and has room for its capacity', () => {
    const w = new Window(3);
    expect([w.take(0, 0, 0), w.take(0, 0, 0), w.take(0, 0, 0)]).toEqual([1, 2, 3]);
    expect([w.room, w.used, w.waiting]).toEqual([0, 3, 3]);
  });

  it('gives a slot free on release, not on the answer', () => {
    const w = new Window(1);
    const sequence = w.take(70_000, 255, 9.5);
    const slot = w.answered(sequence);
    expect([w.placeOf(slot), w.indexOf(slot), w.sentAt(slot)]).toEqual([70_000, 255, 9.5]);
    expect([w.room, w.waiting]).toEqual([0, 0]);
    expect(w.answered(sequence)).toBe(-1);
    w.release(slot);
    w.release(slot);
    expect([w.room, w.used]).toEqual([1, 0]);
  });

  it('knows no number that it did not give, and keeps numbers without a slot apart', () => {
    const w = new Window(10);
    for (const sequence of [0, 1, -1, 0x7fffffff, 0xffffffff]) expect(w.answered(sequence)).toBe(-1);
    expect([w.take(0, 0, 0), w.nextSequence(), w.take(0, 0, 0)]).toEqual([1, 2, 3]);
    for (const sequence of [0, 2, 4, 33, 2 ** 31 + 1, 2 ** 32 + 1]) expect(w.answered(sequence)).toBe(-1);
    expect(w.waiting).toBe(2);
  });

  it('takes another capacity: less at once, more at once up to twice, the rest when nothing is under way', () => {
    const w = new Window(4);
    const first = [w.take(1, 0, 0), w.take(2, 0, 0), w.take(3, 0, 0)];
    w.resize(2);
    expect([w.capacity, w.room]).toEqual([2, 0]);
    w.resize(100);
    expect([w.capacity, w.room]).toEqual([7, 4]);
    const more = Array.from({ length: 4 }, (_, i) => w.take(10 + i, 0, 0));
    expect(w.room).toBe(0);
    const all = [...first, ...more].map(sequence => w.answered(sequence));
    expect(all.map(slot => w.placeOf(slot))).toEqual([1, 2, 3, 10, 11, 12, 13]);
    for (const slot of all) w.release(slot);
    expect([w.capacity, w.room]).toEqual([100, 100]);
    const sequences = Array.from({ length: 100 }, (_, i) => w.take(i, i, 0));
    expect(new Set(sequences).size).toBe(100);
    expect(sequences.map(sequence => w.indexOf(w.answered(sequence)))).toEqual([...sequences.keys()]);
  });

  it('does the same as a Map, whatever is answered and released in whatever order', () => {
    const action = fc.oneof(
      fc.record({ type: fc.constant('take' as const), place: fc.nat(0xffffffff), index: fc.nat(255) }),
      fc.record({ type: fc.constantFrom('answer' as const, 'release' as const), which: fc.nat() }),
      fc.record({ type: fc.constant('unknown' as const), sequence: fc.integer() }),
      fc.record({ type: fc.constant('expire' as const), ago: fc.nat(200) }),
    );
    type Entry = { place: number; index: number; at: number; slot: number };
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70 }), fc.array(action, { maxLength: 400 }), (capacity, actions) => {
        const w = new Window(capacity);
        const model = new Map<number, Entry>();
        let now = 0;
        for (const e of actions) {
          now++;
          if (e.type === 'take') {
            expect(w.room).toBe(capacity - model.size);
            if (w.room === 0) continue;
            const sequence = w.take(e.place, e.index, now);
            expect(model.has(sequence)).toBe(false);
            model.set(sequence, { place: e.place, index: e.index, at: now, slot: -1 });
          } else if (e.type === 'unknown') {
            if (!model.has(e.sequence)) expect(w.answered(e.sequence)).toBe(-1);
          } else if (e.type === 'expire') {
            const due = [...model.values()].filter(m => m.slot < 0 && m.at < now - e.ago);
            const found: string[] = [];
            w.expire(now - e.ago, slot => {
              found.push(`${w.placeOf(slot)}:${w.indexOf(slot)}`);
              due.find(m => m.slot < 0 && m.at === w.sentAt(slot))!.slot = slot;
            });
            expect(found.sort()).toEqual(due.map(m => `${m.place}:${m.index}`).sort());
          } else if (model.size > 0) {
            const [sequence, entry] = [...model][e.which % model.size]!;
            if (e.type === 'answer') {
              const slot = w.answered(sequence);
              expect(slot >= 0).toBe(entry.slot < 0);
              if (slot < 0) continue;
              expect([w.placeOf(slot), w.indexOf(slot), w.sentAt(slot)]).toEqual([entry.place, entry.index, entry.at]);
              entry.slot = slot;
            } else if (entry.slot >= 0) {
              w.release(entry.slot);
              model.delete(sequence);
            }
          }
          const waiting = [...model.values()].filter(m => m.slot < 0);
          expect([w.used, w.waiting]).toEqual([model.size, waiting.length]);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('passes over few numbers even when all slots but one are held', () => {
    const w = new Window(1000);
    for (let i = 0; i < 999; i++) w.take(i, 0, 0);
    const before = w.nextSequence();
    for (let i = 0; i < 10_000; i++) w.release(w.answered(w.take(i, 0, 0)));
    expect(w.nextSequence() - before).toBeLessThan(25_000);
  });
});
