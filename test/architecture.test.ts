import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

/** The rules on imports (who may see whom: the README's map of folders), and on what no file may hold. Read from the tree as it is. */

const root = fileURLToPath(new URL('..', import.meta.url));
const CODE_FOLDERS = ['node', 'runtime', 'actors', 'adapters', 'control-panel', 'drizzle', 'bench', 'test'];
const SKIPPED = new Set(['node_modules', '.git', 'dist', 'data', 'tmp']);

function filesUnder(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : filesUnder(path);
    return entry.isFile() ? [relative(root, path)] : [];
  });
}

function isCode(path: string): boolean {
  return /\.tsx?$/.test(path) && !path.endsWith('.d.ts');
}

interface Import {
  readonly from: string;
  /** As written. */
  readonly specifier: string;
  /** Path from the root, for an import of ours. */
  readonly target: string | undefined;
  /** Erased before it runs, so it cannot make a cycle at run time. */
  readonly typeOnly: boolean;
  /** A file that is loaded by `new URL(…, import.meta.url)`: the entry of a thread. */
  readonly byUrl: boolean;
}

// Static and dynamic imports, re-exports, and files that are loaded by URL (worker entries).
const STATEMENT = /^\s*(import|export)(\s+type)?\b[^;'"`]*?\bfrom\s*['"]([^'"]+)['"]/gm;
const BARE_OR_DYNAMIC = /\bimport\s*\(?\s*['"]([^'"]+)['"]/g;
const BY_URL = /new URL\(\s*['"](\.[^'"]+\.tsx?)['"]\s*,\s*import\.meta\.url/g;

function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
}

function importsOf(path: string): Import[] {
  const source = withoutComments(readFileSync(join(root, path), 'utf8'));
  const found: Import[] = [];
  const add = (specifier: string, typeOnly: boolean, byUrl = false): void => {
    const target = specifier.startsWith('.') ? posix.normalize(posix.join(dirname(path), specifier)) : undefined;
    found.push({ from: path, specifier, target, typeOnly, byUrl });
  };
  for (const [, , type, specifier] of source.matchAll(STATEMENT)) add(specifier!, type !== undefined);
  for (const [, specifier] of source.matchAll(BARE_OR_DYNAMIC)) add(specifier!, false);
  for (const [, specifier] of source.matchAll(BY_URL)) add(specifier!, false, true);
  return found;
}

const atRoot = readdirSync(root, { withFileTypes: true }).flatMap(entry => (entry.isFile() ? [entry.name] : []));
const files = [...CODE_FOLDERS.flatMap(folder => filesUnder(join(root, folder))), ...atRoot.filter(isRoot)].filter(
  isCode,
);
const imports = files.flatMap(importsOf);

/** `adapters/smpp`, `control-panel/web`, `runtime`: the parts that the rule speaks of. */
function partOf(path: string): string {
  const [top, second] = path.split('/');
  if (top === 'adapters' || top === 'control-panel') return `${top}/${second}`;
  return top!;
}

// Files that the composition root starts as threads are parts of it.
const entries = new Set(imports.flatMap(({ from, byUrl, target }) => (byUrl && isRoot(from) ? (target ?? []) : [])));

function isRoot(path: string): boolean {
  return path === 'main.ts' || path.startsWith('node/');
}

/** The composition root (`main.ts`, `node/`, the worker entries that they name), and what measures and tests. */
function seesAll(path: string): boolean {
  return isRoot(path) || entries.has(path) || path.startsWith('bench/') || path.startsWith('test/');
}

/** What each part may import beside itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  runtime: [],
  actors: ['runtime'],
  drizzle: ['runtime'],
  adapters: ['runtime', 'actors', 'drizzle'],
  'control-panel/server': ['runtime', 'actors', 'drizzle'],
  'control-panel/web': ['control-panel/server'],
};

// An actor's shell is the actor's own: others reach its ports, messages and pure parts. Its types they may name.
const ACTOR_SHELL = /^actors\/.*-actor\.ts$/;

/** Why an import is against the rule; undefined when it is allowed. */
function violation(from: string, target: string, typeOnly: boolean): string | undefined {
  const [mine, theirs] = [partOf(from), partOf(target)];
  if (seesAll(from) || mine === theirs) return undefined;
  const allowed = MAY_IMPORT[mine] ?? MAY_IMPORT[mine.split('/')[0]!];
  if (allowed === undefined) return `no rule for ${mine}: give it one`;
  if (seesAll(target) || !allowed.includes(theirs))
    return `${mine} may import ${allowed.join(', ') || 'nothing of ours'}`;
  return ACTOR_SHELL.test(target) && !typeOnly ? 'an actor is reached by its ports and messages' : undefined;
}

/** The first cycle of imports that remain at run time, as a path of files. */
function findCycle(): string[] | undefined {
  const next = new Map<string, string[]>();
  for (const { from, target, typeOnly, specifier } of imports) {
    if (target === undefined || typeOnly || !specifier.endsWith('.ts')) continue;
    next.set(from, [...(next.get(from) ?? []), target]);
  }
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const target of next.get(file) ?? []) {
      const cycle = visit(target, [...path, file]);
      if (cycle !== undefined) return cycle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of files) {
    const cycle = visit(file, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

describe('imports', () => {
  test('are found by the parser of this test', () => {
    const own = importsOf('test/architecture.test.ts').map(({ specifier }) => specifier);
    expect(own).toEqual(['node:fs', 'node:path', 'node:url', 'vitest']);
    expect(imports.length).toBeGreaterThan(files.length);
  });

  test('follow the rule of the folders', () => {
    const found = imports.flatMap(({ from, target, typeOnly }) => {
      const why = target === undefined ? undefined : violation(from, target, typeOnly);
      return why === undefined ? [] : [`${from} imports ${target}: ${why}`];
    });
    expect(found).toEqual([]);
  });

  test('of our own files name a file that is there, with its ending', () => {
    const found = imports.filter(({ target }) => target !== undefined && !existsSync(join(root, target)));
    expect(found.map(({ from, specifier }) => `${from} imports ${specifier}`)).toEqual([]);
    const endings = imports.filter(({ specifier, from }) => specifier.startsWith('.') && !from.includes('/web/'));
    const bad = endings.filter(({ specifier }) => !/\.(ts|json|mjs|cjs|js)$/.test(specifier));
    expect(bad.map(({ from, specifier }) => `${from} imports ${specifier}`)).toEqual([]);
  });

  test('make no cycle at run time', () => {
    expect(findCycle()).toBeUndefined();
  });

  test('of packages are those that package.json names', () => {
    const { dependencies, devDependencies, optionalDependencies } = JSON.parse(
      readFileSync(join(root, 'package.json'), 'utf8'),
    ) as Record<string, Record<string, string> | undefined>;
    const running = new Set([...Object.keys(dependencies ?? {}), ...Object.keys(optionalDependencies ?? {})]);
    const developing = new Set([...running, ...Object.keys(devDependencies ?? {})]);
    const found = imports.filter(({ from, specifier }) => {
      // `import ${…}`: a test that writes a module, not one that imports it.
      if (specifier.startsWith('.') || specifier.startsWith('node:') || specifier.startsWith('${')) return false;
      const parts = specifier.split('/');
      const name = specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0]!;
      const known = /^(bench|test)\/|^control-panel\/web\/|\.config\.ts$/.test(from) ? developing : running;
      return !known.has(name);
    });
    expect(found.map(({ from, specifier }) => `${from} imports ${specifier}`)).toEqual([]);
  });
});

describe('the rule itself', () => {
  test.each([
    ['runtime/timers.ts', 'actors/message/draft.ts', false],
    ['actors/bind/bind-actor.ts', 'runtime/timers.ts', true],
    ['actors/bind/bind-actor.ts', 'adapters/smpp/codec/decode.ts', false],
    ['actors/bind/bind-actor.ts', 'actors/route/route-messages.ts', true],
    ['adapters/smpp/connection.ts', 'actors/message/draft.ts', true],
    ['adapters/smpp/connection.ts', 'actors/bind/bind-actor.ts', false],
    ['adapters/smpp/connection.ts', 'adapters/http/app.ts', false],
    ['adapters/smpp/connection.ts', 'adapters/smpp/codec/decode.ts', true],
    ['adapters/archive/copy.ts', 'drizzle/schema/messages.ts', true],
    ['control-panel/server/app.ts', 'actors/ports.ts', true],
    ['control-panel/server/app.ts', 'drizzle/db.ts', true],
    ['control-panel/server/app.ts', 'adapters/http/app.ts', false],
    ['control-panel/web/app.tsx', 'control-panel/server/app.ts', true],
    ['control-panel/web/app.tsx', 'runtime/clock.ts', false],
    ['drizzle/migrate.ts', 'actors/ports.ts', false],
    ['runtime/timers.ts', 'main.ts', false],
    ['actors/ports.ts', 'test/support/wait-until.ts', false],
    ['main.ts', 'adapters/http/app.ts', true],
    ['node/worker.ts', 'actors/bind/bind-actor.ts', true],
    ['actors/bind/bind-actor.ts', 'node/worker.ts', false],
    ['test/unit/x.test.ts', 'adapters/http/app.ts', true],
  ])('%s may import %s: %s', (from, target, allowed) => {
    expect(violation(from, target, false) === undefined).toBe(allowed);
  });
});

describe('no file', () => {
  const texts = [...CODE_FOLDERS, 'docs', 'bin', '.ci']
    .flatMap(folder => filesUnder(join(root, folder)))
    .concat(atRoot)
    .filter(path => /\.(tsx?|md|json|ya?ml|sql|sh|css|html)$|^\.ci\/|^bin\//.test(path));

  function holding(pattern: RegExp, among: readonly string[]): string[] {
    return among.flatMap(path => {
      const lines = readFileSync(join(root, path), 'utf8').split('\n');
      return lines.flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : []));
    });
  }

  test('has a default export, but for configuration files of tools', () => {
    const code = files.filter(path => !path.endsWith('.config.ts'));
    expect(holding(/^\s*export\s+default\b/, code)).toEqual([]);
  });

  test('names a path of one machine', () => {
    // Put together here, so that this file does not hold them.
    const paths = ['work', 'home', 'Users'].map(name => `/${name}/`).join('|');
    expect(holding(new RegExp(`(^|[\\s'"\`(=:])(${paths})`), texts)).toEqual([]);
  });

  test('of dependencies names where one machine gets them from', () => {
    const [lock] = texts.filter(path => path === 'package-lock.json');
    const resolved = holding(/"resolved": "(?!https:\/\/registry\.npmjs\.org\/)/, lock === undefined ? [] : [lock]);
    expect(resolved).toEqual([]);
  });

  test('is longer than 500 lines, tests and tables apart', () => {
    const code = files.filter(path => !path.startsWith('test/') && !path.startsWith('drizzle/migrations/'));
    const long = code.filter(path => readFileSync(join(root, path), 'utf8').split('\n').length > 501);
    expect(long).toEqual([]);
  });
});
