import type { MessageId } from '../../actors/message/id.ts';
import { PushEvent } from '../../actors/push/push-request.ts';
import type { PushAnswer, PushedReceipt } from '../../actors/push/push-client.ts';
import type { PushHttpRequest, PushWriter } from './format.ts';
import { countsOf, receiptDate } from './receipt-words.ts';

export interface JasminFormatDeps {
  readonly toPublic: (id: MessageId) => number;
  /** `DELIVRD` and the like. */
  readonly stateWord: (fate: number) => string;
  /** The name of a command_status. */
  readonly statusName: (status: number) => string;
}

const ACKNOWLEDGEMENT = 'ACK/Jasmin';

/**
 * As Jasmin's DLRThrower pushes them (Jasmin 0.11, "Receiving DLR" and `routing/throwers.py`): level 1 tells how the SMSC has answered,
 * level 2 the final state, and `level` is that of the receipt, not of the request.
 */
export class JasminFormat implements PushWriter {
  readonly #deps: JasminFormatDeps;

  constructor(deps: JasminFormatDeps) {
    this.#deps = deps;
  }

  write(pushed: PushedReceipt): PushHttpRequest {
    const { url, method } = pushed.request;
    const parameters = new URLSearchParams(this.#parameters(pushed)).toString();
    const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'text/plain' };
    if (method === 'POST') return { url, method, headers, body: parameters };
    const [address = '', ...fragment] = url.split('#');
    const separator = address.includes('?') ? '&' : '?';
    return { url: [address + separator + parameters, ...fragment].join('#'), method, headers, body: '' };
  }

  /** 200 with a body that is exactly `ACK/Jasmin`; white space around it does not count, as it does not for Jasmin. */
  judge(status: number, body: string): PushAnswer {
    if (status === 404) return { type: 'never', reason: 'answered 404' };
    if (status !== 200) return { type: 'refused', reason: `answered ${status}` };
    if (body.trim() === ACKNOWLEDGEMENT) return { type: 'taken' };
    return { type: 'refused', reason: `answered something else than ${ACKNOWLEDGEMENT}` };
  }

  #parameters(pushed: PushedReceipt): Record<string, string> {
    const { receipt, event, carrier, carrierId } = pushed;
    const common = { id: String(this.#deps.toPublic(receipt.messageId)) };
    if (event === PushEvent.accepted || isAnswer(pushed)) {
      return { ...common, level: '1', message_status: this.#deps.statusName(pushed.status), connector: carrier };
    }
    return {
      ...common,
      level: '2',
      message_status: this.#deps.stateWord(receipt.fate),
      connector: carrier,
      id_smsc: carrierId,
      ...countsOf(pushed),
      subdate: receiptDate(receipt.submittedAt),
      donedate: receiptDate(receipt.doneAt),
      err: receipt.error.padStart(3, '0'),
      text: receipt.text,
    };
  }
}

/** The SMSC's refusal, where its answers are asked for. Elsewhere it is the final state, as is what has expired here. */
const isAnswer = ({ event, status, request: { mask } }: PushedReceipt): boolean =>
  event === PushEvent.rejected && status !== 0 && (mask & PushEvent.rejected) !== 0;
