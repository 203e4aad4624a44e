/**
 * A carrier's message ids as they are compared: the id of a submit_sm_resp and that of its receipt are often written
 * differently (other case, leading zeros, hexadecimal in one and decimal in the other; features B10, B11).
 */

/** How a carrier's receipts write the id that its responses gave (`carriers[].receipt_id`). */
export type ReceiptIdMode =
  | 'as-is'
  /** The response gives it in hexadecimal, the receipt in decimal. */
  | 'hex-to-decimal'
  /** The response gives it in decimal, the receipt in hexadecimal. */
  | 'decimal-to-hex';

/** The form in which ids are equal: upper case, without leading zeros or surrounding spaces and NULs. */
export function normalizeCarrierId(id: string): string {
  let from = 0;
  let end = id.length;
  while (end > from && isPadding(id.charCodeAt(end - 1))) end--;
  while (from < end - 1 && isLeading(id.charCodeAt(from))) from++;
  const trimmed = end - from === id.length ? id : id.slice(from, end);
  // Only ASCII changes case, as on octets.
  return hasLower(id, from, end) ? trimmed.replace(/[a-z]+/g, letters => letters.toUpperCase()) : trimmed;
}

function hasLower(id: string, from: number, end: number): boolean {
  for (let i = from; i < end; i++) {
    const code = id.charCodeAt(i);
    if (code >= 0x61 && code <= 0x7a) return true;
  }
  return false;
}

/**
 * The ids, normalized, that a response may have given for a receipt that says `id`: the likeliest first, 1 or 2. The id as
 * it stands is always among them, since some carriers convert it in one kind of receipt and not in another.
 */
export function candidates(id: string, mode: ReceiptIdMode): string[] {
  const asIs = normalizeCarrierId(id);
  const converted = mode === 'as-is' ? undefined : convert(asIs, mode);
  return converted === undefined || converted === asIs ? [asIs] : [converted, asIs];
}

/** The response's id out of the receipt's; undefined when that is no number of the base it should be in. */
function convert(id: string, mode: 'hex-to-decimal' | 'decimal-to-hex'): string | undefined {
  if (mode === 'hex-to-decimal') return DECIMAL.test(id) ? BigInt(id).toString(16).toUpperCase() : undefined;
  return HEX.test(id) ? BigInt(`0x${id}`).toString(10) : undefined;
}

const DECIMAL = /^\d+$/;
const HEX = /^[\dA-F]+$/;
const ZERO = 0x30;

/** Space, NUL, tab, line ends: what fixed-width fields are filled with. */
const isPadding = (octet: number): boolean => octet <= 0x20;
/** What does not count in front of an id; a last "0" does. */
const isLeading = (octet: number): boolean => octet === ZERO || isPadding(octet);

/** An id as one carrier gave it. */
export interface CarrierId {
  readonly carrier: string;
  readonly id: string;
}

/**
 * Under which ids the message of a receipt may be known, for one carrier: its own ids first, as they stand or converted,
 * then those of the carriers it shares receipts with (`receipt_group`, feature B12).
 */
export class ReceiptIds {
  readonly #carrier: string;
  readonly #mode: ReceiptIdMode;
  readonly #siblings: readonly string[];

  /** @param siblings carriers whose messages its receipts may be about, itself left out */
  constructor(carrier: string, mode: ReceiptIdMode, siblings: readonly string[]) {
    this.#carrier = carrier;
    this.#mode = mode;
    this.#siblings = siblings;
  }

  /** The likeliest one for a receipt that says `id`, an id of its own carrier. */
  first(id: string): string {
    return this.#mode === 'as-is' ? normalizeCarrierId(id) : candidates(id, this.#mode)[0]!;
  }

  /**
   * All further ones, the likelier first; undefined when there are none, which is the usual case.
   *
   * @param other the id in the receipt's text where its TLV says something else; '' when they agree
   */
  others(id: string, other: string): readonly CarrierId[] | undefined {
    if (this.#mode === 'as-is' && other === '' && this.#siblings.length === 0) return undefined;
    const ids = new Set(candidates(id, this.#mode));
    if (other !== '') for (const candidate of candidates(other, this.#mode)) ids.add(candidate);
    const all = [...ids];
    const found = all.slice(1).map(candidate => ({ carrier: this.#carrier, id: candidate }));
    for (const carrier of this.#siblings) for (const candidate of all) found.push({ carrier, id: candidate });
    return found.length === 0 ? undefined : found;
  }
}

/** Fewest digits at the end of two numbers that make them the same where one has a prefix more. */
const TAIL_DIGITS = 6;

/**
 * True when both octet ranges are one phone number: whatever "+" or zeros stand in front, and whether or not one of them
 * has its country's code. Carriers write the number in a receipt as they like.
 */
export function isSameNumber(
  a: Buffer,
  aAt: number,
  aLength: number,
  b: Buffer,
  bAt: number,
  bLength: number,
): boolean {
  const aFrom = significant(a, aAt, aLength);
  const bFrom = significant(b, bAt, bLength);
  const aDigits = aAt + aLength - aFrom;
  const bDigits = bAt + bLength - bFrom;
  const common = Math.min(aDigits, bDigits);
  if (common === 0 || (aDigits !== bDigits && common < TAIL_DIGITS)) return false;
  return a.compare(b, bAt + bLength - common, bAt + bLength, aAt + aLength - common, aAt + aLength) === 0;
}

function significant(buffer: Buffer, at: number, length: number): number {
  let from = at;
  while (from < at + length && (buffer[from] === PLUS || buffer[from] === ZERO)) from++;
  return from;
}

const PLUS = 0x2b;

/** Words of a hash. */
export const HASH_WORDS = 3;

/** A carrier's part of the hash: make it once per carrier. */
export function carrierSeed(carrier: string): number {
  let seed = 0x811c9dc5;
  for (let i = 0; i < carrier.length; i++) seed = Math.imul(seed ^ carrier.charCodeAt(i), 0x01000193);
  return finish(seed ^ carrier.length);
}

/**
 * 96 bits over (carrier, id), equal for ids that are equal when normalized. Nothing is allocated. Not secret: who gives the
 * ids are our carriers. Of 10 million ids, two share a hash with a chance of 10^-15.
 *
 * @param seed `carrierSeed` of its name
 * @param out receives HASH_WORDS unsigned words at `outAt`
 */
export function hashCarrierId(
  seed: number,
  buffer: Uint8Array,
  at: number,
  length: number,
  out: Uint32Array,
  outAt: number,
): void {
  let from = at;
  let end = at + length;
  while (end > from && isPadding(buffer[end - 1]!)) end--;
  while (from < end - 1 && isLeading(buffer[from]!)) from++;
  let a = seed;
  let b = seed ^ 0x9e3779b9;
  let c = seed ^ 0x3c6ef372;
  for (let i = from; i < end; i++) {
    const octet = buffer[i]!;
    const upper = octet >= 0x61 && octet <= 0x7a ? octet - 0x20 : octet;
    // Three rounds of MurmurHash3's kind, with constants of their own.
    a = Math.imul(rotated(a ^ Math.imul(upper + 1, 0xcc9e2d51), 13), 5) + 0x561ccd1b;
    b = Math.imul(rotated(b ^ Math.imul(upper + 1, 0x1b873593), 17), 9) + 0x0bcaa747;
    c = Math.imul(rotated(c ^ Math.imul(upper + 1, 0x38b34ae5), 11), 13) + 0x96cd1c35;
  }
  const octets = end - from;
  a = finish(a ^ octets);
  b = finish((b ^ octets) + a);
  c = finish((c ^ octets) + b);
  out[outAt] = a;
  out[outAt + 1] = b;
  out[outAt + 2] = c;
}

const rotated = (x: number, by: number): number => (x << by) | (x >>> (32 - by));

function finish(x: number): number {
  let h = x ^ (x >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
