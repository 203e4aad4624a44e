import { Problem } from './problem.ts';

/** Deepest nesting of a body that is read. */
export const MOST_DEPTH = 16;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * Reads JSON as `JSON.parse` does, but refuses what makes two readers see two things: a key twice in one object, and
 * octets that are not UTF-8. The nesting is checked before anything is built.
 *
 * @param text decoded from UTF-8, with U+FFFD for what is none
 * @throws Problem `invalid-json`
 */
export function readJson(text: string): unknown {
  const members = countMembers(text);
  if (text.includes('\ufffd')) throw new Problem('invalid-json', 'the body is not UTF-8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Problem('invalid-json', `the body is not JSON: ${whereOf(error as Error)}`);
  }
  if (members !== membersOf(value)) throw new Problem('invalid-json', 'a key stands twice in one object');
  return value;
}

/** Colons outside strings: as many as the text has members, if it is JSON at all. @throws Problem when it is too deep */
function countMembers(text: string): number {
  let members = 0;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case QUOTE:
        i = endOfString(text, i);
        break;
      case COLON:
        members++;
        break;
      case OPEN_BRACKET:
      case OPEN_BRACE:
        if (++depth > MOST_DEPTH) throw new Problem('invalid-json', `nested deeper than ${MOST_DEPTH} levels`);
        break;
      case CLOSE_BRACKET:
      case CLOSE_BRACE:
        depth--;
        break;
    }
  }
  return members;
}

/** Where the string that opens at `at` closes; the end of the text when it does not. */
function endOfString(text: string, at: number): number {
  let end = at;
  for (;;) {
    end = text.indexOf('"', end + 1);
    if (end < 0) return text.length;
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === BACKSLASH) escapes++;
    if ((escapes & 1) === 0) return end;
  }
}

/** Members of all objects in a parsed value. */
function membersOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const children = Object.values(value);
  let count = Array.isArray(value) ? 0 : children.length;
  for (const child of children) if (typeof child === 'object') count += membersOf(child);
  return count;
}

/** Where the text stops being JSON, without the text itself, which V8's message quotes. */
function whereOf({ message }: Error): string {
  if (message.startsWith('Unexpected end')) return 'it ends too early';
  const at = / at position (\d+)/.exec(message);
  return at ? `wrong at position ${at[1]}` : 'a character is out of place';
}
