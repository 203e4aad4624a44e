import type { MessageDraft } from '../message/draft.ts';
import { normalizePattern, patternFits } from '../routing/sender-pattern.ts';

export interface RuleSettings {
  /** Patterns of senders (`*`, `?`); empty: any. */
  readonly senders: readonly string[];
  /** Octets of a message's text, its header included. */
  readonly minOctets: number;
  readonly maxOctets: number;
}

/** ESME_RINVMSGLEN and ESME_RINVSRCADR (SMPP v3.4 §5.1.3). */
const INVALID_LENGTH = 0x01;
const INVALID_SOURCE = 0x0a;
const MOST_OCTETS = 65_535;

/** What an account may submit, whichever way it comes in. */
export class SubmitRules {
  readonly #senders: readonly Buffer[];
  readonly #minOctets: number;
  readonly #maxOctets: number;

  private constructor({ senders, minOctets, maxOctets }: RuleSettings) {
    this.#senders = senders.map(sender => Buffer.from(normalizePattern(sender), 'latin1'));
    this.#minOctets = minOctets;
    this.#maxOctets = maxOctets;
  }

  /** Undefined when anything may be submitted: that costs nothing. */
  static of(settings: RuleSettings): SubmitRules | undefined {
    const { senders, minOctets, maxOctets } = settings;
    const isFree = senders.length === 0 && minOctets === 0 && maxOctets >= MOST_OCTETS;
    return isFree ? undefined : new SubmitRules(settings);
  }

  /** @returns 0, or the command_status to refuse the message with */
  check(m: MessageDraft): number {
    if (m.textLength < this.#minOctets || m.textLength > this.#maxOctets) return INVALID_LENGTH;
    return this.#senders.length === 0 || this.#allows(m) ? 0 : INVALID_SOURCE;
  }

  #allows(m: MessageDraft): boolean {
    const { buffer, sourceLength } = m;
    const end = m.sourceAt + sourceLength;
    const at = m.sourceAt + prefixOf(buffer, m.sourceAt, end);
    return this.#senders.some(sender => patternFits(sender, 0, sender.length, buffer, at, end));
  }
}

/** Octets of a leading "+" or "00" of a number: with and without it is the same number. */
function prefixOf(buffer: Buffer, at: number, end: number): number {
  const length = buffer[at] === PLUS ? 1 : buffer[at] === ZERO && buffer[at + 1] === ZERO ? 2 : 0;
  if (length === 0 || at + length >= end) return 0;
  for (let i = at + length; i < end; i++) if (buffer[i]! < ZERO || buffer[i]! > NINE) return 0;
  return length;
}

const PLUS = 0x2b;
const ZERO = 0x30;
const NINE = 0x39;
