import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decideSlots, type SlotView } from '../../../../actors/carriers/slot-spread.ts';

const NONE: ReadonlySet<string> = new Set();

/** Slots by carrier, from owners by slot: `{ sink: ['a', ''] }`. */
function slotsOf(owners: Readonly<Record<string, readonly string[]>>): SlotView[] {
  return Object.entries(owners).flatMap(([carrier, nodes]) =>
    nodes.map((owner, i) => ({ slot: `${carrier}/${i}`, carrier, owner })),
  );
}

/** All nodes decide by the same table, until nobody wants anything any more. Returns the table, and how often one was given. */
function settle(slots: readonly SlotView[], nodes: readonly string[]): { slots: SlotView[]; given: number } {
  let table = [...slots];
  let given = 0;
  for (let round = 0; round < 200; round++) {
    const decisions = nodes.map(node => [node, decideSlots(table, nodes, node, NONE)] as const);
    const taken = new Map(decisions.flatMap(([node, { take }]) => take.map(slot => [slot, node] as const)));
    // Nobody wants what another wants.
    expect(taken.size).toBe(decisions.reduce((sum, [, { take }]) => sum + take.length, 0));
    const gives = decisions.flatMap(([, { give }]) => give ?? []);
    expect(gives.length).toBeLessThan(2);
    if (taken.size + gives.length === 0) return { slots: table, given };
    given += gives.length;
    table = table.map(each => ({
      ...each,
      owner: gives.includes(each.slot) ? '' : (taken.get(each.slot) ?? each.owner),
    }));
  }
  throw new Error('it does not come to rest');
}

const countsOf = (slots: readonly SlotView[], nodes: readonly string[], carrier?: string): number[] =>
  nodes.map(node => slots.filter(slot => slot.owner === node && (carrier ?? slot.carrier) === slot.carrier).length);

const spread = (counts: readonly number[]): number => Math.max(...counts) - Math.min(...counts);

test('the first start: every node has its part, of each carrier and of all', () => {
  const { slots, given } = settle(slotsOf({ one: [''], sink: ['', '', ''], two: ['', ''] }), ['a', 'b', 'c']);
  expect(countsOf(slots, ['a', 'b', 'c'], 'sink')).toEqual([1, 1, 1]);
  expect(countsOf(slots, ['a', 'b', 'c'])).toEqual([2, 2, 2]);
  expect(given).toBe(0);
});

test('a node that is gone leaves its slots to those with the fewest; nothing else moves', () => {
  const before = slotsOf({ sink: ['a', 'b', ''], two: ['', 'b'] });
  const { slots, given } = settle(before, ['a', 'b']);
  expect(given).toBe(0);
  expect(slots.filter(({ slot }) => slot === 'sink/0' || slot === 'sink/1').map(({ owner }) => owner)).toEqual([
    'a',
    'b',
  ]);
  expect(spread(countsOf(slots, ['a', 'b']))).toBeLessThan(2);
});

test('one slot is somebody’s, however many nodes come', () => {
  const { slots, given } = settle(slotsOf({ one: ['b'] }), ['a', 'b', 'c']);
  expect(slots[0]!.owner).toBe('b');
  expect(given).toBe(0);
});

test('a node that comes is given its part, a slot at a time', () => {
  const before = slotsOf({ sink: ['a', 'b', 'a', 'b', 'a', 'b'] });
  expect(decideSlots(before, ['a', 'b', 'c'], 'a', NONE)).toEqual({ take: [], give: 'sink/4' });
  expect(decideSlots(before, ['a', 'b', 'c'], 'b', NONE)).toEqual({ take: [], give: undefined });
  // While one is on its way no other is.
  expect(decideSlots(before, ['a', 'b', 'c'], 'a', new Set(['sink/4'])).give).toBeUndefined();
  const { slots, given } = settle(before, ['a', 'b', 'c']);
  expect(countsOf(slots, ['a', 'b', 'c'])).toEqual([2, 2, 2]);
  expect(given).toBe(2);
});

test('a node that is draining, or not seen by the others, takes nothing', () => {
  expect(decideSlots(slotsOf({ sink: [''] }), ['a', 'b'], 'c', NONE)).toEqual({ take: [], give: undefined });
});

test('from anywhere it comes to rest, even, and moves no more than it must', () => {
  const owner = fc.constantFrom('', 'a', 'b', 'c', 'd', 'gone');
  const table = fc.dictionary(
    fc.constantFrom('k', 'l', 'm', 'n', 'o'),
    fc.array(owner, { minLength: 1, maxLength: 9 }),
  );
  fc.assert(
    fc.property(table, fc.subarray(['a', 'b', 'c', 'd'], { minLength: 1 }), (owners, nodes) => {
      // Whoever is not there holds nothing: its lease has run out.
      const before = slotsOf(owners).map(slot => (nodes.includes(slot.owner) ? slot : { ...slot, owner: '' }));
      const { slots, given } = settle(before, nodes);
      for (const carrier of Object.keys(owners)) expect(spread(countsOf(slots, nodes, carrier))).toBeLessThan(2);
      if (slots.length > 0) expect(spread(countsOf(slots, nodes))).toBeLessThan(2);
      expect(given).toBeLessThanOrEqual(slots.length * 2);
      expect(settle(slots, nodes).given).toBe(0);
    }),
  );
});
