import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BindRegistry, type BindOwner, type BindType } from '../../../../actors/accounts/bind-registry.ts';

const owner = (node: string, epoch = 1, worker = 0): BindOwner => ({ node, worker, epoch });
const LIMITS = { total: 2 };

function registry(...owners: BindOwner[]): BindRegistry {
  const r = new BindRegistry();
  for (const o of owners) r.join(o);
  return r;
}

describe('BindRegistry', () => {
  test('an account may bind so many times, over all nodes', () => {
    const r = registry(owner('a'), owner('b'));
    expect(r.bind(owner('a'), 1, 'x', 'transceiver', LIMITS)).toBe('bound');
    expect(r.bind(owner('b'), 1, 'x', 'receiver', LIMITS)).toBe('bound');
    expect(r.bind(owner('b'), 2, 'x', 'transmitter', LIMITS)).toBe('too-many');
    expect(r.bind(owner('b'), 2, 'y', 'transmitter', LIMITS)).toBe('bound');
    r.unbind(owner('a'), 1);
    expect(r.bind(owner('b'), 3, 'x', 'transmitter', LIMITS)).toBe('bound');
    expect([r.count('x'), r.count('x', 'receiver'), r.count('nobody')]).toEqual([2, 1, 0]);
  });
  test('and so many times of one type', () => {
    const r = registry(owner('a'));
    const limits = { total: 9, byType: { receiver: 1, transmitter: 0 } };
    expect(r.bind(owner('a'), 1, 'x', 'receiver', limits)).toBe('bound');
    expect(r.bind(owner('a'), 2, 'x', 'receiver', limits)).toBe('too-many');
    expect(r.bind(owner('a'), 3, 'x', 'transmitter', limits)).toBe('too-many');
    expect(r.bind(owner('a'), 4, 'x', 'transceiver', limits)).toBe('bound');
  });
  test('asking twice, or ending twice, changes nothing', () => {
    const r = registry(owner('a'));
    for (let i = 0; i < 3; i++) expect(r.bind(owner('a'), 1, 'x', 'receiver', { total: 1 })).toBe('bound');
    expect(r.count('x')).toBe(1);
    for (let i = 0; i < 3; i++) r.unbind(owner('a'), 1);
    expect(r.count('x')).toBe(0);
  });
  test('the rows of a worker that starts again are gone, and its former life has no say', () => {
    const r = registry(owner('a', 1), owner('a', 1, 1));
    r.bind(owner('a', 1), 1, 'x', 'receiver', LIMITS);
    r.bind(owner('a', 1, 1), 1, 'x', 'receiver', LIMITS);
    expect(r.join(owner('a', 2))).toBe(true);
    expect(r.count('x')).toBe(1);
    expect(r.bind(owner('a', 1), 2, 'x', 'receiver', LIMITS)).toBe('stale');
    r.bind(owner('a', 2), 1, 'x', 'receiver', LIMITS);
    r.unbind(owner('a', 1), 1);
    expect(r.count('x')).toBe(2);
    expect([r.join(owner('a', 2)), r.join(owner('a', 1))]).toEqual([false, false]);
    expect(r.count('x')).toBe(2);
  });
  test('a node that leaves takes its rows along, all workers and no other node of a similar name', () => {
    const r = registry(owner('a'), owner('a', 1, 1), owner('ab'));
    for (const o of [owner('a'), owner('a', 1, 1), owner('ab')]) r.bind(o, 1, 'x', 'receiver', { total: 9 });
    r.leaveNode('a');
    expect(r.count('x')).toBe(1);
    r.leave(owner('ab', 2));
    expect(r.count('x')).toBe(1);
    r.leave(owner('ab'));
    expect(r.count('x')).toBe(0);
    expect(r.bind(owner('a'), 1, 'x', 'receiver', LIMITS)).toBe('stale');
  });
  test('the rows of an owner that is late do not count until it comes again', () => {
    const r = registry(owner('a'), owner('b'));
    r.bind(owner('a'), 1, 'x', 'receiver', { total: 1 });
    r.setLate(owner('a'), true);
    r.setLate(owner('a'), true);
    expect(r.bind(owner('b'), 1, 'x', 'receiver', { total: 1 })).toBe('bound');
    r.setLate(owner('a'), false);
    expect(r.count('x')).toBe(2);
    r.setLate(owner('a'), true);
    r.unbind(owner('a'), 1);
    r.setLate(owner('a'), false);
    expect(r.count('x')).toBe(1);
  });

  test('counts exactly the rows of live owners that are not late, whatever happens', () => {
    const nodes = ['a', 'b'];
    const step = fc.record({
      what: fc.constantFrom('join', 'leave', 'leaveNode', 'late', 'back', 'bind', 'bind', 'bind', 'unbind'),
      node: fc.constantFrom(...nodes),
      epoch: fc.integer({ min: 1, max: 3 }),
      session: fc.nat(4),
      account: fc.constantFrom('x', 'y'),
      type: fc.constantFrom<BindType>('transmitter', 'receiver', 'transceiver'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const r = new BindRegistry();
        const model = new Map<string, { epoch: number; late: boolean; rows: Map<number, string> }>();
        for (const { what, node, epoch, session, account, type } of steps) {
          const o = owner(node, epoch);
          const known = model.get(node);
          const mine = known?.epoch === epoch ? known : undefined;
          if (what === 'join') {
            if (r.join(o)) model.set(node, { epoch, late: false, rows: new Map() });
          } else if (what === 'leave') {
            r.leave(o);
            if (mine) model.delete(node);
          } else if (what === 'leaveNode') {
            r.leaveNode(node);
            model.delete(node);
          } else if (what === 'late' || what === 'back') {
            r.setLate(o, what === 'late');
            if (mine) mine.late = what === 'late';
          } else if (what === 'unbind') {
            r.unbind(o, session);
            mine?.rows.delete(session);
          } else if (r.bind(o, session, account, type, { total: 3 }) === 'bound') {
            if (!mine!.rows.has(session)) mine!.rows.set(session, account);
          }
          for (const name of ['x', 'y']) {
            const counting = [...model.values()].filter(m => !m.late).flatMap(m => [...m.rows.values()]);
            expect(r.count(name)).toBe(counting.filter(other => other === name).length);
          }
        }
      }),
    );
  });
});
