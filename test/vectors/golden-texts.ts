/**
 * Texts and their octets, none of them from our own encoder: GSM 03.38, UTF-16BE, Latin-1, Latin-9, windows-1252 and UTF-8 as
 * Perl's Encode 3.19 writes them; the Turkish locking table (3GPP TS 23.038 A.3.1) as the npm package smpp 0.6.0-rc.4 has it.
 */
export interface GoldenText {
  readonly name: string;
  readonly text: string;
  /** data_coding of `hex`, SMPP v3.4 §5.2.19. */
  readonly dataCoding: number;
  readonly hex: string;
  /** Octets that belong together: an escape and what it escapes, a unit, a surrogate pair. Cut nowhere else. */
  readonly together: RegExp;
  /** National Language Identifier of the locking table; 0: the default alphabet. */
  readonly locking: number;
}

const SEPTETS = /1b..|../g;
const UNITS = /d[89ab]..d[c-f]..|..../g;
const OCTETS = /../g;

export const GOLDEN_TEXTS: readonly GoldenText[] = [
  {
    name: 'GSM with its extension table',
    text: 'Ext: €[]{}~^|\\ é@£Δ Ö§ ',
    dataCoding: 0,
    hex: '4578743a201b651b3c1b3e1b281b291b3d1b141b401b2f2005000110205c5f20',
    together: SEPTETS,
    locking: 0,
  },
  {
    name: 'nothing but escaped characters',
    text: '€[]{}~^|\\',
    dataCoding: 0,
    hex: '1b651b3c1b3e1b281b291b3d1b141b401b2f',
    together: SEPTETS,
    locking: 0,
  },
  {
    name: 'Turkish by its locking table',
    text: 'İyi günler, şöyle bir ağaç çığ ışık. ',
    dataCoding: 0,
    hex: '40796920677e6e6c65722c201d7c796c652062697220610c61602060070c20071d076b2e20',
    together: SEPTETS,
    locking: 1,
  },
  {
    name: 'Turkish in UCS-2',
    text: 'İyi günler, şöyle bir ağaç çığ ışık. ',
    dataCoding: 8,
    hex: '0130007900690020006700fc006e006c00650072002c0020015f00f60079006c0065002000620069007200200061011f006100e7002000e70131011f00200131015f0131006b002e0020',
    together: UNITS,
    locking: 0,
  },
  {
    name: 'Urdu',
    text: 'آپ کا کوڈ ہے، شکریہ۔ ',
    dataCoding: 8,
    hex: '0622067e002006a90627002006a906480688002006c106d2060c0020063406a9063106cc06c106d40020',
    together: UNITS,
    locking: 0,
  },
  {
    name: 'emoji, joined and of two letters',
    text: 'Hi 😀👩‍👩‍👧 ok🇹🇷 ',
    dataCoding: 8,
    hex: '004800690020d83dde00d83ddc69200dd83ddc69200dd83ddc670020006f006bd83cddf9d83cddf70020',
    together: UNITS,
    locking: 0,
  },
  {
    name: 'surrogate pairs at odd and even places',
    text: '𝄞a😀b𐍈',
    dataCoding: 8,
    hex: 'd834dd1e0061d83dde000062d800df48',
    together: UNITS,
    locking: 0,
  },
  {
    name: 'Latin-1',
    text: 'Grüße, ça va? ñ ',
    dataCoding: 3,
    hex: '4772fcdf652c20e7612076613f20f120',
    together: OCTETS,
    locking: 0,
  },
];

/** What peers mean by data_coding 0, and the same text in GSM 03.38 (or UTF-16BE, where that has not all of it). */
export const PEER_TEXTS = [
  {
    charset: 'ascii',
    text: 'Hello (5 > 4)',
    hex: '48656c6c6f202835203e203429',
    dataCoding: 0,
    kept: '48656c6c6f202835203e203429',
  },
  {
    charset: 'latin1',
    text: 'Grüße, ¿qué? ñ',
    hex: '4772fcdf652c20bf7175e93f20f1',
    dataCoding: 0,
    kept: '47727e1e652c20607175053f207d',
  },
  {
    charset: 'latin9',
    text: 'Preis: 5€ à Å',
    hex: '50726569733a2035a420e020c5',
    dataCoding: 0,
    kept: '50726569733a20351b65207f200e',
  },
  {
    charset: 'windows-1252',
    text: '5€ Straße',
    hex: '35802053747261df65',
    dataCoding: 0,
    kept: '351b6520537472611e65',
  },
  {
    charset: 'utf8',
    text: 'Grüße {€}',
    hex: '4772c3bcc39f65207be282ac7d',
    dataCoding: 0,
    kept: '47727e1e65201b281b651b29',
  },
  {
    charset: 'utf8',
    text: 'Привет 😀',
    hex: 'd09fd180d0b8d0b2d0b5d18220f09f9880',
    dataCoding: 8,
    kept: '041f044004380432043504420020d83dde00',
  },
  { charset: 'latin1', text: 'ça', hex: 'e761', dataCoding: 8, kept: '00e70061' },
] as const;
