import type { Submitter } from '../../../actors/batch/batch-actor.ts';
import type { MessageDraft } from '../../../actors/message/draft.ts';
import type { MessageId } from '../../../actors/message/id.ts';
import { Fate } from '../../../actors/message/ledger.ts';
import { RecordFlag } from '../../../actors/message/record.ts';
import type { MessageFate } from '../../../actors/operations/message-desk.ts';
import { STATUS } from '../codec/command-status.ts';
import type { PduInput } from '../codec/pdus.ts';
import { tlv, type Tlv } from '../codec/tlvs.ts';
import type { Session } from './operation.ts';

/** Messaging modes, esm_class bits 1 and 0 (v3.4 §2.10, §5.2.12). 0 and 3 are store and forward. */
const MODE = 0x03;
const DATAGRAM = 0x01;
const TRANSACTION = 0x02;

/** A receipt that tells the last fate is asked for (v3.4 §5.2.17). */
const FINAL_RECEIPT = 0x01;

/** delivery_failure_reason, v3.4 §5.3.2.33. */
const UNAVAILABLE = 0;
const PERMANENT = 2;
const TEMPORARY = 3;

export const isDatagram = (m: MessageDraft): boolean => (m.esmClass & MODE) === DATAGRAM;
export const isTransaction = (m: MessageDraft): boolean => (m.esmClass & MODE) === TRANSACTION;

/**
 * Makes it a message that is tried once, within `limitMs`. The mode is between the ESME and us: nobody further on sees it.
 *
 * @returns 0, or the command_status to refuse it with: neither mode knows a schedule (v3.4 §2.10.2, §2.10.3)
 */
export function onceOnly(m: MessageDraft, limitMs: number, nowMs: number): number {
  if (m.deliverAfter > nowMs) return STATUS.ESME_RINVSCHED;
  const latest = nowMs + limitMs;
  m.expiresAt = m.expiresAt === 0 ? latest : Math.min(m.expiresAt, latest);
  m.flags |= RecordFlag.once;
  m.esmClass &= ~MODE;
  return 0;
}

export type AnsweredAs = 'submit_sm_resp' | 'data_sm_resp';

/**
 * A message in transaction mode: its response tells its fate. Nothing is waited for longer than the limit; what has not
 * arrived by then has failed, and is cancelled if it still waits.
 */
export class Transaction implements Submitter {
  readonly #session: Session;
  readonly #command: AnsweredAs;
  readonly #limitMs: number;
  readonly #answer: (response: PduInput) => void;
  readonly #fail: (error: unknown) => void;

  private constructor(
    session: Session,
    command: AnsweredAs,
    limitMs: number,
    answer: (response: PduInput) => void,
    fail: (error: unknown) => void,
  ) {
    this.#session = session;
    this.#command = command;
    this.#limitMs = limitMs;
    this.#answer = answer;
    this.#fail = fail;
  }

  /** Submits it. The promise resolves with its response; it rejects when whether it was kept is not known. */
  static submit(
    m: MessageDraft,
    session: Session,
    command: AnsweredAs,
    sequence: number,
    limitMs: number,
  ): Promise<PduInput> {
    return new Promise((resolve, reject) => {
      // The fate is waited for here: no receipt of it is put into a queue.
      m.flags |= RecordFlag.pull;
      m.registeredDelivery |= FINAL_RECEIPT;
      const transaction = new Transaction(session, command, limitMs, resolve, reject);
      const status = session.actor.submitFor(m, transaction, sequence);
      if (status !== 0) transaction.refused(sequence, status);
    });
  }

  accepted(sequence: number, id: MessageId): void {
    this.#outcome(sequence, id).then(this.#answer, this.#fail);
  }

  refused(sequence_number: number, command_status: number): void {
    this.#answer({ command: this.#command, sequence_number, command_status });
  }

  inDoubt(): void {
    this.#fail(new Error('the store did not say whether it kept a message'));
  }

  async #outcome(sequence_number: number, id: MessageId): Promise<PduInput> {
    const { desk, ids } = this.#session;
    const fate = await desk.outcome(id, this.#limitMs);
    if (!fate?.final) await desk.abandon(id);
    const reason = fate?.final ? reasonOf(fate) : TEMPORARY;
    if (reason === undefined) return { command: this.#command, sequence_number, message_id: String(ids.toPublic(id)) };
    const tlvs = this.#mayExplain ? explanation(reason, fate) : [];
    return { command: this.#command, sequence_number, command_status: STATUS.ESME_RDELIVERYFAILURE, tlvs };
  }

  /** v3.4 §4.7.2 has TLVs in data_sm_resp; in submit_sm_resp only v5.0 has them (§4.2.2.2). */
  get #mayExplain(): boolean {
    const { version } = this.#session;
    return version >= 0x50 || (version >= 0x34 && this.#command === 'data_sm_resp');
  }
}

/** Undefined when it has arrived, or was taken by a carrier that tells no more. */
function reasonOf({ fate }: MessageFate): number | undefined {
  switch (fate) {
    case Fate.sent:
    case Fate.delivered:
    case Fate.accepted:
    case Fate.dropped:
    case Fate.replied:
      return undefined;
    case Fate.expired:
      return UNAVAILABLE;
    case Fate.unknown:
    case Fate.queued:
      return TEMPORARY;
    case Fate.deleted:
    case Fate.undeliverable:
    case Fate.rejected:
      return PERMANENT;
    default:
      return fate satisfies never;
  }
}

function explanation(reason: number, fate: MessageFate | undefined): Tlv[] {
  const tlvs = [tlv('delivery_failure_reason', reason)];
  if (!fate || fate.error === 0) return tlvs;
  const code = Buffer.alloc(3);
  // v3.4 §5.3.2.31: 3 is GSM, 8 a message centre's own numbers.
  code[0] = 8;
  code.writeUInt16BE(fate.error & 0xffff, 1);
  tlvs.push(tlv('network_error_code', code));
  return tlvs;
}
