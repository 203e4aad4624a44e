import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compile } from '../../../../actors/routing/compile.ts';
import { CompiledTable } from '../../../../actors/routing/compiled.ts';
import { explain, type Explanation, type RouteQuery } from '../../../../actors/routing/explain.ts';
import type { RoutingTable } from '../../../../actors/routing/table.ts';
import { anyQuery, anyTable, classes, compare, route, table } from './reference.ts';

function explained(t: RoutingTable, q: RouteQuery, random = 0, limit?: number): Explanation {
  const outcome = compile(t);
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
  return explain(t, new CompiledTable(outcome.memory), q, random, limit);
}

const forward = (destSmsc: string) => ({ action: { type: 'forward', destSmsc } }) as const;

describe('explain', () => {
  test('names the winner and why each other rule lost', () => {
    const t = table(
      route({ ...forward('a'), calledPrefix: '4477', priority: 10, weight: 30, account: 'x' }),
      route({ ...forward('b'), calledPrefix: '+4477', priority: 10, weight: 10, account: 'x' }),
      route({ ...forward('c'), calledPrefix: '4477', priority: 10 }),
      route({ ...forward('a'), calledPrefix: '4477', callingPrefix: '1', priority: 11 }),
      route({ ...forward('d'), calledPrefix: '44', callingPrefix: '1', priority: 10 }),
      route({ calledPrefix: '33' }),
      route({ callingPrefix: '2' }),
      route({ account: 'y' }),
      route({ sourceSmsc: 's' }),
      route({ sourceType: 'IMS' }),
      route({ sender: 'BANK' }),
      route({ enabled: false }),
    );
    expect(explained(t, { destination: '447712', sender: '15', account: 'x' }, 0.1)).toEqual({
      winner: 1,
      contenders: [
        { route: 1, share: 0.75 },
        { route: 2, share: 0.25, lostBy: 'share', fallback: 1 },
        { route: 3, share: 0, lostBy: 'specificity', fallback: 2 },
        { route: 5, share: 0, lostBy: 'calledPrefix', fallback: 3 },
        { route: 4, share: 0, lostBy: 'priority' },
      ],
      others: [
        { route: 6, mismatch: 'calledPrefix' },
        { route: 7, mismatch: 'callingPrefix' },
        { route: 8, mismatch: 'account' },
        { route: 9, mismatch: 'sourceSmsc' },
        { route: 10, mismatch: 'sourceType' },
        { route: 11, mismatch: 'sender' },
        { route: 12, mismatch: 'enabled' },
      ],
      mismatches: {
        enabled: 1,
        calledPrefix: 1,
        callingPrefix: 1,
        account: 1,
        sourceSmsc: 1,
        sourceType: 1,
        sender: 1,
      },
    });
  });

  test('counts all that do not apply and lists as many as asked', () => {
    const result = explained(
      table(...Array.from({ length: 9 }, () => route({ calledPrefix: '5' }))),
      { destination: '4', sender: '' },
      0,
      2,
    );
    expect(result.winner).toBe(0);
    expect(result.others).toHaveLength(2);
    expect(result.mismatches.calledPrefix).toBe(9);
  });

  test('says what the rules read literally say, for any table and message', () => {
    fc.assert(
      fc.property(anyTable, anyQuery, fc.nat(999), (t, q, random) => {
        const result = explained(t, q, random / 1000, t.routes.length);
        const expected = classes(t, q);
        expect(new Set(result.contenders.map(c => c.route - 1))).toEqual(new Set(expected.flat()));
        expect(result.contenders).toHaveLength(expected.flat().length);
        expect(result.contenders.length + result.others.length).toBe(t.routes.length);
        if (expected.length === 0) return;
        expect(expected[0]).toContain(result.winner - 1);
        expect(result.contenders[0]!.route).toBe(result.winner);
        let shares = 0;
        for (const [i, c] of result.contenders.entries()) {
          const equal = expected[0]!.includes(c.route - 1);
          expect(c.lostBy === undefined).toBe(c.route === result.winner);
          expect(c.share > 0 || t.routes[c.route - 1]!.weight === 0).toBe(equal || t.routes[c.route - 1]!.weight === 0);
          if (c.route !== result.winner) expect(c.lostBy === 'share').toBe(equal);
          if (i > 0)
            expect(compare(t.routes[result.contenders[i - 1]!.route - 1]!, t.routes[c.route - 1]!)).toBeLessThanOrEqual(
              0,
            );
          shares += c.share;
        }
        expect(shares).toBeCloseTo(1, 9);
      }),
      { numRuns: 1000 },
    );
  });
});
