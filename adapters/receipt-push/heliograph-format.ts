import { createHmac } from 'node:crypto';
import { FATE_NAMES } from '../../actors/message/ledger.ts';
import type { MessageId } from '../../actors/message/id.ts';
import type { Address, PushedReceipt } from '../../actors/push/push-client.ts';
import { PushEvent, type PushEventName } from '../../actors/push/push-request.ts';
import { judgeByStatus, type PushHttpRequest, type PushWriter } from './format.ts';

/** TON, SMPP v3.4 §5.2.5. */
const INTERNATIONAL = 1;

export interface HeliographFormatDeps {
  readonly toPublic: (id: MessageId) => number;
  /** What the receipts of an account are signed with; '': nothing. */
  readonly secretOf: (account: string) => string;
  /** ms since 1970. */
  readonly now: () => number;
}

/** A POST of JSON, signed with the account's secret. */
export class HeliographFormat implements PushWriter {
  readonly #deps: HeliographFormatDeps;
  readonly judge = judgeByStatus;

  constructor(deps: HeliographFormatDeps) {
    this.#deps = deps;
  }

  write(pushed: PushedReceipt): PushHttpRequest {
    const body = JSON.stringify(receiptJson(pushed, this.#deps.toPublic));
    const secret = this.#deps.secretOf(pushed.account);
    const time = String(Math.floor(this.#deps.now() / 1000));
    const signed = { 'heliograph-time': time, 'heliograph-signature': signature(secret, time, body) };
    return {
      url: pushed.request.url,
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(secret === '' ? {} : signed) },
      body,
    };
  }
}

/** `v1=` and the HMAC-SHA256 of time, "." and body, in hexadecimal. @param time seconds since 1970, as the header has it */
export const signature = (secret: string, time: string, body: string): string =>
  `v1=${createHmac('sha256', secret).update(`${time}.${body}`).digest('hex')}`;

const EVENT_NAMES = new Map(Object.entries(PushEvent).map(([name, event]) => [event, name as PushEventName]));

/** Field names and values are those of the REST API, as far as it has them. */
export function receiptJson(pushed: PushedReceipt, toPublic: (id: MessageId) => number): object {
  const { receipt, event, carrier, carrierId } = pushed;
  return {
    receipt_id: toPublic(pushed.id),
    id: toPublic(receipt.messageId),
    event: EVENT_NAMES.get(event),
    // Put aside here, or with its carrier.
    status: event === PushEvent.buffered && carrierId === '' ? 'queued' : FATE_NAMES[receipt.fate],
    final: event !== PushEvent.buffered && event !== PushEvent.accepted,
    source_msisdn: numberText(pushed.source),
    destination_msisdn: numberText(pushed.dest),
    account: pushed.account,
    carrier: carrier === '' ? null : carrier,
    carrier_id: carrierId === '' ? null : carrierId,
    error: receipt.error === '' || /^0+$/.test(receipt.error) ? null : receipt.error,
    submitted_at: new Date(receipt.submittedAt).toISOString(),
    done_at: new Date(receipt.doneAt).toISOString(),
    ...(pushed.parts > 1 ? { parts: pushed.parts, parts_delivered: pushed.delivered } : {}),
  };
}

/** An international number as people write it. */
const numberText = ({ digits, ton }: Address): string =>
  ton === INTERNATIONAL && /^\d+$/.test(digits) ? `+${digits}` : digits;
