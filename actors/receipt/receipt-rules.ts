import { Fate } from '../message/ledger.ts';
import { isSameNumber } from '../message/correlation-key.ts';
import { queueOfMessage } from '../long/queue.ts';
import type { MessageId } from '../message/id.ts';
import { Kind, R, RecordFlag } from '../message/record.ts';

/** What is gathered (`actors/long`): its receipts do not go to the account as they are. */
export const LONG_FLAGS = RecordFlag.part | RecordFlag.gathered;

/** Is there a queue that its sender's answers go to? */
export const isPushed = (record: Buffer, at: number): boolean => (record[at + R.flags]! & RecordFlag.pull) === 0;

/** Does registered_delivery (SMPP v3.4 §5.2.17, bits 1 and 0) ask for a receipt of this fate, and is there a queue for it? */
export function wantsReceipt(record: Buffer, at: number, fate: Fate): boolean {
  // That it was sent is no fate yet: nobody will tell its fate.
  if (!isPushed(record, at) || fate === Fate.sent) return false;
  switch (record[at + R.registeredDelivery]! & 0x03) {
    case 1:
      return true;
    case 2:
      return fate !== Fate.delivered;
    case 3:
      return fate === Fate.delivered;
    default:
      return false;
  }
}

/**
 * Where a receipt of this fate goes: to the account, if it was asked for; of a part, and of what was put together, to where
 * those are gathered; '' nowhere.
 */
export function receiptTo(record: Buffer, at: number, id: MessageId, account: string, fate: Fate): string {
  const flags = record[at + R.flags]!;
  if ((flags & LONG_FLAGS) === 0) {
    return record[at + R.kind] === Kind.mt && wantsReceipt(record, at, fate) ? account : '';
  }
  if ((flags & RecordFlag.part) !== 0) return queueOfMessage(id);
  return (record[at + R.registeredDelivery]! & 0x03) === 0 ? '' : queueOfMessage(id);
}

/** The same for an intermediate one (§5.2.17, bit 4), but that the account hears of a part at once. */
export function intermediateTo(record: Buffer, at: number, id: MessageId, account: string): string {
  if (!isPushed(record, at) || (record[at + R.registeredDelivery]! & 0x10) === 0) return '';
  return (record[at + R.flags]! & RecordFlag.gathered) === 0 ? account : queueOfMessage(id);
}

/** Is a receipt of our own of that fate made? @param own `ReceiptSettings.own` */
export const isMade = (own: 'all' | 'failures' | 'none', fate: Fate): boolean =>
  own === 'all' || (own === 'failures' && fate !== Fate.delivered);

/** `err:` of a receipt has three characters. */
export const errorText = (error: number): string => String(error % 1000).padStart(3, '0');

/** `err:` as a number; 0 for none, and for what is no number. */
export function errorNumber(error: string): number {
  if (error === '000' || error.length > 9) return 0;
  let value = 0;
  for (let i = 0; i < error.length; i++) {
    const digit = error.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return 0;
    value = value * 10 + digit;
  }
  return value;
}

/** Did the message at `at` go to this phone? */
export function isFrom(phone: string, record: Buffer, at: number): boolean {
  const destAt = at + R.head + record[at + R.sourceLength]!;
  const number = Buffer.from(phone, 'latin1');
  return isSameNumber(number, 0, number.length, record, destAt, record[at + R.destLength]!);
}
