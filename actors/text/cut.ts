import type { Charset } from './data-coding.ts';
import { isHighSurrogate } from './ucs2.ts';

/**
 * Octets of a text cut where no character is: neither between an escape and what it escapes (3GPP TS 23.038 §6.2.1.1), nor in a
 * unit of UCS-2, nor in a surrogate pair. What the octets mean beyond that is not looked at, so nothing in them is changed.
 */

/** What must not be cut: a `septet` stands in an octet of its own, as SMPP has them. */
export type Unit = 'septet' | 'ucs2' | 'octet';

const ESCAPE = 0x1b;

/** The unit of a charset; undefined for one whose characters have more octets than one, in ways not known here. */
export function unitOf(charset: Charset): Unit | undefined {
  switch (charset) {
    case 'gsm7':
      return 'septet';
    case 'ucs2':
      return 'ucs2';
    case 'ascii':
    case 'latin1':
    case 'cyrillic':
    case 'hebrew':
    case 'binary':
      return 'octet';
    case 'iso-2022-jp':
    case 'ks-c-5601':
    case 'unknown':
      return undefined;
    default:
      return charset satisfies never;
  }
}

/**
 * Octets of such text that a message holds, as SMPP carries them (a septet takes a whole octet there).
 *
 * @param headerOctets of the user data header, its length octet included; 0 without one
 * @param messageOctets that header and text may have together on the air
 */
export function capacityOf(unit: Unit, headerOctets: number, messageOctets: number): number {
  const left = messageOctets - headerOctets;
  if (left <= 0) return 0;
  // The text starts on a septet boundary behind the header (3GPP TS 23.040 §9.2.3.24).
  if (unit === 'septet') return Math.floor((left * 8) / 7);
  return unit === 'ucs2' ? left & ~1 : left;
}

/** Where a text may be cut, and how much its last part holds. */
export interface Cutting {
  /** Characters (`charactersOf`) that a part ends behind, if it has one of them; none: anywhere. */
  readonly after: ReadonlySet<number>;
  /** Octets of the last part, `most` or more: it has no suffix. */
  readonly last: number;
}

/**
 * Where the parts of `octets` end, each of at most `most` octets; one part of an empty text.
 *
 * @param most 2 or more; 4 or more for UCS-2
 */
export function cutOctets(octets: Uint8Array, unit: Unit, most: number, cutting?: Cutting): number[] {
  const ends: number[] = [];
  let at = 0;
  do {
    if (cutting && octets.length - at <= cutting.last) at = octets.length;
    else at = endBehind(octets, unit, at, endOfPart(octets, unit, at, most), cutting?.after);
    ends.push(at);
  } while (at < octets.length);
  return ends;
}

/** The last place up to `end` behind one of these characters; `end` where there is none. */
function endBehind(octets: Uint8Array, unit: Unit, from: number, end: number, after?: ReadonlySet<number>): number {
  if (after === undefined || after.size === 0 || end === octets.length) return end;
  let found = end;
  let at = from;
  while (at < end) {
    const length = lengthOf(octets, unit, at);
    if (after.has(characterAt(octets, at, length))) found = at + length;
    at += length;
  }
  return found;
}

/** Octets of the character at `at`. */
function lengthOf(octets: Uint8Array, unit: Unit, at: number): number {
  if (unit === 'septet') return octets[at] === ESCAPE && at + 1 < octets.length ? 2 : 1;
  if (unit === 'octet') return 1;
  return isHighSurrogate((octets[at]! << 8) | octets[at + 1]!) && at + 4 <= octets.length ? 4 : 2;
}

/** Its octets as one number. */
function characterAt(octets: Uint8Array, at: number, length: number): number {
  let code = 0;
  for (let i = at; i < at + length; i++) code = code * 256 + octets[i]!;
  return code;
}

/** The characters of a text of that unit, as `Cutting` has them. */
export function charactersOf(octets: Uint8Array, unit: Unit): Set<number> {
  const characters = new Set<number>();
  for (let at = 0; at < octets.length;) {
    const length = lengthOf(octets, unit, at);
    characters.add(characterAt(octets, at, length));
    at += length;
  }
  return characters;
}

function endOfPart(octets: Uint8Array, unit: Unit, from: number, most: number): number {
  const end = from + most;
  if (end >= octets.length) return octets.length;
  if (unit === 'septet') return escapesBefore(octets, from, end) % 2 === 1 ? end - 1 : end;
  if (unit === 'ucs2') return isHighSurrogate((octets[end - 2]! << 8) | octets[end - 1]!) ? end - 2 : end;
  return end;
}

/** How many escapes stand right before `end`: an odd one escapes what comes next. */
function escapesBefore(octets: Uint8Array, from: number, end: number): number {
  let count = 0;
  while (end - count > from && octets[end - 1 - count] === ESCAPE) count++;
  return count;
}
