import type { Gatherer } from './long/gatherer.ts';
import { groupOf, readBatch, type Batch } from './message/batch.ts';
import { messageId } from './message/id.ts';
import { R, RecordFlag } from './message/record.ts';
import type { MessageStore } from './ports.ts';
import { Delivery, type Deliveries } from './route/delivery.ts';
import type { OwnReceipts } from './route/outcomes.ts';

export interface EndedDeps {
  readonly store: Pick<MessageStore, 'claimEnded'>;
  readonly deliveries: Deliveries;
  readonly receipts: OwnReceipts;
  readonly gatherer: Pick<Gatherer, 'end'>;
}

const AT_ONCE = 256;

/** Messages that will not be sent any more: they expired while they waited, or are poison. */
export class EndedMessages {
  readonly #deps: EndedDeps;

  constructor(deps: EndedDeps) {
    this.#deps = deps;
  }

  /** Settles some of them, and tells their senders. */
  async conclude(): Promise<void> {
    const { store, deliveries, receipts } = this.#deps;
    const claims = await store.claimEnded(AT_ONCE);
    for (const { batch: bytes, attempts, fate } of claims) {
      const batch = readBatch(bytes, false);
      const present = [...batch.offsets.keys()].filter(i => batch.offsets[i] !== 0);
      const indexes = present.filter(i => !this.#endedWhole(batch, i));
      if (indexes.length === 0) continue;
      const delivery = new Delivery(batch, attempts, indexes.length);
      deliveries.add(delivery);
      for (const i of indexes) {
        const { destination } = groupOf(batch, i);
        receipts.conclude(delivery, i, destination, fate, 0, delivery.attemptsOf(i), undefined, -1);
      }
    }
  }

  /** A message that went in parts has waited for their fates in vain. @returns false when it is none */
  #endedWhole(batch: Batch, index: number): boolean {
    const at = batch.offsets[index]!;
    if ((batch.buffer[at + R.flags]! & RecordFlag.whole) === 0) return false;
    const { account, destination } = groupOf(batch, index);
    const id = messageId(batch.number, index);
    this.#deps.gatherer.end({ id, account, destination, createdAt: batch.createdAt, record: batch.buffer, at });
    return true;
  }
}
