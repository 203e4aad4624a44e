import { Kind, R, RecordFlag } from '../message/record.ts';
import { isGatheringQueue } from '../long/queue.ts';
import { CARRIER_ID_LIMIT } from '../message/ledger.ts';
import { idToTell, type Asked } from '../receipt/incoming.ts';
import type { ReceiptBatch } from '../receipt/receipt-batch.ts';
import { isAsked, queueOfUrl, requestOf, type PushEvent, type PushRequest } from './push-request.ts';

/** By account: how it is told of its messages by HTTP, in place of its sessions. */
export type PushDefaults = ReadonlyMap<string, PushRequest>;
export const NO_DEFAULTS: PushDefaults = new Map();

/** Decides which receipts leave by HTTP. Others cost one look at a flag, and one at whether any account has a URL. */
export class Pushes {
  defaults = NO_DEFAULTS;
  readonly #batch: Pick<ReceiptBatch, 'byPush'>;

  /** @param batch is told of those that do: its next receipt is one */
  constructor(batch: Pick<ReceiptBatch, 'byPush'>) {
    this.#batch = batch;
  }

  /**
   * The queue for news of the message at `at`: `usual`, or one that leaves by HTTP.
   *
   * @param usual the account's own queue, one in which news are gathered, or '' where registered_delivery asks for nothing
   * @param carrier who tells it, or was told the message
   * @param id what that calls it; '': nothing
   * @param status with which it was refused; 0: it was not
   */
  queueFor(
    usual: string,
    record: Buffer,
    at: number,
    account: string,
    event: PushEvent,
    carrier: string,
    id: string | Asked,
    status = 0,
  ): string {
    const request = this.#requestFor(usual, record, at, account, event);
    if (!request) return usual;
    // One that was put together here has no carrier of its own.
    const isOurs = isGatheringQueue(carrier);
    const carrierId = isOurs ? '' : (typeof id === 'string' ? id : idToTell(id)).slice(0, CARRIER_ID_LIMIT);
    this.#batch.byPush({ request, event, carrier: isOurs ? '' : carrier, carrierId, status });
    return queueOfUrl(request.url);
  }

  #requestFor(usual: string, record: Buffer, at: number, account: string, event: PushEvent): PushRequest | undefined {
    if ((record[at + R.flags]! & RecordFlag.pushed) !== 0) {
      if (usual !== '' || record[at + R.kind] !== Kind.mt) return undefined;
      const request = requestOf(record, at);
      return request && isAsked(request.mask, event) ? request : undefined;
    }
    if (this.defaults.size === 0 || usual !== account) return undefined;
    return this.defaults.get(account);
  }
}
