import * as fc from 'fast-check';
import type { RouteQuery } from '../../../../actors/routing/explain.ts';
import type { Route, RoutingTable } from '../../../../actors/routing/table.ts';

/** The routing rules read literally from architecture.md §8, slow and plain: what the compiled form is measured against. */

export const route = (fields: Partial<Route> = {}): Route => ({
  calledPrefix: '',
  callingPrefix: '',
  action: { type: 'forward', destSmsc: 'a' },
  priority: 100,
  weight: 100,
  charged: 'default',
  enabled: true,
  description: '',
  ...fields,
});

export const table = (...routes: Route[]): RoutingTable => ({ version: 7, routes });

const number = (text: string): string => text.replace(/^(?:\+|00)/, '');
const isNumber = (text: string): boolean => /^\d*$/.test(number(text));

function applies(r: Route, q: RouteQuery): boolean {
  const called = isNumber(q.destination) ? number(q.destination) : '';
  const calling = isNumber(q.sender) ? number(q.sender) : '';
  return (
    r.enabled &&
    called.startsWith(number(r.calledPrefix)) &&
    calling.startsWith(number(r.callingPrefix)) &&
    (r.account === undefined || r.account === q.account) &&
    (r.sourceSmsc === undefined || r.sourceSmsc === q.sourceSmsc) &&
    (r.sourceType === undefined || r.sourceType === q.sourceType) &&
    (r.sender === undefined || senderPattern(r.sender).test(isNumber(q.sender) ? number(q.sender) : q.sender))
  );
}

function senderPattern(pattern: string): RegExp {
  const plain = /^(?:\+|00)\d[\d*?]*$/.test(pattern) ? number(pattern) : pattern;
  const escaped = plain.replace(/[.+^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 'is');
}

/** Lower first, field by field. */
const order = (r: Route): number[] => [
  r.priority,
  -number(r.calledPrefix).length,
  -number(r.callingPrefix).length,
  -[r.account, r.sourceSmsc, r.sourceType, r.sender].filter(field => field !== undefined).length,
];

export function compare(a: Route, b: Route): number {
  const [left, right] = [order(a), order(b)];
  return left.map((value, i) => value - right[i]!).find(difference => difference !== 0) ?? 0;
}

/** The rules that apply, as classes of equals, best first; by index in the table. */
export function classes(t: RoutingTable, q: RouteQuery): number[][] {
  const found = t.routes.map((_, index) => index).filter(index => applies(t.routes[index]!, q));
  found.sort((a, b) => compare(t.routes[a]!, t.routes[b]!));
  const result: number[][] = [];
  for (const index of found) {
    const last = result.at(-1);
    if (last && compare(t.routes[last[0]!]!, t.routes[index]!) === 0) last.push(index);
    else result.push([index]);
  }
  return result;
}

/** Few digits and few names, so that rules overlap often. */
const digits = (max: number) => fc.string({ unit: fc.constantFrom('0', '1', '2'), maxLength: max });
const prefix = fc.oneof(
  { weight: 6, arbitrary: digits(4) },
  { weight: 1, arbitrary: digits(20) },
  { weight: 1, arbitrary: digits(3).map(text => `+${text}`) },
  { weight: 1, arbitrary: digits(3).map(text => `00${text}`) },
);
const name = fc.constantFrom('x', 'y');
const pattern = fc.oneof(
  fc.constantFrom('*', 'BANK', 'bank*', '+1*', '?0*', '*1*2', '00*', '+', 'B?N*'),
  digits(3).filter(text => text !== ''),
);

const anyRoute: fc.Arbitrary<Route> = fc
  .record(
    {
      calledPrefix: prefix,
      callingPrefix: fc.oneof({ weight: 2, arbitrary: fc.constant('') }, { weight: 1, arbitrary: prefix }),
      sourceSmsc: name,
      sourceType: name,
      account: name,
      sender: pattern,
      action: fc.oneof(
        { weight: 8, arbitrary: name.map(destSmsc => ({ type: 'forward', destSmsc }) as const) },
        { weight: 1, arbitrary: fc.constant({ type: 'drop' } as const) },
        { weight: 1, arbitrary: fc.constant({ type: 'reject', status: 11 } as const) },
      ),
      priority: fc.constantFrom(1, 1, 2, 65_535),
      weight: fc.constantFrom(0, 1, 3),
      enabled: fc.constantFrom(true, true, true, false),
    },
    { requiredKeys: ['calledPrefix', 'callingPrefix', 'action', 'priority', 'weight', 'enabled'] },
  )
  .map(fields => route(fields));

export const anyTable = fc.array(anyRoute, { maxLength: 40 }).map(routes => table(...routes));

const address = fc.oneof(prefix, digits(24), fc.constantFrom('BANK', 'bank1', '12a', '+', '00', '0', ''));
export const anyQuery: fc.Arbitrary<RouteQuery> = fc.record(
  { destination: address, sender: address, account: name, sourceSmsc: name, sourceType: name },
  { requiredKeys: ['destination', 'sender'] },
);
