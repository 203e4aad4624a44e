import { LOCKING, SINGLE } from './national-tables.ts';

/**
 * The GSM 7-bit alphabets, 3GPP TS 23.038 §6.2.1: the default alphabet with its extension table, and those with national
 * language tables in the place of either. Septets are handled one to an octet, as SMPP carries them in data_coding 0;
 * `packSeptets` makes the form they have on the air.
 */

const ESCAPE = 0x1b;
/** In `#codes`: the character is behind an escape. */
const ESCAPED = 0x80;
/** The escape's own code, which is no character's. */
const ABSENT = ESCAPE;

/** §6.2.1, Figure 1. */
const DEFAULT_TABLE =
  '@£$¥èéùìòÇ\nØø\rÅå' +
  'Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ' +
  ' !"#¤%&\'()*+,-./' +
  '0123456789:;<=>?' +
  '¡ABCDEFGHIJKLMNO' +
  'PQRSTUVWXYZÄÖÑÜ§' +
  '¿abcdefghijklmno' +
  'pqrstuvwxyzäöñüà';

/** §6.2.1.1. */
const DEFAULT_EXTENSION =
  '\0\0\0\0\0\0\0\0\0\0\f\0\0\0\0\0' +
  '\0\0\0\0^\0\0\0\0\0\0\x1b\0\0\0\0' +
  '\0\0\0\0\0\0\0\0{}\0\0\0\0\0\\' +
  '\0\0\0\0\0\0\0\0\0\0\0\0[~]\0' +
  '|\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0' +
  '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0' +
  '\0\0\0\0\0€';

/** A National Language Identifier (§6.2.1.2.4); 0: the default tables. */
export type Language = number;
/** Highest language that has tables. */
export const LANGUAGE_LIMIT = 13;

/** A pair of tables, ready to encode and decode with. */
export class Gsm7Alphabet {
  readonly locking: Language;
  readonly single: Language;
  /** Code → character, '' where there is none. */
  readonly #basic: readonly string[];
  readonly #extension: readonly string[];
  /** UTF-16 unit → code, with ESCAPED; ABSENT where there is none. All characters lie in the basic plane. */
  readonly #codes = new Uint8Array(0x1_0000).fill(ABSENT);

  constructor(locking: Language, single: Language) {
    this.locking = locking;
    this.single = single;
    this.#basic = characters(LOCKING[locking] ?? DEFAULT_TABLE);
    this.#extension = characters(SINGLE[single] ?? DEFAULT_EXTENSION);
    // Basic characters last: they are shorter. Of several codes for a character the lowest is taken.
    for (let code = 127; code >= 0; code--) this.#set(this.#extension[code], code | ESCAPED);
    for (let code = 127; code >= 0; code--) this.#set(this.#basic[code], code);
  }

  /** Septets the UTF-16 unit takes: 1, or 2 behind an escape; 0 when the alphabet does not have it. */
  septetsOf(unit: number): number {
    const code = this.#codes[unit]!;
    if (code === ABSENT) return 0;
    return code >= ESCAPED ? 2 : 1;
  }

  /** Septets that a text takes, -1 when the alphabet does not have all of it. */
  length(text: string): number {
    let septets = 0;
    for (let i = 0; i < text.length; i++) {
      const more = this.septetsOf(text.charCodeAt(i));
      if (more === 0) return -1;
      septets += more;
    }
    return septets;
  }

  /** A text in septets, one to an octet; undefined when the alphabet does not have all of it. */
  encode(text: string): Buffer | undefined {
    const length = this.length(text);
    if (length < 0) return undefined;
    const out = Buffer.allocUnsafe(length);
    let at = 0;
    for (let i = 0; i < text.length; i++) {
      const code = this.#codes[text.charCodeAt(i)]!;
      if (code >= ESCAPED) out[at++] = ESCAPE;
      out[at++] = code & 0x7f;
    }
    return out;
  }

  /**
   * The text of septets, one to an octet. As §6.2.1.1 says for what it does not know: behind an escape, a code without a
   * character there is the basic one, two escapes are a space, and so is one at the end. What no table has, and octets
   * above 127, are U+FFFD.
   */
  decode(septets: Uint8Array): string {
    let text = '';
    for (let i = 0; i < septets.length; i++) {
      let code = septets[i]!;
      if (code !== ESCAPE) {
        text += this.#character(code);
        continue;
      }
      if (++i === septets.length) return `${text} `;
      code = septets[i]!;
      text += code === ESCAPE ? ' ' : (this.#extension[code] ?? '') || this.#character(code);
    }
    return text;
  }

  #character(code: number): string {
    return (this.#basic[code] ?? '') || '\ufffd';
  }

  #set(character: string | undefined, code: number): void {
    if (character !== undefined && character !== '') this.#codes[character.charCodeAt(0)] = code;
  }
}

function characters(table: string): string[] {
  return Array.from(table, (character, code) => (character === '\0' || code === ESCAPE ? '' : character));
}

export const DEFAULT_ALPHABET = new Gsm7Alphabet(0, 0);

const ALPHABETS = new Map<number, Gsm7Alphabet>([[0, DEFAULT_ALPHABET]]);

/** The alphabet with these tables; a language that has none, or is not known, is the default one. Made once each. */
export function alphabetOf(locking: Language, single: Language): Gsm7Alphabet {
  const lock = LOCKING[locking] === undefined ? 0 : locking;
  const shift = SINGLE[single] === undefined ? 0 : single;
  const key = lock * 256 + shift;
  let alphabet = ALPHABETS.get(key);
  if (!alphabet) ALPHABETS.set(key, (alphabet = new Gsm7Alphabet(lock, shift)));
  return alphabet;
}

/**
 * Septets as they go on the air, §6.1.2.1.1: seven bits each, the first in the low bits of the first octet.
 *
 * @param fillBits 0 to 6 zero bits before the first, so that it starts on a septet boundary behind a header
 */
export function packSeptets(septets: Uint8Array, fillBits = 0): Buffer {
  const out = Buffer.alloc(Math.ceil((septets.length * 7 + fillBits) / 8));
  let bit = fillBits;
  for (let i = 0; i < septets.length; i++) {
    const value = (septets[i]! & 0x7f) << (bit & 7);
    const at = bit >>> 3;
    out[at]! |= value;
    if (value > 0xff) out[at + 1]! |= value >>> 8;
    bit += 7;
  }
  return out;
}

/**
 * The septets in packed octets, one to an octet.
 *
 * @param count how many; 8 octets of 7 septets and of 8 look alike, so only the sender's count tells. No more than the
 *   octets hold are given
 */
export function unpackSeptets(packed: Uint8Array, count: number, fillBits = 0): Buffer {
  const most = Math.max(0, Math.floor((packed.length * 8 - fillBits) / 7));
  const out = Buffer.alloc(Math.min(count, most));
  for (let i = 0; i < out.length; i++) {
    const bit = i * 7 + fillBits;
    const at = bit >>> 3;
    out[i] = ((packed[at]! | ((packed[at + 1] ?? 0) << 8)) >>> (bit & 7)) & 0x7f;
  }
  return out;
}
