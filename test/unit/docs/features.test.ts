import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));

test('the tests that docs/features.md names are there, and each row names one', () => {
  const rows = readFileSync(`${root}docs/features.md`, 'utf8')
    .split('\n')
    .filter(line => /^\| [A-Z]\d/.test(line));
  expect(rows.length).toBeGreaterThan(20);
  const named = rows.map(row => [...row.matchAll(/`((?:unit|integration)\/[\w/-]+)`/g)].map(([, path]) => path!));
  expect(rows.filter((_, i) => named[i]!.length === 0)).toEqual([]);
  expect(named.flat().filter(path => !existsSync(`${root}test/${path}.test.ts`))).toEqual([]);
});
