import { Worker } from 'node:worker_threads';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compile } from '../../../../actors/routing/compile.ts';
import { CompiledTable } from '../../../../actors/routing/compiled.ts';
import type { RouteQuery } from '../../../../actors/routing/explain.ts';
import { NO_ROUTE, fallbacks, lookup } from '../../../../actors/routing/match.ts';
import type { Route, RoutingTable } from '../../../../actors/routing/table.ts';
import { anyQuery, anyTable, classes, route, table } from './reference.ts';

function compiled(t: RoutingTable): CompiledTable {
  const outcome = compile(t);
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
  return new CompiledTable(outcome.memory);
}

/** As a message lies in a PDU: between other octets. */
function find(t: CompiledTable, q: RouteQuery, random = 0): number {
  const buffer = Buffer.from(`9${q.destination}\0${q.sender}9`, 'latin1');
  const from = 2 + q.destination.length;
  return lookup(t, t.origin(q), buffer, 1, q.destination.length, from, q.sender.length, random);
}

function chain(t: CompiledTable, q: RouteQuery, random: number, first: number, most = 15): number[] {
  const buffer = Buffer.from(`${q.destination}${q.sender}`, 'latin1');
  const out = new Int32Array(most);
  const { length } = q.destination;
  const count = fallbacks(t, t.origin(q), buffer, 0, length, length, q.sender.length, random, first, out);
  return [...out.subarray(0, count)];
}

const forward = (destSmsc: string, fields: Partial<Route> = {}): Route =>
  route({ ...fields, action: { type: 'forward', destSmsc } });

/** Checks a chain step by step against the classes: what it takes, and that it stops where it must. */
function isChain(t: RoutingTable, q: RouteQuery, rules: number[]): boolean {
  const destination = (rule: number): string | undefined => {
    const { action } = t.routes[rule]!;
    return action.type === 'forward' ? action.destSmsc : undefined;
  };
  if (destination(rules[0]!) === undefined) return rules.length === 1;
  const tried = new Set<string | undefined>();
  let at = 0;
  for (const equals of classes(t, q)) {
    for (;;) {
      const left = equals.filter(rule => destination(rule) !== undefined && !tried.has(destination(rule)));
      if (left.length === 0) break;
      if (!left.includes(rules[at]!)) return false;
      tried.add(destination(rules[at++]!));
    }
    if (equals.some(rule => destination(rule) === undefined)) break;
  }
  return at === rules.length;
}

const source = (file: string): string => new URL(`../../../../actors/routing/${file}`, import.meta.url).href;

describe('lookup', () => {
  test.each([
    ['the longest called prefix', '447700900123', '', 2],
    ['a leading + is the same number as none', '+447700900123', '', 2],
    ['a leading 00 is the same number as none', '00447700900123', '', 2],
    ['a shorter prefix where the longer does not fit', '44205', '', 1],
    ['the whole number is the prefix', '4477', '', 2],
    ['a number shorter than every prefix', '4', '', 0],
    ['no number at all', '', '', 0],
    ['what holds a letter matches no prefix', '4477x', '', 0],
  ])('%s', (_, destination, sender, expected) => {
    const t = compiled(
      table(route(), route({ calledPrefix: '44' }), route({ calledPrefix: '+4477' }), route({ calledPrefix: '33' })),
    );
    expect(find(t, { destination, sender })).toBe(expected);
  });

  test('a lower priority beats a longer prefix', () => {
    const t = compiled(table(route({ calledPrefix: '4477', priority: 20 }), route({ priority: 10 })));
    expect(find(t, { destination: '4477', sender: '' })).toBe(1);
  });

  test('the called prefix counts before the calling one, that before the sources', () => {
    const t = compiled(
      table(
        route({ account: 'a', sourceSmsc: 's', sourceType: 'SMPP', sender: '1*' }),
        route({ callingPrefix: '12' }),
        route({ calledPrefix: '4' }),
        route({ calledPrefix: '4', callingPrefix: '1' }),
      ),
    );
    const from = { account: 'a', sourceSmsc: 's', sourceType: 'SMPP' };
    expect(find(t, { destination: '44', sender: '123', ...from })).toBe(3);
    expect(find(t, { destination: '44', sender: '99', ...from })).toBe(2);
    expect(find(t, { destination: '33', sender: '123', ...from })).toBe(1);
    expect(find(t, { destination: '33', sender: '13', ...from })).toBe(0);
    expect(find(t, { destination: '33', sender: '13' })).toBe(NO_ROUTE);
  });

  test('a sender that is no number matches no calling prefix', () => {
    const t = compiled(table(route({ callingPrefix: '44' })));
    expect(find(t, { destination: '1', sender: '44' })).toBe(0);
    expect(find(t, { destination: '1', sender: '44BANK' })).toBe(NO_ROUTE);
  });

  test('sender patterns ignore case, and a leading + or 00 of a number', () => {
    const t = compiled(table(route({ sender: 'My?ank*' }), route({ sender: '+4477*' })));
    expect(find(t, { destination: '1', sender: 'MYBANK' })).toBe(0);
    expect(find(t, { destination: '1', sender: 'mybank24' })).toBe(0);
    expect(find(t, { destination: '1', sender: 'mybnk' })).toBe(NO_ROUTE);
    expect(find(t, { destination: '1', sender: '00447712' })).toBe(1);
    expect(find(t, { destination: '1', sender: '+447712' })).toBe(1);
  });

  test('disabled rules, an empty table', () => {
    expect(find(compiled(table(route({ enabled: false }))), { destination: '1', sender: '2' })).toBe(NO_ROUTE);
    expect(find(compiled(table()), { destination: '1', sender: '2', account: 'a' })).toBe(NO_ROUTE);
  });

  test('what a rule does is read back', () => {
    const t = compiled(
      table(
        route({ action: { type: 'auto-reply', text: 'Not in service, désolé €' }, charged: 'no' }),
        route({ action: { type: 'reject', status: 0xffff_fffe }, charged: 'yes' }),
        route({ action: { type: 'drop' } }),
        forward('sink'),
      ),
    );
    expect([0, 1, 2, 3].map(rule => t.actionOf(rule))).toEqual(['auto-reply', 'reject', 'drop', 'forward']);
    expect([0, 1, 2].map(rule => t.chargedOf(rule))).toEqual(['no', 'yes', 'default']);
    expect(t.textOf(0)).toBe('Not in service, désolé €');
    expect(t.statusOf(1)).toBe(0xffff_fffe);
    expect(t.textOf(3)).toBe('sink');
    expect(t.version).toBe(7);
    expect(t.routes).toBe(4);
  });

  test('finds what the rules read literally say, for any table and message', () => {
    fc.assert(
      fc.property(anyTable, fc.array(anyQuery, { minLength: 1, maxLength: 20 }), fc.nat(999), (t, queries, random) => {
        const c = compiled(t);
        // Random recipients hardly ever start with a long prefix: each rule's own do.
        const own = t.routes.map(r => ({ destination: `${r.calledPrefix}1`, sender: `${r.callingPrefix}2` }));
        for (const q of [...queries, ...own]) {
          const best = classes(t, q)[0];
          const found = find(c, q, random / 1000);
          if (best === undefined) expect(found).toBe(NO_ROUTE);
          else expect(best).toContain(found);
        }
      }),
      { numRuns: 1500 },
    );
  });
});

describe('weights (RFC 2782)', () => {
  /** How often each rule is drawn, of 10,000 evenly spread numbers. */
  function shares(t: RoutingTable, q: RouteQuery): number[] {
    const c = compiled(t);
    const counts = t.routes.map(() => 0);
    for (let i = 0; i < 10_000; i++) counts[find(c, q, (i + 0.5) / 10_000)]!++;
    return counts;
  }
  const q = { destination: '1', sender: '2', account: 'x', sourceSmsc: 'y' };

  test('share in proportion', () => {
    expect(shares(table(route({ weight: 1 }), route({ weight: 3 }), route({ weight: 4 })), q)).toEqual([
      1250, 3750, 5000,
    ]);
  });
  test('a share ends before the next begins', () => {
    const c = compiled(table(route({ weight: 1 }), route({ weight: 1 })));
    expect([0, 0.4999, 0.5, 0.9999].map(random => find(c, q, random))).toEqual([0, 0, 1, 1]);
  });
  test('weight 0 beside others is drawn hardly ever, but is', () => {
    expect(shares(table(route({ weight: 0 }), route({ weight: 49 }), route({ weight: 0 })), q)).toEqual([
      100, 9800, 100,
    ]);
  });
  test('all of weight 0 share evenly', () => {
    expect(shares(table(...Array.from({ length: 4 }, () => route({ weight: 0 }))), q)).toEqual([
      2500, 2500, 2500, 2500,
    ]);
  });
  test('equals of different sources share too', () => {
    const t = table(route({ account: 'x', weight: 1 }), route({ sourceSmsc: 'y', weight: 1 }), route({ weight: 9 }));
    expect(shares(t, q)).toEqual([5000, 5000, 0]);
  });
  test('rules of equal rank that do not apply have no share', () => {
    const t = table(
      route({ sender: '2' }),
      route({ sender: '3' }),
      route({ sourceType: 'IMS' }),
      route({ sender: '*' }),
    );
    expect(shares(t, q)).toEqual([5000, 0, 0, 5000]);
  });
});

describe('fallbacks', () => {
  const q = { destination: '44', sender: '1' };

  test('balance over a and b, then c', () => {
    const t = compiled(
      table(forward('a', { priority: 10 }), forward('b', { priority: 10 }), forward('c', { priority: 20 })),
    );
    expect(find(t, q, 0.1)).toBe(0);
    expect(chain(t, q, 0.1, 0)).toEqual([1, 2]);
    expect(find(t, q, 0.9)).toBe(1);
    expect(chain(t, q, 0.9, 1)).toEqual([0, 2]);
  });
  test('a destination comes once', () => {
    const t = compiled(
      table(forward('a', { priority: 1 }), forward('b', { priority: 2 }), forward('a', { priority: 3 }), forward('b')),
    );
    expect(chain(t, q, 0, 0)).toEqual([1]);
  });
  test('a rule that does not forward ends it', () => {
    const t = compiled(
      table(
        forward('a', { priority: 1 }),
        route({ priority: 2, action: { type: 'drop' } }),
        forward('c', { priority: 3 }),
      ),
    );
    expect(chain(t, q, 0, 0)).toEqual([]);
    expect(chain(t, q, 0, 1)).toEqual([]);
  });
  test('no more than there is room for', () => {
    const t = compiled(table(...Array.from({ length: 40 }, (_, i) => forward(`d${i}`, { priority: i }))));
    expect(chain(t, q, 0, 0, 3)).toEqual([1, 2, 3]);
    expect(chain(t, q, 0, 0, 40)).toHaveLength(15);
    expect(chain(t, q, 0, 0, 0)).toEqual([]);
  });

  test('are the forwarding rules after the first, by class, each destination once, for any table', () => {
    fc.assert(
      fc.property(anyTable, anyQuery, fc.nat(999), (t, q, random) => {
        const c = compiled(t);
        const first = find(c, q, random / 1000);
        if (first === NO_ROUTE) return;
        expect(chain(c, q, random / 1000, first)).toSatisfy((rest: number[]) => isChain(t, q, [first, ...rest]));
      }),
      { numRuns: 1500 },
    );
  });
});

test('another thread reads the same block', async () => {
  const t = compiled(table(route({ calledPrefix: '44' }), forward('sink', { calledPrefix: '4477', account: 'x' })));
  const code = `
    import { parentPort, workerData } from 'node:worker_threads';
    const { CompiledTable } = await import(workerData.compiled);
    const { lookup } = await import(workerData.match);
    const t = new CompiledTable(workerData.memory);
    const rule = lookup(t, t.origin({ account: 'x' }), Buffer.from('447712'), 0, 6, 6, 0, 0);
    parentPort.postMessage([rule, t.textOf(rule), t.version]);`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), {
    workerData: { memory: t.memory, compiled: source('compiled.ts'), match: source('match.ts') },
  });
  const answer = await new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  await worker.terminate();
  expect(answer).toEqual([1, 'sink', 7]);
});
