import { describe, expect, test } from 'vitest';
import { InFlight } from '../../../../../adapters/smpp/simulator/in-flight.ts';

const record = (value: number): Buffer => Buffer.from([0xff, value, value]);
const WINDOW = 5;

function filled(...values: number[]): InFlight {
  const inFlight = new InFlight(WINDOW, 2);
  for (const value of values) inFlight.add(record(value), 1);
  return inFlight;
}

describe('InFlight', () => {
  test('gives sequence_numbers from 1 on and keeps copies', () => {
    const inFlight = new InFlight(WINDOW, 2);
    const own = record(7);
    expect([inFlight.add(own, 1), inFlight.add(record(8), 1), inFlight.count]).toEqual([1, 2, 2]);
    own.fill(0);
    const at = inFlight.remove(1);
    expect(inFlight.records.subarray(at, at + 2)).toEqual(Buffer.from([7, 7]));
    expect(inFlight.count).toBe(1);
  });

  test('is full at its window', () => {
    const inFlight = filled(1, 2, 3, 4);
    expect(inFlight.isFull).toBe(false);
    inFlight.add(record(5), 1);
    expect(inFlight.isFull).toBe(true);
    inFlight.remove(3);
    expect(inFlight.isFull).toBe(false);
  });

  test('knows only what waits', () => {
    const inFlight = filled(1, 2);
    expect([0, 3, 17, 0x80000001, 0xffffffff].map(sequence => inFlight.remove(sequence))).toEqual([-1, -1, -1, -1, -1]);
    expect([inFlight.remove(1) >= 0, inFlight.remove(1), inFlight.count]).toEqual([true, -1, 1]);
  });

  test('leaves out the place of a straggler', () => {
    const inFlight = filled(1);
    const given = Array.from({ length: 40 }, () => {
      const sequence = inFlight.add(record(9), 1);
      inFlight.remove(sequence);
      return sequence;
    });
    expect(new Set(given).size).toBe(40);
    expect(given.some(sequence => sequence % 16 === 1)).toBe(false);
    expect(inFlight.records[inFlight.remove(1)]).toBe(1);
  });

  test('gives them all back, the oldest first', () => {
    const inFlight = filled(0, 0, 0);
    for (const sequence of [1, 2, 3]) inFlight.remove(sequence);
    for (let i = 0; i < 20; i++) inFlight.remove(inFlight.add(record(0), 1));
    for (const value of [1, 2, 3, 4, 5]) inFlight.add(record(value), 1);
    const seen: number[] = [];
    inFlight.removeAll((records, at) => seen.push(records[at]!));
    expect(seen).toEqual([1, 2, 3, 4, 5]);
    expect(inFlight.count).toBe(0);
    new InFlight(WINDOW, 2).removeAll(() => expect.unreachable());
  });
});
