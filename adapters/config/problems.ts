import type { Path } from './source-text.ts';

/** One thing that is wrong with a configuration, as an operator reads it. */
export interface Problem {
  /** The file, or the environment variable, it comes from. */
  readonly source: string;
  /** 1-based; absent for an environment variable or a text without lines. */
  readonly line?: number;
  /** Such as `accounts[0].window`; empty for the text as a whole. */
  readonly key: string;
  /** What was expected and what was found. Never a password or a key. */
  readonly message: string;
}

/** `heliograph.yaml:14: accounts[0].window: expected a whole number from 1 to 65535, got "many"` */
export function formatProblem(problem: Problem): string {
  const place = problem.line === undefined ? problem.source : `${problem.source}:${problem.line}`;
  return [place, problem.key, problem.message].filter(part => part !== '').join(': ');
}

export function pathText(path: Path): string {
  let key = '';
  for (const step of path) key += typeof step === 'number' ? `[${step}]` : key === '' ? step : `.${step}`;
  return key;
}

const SECRETS = new Set(['password', 'key', 'url']);

/** The value found, short enough for a line, and without secrets. */
export function shown(value: unknown, path: Path): string {
  if (value === undefined || value === null) return 'nothing';
  if (typeof value === 'string') {
    if (SECRETS.has(String(path.at(-1)))) return `text of ${value.length} characters`;
    return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  }
  if (typeof value === 'number' || typeof value === 'bigint') {
    return SECRETS.has(String(path.at(-1))) ? 'a number' : `the number ${value}`;
  }
  if (typeof value === 'boolean') return String(value);
  return Array.isArray(value) ? 'a list' : 'a map';
}

/** ` (did you mean "window"?)`, or nothing when no word is near. */
export function didYouMean(word: string, known: Iterable<string>): string {
  let best = '';
  let bestDistance = Math.min(3, Math.ceil(word.length / 2)) + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best === '' ? '' : ` (did you mean "${best}"?)`;
}

/** Levenshtein: insertions, deletions and replacements that make one word of the other. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const replace = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replace, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[to.length]!;
}
