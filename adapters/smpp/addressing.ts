import type { MessageDraft } from '../../actors/message/draft.ts';
import { RELATIVE_MAX_MS, TIME_LENGTH, writeAbsoluteTime, writeRelativeTime } from './smpp-time.ts';

/** Numbers of a few digits, and how their TON and NPI (SMPP v3.4 §5.2.5, §5.2.6) are to be. */
export interface ShortCodes {
  /** Most digits of one. */
  readonly digits: number;
  readonly ton: number;
  readonly npi: number;
}

/** What a carrier wants in every submit_sm; null: as the message has it. */
export interface Addressing {
  readonly sourceTon: number | null;
  readonly sourceNpi: number | null;
  readonly destTon: number | null;
  readonly destNpi: number | null;
  /** Not null: TON and NPI of the sender are told by what it looks like. */
  readonly detect: ShortCodes | null;
  /** For messages that name none: 0 to 5 ASCII characters. */
  readonly serviceType: string;
  /** For messages that name none: 0 to 20 ASCII characters. */
  readonly defaultSource: string;
  /** Where the message has 0. */
  readonly priority: number;
  readonly protocolId: number;
  readonly replaceIfPresent: number;
  readonly defaultMessageId: number;
  /** validity_period is what is left of the message's own, at most so many ms; 0: it is not given. */
  readonly validityMs: number;
}

export const AS_IT_IS: Addressing = {
  sourceTon: null,
  sourceNpi: null,
  destTon: null,
  destNpi: null,
  detect: null,
  serviceType: '',
  defaultSource: '',
  priority: 0,
  protocolId: 0,
  replaceIfPresent: 0,
  defaultMessageId: 0,
  validityMs: 0,
};

const Ton = { international: 1, alphanumeric: 5 } as const;
const ISDN = 1;
const UNKNOWN = 0;
const PLUS = 0x2b;
const ZERO = 0x30;

/**
 * Makes a draft that was read from a record what the carrier wants. Where that needs octets that the record has not, the
 * draft is of another buffer afterwards.
 *
 * @param expiresAt end of the message's validity, ms since 1970
 */
export function fit(m: MessageDraft, a: Addressing, expiresAt: number, nowMs: number): void {
  if (m.priority === 0) m.priority = a.priority;
  if (m.protocolId === 0) m.protocolId = a.protocolId;
  if (m.replaceIfPresent === 0) m.replaceIfPresent = a.replaceIfPresent;
  if (m.defaultMessageId === 0) m.defaultMessageId = a.defaultMessageId;
  if ((a.defaultSource !== '' && m.sourceLength === 0) || a.validityMs > 0) extend(m, a, expiresAt, nowMs);
  if (a.detect) detect(m, a.detect);
  m.sourceTon = a.sourceTon ?? m.sourceTon;
  m.sourceNpi = a.sourceNpi ?? m.sourceNpi;
  m.destTon = a.destTon ?? m.destTon;
  m.destNpi = a.destNpi ?? m.destNpi;
}

/** The sender's TON and NPI by what it looks like: a name, a short code, or an international number without its prefix. */
function detect(m: MessageDraft, { digits, ton, npi }: ShortCodes): void {
  const { buffer, sourceAt, sourceLength } = m;
  if (sourceLength === 0) return;
  const prefix = prefixOf(buffer, sourceAt, sourceLength);
  if (!isNumber(buffer, sourceAt + prefix, sourceLength - prefix)) {
    m.sourceTon = Ton.alphanumeric;
    m.sourceNpi = UNKNOWN;
  } else if (prefix === 0 && sourceLength <= digits) {
    m.sourceTon = ton;
    m.sourceNpi = npi;
  } else {
    m.sourceTon = Ton.international;
    m.sourceNpi = ISDN;
    m.sourceAt += prefix;
    m.sourceLength -= prefix;
  }
}

/** Octets of a leading "+" or "00". */
function prefixOf(buffer: Buffer, at: number, length: number): number {
  if (buffer[at] === PLUS) return 1;
  return length > 2 && buffer[at] === ZERO && buffer[at + 1] === ZERO ? 2 : 0;
}

function isNumber(buffer: Buffer, at: number, length: number): boolean {
  for (let i = at; i < at + length; i++) if (buffer[i]! < ZERO || buffer[i]! > ZERO + 9) return false;
  return length > 0;
}

/** Most octets of a default source and a time. */
const EXTRA = 20 + TIME_LENGTH;
let scratch = Buffer.alloc(2048);

/** Moves the draft to the scratch buffer, where there is room for what it lacks. */
function extend(m: MessageDraft, a: Addressing, expiresAt: number, nowMs: number): void {
  const { buffer, sourceAt, sourceLength, destAt, destLength, serviceTypeAt, serviceTypeLength } = m;
  const { textAt, textLength, tlvsAt, tlvsLength } = m;
  const length = sourceLength + destLength + serviceTypeLength + textLength + tlvsLength;
  if (length + EXTRA > scratch.length) scratch = Buffer.alloc(2 * (length + EXTRA));
  let to = 0;
  const put = (at: number, octets: number): number => {
    const start = to;
    to += buffer.copy(scratch, to, at, at + octets);
    return start;
  };
  m.destAt = put(destAt, destLength);
  m.serviceTypeAt = put(serviceTypeAt, serviceTypeLength);
  m.textAt = put(textAt, textLength);
  m.tlvsAt = put(tlvsAt, tlvsLength);
  m.sourceAt = put(sourceAt, sourceLength);
  m.buffer = scratch;
  if (sourceLength === 0) {
    m.sourceLength = scratch.latin1Write(a.defaultSource, to);
    to += m.sourceLength;
  }
  if (a.validityMs === 0 || expiresAt === Infinity) return;
  const left = Math.max(0, Math.min(a.validityMs, expiresAt - nowMs));
  m.validityAt = to;
  m.validityLength = TIME_LENGTH;
  // Relative, so that no clock but ours counts, as long as that can be said.
  if (left <= RELATIVE_MAX_MS) writeRelativeTime(scratch, to, left);
  else writeAbsoluteTime(scratch, to, nowMs + left);
}
