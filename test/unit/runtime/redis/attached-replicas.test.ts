import { expect, test } from 'vitest';
import { AttachedReplicas, LEFT_FOR_MS } from '../../../../runtime/redis/attached-replicas.ts';

test('all that are attached are waited for, and the fewest that were asked for', () => {
  const replicas = new AttachedReplicas();
  expect(replicas.needed(1)).toBe(1);
  expect(replicas.seen('m', 2, 0)).toBe(false);
  expect([replicas.needed(1), replicas.needed(3)]).toEqual([2, 3]);
  expect(replicas.seen('m', 3, 10)).toBe(false);
  expect(replicas.needed(1)).toBe(3);
});

test('one that has left is missed until it has been away for long and the master is confirmed', () => {
  const replicas = new AttachedReplicas();
  replicas.seen('m', 2, 0);
  expect(replicas.seen('m', 1, 1000)).toBe(false);
  expect([replicas.needed(1), replicas.attached]).toEqual([2, 1]);
  expect(replicas.seen('m', 1, 1000 + LEFT_FOR_MS - 1)).toBe(false);
  expect(replicas.seen('m', 1, 1000 + LEFT_FOR_MS)).toBe(true);
  expect(replicas.needed(1)).toBe(2);
  replicas.confirmed('m');
  expect(replicas.needed(1)).toBe(1);
  expect(replicas.seen('m', 2, 9000)).toBe(false);
  expect(replicas.needed(1)).toBe(2);
});

test('one that is back in time is waited for again; its next leave counts anew', () => {
  const replicas = new AttachedReplicas();
  replicas.seen('m', 1, 0);
  replicas.seen('m', 0, 100);
  replicas.seen('m', 1, 200);
  expect(replicas.seen('m', 0, LEFT_FOR_MS + 150)).toBe(false);
});

test('what another master misses is its own affair, also when the answer about the one before comes late', () => {
  const replicas = new AttachedReplicas();
  replicas.seen('m', 2, 0);
  replicas.seen('m', 1, 10);
  replicas.seen('other', 1, 20);
  expect(replicas.needed(1)).toBe(1);
  replicas.seen('other', 0, 30);
  replicas.confirmed('m');
  expect(replicas.needed(0)).toBe(1);
});
