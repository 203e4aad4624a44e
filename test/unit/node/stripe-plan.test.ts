import { describe, expect, test } from 'vitest';
import { array, assert, constantFrom, integer, property, uniqueArray } from 'fast-check';
import { STRIPE_LIMIT } from '../../../actors/message/id.ts';
import { planStripes, shareOut, type PlannedNode } from '../../../node/stripe-plan.ts';

/** Lets every node carry out its plan, in turn, until nothing changes. */
function settle(nodes: readonly PlannedNode[], before: readonly string[]): string[] {
  const owners = [...before];
  for (let turn = 0; turn < 50; turn++) {
    const was = owners.join();
    for (const { node } of nodes) {
      const { take, give } = planStripes(nodes, owners, node);
      for (const stripe of take) owners[stripe] = node;
      const mine = owners.flatMap((owner, stripe) => (owner === node ? [stripe] : []));
      for (const stripe of mine.slice(mine.length - give)) owners[stripe] = '';
    }
    if (owners.join() === was) return owners;
  }
  throw new Error(`no end of it: ${owners.join()}`);
}

const FREE: readonly string[] = Array.from({ length: STRIPE_LIMIT }, () => '');
const count = (owners: readonly string[], node: string): number => owners.filter(owner => owner === node).length;

describe('which node has which stripes', () => {
  test('the first takes all, the second gets what its workers need, and no more', () => {
    const alone = settle([{ node: 'a', workers: 2 }], FREE);
    expect(count(alone, 'a')).toBe(16);
    const both = [
      { node: 'a', workers: 2 },
      { node: 'b', workers: 2 },
    ];
    expect(planStripes(both, alone, 'a')).toEqual({ take: [], give: 2 });
    expect(planStripes(both, alone, 'b')).toEqual({ take: [], give: 0 });
    expect(count(settle(both, alone), 'b')).toBe(2);
  });

  test('two that start together share them', () => {
    const both = [
      { node: 'a', workers: 1 },
      { node: 'b', workers: 1 },
    ];
    const a = planStripes(both, FREE, 'a').take;
    const b = planStripes(both, FREE, 'b').take;
    expect([a.length, b.length, new Set([...a, ...b]).size]).toEqual([8, 8, 16]);
  });

  test('those of a dead node go to the living, those of one that drains stay with it until it lets go', () => {
    const owners = FREE.map((_, stripe) => (stripe < 8 ? 'a' : ''));
    expect(planStripes([{ node: 'a', workers: 1 }], owners, 'a').take).toHaveLength(8);
    const draining = [
      { node: 'a', workers: 0 },
      { node: 'b', workers: 1 },
    ];
    expect(planStripes(draining, owners, 'a')).toEqual({ take: [], give: 0 });
    expect(planStripes(draining, owners, 'b').take).toHaveLength(8);
  });

  test('whatever there is, all are owned in the end, each worker has one while there are enough, few move', () => {
    const nodes = uniqueArray(constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1 }).chain(names =>
      array(integer({ min: 1, max: 6 }), { minLength: names.length, maxLength: names.length }).map(workers =>
        names.map((node, i) => ({ node, workers: workers[i]! })),
      ),
    );
    const owners = array(constantFrom('', 'a', 'b', 'c', 'd', 'e'), { minLength: 16, maxLength: 16 });
    assert(
      property(nodes, owners, (alive, before) => {
        const start = before.map(owner => (alive.some(({ node }) => node === owner) ? owner : ''));
        const end = settle(alive, start);
        expect(end).not.toContain('');
        const wanted = alive.reduce((sum, { workers }) => sum + workers, 0);
        if (wanted <= STRIPE_LIMIT)
          for (const { node, workers } of alive) expect(count(end, node)).toBeGreaterThanOrEqual(workers);
        const moved = start.filter((owner, stripe) => owner !== '' && end[stripe] !== owner).length;
        const lacking = alive.reduce((sum, { node, workers }) => sum + Math.max(0, workers - count(start, node)), 0);
        expect(moved).toBeLessThanOrEqual(lacking);
      }),
    );
  });
});

describe('which worker of a node has which', () => {
  test('each keeps its own; what is new goes where there are fewest', () => {
    const before = new Map([
      [3, 0],
      [5, 1],
      [7, 1],
    ]);
    expect([...shareOut(before, [3, 5, 7, 9], 2, 0)]).toEqual([
      [3, 0],
      [9, 0],
      [5, 1],
      [7, 1],
    ]);
  });

  test('a worker that has none gets one of another, never its first', () => {
    const before = new Map([
      [3, 0],
      [5, 0],
    ]);
    expect([...shareOut(before, [3, 5], 2, 0)]).toEqual([
      [3, 0],
      [5, 1],
    ]);
  });

  test('what is given away is nobody’s only one', () => {
    const before = new Map([
      [1, 0],
      [2, 1],
      [3, 1],
    ]);
    expect([...shareOut(before, [1, 2, 3], 2, 1).keys()]).toEqual([1, 2]);
    expect([...shareOut(before, [1, 2, 3], 2, 3).keys()]).toEqual([1, 2]);
  });
});
