import { batchNumberOf, indexOf, type MessageId } from '../message/id.ts';
import type { BatchState } from './batch-state.ts';
import { messageKey, Tag } from './keys.ts';
import type { PendingWrites } from './pending-writes.ts';

/** Why a message is written down. Values are on disk: must never change. */
export const Probe = {
  /** It is claimed by one who has nothing else: when that one ends, it was this message. */
  alone: 1,
  /** It is poison, and its end is being told: when that fails too, it ends without a word. */
  concluding: 2,
} as const;
export type Probe = (typeof Probe)[keyof typeof Probe];

interface Place {
  readonly state: BatchState;
  readonly index: number;
}

/** Messages under suspicion: written down as long as they are claimed. */
export class Probation {
  readonly #writes: PendingWrites;
  readonly #probes = new Map<MessageId, Probe>();
  #condemned: Place[] = [];

  constructor(writes: PendingWrites) {
    this.#writes = writes;
  }

  get isEmpty(): boolean {
    return this.#probes.size === 0;
  }

  of(id: MessageId): Probe | undefined {
    return this.#probes.get(id);
  }

  put(id: MessageId, probe: Probe): void {
    this.#probes.set(id, probe);
    this.#writes.put(keyOf(id), Buffer.of(probe));
  }

  /** Its claimant has told what became of it. */
  end(id: MessageId): void {
    if (this.#probes.delete(id)) this.#writes.put(keyOf(id), undefined);
  }

  condemn(state: BatchState, index: number): void {
    this.#condemned.push({ state, index });
  }

  /** The next that was condemned; it may have left since (cancelled, expired). */
  takeCondemned(): Place | undefined {
    return this.#condemned.length > 0 ? this.#condemned.shift() : undefined;
  }
}

const keyOf = (id: MessageId): Buffer => messageKey(Tag.probe, batchNumberOf(id), indexOf(id));
