import { PushEvent } from '../../actors/push/push-request.ts';
import type { PushedReceipt } from '../../actors/push/push-client.ts';

/** YYMMDDhhmm, UTC, as receipts have it (SMPP v3.4 Appendix B). @param ms since 1970 */
export const receiptDate = (ms: number): string => new Date(ms).toISOString().replace(/\D/g, '').slice(2, 12);

/** `sub` and `dlvrd`: messages that it was, and how many of them were delivered, three digits each. */
export function countsOf({ parts, delivered, event }: PushedReceipt): { readonly sub: string; readonly dlvrd: string } {
  const isWhole = parts > 1;
  const arrived = isWhole ? delivered : event === PushEvent.delivered ? 1 : 0;
  return { sub: threeDigits(isWhole ? parts : 1), dlvrd: threeDigits(arrived) };
}

const threeDigits = (count: number): string => String(count).padStart(3, '0');
