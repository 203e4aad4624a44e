import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compile } from '../../../../actors/routing/compile.ts';
import { CompiledTable } from '../../../../actors/routing/compiled.ts';
import { lookup } from '../../../../actors/routing/match.ts';
import type { Route, RouteAction, RoutingTable } from '../../../../actors/routing/table.ts';
import { anyTable, route, table } from './reference.ts';

const problems = (t: RoutingTable, destinations?: ReadonlySet<string>): unknown => {
  const outcome = compile(t, destinations);
  return outcome.ok ? [] : outcome.problems;
};

describe('compile refuses', () => {
  const digits = 'up to 20 digits, with or without a leading "+" or "00"';
  const u16 = 'a whole number from 0 to 65535';
  const cases: [Partial<Route>, string, string, string][] = [
    [{ calledPrefix: '44x' }, 'calledPrefix', digits, '44x'],
    [{ calledPrefix: '1'.repeat(21) }, 'calledPrefix', digits, '1'.repeat(21)],
    [{ callingPrefix: '++1' }, 'callingPrefix', digits, '++1'],
    [{ priority: -1 }, 'priority', u16, '-1'],
    [{ priority: 65_536 }, 'priority', u16, '65536'],
    [{ weight: 1.5 }, 'weight', u16, '1.5'],
    [{ weight: Number.NaN }, 'weight', u16, 'NaN'],
    [{ account: '' }, 'account', 'a name of 1 to 64 characters', ''],
    [{ sourceSmsc: 'x'.repeat(65) }, 'sourceSmsc', 'a name of 1 to 64 characters', `${'x'.repeat(39)}…`],
    [{ sender: 'é' }, 'sender', 'a pattern of 1 to 64 printable ASCII characters', 'é'],
    [{ charged: 'perhaps' as 'yes' }, 'charged', 'yes, no or default', 'perhaps'],
    [{ action: { type: 'forward', destSmsc: '' } }, 'action.destSmsc', 'a name of 1 to 64 characters', ''],
    [{ action: { type: 'reject', status: 0 } }, 'action.status', 'a command_status from 1 to 0xFFFFFFFF', '0'],
    [{ action: { type: 'auto-reply', text: '' } }, 'action.text', 'text of 1 to 1000 characters', '0 characters'],
    [{ action: { type: 'lose' } as unknown as RouteAction }, 'action', 'forward, auto-reply, drop or reject', 'lose'],
  ];
  test.each(cases)('%o', (fields, field, expected, got) => {
    expect(problems(table(route(), route(fields)))).toEqual([{ route: 2, field, expected, got }]);
  });

  test('a destination that does not exist', () => {
    const t = table(route(), route({ action: { type: 'forward', destSmsc: 'nowhere' } }));
    expect(problems(t, new Set(['a']))).toEqual([
      {
        route: 2,
        field: 'action.destSmsc',
        expected: 'the name of a carrier, an account or a frontend',
        got: 'nowhere',
      },
    ]);
  });

  test('a version that is no u32', () => {
    const expected = 'a whole number from 1 to 4294967295';
    expect(problems({ version: 0, routes: [] })).toEqual([{ route: 0, field: 'version', expected, got: '0' }]);
  });

  test('but lists a hundred problems at most', () => {
    const t = table(...Array.from({ length: 5000 }, () => route({ priority: -1, weight: -1 })));
    expect(problems(t)).toHaveLength(100);
  });
});

test('the largest version survives', () => {
  const outcome = compile({ version: 0xffff_ffff, routes: [] });
  expect(outcome.ok && new CompiledTable(outcome.memory).version).toBe(0xffff_ffff);
});

test('the same table gives the same octets', () => {
  fc.assert(
    fc.property(anyTable, t => {
      const [a, b] = [compile(t), compile(structuredClone(t))];
      expect(a.ok && b.ok && Buffer.from(a.memory).equals(Buffer.from(b.memory))).toBe(true);
    }),
  );
});

test('100,000 rules compile, and each is found', () => {
  const routes = Array.from({ length: 100_000 }, (_, i) =>
    route({ calledPrefix: String(1_000_000 + i * 7), account: i % 3 === 0 ? `account-${i % 1000}` : `own-${i}` }),
  );
  const outcome = compile({ version: 1, routes });
  expect(outcome.ok).toBe(true);
  if (!outcome.ok) return;
  const t = new CompiledTable(outcome.memory);
  const wrong = routes.filter((r, i) => {
    const number = Buffer.from(`${r.calledPrefix}55`);
    return lookup(t, t.origin({ account: r.account }), number, 0, number.length, 0, 0, 0) !== i;
  });
  expect(wrong).toEqual([]);
});
