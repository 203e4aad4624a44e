import { Fate } from '../../actors/message/ledger.ts';
import { Kind, R } from '../../actors/message/record.ts';
import type { FoundMessage } from '../../actors/ports.ts';

/** True for what is no message of anybody: a receipt on its way to an account. */
export const isReceipt = (found: FoundMessage): boolean => found.record[R.kind] === Kind.receipt;

/** True when the store has let the text go, since the archive has the message: only its receipt is awaited. */
export function isInArchive({ fate, record }: FoundMessage): boolean {
  if (fate === Fate.queued) return false;
  return new DataView(record.buffer, record.byteOffset).getUint32(R.textLength, true) === 0;
}
