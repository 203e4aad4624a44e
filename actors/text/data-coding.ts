/**
 * What `data_coding` says of a text, SMPP v3.4 §5.2.19. Up to 0x0F the meanings are SMPP's own; from 0x10 on it is the GSM
 * data coding scheme (3GPP TS 23.038 §4), which SMPP names for 0xC0 to 0xFF and the field uses for all of it: 0x10 is a
 * flash message in GSM 7-bit, 0x18 one in UCS-2.
 */

/** `binary`: octets that are no text. */
export type Charset =
  | 'gsm7'
  | 'ascii'
  | 'latin1'
  | 'ucs2'
  | 'cyrillic'
  | 'hebrew'
  | 'iso-2022-jp'
  | 'ks-c-5601'
  | 'binary'
  /** Named by the specification, but not what exactly: JIS (5, 13), pictograms (9), and what is reserved. */
  | 'unknown';

/** data_coding 0x00 to 0x0F. */
const SMPP_CHARSETS: readonly Charset[] = [
  'gsm7', // SMSC default alphabet: GSM 03.38 unless a carrier is set otherwise
  'ascii',
  'binary',
  'latin1',
  'binary',
  'unknown',
  'cyrillic',
  'hebrew',
  'ucs2',
  'unknown',
  'iso-2022-jp',
  'unknown',
  'unknown',
  'unknown',
  'ks-c-5601',
  'unknown',
];

export const DataCoding = { gsm7: 0, ascii: 1, binary: 4, latin1: 3, cyrillic: 6, hebrew: 7, ucs2: 8 } as const;

export function charsetOf(dataCoding: number): Charset {
  if (dataCoding < 0x10) return SMPP_CHARSETS[dataCoding]!;
  const dcs = parseDcs(dataCoding);
  if (dcs.compressed) return 'unknown';
  return dcs.alphabet === '8bit' ? 'binary' : dcs.alphabet === 'reserved' ? 'unknown' : dcs.alphabet;
}

export type DcsAlphabet = 'gsm7' | '8bit' | 'ucs2' | 'reserved';

/** A message waiting indication (§4, groups 1100 to 1110). */
export interface MessageWaiting {
  readonly store: boolean;
  readonly active: boolean;
  readonly type: 'voicemail' | 'fax' | 'email' | 'other';
}

/** A GSM data coding scheme, taken apart. */
export interface Dcs {
  readonly alphabet: DcsAlphabet;
  readonly compressed: boolean;
  /** 0 flash, 1 phone, 2 SIM, 3 terminal equipment. */
  readonly messageClass?: 0 | 1 | 2 | 3;
  /** To be deleted once read (§4, groups 0100 to 0111). */
  readonly autoDelete: boolean;
  readonly waiting?: MessageWaiting;
}

const ALPHABETS: readonly DcsAlphabet[] = ['gsm7', '8bit', 'ucs2', 'reserved'];
const WAITING_TYPES: readonly MessageWaiting['type'][] = ['voicemail', 'fax', 'email', 'other'];

/** Reads a data coding scheme, 0 to 255, as 3GPP TS 23.038 §4 has it (all of it: also 0x00 to 0x0F). */
export function parseDcs(dcs: number): Dcs {
  const group = dcs >>> 4;
  if (group < 0x8) {
    return {
      alphabet: ALPHABETS[(dcs >>> 2) & 3]!,
      compressed: (dcs & 0x20) !== 0,
      autoDelete: (dcs & 0x40) !== 0,
      ...((dcs & 0x10) === 0 ? {} : { messageClass: (dcs & 3) as 0 | 1 | 2 | 3 }),
    };
  }
  const plain = { compressed: false, autoDelete: false };
  if (group === 0xf) {
    return { ...plain, alphabet: (dcs & 4) === 0 ? 'gsm7' : '8bit', messageClass: (dcs & 3) as 0 | 1 | 2 | 3 };
  }
  // Reserved groups: "the receiving entity shall assume the GSM 7 bit default alphabet".
  if (group < 0xc) return { ...plain, alphabet: 'gsm7' };
  const waiting = { store: group !== 0xc, active: (dcs & 8) !== 0, type: WAITING_TYPES[dcs & 3]! };
  return { ...plain, alphabet: group === 0xe ? 'ucs2' : 'gsm7', waiting };
}

/**
 * The data coding scheme with these properties.
 *
 * @throws RangeError for what no scheme can say: a waiting indication with 8-bit data, a class, compression or deletion
 */
export function formatDcs(dcs: Dcs): number {
  const { alphabet, waiting } = dcs;
  if (waiting) {
    const plain = !dcs.compressed && !dcs.autoDelete && dcs.messageClass === undefined;
    const group = alphabet === 'ucs2' ? 0xe0 : waiting.store ? 0xd0 : 0xc0;
    if (!plain || (alphabet !== 'gsm7' && !(alphabet === 'ucs2' && waiting.store))) {
      throw new RangeError(
        'data coding: a message waiting indication has GSM 7-bit text, or stored UCS-2, and no more',
      );
    }
    return group | (waiting.active ? 8 : 0) | WAITING_TYPES.indexOf(waiting.type);
  }
  const messageClass = dcs.messageClass === undefined ? 0 : 0x10 | dcs.messageClass;
  const bits = (dcs.compressed ? 0x20 : 0) | (dcs.autoDelete ? 0x40 : 0);
  return bits | messageClass | (ALPHABETS.indexOf(alphabet) << 2);
}
