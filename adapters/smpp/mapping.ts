import { Answer } from '../../actors/route/answer.ts';
import { MessageDraft } from '../../actors/message/draft.ts';
import { skipExtras } from '../../actors/message/extras.ts';
import type { PublicIds } from '../../actors/message/id.ts';
import { RECEIPT } from '../../actors/message/receipt.ts';
import { expiresAtOf, Kind, R, readRecord } from '../../actors/message/record.ts';
import { VENDOR_TLVS_LIMIT } from '../../actors/receipt/vendor-tlvs.ts';
import type { Delivery } from '../../actors/route/delivery.ts';
import { AS_IT_IS, fit, type Addressing } from './addressing.ts';
import type { COMMAND_ID } from './codec/command-id.ts';
import { STATUS, statusOf } from './codec/command-status.ts';
import { dataSmSize, writeDataSm } from './codec/data-sm.ts';
import { smSize, writeSm } from './codec/hot-write.ts';
import { AS_KEPT, reform, type Form } from './form.ts';
import type { Output } from './output.ts';
import { RECEIPT_TEXT_LIMIT, RECEIPT_TLVS_LIMIT, writeReceiptText, writeReceiptTlvs } from './receipt-text.ts';

/** What we do about a carrier's answer to submit_sm. */
export function answerOf(status: number): Answer {
  switch (status) {
    case 0:
      return Answer.taken;
    case STATUS.ESME_RTHROTTLED:
    case STATUS.ESME_RMSGQFUL:
      return Answer.throttled;
    default:
      return Answer[statusOf(status).retry];
  }
}

/** What we do about an application's answer to deliver_sm: its temporary, permanent and final refusals (v3.4 §5.1.3). */
export function deliverAnswerOf(status: number): Answer {
  switch (status) {
    case 0:
      return Answer.taken;
    case STATUS.ESME_RTHROTTLED:
    case STATUS.ESME_RMSGQFUL:
      return Answer.throttled;
    case STATUS.ESME_RX_P_APPN:
    case STATUS.ESME_RX_R_APPN:
      return Answer.never;
    default:
      return Answer.later;
  }
}

const HEADER_LENGTH = 16;

/** Octets of two addresses, a service_type, and a receipt's text and TLVs. */
const SCRATCH = 2 * 65 + 6 + RECEIPT_TEXT_LIMIT + RECEIPT_TLVS_LIMIT + VENDOR_TLVS_LIMIT;

/** Turns records into PDUs. One per thread: it keeps a draft and a scratch buffer. */
export class MessageWriter {
  readonly #ids: PublicIds;
  readonly #now: () => number;
  readonly #draft = new MessageDraft();
  readonly #scratch = Buffer.alloc(SCRATCH);

  constructor(ids: PublicIds, now: () => number) {
    this.#ids = ids;
    this.#now = now;
  }

  /**
   * Writes a message as submit_sm (to a carrier) or deliver_sm (to an application).
   *
   * @param tlvs false for a peer below SMPP 3.4
   */
  write(
    out: Output,
    commandId: typeof COMMAND_ID.submit_sm | typeof COMMAND_ID.deliver_sm,
    sequence: number,
    delivery: Delivery,
    index: number,
    tlvs: boolean,
    addressing: Addressing = AS_IT_IS,
    form: Form = AS_KEPT,
  ): void {
    const m = this.#draft;
    const { buffer } = delivery.batch;
    const recordAt = delivery.at(index);
    readRecord(m, buffer, recordAt);
    if (buffer[recordAt + R.kind] === Kind.receipt) this.#receipt(m, tlvs, recordAt);
    else {
      skipExtras(m);
      if (form !== AS_KEPT) reform(m, form);
    }
    if (addressing !== AS_IT_IS) fit(m, addressing, expiresAtOf(buffer, recordAt), this.#now());
    const { serviceType } = addressing;
    // It is the first field: the PDU is written that much further on, then its header is put before it.
    const shift = m.serviceTypeLength === 0 ? serviceType.length : 0;
    const room = out.room(smSize(m) + shift);
    const { at } = out;
    const end = writeSm(room, at + shift, commandId, sequence, m, tlvs);
    if (shift > 0) {
      room.copy(room, at, at + shift, at + shift + HEADER_LENGTH);
      room.writeUInt32BE(end - at, at);
      room.write(serviceType, at + HEADER_LENGTH, 'latin1');
    }
    out.wrote(end);
  }

  /** Writes a message as data_sm, to an application. */
  writeData(out: Output, sequence: number, delivery: Delivery, index: number, form: Form = AS_KEPT): void {
    const m = this.#draft;
    const { buffer } = delivery.batch;
    const recordAt = delivery.at(index);
    readRecord(m, buffer, recordAt);
    if (buffer[recordAt + R.kind] === Kind.receipt) this.#receipt(m, true, recordAt);
    else {
      skipExtras(m);
      if (form !== AS_KEPT) reform(m, form);
    }
    const room = out.room(dataSmSize(m));
    out.wrote(writeDataSm(room, out.at, sequence, m));
  }

  /** The record of a receipt has addresses and facts; here the facts become text and TLVs (v3.4 Appendix B). */
  #receipt(m: MessageDraft, tlvs: boolean, recordAt: number): void {
    const scratch = this.#scratch;
    const body = m.buffer;
    const bodyAt = m.textAt;
    const { tlvsAt: givenAt, tlvsLength: given } = m;
    const publicId = this.#ids.toPublic(body.readDoubleLE(bodyAt + RECEIPT.messageId));
    const destAt = copyShort(body, m.sourceAt, m.sourceLength, scratch, 0);
    const serviceTypeAt = copyShort(body, m.destAt, m.destLength, scratch, destAt);
    const textAt = copyShort(body, m.serviceTypeAt, m.serviceTypeLength, scratch, serviceTypeAt);
    // Of a message that went in parts.
    const parts = body[recordAt + R.parts]!;
    const tlvsAt = writeReceiptText(scratch, textAt, body, bodyAt, publicId, parts, body[recordAt + R.part]);
    m.buffer = scratch;
    m.sourceAt = 0;
    m.destAt = destAt;
    m.serviceTypeAt = serviceTypeAt;
    m.textAt = textAt;
    m.textLength = tlvsAt - textAt;
    m.tlvsAt = tlvsAt;
    if (!tlvs) {
      m.tlvsLength = 0;
      return;
    }
    let end = writeReceiptTlvs(scratch, tlvsAt, body, bodyAt, publicId);
    if (given > 0) end += body.copy(scratch, end, givenAt, givenAt + given);
    m.tlvsLength = end - tlvsAt;
  }
}

/** A few octets, where a call into the runtime would cost more. Returns where they end. */
function copyShort(from: Buffer, at: number, length: number, out: Buffer, to: number): number {
  for (let i = 0; i < length; i++) out[to + i] = from[at + i]!;
  return to + length;
}
