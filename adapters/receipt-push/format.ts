import type { PushAnswer, PushedReceipt } from '../../actors/push/push-client.ts';
import type { PushMethod } from '../../actors/push/push-request.ts';

/** An HTTP request; an empty body is none. */
export interface PushHttpRequest {
  readonly url: string;
  readonly method: PushMethod;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** How receipts are written in one format, and which answers are an acknowledgement in it. */
export interface PushWriter {
  write(receipt: PushedReceipt): PushHttpRequest;
  /** @param body at most the first 16 KB, Latin-1 */
  judge(status: number, body: string): PushAnswer;
}

/** An answer of 200 to 299 is an acknowledgement. */
export function judgeByStatus(status: number): PushAnswer {
  if (status >= 200 && status <= 299) return { type: 'taken' };
  return { type: 'refused', reason: `answered ${status}` };
}
