import { Fate } from '../../actors/message/ledger.ts';
import type { PushedReceipt } from '../../actors/push/push-client.ts';
import { PushEvent, type PushRequest } from '../../actors/push/push-request.ts';

const REQUEST: PushRequest = { url: 'https://app.example/r?shop=1', format: 'heliograph', method: 'POST', mask: 3 };

/** A receipt about a message of ACME to +447700900123 that was delivered, as it is about to leave by HTTP. */
export function pushedReceipt(
  more: Partial<Omit<PushedReceipt, 'receipt' | 'request'>> = {},
  { receipt = {}, request = {} }: { receipt?: Partial<PushedReceipt['receipt']>; request?: Partial<PushRequest> } = {},
): PushedReceipt {
  return {
    id: 4096,
    account: 'shop',
    request: { ...REQUEST, ...request },
    event: PushEvent.delivered,
    carrier: 'sink',
    carrierId: '1435104440937785',
    status: 0,
    source: { digits: 'ACME', ton: 5 },
    dest: { digits: '447700900123', ton: 1 },
    parts: 0,
    delivered: 0,
    receipt: {
      messageId: 256,
      submittedAt: Date.UTC(2026, 10, 28, 3, 21, 20),
      doneAt: Date.UTC(2026, 10, 28, 3, 22, 5),
      fate: Fate.delivered,
      error: '000',
      text: 'Hello you * there + ',
      ...receipt,
    },
    ...more,
  };
}
