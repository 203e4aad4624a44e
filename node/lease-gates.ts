import { systemClock } from '../runtime/clock.ts';
import type { Gate } from '../adapters/smpp/output.ts';

/** This node's membership: its claims on messages hold as long as it is seen to live. */
export const MEMBERSHIP = 0;
/** Leases of slots that a node can have at a time; with more it takes none. */
export const MOST_LEASES = 16_384;

/** For each lease: until when on the monotonic clock, and until when on the wall clock. ms. */
const EACH = 2;
const UNKNOWN = 0;
/** A session looks this often whether its lease is about to end, and ends with it when two looks are left. */
const LOOKS_A_LEASE = 10;
const MOST_LOOK_MS = 500;

export interface GateMemory {
  readonly until: SharedArrayBuffer;
  readonly leaseMs: number;
}

export const gateMemory = (leaseMs: number): GateMemory => ({
  until: new SharedArrayBuffer(MOST_LEASES * EACH * Float64Array.BYTES_PER_ELEMENT),
  leaseMs,
});

/**
 * Until when the leases of this node hold, in memory that the main thread renews and the workers look at before each
 * write: a process that was stopped for a while (SIGSTOP, a suspended machine) finds them closed in its first look, whoever
 * runs first. Two clocks: the monotonic one stands still while a machine is suspended, the wall clock may be set.
 */
export class LeaseGates {
  readonly #until: Float64Array;
  readonly #lookMs: number;

  constructor({ until, leaseMs }: GateMemory) {
    this.#until = new Float64Array(until);
    this.#lookMs = Math.min(MOST_LOOK_MS, leaseMs / LOOKS_A_LEASE);
  }

  /** Main thread only. */
  set(lease: number, untilMs: number, untilWallMs: number): void {
    this.#until[lease * EACH + 1] = untilWallMs;
    this.#until[lease * EACH] = untilMs;
  }

  /** Main thread only. From here on it is nobody's here. */
  close(lease: number): void {
    this.#until[lease * EACH] = UNKNOWN;
  }

  /** Open while the lease holds and this node is a member. */
  gate(lease: number): Gate {
    const until = this.#until;
    const lookMs = this.#lookMs;
    const left = (nowMs: number): number => Math.min(until[lease * EACH]!, until[MEMBERSHIP]!) - nowMs;
    const wallLeft = (nowMs: number): number => Math.min(until[lease * EACH + 1]!, until[MEMBERSHIP + 1]!) - nowMs;
    return {
      get isOpen() {
        return left(systemClock.monotonicMs()) > 0 && wallLeft(systemClock.nowMs()) > 0;
      },
      get isEnding() {
        return left(systemClock.monotonicMs()) <= 2 * lookMs;
      },
      lookMs,
      reason:
        lease === MEMBERSHIP ? 'this node may not be one of the cluster now' : 'its slot may be another node’s now',
    };
  }
}
