import { DEFAULT_ALPHABET } from './gsm7.ts';
import { decodeLatin1, encodeLatin1 } from './latin1.ts';

/**
 * What a peer means by data_coding 0, the "SMSC default alphabet" (SMPP v3.4 §5.2.19): the specification leaves it to the
 * operator. Inside the system it is GSM 03.38, one septet an octet.
 */
export const PEER_CHARSETS = ['gsm7', 'ascii', 'latin1', 'latin9', 'windows-1252', 'utf8'] as const;
export type PeerCharset = (typeof PEER_CHARSETS)[number];

/** A peer's octets as text. What cannot be read is U+FFFD. */
export function decodePeer(octets: Uint8Array, charset: Exclude<PeerCharset, 'gsm7'>): string {
  switch (charset) {
    case 'ascii':
    case 'latin1':
      return decodeLatin1(octets);
    case 'latin9':
      return new TextDecoder('iso-8859-15').decode(octets);
    case 'windows-1252':
      return new TextDecoder('windows-1252').decode(octets);
    case 'utf8':
      return new TextDecoder('utf-8', { ignoreBOM: true }).decode(octets);
    default:
      return charset satisfies never;
  }
}

/**
 * A text in a peer's charset; undefined when that has not all of it.
 *
 * @param charset not a GSM one
 */
export function encodePeer(text: string, charset: Exclude<PeerCharset, 'gsm7'>): Buffer | undefined {
  switch (charset) {
    case 'ascii':
      return isAscii(text) ? Buffer.from(text, 'latin1') : undefined;
    case 'latin1':
      return encodeLatin1(text);
    case 'latin9':
      return encodeBy(text, LATIN9);
    case 'windows-1252':
      return encodeBy(text, WINDOWS);
    case 'utf8':
      return Buffer.from(text, 'utf8');
    default:
      return charset satisfies never;
  }
}

/** What the octets of a default-alphabet text say, one septet an octet: for conversion to a peer's charset. */
export const decodeGsm = (octets: Uint8Array): string => DEFAULT_ALPHABET.decode(octets);

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

/** Character → octet, for the charsets of one octet that only `TextDecoder` has tables of. */
const octetsOf = (label: string): ReadonlyMap<string, number> => {
  const decoder = new TextDecoder(label);
  return new Map(Array.from({ length: 256 }, (_, octet) => [decoder.decode(Uint8Array.of(octet)), octet]));
};
const LATIN9 = octetsOf('iso-8859-15');
const WINDOWS = octetsOf('windows-1252');

function encodeBy(text: string, octets: ReadonlyMap<string, number>): Buffer | undefined {
  const out = Buffer.allocUnsafe(text.length);
  for (let i = 0; i < text.length; i++) {
    const octet = octets.get(text[i]!);
    if (octet === undefined) return undefined;
    out[i] = octet;
  }
  return out;
}
