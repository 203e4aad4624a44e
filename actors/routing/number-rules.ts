import type { MessageDraft } from '../message/draft.ts';
import { normalizePattern, patternFits } from './sender-pattern.ts';

/** Another beginning for numbers that begin so; '' begins every number. */
export interface NumberRule {
  readonly from: string;
  readonly to: string;
  /** TON and NPI (SMPP v3.4 §5.2.5, §5.2.6) of what it has changed; null: as they were. */
  readonly ton: number | null;
  readonly npi: number | null;
}

/** Other senders for those that look so. */
export interface SenderRule {
  /** `*` any run of characters, `?` any one, case ignored. */
  readonly match: string;
  /** 1 or more: a recipient always sees the same one of them. */
  readonly senders: readonly string[];
}

export interface NumberRules {
  /** Of several that fit a number the longest beginning counts, of equal ones the first. */
  readonly dest: readonly NumberRule[];
  /** For senders that are numbers. */
  readonly source: readonly NumberRule[];
  /** Before `source`; the first that fits counts. */
  readonly senders: readonly SenderRule[];
}

/** By rule of a routing table, from 0: what takes the place of the sender. */
export type RouteSenders = ReadonlyMap<number, NumberRules>;

/** Octets of an address in SMPP's messages (v3.4 §5.2.8, §5.2.9), without the NUL. A rule that makes more does nothing. */
const MOST_OCTETS = 20;
const Ton = { unknown: 0, international: 1, alphanumeric: 5 } as const;
const ISDN = 1;
const NUMBER = /^\+?\d+$/;

/** Undefined when there are no rules: then there is nothing to do for each message either. */
export function numberRules(rules: NumberRules): NumberRules | undefined {
  return rules.dest.length + rules.source.length + rules.senders.length === 0 ? undefined : rules;
}

/** Gives a message the numbers that the rules say: its ranges are of another buffer where that changes one. */
export function renumber(m: MessageDraft, rules: NumberRules): void {
  const { buffer } = m;
  const source = buffer.latin1Slice(m.sourceAt, m.sourceAt + m.sourceLength);
  const dest = buffer.latin1Slice(m.destAt, m.destAt + m.destLength);
  const toDest = applied(rules.dest, dest);
  const sender = senderFor(rules.senders, m, dest);
  const toSource = sender === undefined ? applied(rules.source, source) : undefined;
  const newDest = toDest?.number ?? dest;
  const newSource = sender ?? toSource?.number ?? source;
  if (sender !== undefined) {
    const isNumber = NUMBER.test(sender);
    m.sourceTon = !isNumber ? Ton.alphanumeric : sender.startsWith('+') ? Ton.international : m.sourceTon;
    if (isNumber && m.sourceTon === Ton.alphanumeric) m.sourceTon = Ton.unknown;
    m.sourceNpi = isNumber ? ISDN : 0;
  }
  m.sourceTon = toSource?.rule.ton ?? m.sourceTon;
  m.sourceNpi = toSource?.rule.npi ?? m.sourceNpi;
  m.destTon = toDest?.rule.ton ?? m.destTon;
  m.destNpi = toDest?.rule.npi ?? m.destNpi;
  if (newDest !== dest || newSource !== source)
    move(m, newSource.startsWith('+') && sender ? newSource.slice(1) : newSource, newDest);
}

interface Applied {
  readonly number: string;
  readonly rule: NumberRule;
}

function applied(rules: readonly NumberRule[], number: string): Applied | undefined {
  if (rules.length === 0 || !NUMBER.test(number)) return undefined;
  let best: NumberRule | undefined;
  for (const rule of rules) {
    if (number.startsWith(rule.from) && (!best || rule.from.length > best.from.length)) best = rule;
  }
  if (!best) return undefined;
  const made = best.to + number.slice(best.from.length);
  return made === '' || made.length > MOST_OCTETS ? undefined : { number: made, rule: best };
}

function senderFor(rules: readonly SenderRule[], m: MessageDraft, dest: string): string | undefined {
  for (const { match, senders } of rules) {
    const pattern = Buffer.from(normalizePattern(match), 'latin1');
    if (!patternFits(pattern, 0, pattern.length, m.buffer, m.sourceAt, m.sourceAt + m.sourceLength)) continue;
    return senders.length === 1 ? senders[0] : senders[hash(dest) % senders.length];
  }
  return undefined;
}

function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return (h ^ (h >>> 15)) >>> 0;
}

function move(m: MessageDraft, source: string, dest: string): void {
  const { buffer, serviceTypeAt, serviceTypeLength, textAt, textLength, tlvsAt, tlvsLength, payloadTlvAt } = m;
  const isPayload = payloadTlvAt >= 0;
  const parts = [
    Buffer.from(source, 'latin1'),
    Buffer.from(dest, 'latin1'),
    buffer.subarray(serviceTypeAt, serviceTypeAt + serviceTypeLength),
    buffer.subarray(tlvsAt, tlvsAt + tlvsLength),
    // message_payload is among the TLVs already.
    isPayload ? buffer.subarray(0, 0) : buffer.subarray(textAt, textAt + textLength),
  ];
  m.buffer = Buffer.concat(parts);
  m.sourceAt = 0;
  m.sourceLength = source.length;
  m.destAt = source.length;
  m.destLength = dest.length;
  m.serviceTypeAt = m.destAt + dest.length;
  m.tlvsAt = m.serviceTypeAt + serviceTypeLength;
  if (isPayload) {
    m.payloadTlvAt = m.tlvsAt + (payloadTlvAt - tlvsAt);
    m.textAt = m.tlvsAt + (textAt - tlvsAt);
  } else m.textAt = m.tlvsAt + tlvsLength;
}
