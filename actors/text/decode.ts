import { charsetOf, type Charset } from './data-coding.ts';
import { alphabetOf } from './gsm7.ts';
import { decodeLatin1 } from './latin1.ts';
import { addressesPort, languagesOf, parseUdh } from './udh.ts';
import { decodeUcs2 } from './ucs2.ts';

/** Names the WHATWG Encoding Standard has for the charsets that are left to `TextDecoder`. */
const LABELS: Partial<Record<Charset, string>> = {
  cyrillic: 'iso-8859-5',
  hebrew: 'iso-8859-8-i',
  'iso-2022-jp': 'iso-2022-jp',
  'ks-c-5601': 'euc-kr',
};

/**
 * The text of a message, for people and for API callers; undefined when it is none that can be told: binary, for a port,
 * compressed, or of a character set that the specification leaves open. What cannot be read in it is U+FFFD.
 *
 * @param bytes the user data; GSM 7-bit with one septet an octet, as SMPP has it
 * @param udhPresent true when it starts with a header (esm_class & UDHI); a damaged header makes it undefined
 */
export function decodeText(bytes: Uint8Array, dataCoding: number, udhPresent: boolean): string | undefined {
  const charset = charsetOf(dataCoding);
  if (!udhPresent) return decodeIn(bytes, charset, 0, 0);
  const header = parseUdh(bytes);
  if (!header || addressesPort(header)) return undefined;
  const { locking, single } = languagesOf(header);
  return decodeIn(bytes.subarray(header.length), charset, locking, single);
}

function decodeIn(bytes: Uint8Array, charset: Charset, locking: number, single: number): string | undefined {
  switch (charset) {
    case 'gsm7':
      return alphabetOf(locking, single).decode(bytes);
    case 'ascii':
    case 'latin1':
      return decodeLatin1(bytes);
    case 'ucs2':
      return decodeUcs2(bytes);
    case 'binary':
    case 'unknown':
      return undefined;
    case 'cyrillic':
    case 'hebrew':
    case 'iso-2022-jp':
    case 'ks-c-5601':
      return new TextDecoder(LABELS[charset]).decode(bytes);
    default:
      return charset satisfies never;
  }
}
