import { expect, test } from 'vitest';
import { gateMemory, LeaseGates, MEMBERSHIP } from '../../../node/lease-gates.ts';
import { systemClock } from '../../../runtime/clock.ts';

const LEASE_MS = 60_000;

/** Renewed now by both clocks, but for `less` ms. */
function renew(gates: LeaseGates, lease: number, less = 0, lessWall = 0): void {
  gates.set(lease, systemClock.monotonicMs() + LEASE_MS - less, systemClock.nowMs() + LEASE_MS - lessWall);
}

test('a lease that was never held is closed; one that is held is open while this node is a member', () => {
  const memory = gateMemory(LEASE_MS);
  const [main, worker] = [new LeaseGates(memory), new LeaseGates(memory)];
  const gate = worker.gate(7);
  expect([gate.isOpen, gate.isEnding]).toEqual([false, true]);
  renew(main, 7);
  expect(gate.isOpen).toBe(false);
  renew(main, MEMBERSHIP);
  expect([gate.isOpen, gate.isEnding]).toEqual([true, false]);
  expect(worker.gate(MEMBERSHIP).isOpen).toBe(true);
  expect(worker.gate(8).isOpen).toBe(false);
  main.close(7);
  expect([gate.isOpen, gate.isEnding]).toEqual([false, true]);
});

test('it is over by whichever clock says so first', () => {
  const gates = new LeaseGates(gateMemory(LEASE_MS));
  const gate = gates.gate(1);
  renew(gates, MEMBERSHIP);
  renew(gates, 1, LEASE_MS + 1, 0);
  expect(gate.isOpen).toBe(false);
  renew(gates, 1, 0, LEASE_MS + 1);
  expect(gate.isOpen).toBe(false);
  renew(gates, 1);
  expect(gate.isOpen).toBe(true);
  renew(gates, MEMBERSHIP, 0, LEASE_MS + 1);
  expect(gate.isOpen).toBe(false);
});

test('it is ending before it ends: two looks of at most half a second before', () => {
  const gates = new LeaseGates(gateMemory(LEASE_MS));
  const gate = gates.gate(1);
  renew(gates, MEMBERSHIP);
  renew(gates, 1, LEASE_MS - 900);
  expect(gate.lookMs).toBe(500);
  expect([gate.isOpen, gate.isEnding]).toEqual([true, true]);
  expect(new LeaseGates(gateMemory(1000)).gate(1).lookMs).toBe(100);
});
