/**
 * A commit against the tree as it is, in one run: `node bench/compare.ts BASE [p1 | p2 | micro/NAME] [--runs 5] [--count 200000]
 * [--rate N]`. Fresh processes, in alternating order; the middle values are compared and all of them shown. With `p1` and
 * `p2` both are loaded by this tree's harness, with `p2` both at the same rate: half of what BASE reaches, unless it is given.
 * A `micro/…` is each tree's own.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, realpathSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { endAll, keepTrackOf } from './harness/children.ts';
import { commitOf } from './harness/machine.ts';
import { runNode } from './harness/pairs.ts';
import { compileSmppload } from './harness/smppload.ts';
import { median, shown } from './harness/stats.ts';
import type { Bench } from './scenario.ts';
import { latencyRun } from './scenarios/p2.ts';

const USAGE = 'usage: node bench/compare.ts BASE [p1 | p2 | micro/NAME] [--runs N] [--count N] [--rate N]';
const tree = fileURLToPath(new URL('..', import.meta.url));

/** What a node of each is loaded with; everything else is a micro bench. */
const LOADS: readonly string[] = ['p1', 'p2'];

/** What one run gives: figures by what they are. */
type Figures = Readonly<Record<string, number>>;

function fail(line: string, code: number): never {
  console.error(`compare: ${line}`);
  process.exit(code);
}

interface CommandLine {
  readonly base: string;
  readonly what: string;
  readonly runs: number;
  readonly count: number;
  /** Messages/s of `p2`; undefined: half of what the base reaches. */
  readonly rate: number | undefined;
}

function readCommandLine(): CommandLine {
  try {
    const { positionals, values } = parseArgs({
      allowPositionals: true,
      options: {
        runs: { type: 'string', default: '5' },
        count: { type: 'string', default: '200000' },
        rate: { type: 'string' },
      },
    });
    const [base, what = 'p1', ...more] = positionals;
    const [runs, count] = [Number(values.runs), Number(values.count)];
    if (base === undefined || more.length > 0) fail(USAGE, 2);
    const rate = values.rate === undefined ? undefined : Number(values.rate);
    if (!LOADS.includes(what) && !existsSync(join(tree, 'bench', `${what}.ts`)))
      fail(`there is no bench/${what}.ts`, 2);
    for (const [name, value] of Object.entries({ runs, count, ...(rate === undefined ? {} : { rate }) })) {
      if (!Number.isInteger(value) || value < 1) fail(`--${name}: expected a whole number above 0, got ${value}`, 2);
    }
    return { base, what, runs, count, rate };
  } catch (error) {
    return fail(`${(error as Error).message}\n${USAGE}`, 2);
  }
}

const git = (...args: string[]): string =>
  execFileSync('git', args, { cwd: tree, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();

/** Checks the base out beside this tree, with this tree's dependencies. */
function checkOut(base: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'hg-base-'));
  keepTrackOf(folder);
  const root = join(folder, 'base');
  git('worktree', 'add', '--detach', root, base);
  symlinkSync(realpathSync(join(tree, 'node_modules')), join(root, 'node_modules'));
  if (readFileSync(join(root, 'package-lock.json'), 'utf8') !== readFileSync(join(tree, 'package-lock.json'), 'utf8')) {
    console.error(`# ${base} has other dependencies: it runs with those of this tree`);
  }
  return root;
}

const bench = (root: string, count: number): Bench => ({
  root,
  runs: 1,
  count,
  seed: 1,
  only: undefined,
  nodeArguments: [],
  note: () => undefined,
});

async function loaded(root: string, count: number): Promise<Figures> {
  const { node, secondStartMs } = await runNode(bench(root, count));
  if (node.problems.length > 0) throw new Error(`${root}: ${node.problems.join('; ')}`);
  return {
    'messages/s': node.load.dlr_per_s,
    'accepted/s': node.load.ack_per_s,
    'CPU µs a message': node.cpuUsPerMessage,
    'database µs a message': node.databaseUsPerMessage,
    'second start, ms': secondStartMs,
    'memory, MB': node.memoryMb,
  };
}

async function answered(root: string, count: number, rate: number): Promise<Figures> {
  const run = await latencyRun(bench(root, count), rate);
  if (run.problems.length > 0) throw new Error(`${root}: ${run.problems.join('; ')}`);
  const { ack_ms, ack_per_s } = run.load;
  return {
    'accepted/s': ack_per_s,
    'submit_sm to its response, p50, ms': ack_ms.p50,
    'submit_sm to its response, p99, ms': ack_ms.p99,
    'submit_sm to its response, most, ms': ack_ms.max,
    'CPU µs a message': run.cpuUsInRun,
  };
}

/** Every number that a micro bench prints, named by its line's wording and its place in it. */
function micro(root: string, what: string): Figures {
  const out = execFileSync(process.execPath, [join(root, 'bench', `${what}.ts`)], { cwd: root, encoding: 'utf8' });
  const figures: Record<string, number> = {};
  for (const line of out.split('\n')) {
    for (const [i, match] of [...line.matchAll(/(?<![\w.])\d[\d,]*(?:\.\d+)?/g)].entries()) {
      const wording = line.trim().replaceAll(/\d[\d,.]*/g, '#');
      const place = `${wording} [${i + 1}]`;
      let name = place;
      for (let again = 2; name in figures; again++) name = `${place} (${again})`;
      figures[name] = Number(match[0].replaceAll(',', ''));
    }
  }
  return figures;
}

const { base, what, runs, count, rate } = readCommandLine();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void endAll().then(() => process.exit(130)));
}
try {
  compileSmppload();
  const root = checkOut(base);
  const offered = what === 'p2' ? (rate ?? (await loaded(root, count))['messages/s']! / 2) : 0;
  if (what === 'p2') console.error(`# both at ${shown(offered)}/s`);
  const measure = (at: string): Figures | Promise<Figures> => {
    if (what === 'p1') return loaded(at, count);
    return what === 'p2' ? answered(at, count, offered) : micro(at, what);
  };
  const [before, after]: [Figures[], Figures[]] = [[], []];
  for (let run = 0; run < runs; run++) {
    console.error(`# run ${run + 1} of ${runs}`);
    if (run % 2 === 0) before.push(await measure(root));
    after.push(await measure(tree));
    if (run % 2 === 1) before.push(await measure(root));
  }
  console.log(`${what}: ${commitOf(root)} (${base}) against ${commitOf(tree)}, ${runs} run(s), the middle ones\n`);
  for (const name of Object.keys(after[0]!)) {
    const [old, now] = [before, after].map(all => all.map(figures => figures[name] ?? NaN)) as [number[], number[]];
    // A number that never changes is a setting.
    if (new Set([...old, ...now]).size === 1) continue;
    const ratio = median(now) / median(old);
    console.log(
      `${shown(median(old)).padStart(9)} → ${shown(median(now)).padStart(9)}  × ${ratio.toFixed(3)}  ${name}`,
    );
    console.log(`          ${old.map(shown).join(' ')} | ${now.map(shown).join(' ')}`);
  }
} catch (error) {
  console.error(`compare: ${(error as Error).message}`);
  process.exitCode = 1;
} finally {
  await endAll();
  git('worktree', 'prune');
}
