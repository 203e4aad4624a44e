import type { MessageId } from '../../actors/message/id.ts';
import { PushEvent } from '../../actors/push/push-request.ts';
import type { Address, PushedReceipt } from '../../actors/push/push-client.ts';
import { fillEscapeCodes, type EscapeFields } from './escape-codes.ts';
import { judgeByStatus, type PushHttpRequest, type PushWriter } from './format.ts';
import { countsOf, receiptDate } from './receipt-words.ts';

export interface KannelFormatDeps {
  readonly toPublic: (id: MessageId) => number;
  /** `DELIVRD` and the like. */
  readonly stateWord: (fate: number) => string;
  /** What a command_status means. */
  readonly statusText: (status: number) => string;
}

/** TON, SMPP v3.4 §5.2.5. */
const INTERNATIONAL = 1;
/** network_error_code's type "GSM" (SMPP v3.4 §5.3.2.31), which Kannel takes for every `err`. */
const GSM = 3;

/** A GET of a URL with Kannel's escape codes, as its smsbox makes for a dlr-url. */
export class KannelFormat implements PushWriter {
  readonly #deps: KannelFormatDeps;
  readonly judge = judgeByStatus;

  constructor(deps: KannelFormatDeps) {
    this.#deps = deps;
  }

  write(pushed: PushedReceipt): PushHttpRequest {
    const { url } = pushed.request;
    // Only behind the host: where it goes nobody but the one who gave the URL decides.
    const [, host = '', rest = ''] = /^([^/]*\/\/[^/?#]*)(.*)$/s.exec(url) ?? [];
    return { url: host + fillEscapeCodes(rest, this.#fields(pushed)), method: 'GET', headers: {}, body: '' };
  }

  #fields(pushed: PushedReceipt): EscapeFields {
    const { receipt, event, request, carrier, carrierId } = pushed;
    const isAnswer = event === PushEvent.accepted || event === PushEvent.rejected;
    const error = Number(receipt.error) || 0;
    const ours = { orig_msg: { dlr_mask: String(request.mask) } };
    const told = { smpp: { dlr_err: String.fromCharCode(GSM, (error >>> 8) & 255, error & 255) } };
    return {
      kind: event,
      phone: numberOf(pushed.dest),
      sender: numberOf(pushed.source),
      at: receipt.doneAt,
      carrier,
      id: String(this.#deps.toPublic(receipt.messageId)),
      foreignId: carrierId,
      reply: this.#reply(pushed),
      service: pushed.account,
      account: isAnswer ? '' : carrier,
      url: request.url,
      meta: isAnswer ? { smpp_resp: {}, ...ours } : { ...ours, ...told },
    };
  }

  /** What the SMSC has said: its answer to the message, or its receipt. */
  #reply(pushed: PushedReceipt): string {
    const { receipt, event, carrierId, status } = pushed;
    if (event === PushEvent.accepted) return 'ACK/';
    if (event === PushEvent.rejected) {
      if (status === 0) return `NACK/${this.#deps.stateWord(receipt.fate)}`;
      return `NACK/0x${status.toString(16).padStart(8, '0')}/${this.#deps.statusText(status)}`;
    }
    const id = carrierId === '' ? String(this.#deps.toPublic(receipt.messageId)) : carrierId;
    const { sub, dlvrd } = countsOf(pushed);
    const dates = `submit date:${receiptDate(receipt.submittedAt)} done date:${receiptDate(receipt.doneAt)}`;
    const state = `stat:${this.#deps.stateWord(receipt.fate)} err:${receipt.error.padStart(3, '0')}`;
    return `id:${id} sub:${sub} dlvrd:${dlvrd} ${dates} ${state} text:${receipt.text}`;
  }
}

const numberOf = ({ digits, ton }: Address): string =>
  ton === INTERNATIONAL && /^\d+$/.test(digits) ? `+${digits}` : digits;
