import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { DEFAULT_DATA_DIR, overrideByEnvironment } from './environment.ts';
import type { Environment, Overrides } from './environment.ts';
import { didYouMean, pathText, shown } from './problems.ts';
import type { Problem } from './problems.ts';
import { configurationSchema, SEED_KEYS } from './schema.ts';
import type { Configuration, Seed } from './schema.ts';
import { keysAt } from './schema-walk.ts';
import { checkNames, checkSeed, checkSettings } from './semantics.ts';
import { readSource } from './source-text.ts';
import type { Path, SourceText } from './source-text.ts';

export interface Loaded {
  /** Present exactly when `problems` is empty. Frozen, defaults filled in, numbers as international digits. */
  readonly configuration: Configuration | undefined;
  /** The sections of the file that seed the database, as far as the file gives them. */
  readonly seed: Seed | undefined;
  /** Also when there are problems; undefined only when the file cannot be read. */
  readonly dataDir: string | undefined;
  /** All of them, in the order of the file. */
  readonly problems: readonly Problem[];
  /** What is allowed and unwise. */
  readonly warnings: readonly Problem[];
}

export interface LoadOptions {
  readonly environment?: Environment;
  /** Names of destinations that exist besides those of the file: in the database of a running node. */
  readonly known?: ReadonlySet<string>;
}

const NOTHING = { configuration: undefined, seed: undefined, dataDir: undefined, warnings: [] };

/** Reads and checks the configuration file; without a path, the defaults and the environment. Never throws. */
export function loadConfiguration(path: string | undefined, options: LoadOptions = {}): Loaded {
  if (path === undefined) return parseConfiguration('', 'defaults', options);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const problem = { source: path, key: '', message: `cannot be read: ${(error as Error).message}` };
    return { ...NOTHING, problems: [problem] };
  }
  return parseConfiguration(text, path, options);
}

/** @param source how problems name the text: its file */
export function parseConfiguration(text: string, source: string, options: LoadOptions = {}): Loaded {
  const document = readSource(text);
  if (document.errors.length > 0) {
    const problems = document.errors.map(({ line, message }) => ({ source, line, key: '', message }));
    return { ...NOTHING, problems };
  }
  return check(document.value ?? {}, source, document, options);
}

/**
 * The same checks on data that is already parsed: what `apply` sends to the node.
 * @param source how problems name the data
 */
export function checkSeedData(data: unknown, source: string, known: ReadonlySet<string>): Loaded {
  return check(data, source, undefined, { known });
}

function check(data: unknown, source: string, document: SourceText | undefined, options: LoadOptions): Loaded {
  const { value, overrides, problems } = overrideByEnvironment(data, options.environment ?? {});
  const place: Place = (path, message) => locate(path, message, source, document, overrides);
  const findings = checkNames(value, options.known);
  const result = configurationSchema.safeParse(value);
  let configuration: Configuration | undefined;
  let seed: Seed | undefined;
  if (result.success) {
    configuration = deepFreeze(result.data) as Configuration;
    seed = seedOf(configuration, value as object);
    findings.push(...checkSettings(configuration), ...checkSeed(seed));
  } else {
    for (const issue of result.error.issues) problems.push(...describe(issue, value, place));
  }
  const warnings: Problem[] = [];
  for (const { path, message, severity } of findings) {
    (severity === 'problem' ? problems : warnings).push(place(path, message));
  }
  if (problems.length > 0) [configuration, seed] = [undefined, undefined];
  const dataDir = dataDirOf(value);
  return { configuration, seed, dataDir, problems: inOrder(problems), warnings: inOrder(warnings) };
}

function seedOf(configuration: Configuration, given: object): Seed {
  return Object.fromEntries(SEED_KEYS.filter(key => key in given).map(key => [key, configuration[key]]));
}

function dataDirOf(value: unknown): string {
  const given = (value as { data_dir?: unknown }).data_dir;
  return typeof given === 'string' && given !== '' ? given : DEFAULT_DATA_DIR;
}

type Place = (path: Path, message: string) => Problem;

function describe(issue: z.core.$ZodIssue, root: unknown, place: Place): Problem[] {
  const path = issue.path as (string | number)[];
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(configurationSchema, path, root);
    return issue.keys.map(key => place([...path, key], `unknown key${didYouMean(key, known)}`));
  }
  const got = valueAt(root, path);
  const quotes = typeof got === 'number' && /^text|digits|name/.test(issue.message) ? ' (put it in quotes)' : '';
  return [place(path, `expected ${issue.message}, got ${shown(got, path)}${quotes}`)];
}

function locate(
  path: Path,
  message: string,
  source: string,
  document: SourceText | undefined,
  overrides: Overrides,
): Problem {
  const variable = overrides.get(path.join('.'));
  if (variable !== undefined) return { source: variable, key: '', message };
  const problem = { source, key: pathText(path), message };
  return document === undefined ? problem : { ...problem, line: document.lineOf(path) };
}

function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const step of path) value = (value as Record<string | number, unknown> | null | undefined)?.[step];
  return value;
}

/** A routing table out of the wrong file has a problem a line: this many are told, and how many more there are. */
const MOST_TOLD = 1000;

function inOrder(problems: Problem[]): Problem[] {
  problems.sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  if (problems.length <= MOST_TOLD) return problems;
  const more = problems.length - MOST_TOLD;
  const source = problems[0]?.source ?? '';
  return [...problems.slice(0, MOST_TOLD), { source, key: '', message: `and ${more} more problems` }];
}

function deepFreeze(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  for (const child of Object.values(value)) deepFreeze(child);
  return Object.freeze(value);
}
