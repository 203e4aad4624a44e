import type { MessageId } from '../message/id.ts';
import { CARRIER_ID_LIMIT, Fate, What } from '../message/ledger.ts';
import { expiresAtOf, R, RecordFlag } from '../message/record.ts';
import type { FallbackChains } from '../route/fallback.ts';
import type { Settler } from '../route/settler.ts';
import { holdsBack, type HoldBack } from './hold-back.ts';
import { carrierOf, idOf, type Asked } from './incoming.ts';
import { errorNumber } from './receipt-rules.ts';

export interface ElsewhereDeps {
  readonly settler: Settler;
  readonly fallbacks: Pick<FallbackChains, 'after'>;
  /** Which receipts of a carrier are held back; undefined: none. */
  readonly holdBack: (carrier: string) => HoldBack | undefined;
  readonly now: () => number;
}

/** Messages whose receipt of failure is held back, since another route is left to them (features G14, E15). */
export class Elsewhere {
  readonly #deps: ElsewhereDeps;
  readonly #scratch = Buffer.alloc(CARRIER_ID_LIMIT);

  constructor(deps: ElsewhereDeps) {
    this.#deps = deps;
  }

  /**
   * Where the message of a final receipt goes now; '' nowhere: its sender is told.
   *
   * @param at where its record is in `records`
   * @param tableVersion by which it was routed
   */
  next(asked: Asked, id: MessageId, account: string, records: Buffer, at: number, tableVersion: number): string {
    const { fallbacks, now } = this.#deps;
    const { fate, error } = asked.receipt;
    const carrier = carrierOf(asked);
    const holdBack = this.#deps.holdBack(carrier);
    if (!holdBack || !holdsBack(holdBack, fate, error)) return '';
    if (expiresAtOf(records, at) <= now() || (records[at + R.flags]! & RecordFlag.once) !== 0) return '';
    return fallbacks.after(records, at, id, account, tableVersion, carrier, holdBack.hops);
  }

  /** Both in one frame: the receipt, and where the message goes. The caller adds one to the settler, for the two. */
  tell(asked: Asked, id: MessageId, next: string): void {
    const { settler, now } = this.#deps;
    const { fate, error, doneAt } = asked.receipt;
    const scratch = this.#scratch;
    const writer = settler.writer(carrierOf(asked));
    const idLength = scratch.latin1Write(idOf(asked));
    writer.add(id, What.heldBack, fate, 0, 0, errorNumber(error), doneAt, scratch, 0, idLength);
    const nameLength = scratch.latin1Write(next);
    writer.add(id, What.rerouted, Fate.queued, 0, 0, 0, now(), scratch, 0, nameLength);
  }
}
