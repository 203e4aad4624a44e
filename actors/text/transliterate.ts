import { DEFAULT_ALPHABET } from './gsm7.ts';

/**
 * Makes a text fit the GSM 7-bit default alphabet by the nearest characters it has: letters without their marks, plain
 * quotation marks and dashes. For carriers that charge or refuse UCS-2.
 */

/** What has no decomposition that would help. */
const NEAREST: Readonly<Record<string, string>> = {
  '\u2018': "'",
  '\u2019': "'",
  '\u201a': "'",
  '\u2032': "'",
  '`': "'",
  '\u00b4': "'",
  '\u201c': '"',
  '\u201d': '"',
  '\u201e': '"',
  '\u00ab': '"',
  '\u00bb': '"',
  '\u2033': '"',
  '\u2010': '-',
  '\u2011': '-',
  '\u2012': '-',
  '\u2013': '-',
  '\u2014': '-',
  '\u2212': '-',
  '\u2026': '...',
  '\u2022': '*',
  '\u00b7': '.',
  '\u00a0': ' ',
  '\u2009': ' ',
  '\u202f': ' ',
  '\u200b': '',
  '\u200e': '',
  '\u200f': '',
  '\ufeff': '',
  '\t': ' ',
  ł: 'l',
  Ł: 'L',
  đ: 'd',
  Đ: 'D',
  ı: 'i',
  œ: 'oe',
  Œ: 'OE',
  þ: 'th',
  Þ: 'TH',
  ð: 'd',
  Ð: 'D',
  ħ: 'h',
  Ħ: 'H',
  '\u00d7': 'x',
  '\u00a9': '(c)',
  '\u00ae': '(R)',
  '\u2122': 'TM',
  '\u2039': '<',
  '\u203a': '>',
  '\u00bd': '1/2',
  '\u00bc': '1/4',
  '\u00be': '3/4',
};

/** The text in characters of the default alphabet; undefined when one has nothing near it there (another script, an emoji). */
export function transliterate(text: string): string | undefined {
  let out = '';
  for (const character of text) {
    const near = DEFAULT_ALPHABET.length(character) >= 0 ? character : nearest(character);
    if (near === undefined) return undefined;
    out += near;
  }
  return out;
}

function nearest(character: string): string | undefined {
  const known = NEAREST[character];
  if (known !== undefined) return known;
  // Combining marks go: é is e and an acute.
  const bare = character.normalize('NFKD').replace(/\p{M}+/gu, '');
  if (bare === character) return bare === '' || DEFAULT_ALPHABET.length(bare) < 0 ? undefined : bare;
  return DEFAULT_ALPHABET.length(bare) < 0 ? undefined : bare;
}
