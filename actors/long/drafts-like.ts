import { MessageDraft } from '../message/draft.ts';
import { extrasLength, skipExtras } from '../message/extras.ts';
import { RecordFlag } from '../message/record.ts';
import { UDHI } from '../text/udh.ts';
import type { Wording } from './shape.ts';
import { joined } from './shape.ts';

/** registered_delivery, SMPP v3.4 §5.2.17. */
const INTERMEDIATE = 0x10;
const PUSHED = RecordFlag.extras | RecordFlag.pushed;

/** Makes drafts out of another one with other texts. One per thread: what it gives is good until the next call. */
export class DraftsLike {
  readonly #draft = new MessageDraft();
  readonly #original = new MessageDraft();
  #texts: readonly Buffer[] = [];
  /** Where TLVs and texts begin in the draft's buffer. */
  #tlvsAt = 0;
  #textsAt = 0;
  /** Octets of the extras that the first part alone has. */
  #firstExtras = 0;

  /** The message with that text in the place of its own. */
  withText(m: MessageDraft, text: Wording): MessageDraft {
    const draft = this.#like(m, [joined(text)], m.tlvsLength - m.payloadTlvLength);
    draft.flags = m.flags;
    draft.dataCoding = text.dataCoding;
    draft.esmClass = text.header.length === 0 ? m.esmClass & ~UDHI : m.esmClass | UDHI;
    this.#point(0);
    return draft;
  }

  /**
   * Drafts of the message's parts, each with its header: `part` gives them. What came with it by an API stays with the whole; where
   * somebody is to be told of it by HTTP the first part has it too: that a carrier has taken it is told of that part.
   */
  parts(m: MessageDraft, texts: readonly Buffer[], dataCoding: number): void {
    const original = Object.assign(this.#original, m);
    this.#firstExtras = (m.flags & RecordFlag.pushed) === 0 ? 0 : extrasLength(original);
    if (this.#firstExtras === 0) skipExtras(original);
    const draft = this.#like(original, texts, original.tlvsLength - original.payloadTlvLength);
    draft.flags = (m.flags & ~(PUSHED | RecordFlag.gathered)) | RecordFlag.part;
    draft.dataCoding = dataCoding;
    draft.esmClass = m.esmClass | UDHI;
    // News of a part are news of the whole, which nobody knows that was put together here.
    if ((m.flags & RecordFlag.gathered) !== 0) draft.registeredDelivery &= ~INTERMEDIATE;
  }

  /** The draft of the part at `index`, from 0: the same object each time. */
  part(index: number): MessageDraft {
    this.#point(index);
    const draft = this.#draft;
    if (this.#firstExtras === 0) return draft;
    const skipped = index === 0 ? 0 : this.#firstExtras;
    draft.tlvsAt = this.#tlvsAt + skipped;
    draft.tlvsLength = this.#textsAt - draft.tlvsAt;
    draft.flags = index === 0 ? draft.flags | PUSHED : draft.flags & ~PUSHED;
    return draft;
  }

  #like(m: MessageDraft, texts: readonly Buffer[], tlvsLength: number): MessageDraft {
    const draft = Object.assign(this.#draft, m);
    const { buffer } = m;
    const payloadEnd = m.payloadTlvAt + m.payloadTlvLength;
    const tlvs =
      m.payloadTlvAt < 0
        ? [buffer.subarray(m.tlvsAt, m.tlvsAt + m.tlvsLength)]
        : [buffer.subarray(m.tlvsAt, m.payloadTlvAt), buffer.subarray(payloadEnd, m.tlvsAt + m.tlvsLength)];
    draft.buffer = Buffer.concat([
      buffer.subarray(m.sourceAt, m.sourceAt + m.sourceLength),
      buffer.subarray(m.destAt, m.destAt + m.destLength),
      buffer.subarray(m.serviceTypeAt, m.serviceTypeAt + m.serviceTypeLength),
      ...tlvs,
      ...texts,
    ]);
    draft.sourceAt = 0;
    draft.destAt = m.sourceLength;
    draft.serviceTypeAt = draft.destAt + m.destLength;
    draft.tlvsAt = draft.serviceTypeAt + m.serviceTypeLength;
    draft.tlvsLength = tlvsLength;
    draft.payloadTlvAt = -1;
    draft.payloadTlvLength = 0;
    this.#texts = texts;
    this.#tlvsAt = draft.tlvsAt;
    this.#textsAt = draft.tlvsAt + tlvsLength;
    return draft;
  }

  #point(index: number): void {
    const draft = this.#draft;
    let at = this.#textsAt;
    for (let i = 0; i < index; i++) at += this.#texts[i]!.length;
    draft.textAt = at;
    draft.textLength = this.#texts[index]!.length;
  }
}
