import { describe, expect, test } from 'vitest';
import { MOST_DEPTH, readJson } from '../../../../adapters/http/json.ts';
import { Problem } from '../../../../adapters/http/problem.ts';

function refusal(text: string): string {
  try {
    readJson(text);
  } catch (error) {
    if (error instanceof Problem) return `${error.status} ${error.message}`;
    throw error;
  }
  return 'taken';
}

describe('readJson', () => {
  test.each([
    '{}',
    '[]',
    'null',
    '"a:b"',
    '{"a":{"b":[1,{"c":":"}]},"d":"\\"a\\":1"}',
    '{"a":"\\\\","b":"\\\\\\""}',
    '{"a b":1, "__proto__":{"x":1}}',
    `${'['.repeat(MOST_DEPTH)}${']'.repeat(MOST_DEPTH)}`,
  ])('reads %s as JSON.parse does', text => {
    expect(readJson(text)).toEqual(JSON.parse(text));
  });

  test.each([
    ['{"a":1,"a":2}', '400 a key stands twice in one object'],
    ['[{"a":{"b":1,"c":[{"b":1,"b":1}]}}]', '400 a key stands twice in one object'],
    // The same key, written in two ways.
    ['{"a":1,"\\u0061":2}', '400 a key stands twice in one object'],
    ['', '400 the body is not JSON: it ends too early'],
    ['{"a":', '400 the body is not JSON: it ends too early'],
    ['{"a":"b', '400 the body is not JSON: wrong at position 7'],
    [' '.repeat(50) + '?' + ' '.repeat(50), '400 the body is not JSON: a character is out of place'],
    ['{"text":secret}', '400 the body is not JSON: a character is out of place'],
    ['{"a":"\ufffd"}', '400 the body is not UTF-8'],
    ['['.repeat(MOST_DEPTH + 1), `400 nested deeper than ${MOST_DEPTH} levels`],
  ])('refuses %j', (text, expected) => {
    expect(refusal(text)).toBe(expected);
  });

  test('looks at the nesting before it builds anything', () => {
    expect(refusal('{"a":'.repeat(100_000))).toBe(`400 nested deeper than ${MOST_DEPTH} levels`);
  });
});
