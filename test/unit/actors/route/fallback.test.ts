import { expect, test } from 'vitest';
import { BatchBuilder, readBatch } from '../../../../actors/message/batch.ts';
import { MessageDraft } from '../../../../actors/message/draft.ts';
import { ArchiveMode, Kind, RecordFlag } from '../../../../actors/message/record.ts';
import { Delivery } from '../../../../actors/route/delivery.ts';
import { FallbackChains } from '../../../../actors/route/fallback.ts';
import { compile } from '../../../../actors/routing/compile.ts';
import { CompiledTable } from '../../../../actors/routing/compiled.ts';
import type { Route } from '../../../../actors/routing/table.ts';
import { route, table } from '../routing/reference.ts';

const VERSION = 7;
const forward = (destSmsc: string, fields: Partial<Route> = {}): Route =>
  route({ ...fields, action: { type: 'forward', destSmsc } });

function compiled(routes: readonly Route[], version = VERSION): CompiledTable {
  const outcome = compile({ ...table(...routes), version });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
  return new CompiledTable(outcome.memory);
}

/** `count` messages to 447700900123 that rule `first` (from 0; -1: none) chose the destination of. */
function delivery(first: number, count = 1, kind: Kind = Kind.mt, flags = 0): Delivery {
  const builder = new BatchBuilder();
  const m = new MessageDraft();
  m.buffer = Buffer.from('ACME447700900123');
  m.sourceLength = 4;
  m.destAt = 4;
  m.destLength = 12;
  const group = builder.group('a', 'shop', 0);
  const decisions = {
    kind,
    group,
    fateAtBirth: 0,
    archiveMode: ArchiveMode.full,
    flags,
    hops: 0,
    part: 0,
    parts: 0,
    gathered: 0,
  };
  for (let i = 0; i < count; i++) {
    builder.add(m, { ...decisions, expiresAt: Infinity, deliverAfter: 0, route: first + 1 });
  }
  return new Delivery(readBatch(builder.close(16, 0, VERSION), true), new Uint8Array(0), count);
}

/** From destination to destination, until there is none. */
function way(chains: FallbackChains, message: Delivery, index = 0): string {
  let at = message.batch.groups[0]!.destination;
  const seen = [at];
  while ((at = chains.next(message, index, at)) !== '' && seen.length < 20) seen.push(at);
  return seen.join(' ');
}

function chainsOf(...routes: Route[]): FallbackChains {
  const chains = new FallbackChains();
  chains.useTable(compiled(routes));
  return chains;
}

test('leads from rule to rule, each destination once', () => {
  const chains = chainsOf(forward('a', { priority: 1 }), forward('b', { priority: 2 }), forward('a'), forward('c'));
  expect(way(chains, delivery(0))).toMatch(/^a b c$/);
});

test('balance over a and b, then c: equal rules come in an order drawn by the id, the same each time', () => {
  const routes = [forward('a', { priority: 1 }), forward('b'), forward('c'), forward('d', { priority: 300 })];
  const message = delivery(0, 200);
  const ways = (): string[] => Array.from({ length: 200 }, (_, i) => way(chainsOf(...routes), message, i));
  const drawn = ways();
  expect(new Set(drawn)).toEqual(new Set(['a b c d', 'a c b d']));
  expect(drawn.filter(w => w === 'a b c d').length).toBeGreaterThan(60);
  expect(drawn.filter(w => w === 'a c b d').length).toBeGreaterThan(60);
  expect(ways()).toEqual(drawn);
});

test('rules for another account, sender or way in are none of its', () => {
  const chains = chainsOf(
    forward('a', { priority: 1 }),
    forward('other', { priority: 2, account: 'other' }),
    forward('bank', { priority: 3, sender: 'BANK*' }),
    forward('http', { priority: 4, sourceType: 'HTTP' }),
    forward('b', { account: 'shop', sender: 'ACM?' }),
  );
  expect(way(chains, delivery(0))).toBe('a b');
  expect(way(chains, delivery(0, 1, Kind.mt, RecordFlag.pull))).toBe('a http b');
});

test('there is none for what its sender has sent there, for what is no message, nor after the rules have changed', () => {
  const routes = [forward('a', { priority: 1 }), forward('b')];
  const chains = chainsOf(...routes);
  expect(way(chains, delivery(-1))).toBe('a');
  expect(way(chains, delivery(0, 1, Kind.mo))).toBe('a');
  expect(way(chains, delivery(0, 1, Kind.receipt))).toBe('a');
  expect(chains.next(delivery(0), 0, 'elsewhere')).toBe('');
  expect(way(chains, delivery(0))).toBe('a b');
  chains.useTable(compiled(routes, VERSION + 1));
  expect(way(chains, delivery(0))).toBe('a');
  expect(new FallbackChains().next(delivery(0), 0, 'a')).toBe('');
});

test('past destinations that are to be avoided, unless all are', () => {
  const chains = chainsOf(forward('a', { priority: 1 }), forward('b', { priority: 2 }), forward('c'));
  chains.avoid(new Set(['b']));
  expect(way(chains, delivery(0))).toBe('a c');
  expect(chains.instead(delivery(0), 0, 'a')).toBe('c');
  chains.avoid(new Set(['a', 'b', 'c']));
  expect(chains.next(delivery(0), 0, 'a')).toBe('b');
  expect(chains.instead(delivery(0), 0, 'a')).toBe('');
  expect(chains.leadsPast('a')).toBe(false);
  chains.avoid(new Set(['a', 'b']));
  expect(chains.leadsPast('a')).toBe(true);
  expect(chains.leadsPast('c')).toBe(false);
});

test('what waits where none is taken goes by the rules of today, when they have changed', () => {
  const chains = chainsOf(forward('a', { priority: 1 }), forward('b'));
  const message = delivery(0);
  chains.useTable(compiled([forward('d', { priority: 1 }), forward('a', { priority: 2 }), forward('c')], VERSION + 1));
  expect(chains.instead(message, 0, 'a')).toBe('d');
  chains.avoid(new Set(['a', 'd']));
  expect(chains.instead(message, 0, 'a')).toBe('c');
  expect(chains.instead(delivery(-1), 0, 'a')).toBe('');
});
