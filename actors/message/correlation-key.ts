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
  // Only ASCII changes case, as on octets.
  return id.slice(from, end).replace(/[a-z]+/g, letters => letters.toUpperCase());
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
