import { readExtras } from '../message/extras.ts';
import { R } from '../message/record.ts';

/** What of a message its sender is told by HTTP: by the bits of Kannel's dlr-mask. */
export const PushEvent = {
  delivered: 1,
  /** A receipt says that it will not be delivered. */
  failed: 2,
  /** It waits: for a phone, or for a further attempt of ours. */
  buffered: 4,
  /** The carrier has taken it. */
  accepted: 8,
  /** The carrier has not, or it has expired here. */
  rejected: 16,
  /** Carriers are asked for intermediate notifications. */
  intermediate: 32,
} as const;
export type PushEventName = keyof typeof PushEvent;
export const PUSH_EVENTS = ['delivered', 'failed', 'buffered', 'accepted', 'rejected', 'intermediate'] as const;
export type PushEvent = (typeof PushEvent)[PushEventName];

export const PUSH_FORMATS = ['heliograph', 'kannel', 'jasmin'] as const;
export type PushFormat = (typeof PUSH_FORMATS)[number];
export type PushMethod = 'GET' | 'POST';

/** How somebody wants to be told of a message by HTTP. */
export interface PushRequest {
  readonly url: string;
  readonly format: PushFormat;
  readonly method: PushMethod;
  /** The sum of the `PushEvent`s that are told. */
  readonly mask: number;
}

/** What a receipt for HTTP says beside the receipt itself (`message/receipt.ts`). */
export interface PushNews {
  readonly request: PushRequest;
  readonly event: PushEvent;
  /** Which system told it, or was told the message, and the id it gave; '': none. */
  readonly carrier: string;
  readonly carrierId: string;
  /** The command_status with which it was refused; 0: it was not. */
  readonly status: number;
}

/**
 * Queues of receipts that leave by HTTP: one for each origin, so that one that is down or slow keeps nobody else's
 * waiting. No destination of the configuration has such a name: it has a "/".
 */
const PREFIX = 'http/';

export const maskOf = (events: readonly PushEventName[]): number =>
  events.reduce((mask, event) => mask | PushEvent[event], 0);

/** How receipts are sent where nothing is said. */
export const methodOf = (format: PushFormat): PushMethod => (format === 'heliograph' ? 'POST' : 'GET');

/** Does this format know this method? */
export const hasMethod = (format: PushFormat, method: PushMethod): boolean =>
  format === 'jasmin' || method === methodOf(format);

export const isPushQueue = (destination: string): boolean => destination.startsWith(PREFIX);
/** @param url one that `urlProblem` has nothing against */
export const queueOfUrl = (url: string): string => PREFIX + new URL(url).origin;
/** `https://app.example:8443` */
export const originOfQueue = (queue: string): string => queue.slice(PREFIX.length);

/** Is this event told? A rejection also where failures are, as with Kannel, and whatever waits where either is asked for. */
export function isAsked(mask: number, event: PushEvent): boolean {
  if (event === PushEvent.rejected) return (mask & (PushEvent.rejected | PushEvent.failed)) !== 0;
  if (event === PushEvent.buffered) return (mask & (PushEvent.buffered | PushEvent.intermediate)) !== 0;
  return (mask & event) !== 0;
}

/** How the sender of the message at `at`, which has `RecordFlag.pushed`, is told; undefined where that cannot be read. */
export function requestOf(record: Buffer, at: number): PushRequest | undefined {
  return (readExtras(tlvsOf(record, at)) as { receipt?: PushRequest } | undefined)?.receipt;
}

/** What the receipt at `at`, which is in a push queue, says; undefined where that cannot be read. */
export function newsOf(record: Buffer, at: number): PushNews | undefined {
  const extras = readExtras(tlvsOf(record, at)) as
    { receipt?: PushRequest; event?: PushEvent; carrier?: string; carrier_id?: string; status?: number } | undefined;
  if (!extras?.receipt || !extras.event) return undefined;
  const { receipt, event, carrier = '', carrier_id: carrierId = '', status = 0 } = extras;
  return { request: receipt, event, carrier, carrierId, status };
}

/** The extras of such a receipt: `newsOf` reads them. */
export const extrasOfNews = (news: PushNews): Readonly<Record<string, unknown>> => ({
  receipt: news.request,
  event: news.event,
  carrier: news.carrier,
  carrier_id: news.carrierId,
  status: news.status,
});

function tlvsOf(record: Buffer, at: number): Buffer {
  const end = at + record.readUInt32LE(at);
  return record.subarray(end - record.readUInt32LE(at + R.tlvsLength), end);
}
