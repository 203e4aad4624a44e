import type { MessageId } from '../message/id.ts';
import type { Receipt } from '../message/receipt.ts';
import type { PushNews } from './push-request.ts';

/** A receipt that leaves by HTTP. */
export interface PushedReceipt extends PushNews {
  /** Its own id: the same at each attempt. */
  readonly id: MessageId;
  readonly account: string;
  readonly receipt: Receipt;
  /** Of the message it is about, Latin-1. */
  readonly source: Address;
  readonly dest: Address;
  /** Messages that it was sent as, when it was too long for one, and how many of them were delivered; 0: it was one. */
  readonly parts: number;
  readonly delivered: number;
}

export interface Address {
  readonly digits: string;
  readonly ton: number;
}

export type PushAnswer =
  | { readonly type: 'taken' }
  /** Nothing is wrong with the receiver, but it has not taken this one. */
  | { readonly type: 'refused'; readonly reason: string }
  /** It will not be taken, however often it is sent. */
  | { readonly type: 'never'; readonly reason: string }
  /** The receiver does not answer, or cannot now. `reason` has neither path nor query of the URL. */
  | { readonly type: 'failed'; readonly reason: string };

/** Sends receipts by HTTP. */
export interface PushClient {
  /** Never rejects, and is over in bounded time. */
  push(receipt: PushedReceipt): Promise<PushAnswer>;
}
