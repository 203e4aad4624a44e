import { Fate } from '../../actors/message/ledger.ts';
import { isDigit, readDate } from './receipt-date.ts';
import { MessageState, fateOfState, stateOfWord } from './receipt-states.ts';

/**
 * Reading carriers' delivery receipts. SMPP v3.4 Appendix B calls the text vendor specific, and vendors take it at its
 * word: fields are missing, reordered, in another case, dates have seconds or a four-digit year, words are their own.
 *
 * Where TLVs and text differ
 * - id: receipted_message_id (v3.4 §5.3.2.12) comes first, the text's `id:` is kept as the other candidate. Both are met
 *   with the right one in either (jookies/jasmin issue 427: the text's must not replace the TLV's).
 * - state: message_state (v3.4 §5.3.2.35) wins, being defined where the text is not. Only where it tells no outcome
 *   (ENROUTE, UNKNOWN, out of range) and the text does, the text wins.
 */
export class ParsedReceipt {
  /** The id, as a range of the buffer; length 0: none. */
  idAt = 0;
  idLength = 0;
  /** Another id that the receipt gives, where TLV and text differ. */
  otherIdAt = 0;
  otherIdLength = 0;
  state: MessageState = MessageState.unknown;
  fate: Fate = Fate.unknown;
  /** False while another receipt may follow. */
  final = false;
  /** `err:`, 0 to 8 octets as it stood there. */
  errorAt = 0;
  errorLength = 0;
  /** The code in network_error_code (v3.4 §5.3.2.31), -1 when there is none. */
  networkError = -1;
  /** ms since 1970, taken as UTC (receipts do not say); 0 = not given, or no date. */
  submittedAt = 0;
  doneAt = 0;
  /** After `text:`, to the end; length 0: none. */
  textAt = 0;
  textLength = 0;
}

const RECEIPTED_MESSAGE_ID = 0x001e;
const NETWORK_ERROR_CODE = 0x0423;
const MESSAGE_STATE = 0x0427;
/** esm_class, bits 5 to 2 (v3.4 §5.2.12): intermediate delivery notification. */
const TYPE_MASK = 0x3c;
const INTERMEDIATE = 0x20;
const ERROR_LIMIT = 8;
const NO_STATE = -1;

/** Fields of the text, as `keyBefore` tells them apart. */
const Key = { none: 0, id: 1, submitDate: 2, doneDate: 3, stat: 4, err: 5, text: 6, other: 7 } as const;
type Key = (typeof Key)[keyof typeof Key];

const COLON = 0x3a;

/**
 * Reads a receipt into `out`. True when it is one: it names a message and says what became of it.
 *
 * Final is what v5.0 §4.7.15 calls so, unless esm_class says "intermediate". ACCEPTD is taken as not final too: those who
 * send it in practice send the outcome later (Jasmin's list of final states agrees).
 *
 * @param buffer holds the text (short_message or message_payload) and the TLVs
 */
export function parseReceipt(
  buffer: Buffer,
  textAt: number,
  textLength: number,
  tlvsAt: number,
  tlvsLength: number,
  esmClass: number,
  out: ParsedReceipt,
): boolean {
  out.otherIdLength = 0;
  const usual = readUsual(buffer, textAt, textAt + textLength, out);
  const textState = usual === NO_STATE ? readText(buffer, textAt, textAt + textLength, out) : usual;
  const tlvState = readTlvs(buffer, tlvsAt, tlvsAt + tlvsLength, out);
  const state = tlvState === NO_STATE || (!isOutcome(tlvState) && isOutcome(textState)) ? textState : tlvState;
  out.state = state === NO_STATE ? MessageState.unknown : (state as MessageState);
  out.fate = fateOfState(out.state);
  out.final = out.fate !== Fate.sent && out.state !== MessageState.accepted && (esmClass & TYPE_MASK) !== INTERMEDIATE;
  return out.idLength > 0 && state !== NO_STATE;
}

/** True for states that say how it ended. */
function isOutcome(state: number): boolean {
  return (state >= MessageState.delivered && state <= MessageState.undeliverable) || state === MessageState.rejected;
}

/** The fields of v3.4 Appendix B, to the letter. */
const USUAL = [
  ['id:', Key.id],
  [' sub:', Key.other],
  [' dlvrd:', Key.other],
  [' submit date:', Key.submitDate],
  [' done date:', Key.doneDate],
  [' stat:', Key.stat],
  [' err:', Key.err],
] as const;
const USUAL_NAMES: readonly Buffer[] = USUAL.map(([name]) => Buffer.from(name));
const USUAL_KEYS: readonly Key[] = USUAL.map(([, key]) => key);
const USUAL_TEXT = Buffer.from(' text:');

/**
 * Reads a text that is laid out as most are, in one pass: what `readText` would find there at twice the cost. Returns
 * NO_STATE for any other text.
 */
function readUsual(buffer: Buffer, from: number, end: number, out: ParsedReceipt): number {
  clear(out);
  let state: number = NO_STATE;
  let at = from;
  for (let field = 0; field < USUAL_NAMES.length; field++) {
    const start = behind(buffer, at, end, USUAL_NAMES[field]!);
    if (start < 0) return NO_STATE;
    at = valueEnd(buffer, start, end);
    // No value, or none yet: what that means is for the other one to say.
    if (at === start) return NO_STATE;
    const key = USUAL_KEYS[field]!;
    if (key === Key.stat) state = stateOfWord(buffer, start, at - start);
    else if (key !== Key.other) setField(buffer, key, start, at, out);
  }
  const textAt = behind(buffer, at, end, USUAL_TEXT);
  if (textAt < 0) return NO_STATE;
  setText(buffer, textAt, end, out);
  return state;
}

/** Where what follows `name` begins; -1 when `name` does not stand at `at`. */
function behind(buffer: Buffer, at: number, end: number, name: Buffer): number {
  const to = at + name.length;
  if (to > end) return -1;
  for (let i = 0; i < name.length; i++) if (buffer[at + i] !== name[i]) return -1;
  return to;
}

function clear(out: ParsedReceipt): void {
  out.idLength = out.errorLength = out.textLength = 0;
  out.submittedAt = out.doneAt = 0;
}

/** Finds `key:value` pairs; returns the state that `stat` gives. */
function readText(buffer: Buffer, from: number, end: number, out: ParsedReceipt): number {
  clear(out);
  let state = NO_STATE;
  let valueFrom = from;
  for (let i = from; i < end; i++) {
    if (buffer[i] !== COLON) continue;
    const key = keyBefore(buffer, valueFrom, i);
    if (key === Key.none) continue;
    if (key === Key.text) {
      // Always the last field: what the message said may look like others.
      setText(buffer, i + 1, end, out);
      break;
    }
    const at = valueStart(buffer, i + 1, end);
    const to = valueEnd(buffer, at, end);
    if (key === Key.stat && state === NO_STATE && to > at) state = stateOfWord(buffer, at, to - at);
    else setField(buffer, key, at, to, out);
    valueFrom = to;
    i = Math.max(i, to - 1);
  }
  return state;
}

function setField(buffer: Buffer, key: Key, at: number, to: number, out: ParsedReceipt): void {
  if (key === Key.id && out.idLength === 0) {
    out.idAt = at;
    out.idLength = to - at;
  } else if (key === Key.err && out.errorLength === 0) {
    out.errorAt = at;
    out.errorLength = Math.min(ERROR_LIMIT, to - at);
  } else if (key === Key.submitDate && out.submittedAt === 0) {
    out.submittedAt = readDate(buffer, at, to);
  } else if (key === Key.doneDate && out.doneAt === 0) {
    out.doneAt = readDate(buffer, at, to);
  }
}

function setText(buffer: Buffer, at: number, end: number, out: ParsedReceipt): void {
  let to = end;
  while (to > at && buffer[to - 1] === 0) to--;
  out.textAt = at;
  out.textLength = to - at;
}

/** Which field the word before the colon names; the word starts at `from` or later. */
function keyBefore(buffer: Buffer, from: number, colon: number): Key {
  let word = colon;
  while (word > from && isLetter(buffer[word - 1]!)) word--;
  if (word > from && isWordPart(buffer[word - 1]!)) {
    return buffer[word - 1] === UNDERSCORE ? dateKey(buffer, from, word, colon) : Key.none;
  }
  switch (colon - word) {
    case 2:
      return isWord(buffer, word, 'id') ? Key.id : Key.none;
    case 3:
      if (isWord(buffer, word, 'err')) return Key.err;
      return isWord(buffer, word, 'sub') ? Key.other : Key.none;
    case 4:
      if (isWord(buffer, word, 'stat')) return Key.stat;
      if (isWord(buffer, word, 'text')) return Key.text;
      return dateKey(buffer, from, word, colon);
    case 5:
      return isWord(buffer, word, 'dlvrd') ? Key.other : Key.none;
    case 6:
      return isWord(buffer, word, 'status') ? Key.stat : Key.none;
    case 8:
      return isWord(buffer, word, 'donedate') ? Key.doneDate : Key.none;
    case 10:
      return isWord(buffer, word, 'submitdate') ? Key.submitDate : Key.none;
    default:
      return Key.none;
  }
}

const UNDERSCORE = 0x5f;

/** "submit date" and "done date", with one or more separators, or an underscore, between. */
function dateKey(buffer: Buffer, from: number, word: number, colon: number): Key {
  if (colon - word !== 4 || !isWord(buffer, word, 'date')) return Key.none;
  let end = word;
  while (end > from && !isLetter(buffer[end - 1]!) && !isDigit(buffer[end - 1]!)) end--;
  if (end - from >= 6 && isWord(buffer, end - 6, 'submit')) return Key.submitDate;
  return end - from >= 4 && isWord(buffer, end - 4, 'done') ? Key.doneDate : Key.none;
}

/** A value may stand behind spaces, but a field without a value is followed by the next field's name. */
function valueStart(buffer: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && buffer[at] === 0x20) at++;
  if (at === from) return from;
  for (let i = at; i < end && buffer[i]! > 0x20; i++) {
    if (buffer[i] === COLON) return keyBefore(buffer, at, i) === Key.none ? at : from;
  }
  // "submit date:" and "done date:" have their colon behind a space.
  return startsWith(buffer, at, end, 'submit date:') || startsWith(buffer, at, end, 'done date:') ? from : at;
}

function valueEnd(buffer: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && buffer[at]! > 0x20 && buffer[at] !== 0x2c && buffer[at] !== 0x3b) at++;
  return at;
}

function isWord(buffer: Buffer, at: number, word: string): boolean {
  for (let i = 0; i < word.length; i++) if ((buffer[at + i]! | 0x20) !== word.charCodeAt(i)) return false;
  return true;
}

function startsWith(buffer: Buffer, at: number, end: number, text: string): boolean {
  return end - at >= text.length && isWord(buffer, at, text);
}

const isLetter = (octet: number): boolean => (octet | 0x20) >= 0x61 && (octet | 0x20) <= 0x7a;
/** A word that goes on to the left is another word: "void:" is not "id:". */
const isWordPart = (octet: number): boolean => isDigit(octet) || octet === UNDERSCORE || octet === 0x2d;

/** Takes the TLVs that count, the first of each; returns what message_state says. A damaged rest is left alone. */
function readTlvs(buffer: Buffer, from: number, end: number, out: ParsedReceipt): number {
  let state = NO_STATE;
  let hasId = false;
  out.networkError = -1;
  for (let at = from; at + 4 <= end;) {
    const tag = (buffer[at]! << 8) | buffer[at + 1]!;
    const length = (buffer[at + 2]! << 8) | buffer[at + 3]!;
    const value = at + 4;
    at = value + length;
    if (at > end) break;
    if (tag === RECEIPTED_MESSAGE_ID && !hasId) {
      hasId = setTlvId(buffer, value, at, out);
    } else if (tag === MESSAGE_STATE && state === NO_STATE && length > 0) {
      // Leniency: an integer of more octets than one is taken by its value.
      const last = buffer[at - 1]!;
      if (last <= MessageState.skipped) state = last;
    } else if (tag === NETWORK_ERROR_CODE && out.networkError < 0 && length === 3) {
      out.networkError = (buffer[value + 1]! << 8) | buffer[value + 2]!;
    }
  }
  return state;
}

/** The TLV's id comes first; the text's becomes the other one where it differs. */
function setTlvId(buffer: Buffer, from: number, end: number, out: ParsedReceipt): boolean {
  let to = from;
  while (to < end && buffer[to]! > 0x20) to++;
  const length = to - from;
  if (length === 0) return false;
  if (length !== out.idLength || buffer.compare(buffer, out.idAt, out.idAt + length, from, to) !== 0) {
    out.otherIdAt = out.idAt;
    out.otherIdLength = out.idLength;
  }
  out.idAt = from;
  out.idLength = length;
  return true;
}
