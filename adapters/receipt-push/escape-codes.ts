/** What Kannel's escape codes stand for; each is encoded as it is put in. */
export interface EscapeFields {
  /** %d */
  readonly kind: number;
  /** %p and %P: the phone, and who sent the message to it. Kannel's report comes from the phone. */
  readonly phone: string;
  readonly sender: string;
  /** %t and %T, ms since 1970. */
  readonly at: number;
  /** %i, %I, %F */
  readonly carrier: string;
  readonly id: string;
  readonly foreignId: string;
  /** %A and %b; %a, %k, %s, %S and %r are of its words. */
  readonly reply: string;
  /** %n, %o */
  readonly service: string;
  readonly account: string;
  /** %R */
  readonly url: string;
  /** %D and %#group#name#: by group, the values by name, all of them Latin-1 octets. */
  readonly meta: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/**
 * Fills Kannel's escape codes into a URL (Kannel 1.4.5 user's guide, "Parameters (Escape Codes)", and `gw/urltrans.c`, which says
 * how each is encoded). A report has no coding, class, validity and the like: those codes give what Kannel gives for it.
 */
export function fillEscapeCodes(pattern: string, fields: EscapeFields): string {
  const words = fields.reply.split(/[ \t\n\v\f\r]+/).filter(word => word !== '');
  /** The next word for %s and %S: the first is the keyword. */
  let next = 1;
  let out = '';
  for (let at = 0; at < pattern.length;) {
    if (pattern[at] !== '%' || at + 1 === pattern.length) {
      out += pattern[at++];
      continue;
    }
    const code = pattern[at + 1]!;
    at += 2;
    if (code === 's' || code === 'S') {
      const word = words[next] ?? '';
      if (next < words.length) next++;
      // A URL that somebody has sent: neither is it encoded.
      out += code === 's' ? encoded(word) : word.replaceAll('*', '~');
    } else if (code === 'r') {
      out += words.slice(next).map(encoded).join('+');
    } else if (code === '#') {
      const named = /^([^#]*)#([^#]*)#/.exec(pattern.slice(at));
      if (!named) continue;
      at += named[0].length;
      out += encoded(fields.meta[named[1]!]?.[named[2]!] ?? '');
    } else {
      out += CODES[code]?.(fields, words) ?? `%${code}`;
    }
  }
  return out;
}

type Code = (fields: EscapeFields, words: readonly string[]) => string;

const CODES: Readonly<Record<string, Code>> = {
  d: ({ kind }) => String(kind),
  p: ({ phone }) => encoded(phone),
  P: ({ sender }) => encoded(sender),
  q: ({ phone }) => encoded(withPlus(phone)),
  Q: ({ sender }) => encoded(withPlus(sender)),
  t: ({ at }) => new Date(at).toISOString().slice(0, 19).replace('T', '+'),
  T: ({ at }) => String(Math.floor(at / 1000)),
  i: ({ carrier }) => encoded(carrier),
  I: ({ id }) => encoded(id),
  F: ({ foreignId }) => encoded(foreignId),
  A: ({ reply }) => encoded(reply),
  b: ({ reply }) => encoded(reply),
  a: (_fields, words) => words.map(encoded).join('+'),
  k: (_fields, words) => encoded(words[0] ?? ''),
  n: ({ service }) => encoded(service),
  o: ({ account }) => encoded(account),
  R: ({ url }) => encoded(url),
  D: ({ meta }) => encoded(metaText(meta)),
  // Not defined in a report.
  c: () => '-1',
  m: () => '-1',
  M: () => '-1',
  C: () => 'UTF-8',
  O: () => '00',
  u: () => '',
  B: () => '',
  f: () => '',
  v: () => '',
  V: () => '',
  '%': () => '%',
};

/** An international number that begins with 00 as it is written with "+". */
const withPlus = (number: string): string => (number.startsWith('00') ? `+${number.slice(2)}` : number);

/** `?group?name=value&name=value&` for each group. */
function metaText(meta: EscapeFields['meta']): string {
  return Object.entries(meta)
    .map(
      ([group, values]) =>
        `?${group}?${Object.entries(values)
          .map(([name, value]) => `${name}=${encoded(value)}&`)
          .join('')}`,
    )
    .join('');
}

/** As Kannel encodes (`gwlib/octstr.c`): RFC 2396's marks stay, a space is "+", octets are in capitals. @param text Latin-1 */
function encoded(text: string): string {
  return text.replace(/[^0-9A-Za-z\-_.!~*'()]/g, character => {
    if (character === ' ') return '+';
    return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  });
}
