import { Fate } from '../message/ledger.ts';
import { R, RecordFlag } from '../message/record.ts';

/** Is there a queue that its sender's answers go to? */
export const isPushed = (record: Buffer, at: number): boolean => (record[at + R.flags]! & RecordFlag.pull) === 0;

/** Does registered_delivery (SMPP v3.4 §5.2.17, bits 1 and 0) ask for a receipt of this fate, and is there a queue for it? */
export function wantsReceipt(record: Buffer, at: number, fate: Fate): boolean {
  if (!isPushed(record, at)) return false;
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

/** The same for an intermediate one (§5.2.17, bit 4). */
export const wantsIntermediate = (record: Buffer, at: number): boolean =>
  isPushed(record, at) && (record[at + R.registeredDelivery]! & 0x10) !== 0;

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
