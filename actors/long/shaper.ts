import { BATCH_LIMIT } from '../message/id.ts';
import type { MessageDraft } from '../message/draft.ts';
import { partMarkOf } from './concatenation.ts';
import { DraftsLike } from './drafts-like.ts';
import { apart, convert, converts, type Shape, type Wording } from './shape.ts';
import { NO_TRIM, PLAIN_OCTETS, splitText, type Trim } from './split.ts';
import { wrap, type Wrap } from './wrap.ts';

/** A message as its destination wants it. */
export interface Shaped {
  /** As it goes in one. */
  readonly message: MessageDraft;
  readonly dataCoding: number;
  /** The texts of its parts, 2 or more; undefined: it goes in one. */
  readonly parts: readonly Buffer[] | undefined;
}

/** Gives messages their texts: in a coding that the destination takes, with what their account wants beside it, in parts. */
export class Shaper {
  readonly #drafts = new DraftsLike();
  #shapes: ReadonlyMap<string, Shape> = new Map();
  #wraps: ReadonlyMap<string, Wrap> = new Map();
  #reference: number;
  /** Some destination takes texts only in codings of its own: each message's is looked up. */
  #converting = false;

  /** @param reference parts of two messages to one phone must not bear one number: it grows from wherever it starts */
  constructor(reference: number) {
    this.#reference = reference;
  }

  /** What destinations want of their messages; one that is not there takes them as they are. */
  useShapes(shapes: ReadonlyMap<string, Shape>): void {
    this.#shapes = shapes;
    this.#converting = [...shapes.values()].some(converts);
  }

  /** What accounts have their texts sent with. */
  useWraps(wraps: ReadonlyMap<string, Wrap>): void {
    this.#wraps = wraps;
  }

  wrapOf(account: string): Wrap | undefined {
    return this.#wraps.size === 0 ? undefined : this.#wraps.get(account);
  }

  /** False: it goes as it is, whatever its destination is. */
  mayShape(m: MessageDraft, wanted: Wrap | undefined): boolean {
    return m.textLength > PLAIN_OCTETS || this.#converting || wanted !== undefined;
  }

  /**
   * Undefined when the message is to go as it is.
   *
   * @param wanted of the account whose message it is. What is said of a message holds until the next
   */
  shape(m: MessageDraft, destination: string, wanted: Wrap | undefined): Shaped | undefined {
    const shape = this.#shapes.get(destination);
    if (!shape && !wanted) return undefined;
    let text = apart(textOf(m), m.dataCoding, m.esmClass);
    if (!text) return undefined;
    let message = m;
    let trim: Trim = NO_TRIM;
    // What came in parts stays as it is.
    const isWhole = m.textLength > 0 && partMarkOf(m) === undefined;
    const wrapped =
      wanted && isWhole ? wrap(textOf(m), m.dataCoding, text.header.length > 0, wanted, shape) : undefined;
    if (wrapped) {
      ({ bare: text, trim } = wrapped);
      message = this.#drafts.withText(m, wrapped.whole);
    } else if (shape && converts(shape)) {
      const other: Wording | undefined = convert(textOf(m), m.dataCoding, text.header.length > 0, shape);
      if (other) message = this.#drafts.withText(m, (text = other));
    }
    const { dataCoding } = text;
    const parts = shape && isWhole ? splitText(text, shape, this.#reference, trim) : undefined;
    if (!parts || parts.length >= BATCH_LIMIT) return { message, dataCoding, parts: undefined };
    this.#reference = (this.#reference + 1) & 0xffff;
    return { message, dataCoding, parts };
  }
}

const textOf = (m: MessageDraft): Buffer => m.buffer.subarray(m.textAt, m.textAt + m.textLength);
