import { MessageDraft } from '../actors/message/draft.ts';
import type { MessageId } from '../actors/message/id.ts';
import type { Submitter } from '../actors/batch/batch-actor.ts';
import type { Intake } from '../actors/batch/intake.ts';
import type { Source } from '../actors/batch/source.ts';
import { Refusal } from '../actors/refusal.ts';
import { chooseCoding, encodeText } from '../actors/text/encode.ts';

type Outcome = { id: MessageId } | { status: number };

/** TON and NPI (SMPP v3.4 §5.2.5, §5.2.6) of what a person types. */
const INTERNATIONAL = 1;
const ALPHANUMERIC = 5;
const ISDN = 1;

/** Makes messages of texts: what the command line sends and what routes answer. */
export class TextSubmitter implements Submitter {
  readonly #draft = new MessageDraft();
  readonly #waiting = new Map<number, (outcome: Outcome) => void>();
  #next = 1;

  submit(intake: Intake, source: Source, from: string, to: string, text: string): Promise<Outcome> {
    const token = this.#next++;
    this.#fill(from, to, text);
    this.#draft.registeredDelivery = 1;
    const status = intake.submit(this.#draft, source, this, token);
    if (status !== 0) return Promise.resolve({ status });
    return new Promise(resolve => this.#waiting.set(token, resolve));
  }

  /** The answer of a route to the sender of `message`, from the number it was sent to. */
  reply(message: MessageDraft, text: string): MessageDraft | undefined {
    const { buffer, sourceAt, sourceLength, destAt, destLength } = message;
    if (sourceLength === 0) return undefined;
    const to = buffer.latin1Slice(sourceAt, sourceAt + sourceLength);
    this.#fill(buffer.latin1Slice(destAt, destAt + destLength), to, text);
    this.#draft.registeredDelivery = 0;
    return this.#draft;
  }

  accepted(token: number, id: MessageId): void {
    this.#settle(token, { id });
  }

  refused(token: number, status: number): void {
    this.#settle(token, { status });
  }

  inDoubt(token: number): void {
    this.#settle(token, { status: Refusal.system });
  }

  #settle(token: number, outcome: Outcome): void {
    this.#waiting.get(token)?.(outcome);
    this.#waiting.delete(token);
  }

  #fill(from: string, to: string, text: string): void {
    const m = this.#draft;
    const { dataCoding, bytes } = encodeText(text, chooseCoding(text));
    m.buffer = Buffer.concat([Buffer.from(from, 'latin1'), Buffer.from(to, 'latin1'), bytes]);
    m.sourceAt = 0;
    m.sourceLength = from.length;
    m.destAt = from.length;
    m.destLength = to.length;
    m.textAt = from.length + to.length;
    m.textLength = bytes.length;
    m.dataCoding = dataCoding;
    const isNumber = /^\+?\d+$/.test(from);
    m.sourceTon = isNumber ? INTERNATIONAL : ALPHANUMERIC;
    m.sourceNpi = isNumber ? ISDN : 0;
    m.destTon = INTERNATIONAL;
    m.destNpi = ISDN;
  }
}
