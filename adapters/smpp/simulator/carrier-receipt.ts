import { MessageDraft } from '../../../actors/message/draft.ts';
import { MessageState } from '../receipt-states.ts';
import { ID_DIGITS, writeId } from './carrier-id.ts';
import { DeliveryKind, RECEIPT_TEXT_OCTETS, RECORD } from './delivery-record.ts';

/** Every field is of one width, so a receipt is this with a few octets changed (SMPP v3.4 Appendix B). */
const MODEL = Buffer.from(
  'id:000000000000 sub:001 dlvrd:001 submit date:YYMMDDhhmm done date:YYMMDDhhmm stat:DELIVRD err:000 text:',
);
const ID_AT = MODEL.indexOf('id:') + 3;
const DELIVERED_AT = MODEL.indexOf('dlvrd:') + 6;
const SUBMIT_DATE_AT = MODEL.indexOf('submit date:') + 12;
const DONE_DATE_AT = MODEL.indexOf('done date:') + 10;
const STAT_AT = MODEL.indexOf('stat:') + 5;
const ERR_AT = MODEL.indexOf('err:') + 4;

interface Outcome {
  readonly dlvrd: string;
  readonly stat: string;
  readonly err: string;
  readonly state: MessageState;
}
const DELIVERED: Outcome = { dlvrd: '001', stat: 'DELIVRD', err: '000', state: MessageState.delivered };
/** 001: unknown subscriber, in the codes that most carriers use (3GPP TS 29.002). */
const FAILED: Outcome = { dlvrd: '000', stat: 'UNDELIV', err: '001', state: MessageState.undeliverable };

/** receipted_message_id and message_state (v3.4 §5.3.2.12, §5.3.2.35). */
const TLVS = Buffer.concat([
  Buffer.from([0x00, 0x1e, 0, ID_DIGITS + 1]),
  Buffer.alloc(ID_DIGITS + 1),
  Buffer.from([0x04, 0x27, 0, 1, 0]),
]);
/** esm_class: the short message is a delivery receipt (v3.4 §5.2.12). */
const IS_RECEIPT = 0x04;

const TEXT_AT = RECORD.size;
const TLVS_AT = TEXT_AT + MODEL.length + RECEIPT_TEXT_OCTETS;

/**
 * A carrier's receipts, one after the other in one buffer: the record (for the addresses), the text, the TLVs. Made for
 * a million receipts a minute: nothing is allocated, and dates are worked out when the minute changes.
 */
export class CarrierReceipt {
  readonly #buffer = Buffer.alloc(TLVS_AT + TLVS.length);
  readonly #draft = new MessageDraft();
  #outcome: Outcome | undefined;
  #submitMinute = Number.NaN;
  #doneMinute = Number.NaN;

  constructor() {
    const m = this.#draft;
    MODEL.copy(this.#buffer, TEXT_AT);
    TLVS.copy(this.#buffer, TLVS_AT);
    m.buffer = this.#buffer;
    m.esmClass = IS_RECEIPT;
    m.textAt = TEXT_AT;
    m.tlvsAt = TLVS_AT;
    m.tlvsLength = TLVS.length;
    m.sourceAt = RECORD.dest;
    m.destAt = RECORD.source;
  }

  /** The receipt for this record, towards its sender; valid until the next call. Dates are UTC. */
  of(record: Buffer, at: number, doneAtMs: number): MessageDraft {
    const buffer = this.#buffer;
    const m = this.#draft;
    record.copy(buffer, 0, at, at + RECORD.size);
    m.sourceTon = buffer[RECORD.destTon]!;
    m.sourceNpi = buffer[RECORD.destNpi]!;
    m.sourceLength = buffer[RECORD.destLength]!;
    m.destTon = buffer[RECORD.sourceTon]!;
    m.destNpi = buffer[RECORD.sourceNpi]!;
    m.destLength = buffer[RECORD.sourceLength]!;

    const id = buffer.readDoubleLE(RECORD.id);
    writeId(buffer, TEXT_AT + ID_AT, id);
    writeId(buffer, TLVS_AT + 4, id);
    this.#setOutcome(buffer[RECORD.kind] === DeliveryKind.failed ? FAILED : DELIVERED);
    this.#setDates(buffer.readDoubleLE(RECORD.submittedAt), doneAtMs);
    m.textLength = MODEL.length + this.#setText();
    return m;
  }

  #setOutcome(outcome: Outcome): void {
    if (outcome === this.#outcome) return;
    this.#outcome = outcome;
    this.#buffer.latin1Write(outcome.dlvrd, TEXT_AT + DELIVERED_AT);
    this.#buffer.latin1Write(outcome.stat, TEXT_AT + STAT_AT);
    this.#buffer.latin1Write(outcome.err, TEXT_AT + ERR_AT);
    this.#buffer[TLVS_AT + TLVS.length - 1] = outcome.state;
  }

  #setDates(submittedAtMs: number, doneAtMs: number): void {
    const submitMinute = Math.floor(submittedAtMs / MINUTE);
    if (submitMinute !== this.#submitMinute) {
      this.#submitMinute = submitMinute;
      this.#buffer.latin1Write(dateOf(submitMinute), TEXT_AT + SUBMIT_DATE_AT);
    }
    const doneMinute = Math.floor(doneAtMs / MINUTE);
    if (doneMinute === this.#doneMinute) return;
    this.#doneMinute = doneMinute;
    this.#buffer.latin1Write(dateOf(doneMinute), TEXT_AT + DONE_DATE_AT);
  }

  /** What the message began with; what is not printable ASCII becomes a dot. @returns how many octets */
  #setText(): number {
    const buffer = this.#buffer;
    const length = buffer[RECORD.textLength]!;
    const to = TEXT_AT + MODEL.length;
    for (let i = 0; i < length; i++) {
      const octet = buffer[RECORD.text + i]!;
      buffer[to + i] = octet >= 0x20 && octet <= 0x7e ? octet : 0x2e;
    }
    return length;
  }
}

const MINUTE = 60_000;

/** YYMMDDhhmm, UTC. */
function dateOf(minute: number): string {
  const [year, month, day, hour, minutes] = new Date(minute * MINUTE).toISOString().split(/[-T:]/);
  return `${year!.slice(-2)}${month}${day}${hour}${minutes}`;
}

/**
 * Does the sender want a receipt of this fate? registered_delivery, bits 1 and 0 (SMPP v3.4 §5.2.17): 0 none, 1 any,
 * 2 of a failure; v5.0 §4.7.21 adds 3: of a success.
 */
export function wantsReceipt(registeredDelivery: number, failed: boolean): boolean {
  const wanted = registeredDelivery & 0x03;
  return wanted === 1 || wanted === (failed ? 2 : 3);
}
