/**
 * UCS-2 as short messages have it, 3GPP TS 23.038 §6.2.3: 16 bits, the high octet first. What lies beyond the basic plane
 * (emoji) is sent as UTF-16 surrogates, which every phone of the last two decades shows.
 */

export function encodeUcs2(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16();
}

/** An odd octet at the end, and half of a surrogate pair, are U+FFFD. */
export function decodeUcs2(octets: Uint8Array): string {
  const even = octets.length & ~1;
  const text = Buffer.from(octets.subarray(0, even)).swap16().toString('utf16le').toWellFormed();
  return even === octets.length ? text : `${text}\ufffd`;
}

/** True for the first half of a pair: what follows must stay with it. */
export const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
