/**
 * The capacity harness: `npm run bench -- <scenario> [--runs 3] [--count 200000] [--json] [--node-arguments "--cpu-prof"]`,
 * and for `torture` also `[--seed 1] [--only nodes]`.
 * Scenarios are the files of `scenarios/`; `bench/README.md` says what they measure. Exit code 0: every figure is valid and
 * at its floor or better; 1: one is not; 2: wrong usage. The last line is "N passed, N failed".
 */
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { endAll } from './harness/children.ts';
import { describeMachine } from './harness/machine.ts';
import { closingLine, headText, judge, outcomeText } from './harness/report.ts';
import { compileSmppload } from './harness/smppload.ts';
import type { Outcome, Scenario } from './scenario.ts';

const FOLDER = new URL('./scenarios/', import.meta.url);

function names(): string[] {
  return readdirSync(FOLDER)
    .filter(file => file.endsWith('.ts'))
    .map(file => file.slice(0, -'.ts'.length))
    .sort();
}

function wrongUsage(line: string): never {
  console.error(
    `bench: ${line}\nusage: npm run bench -- SCENARIO [--runs N] [--count N] [--seed N] [--only PART] [--json] [--node-arguments "…"]`,
  );
  console.error(`scenarios: ${names().join(', ')}`);
  process.exit(2);
}

function readCommandLine(): { name: string; values: Record<string, string | boolean | undefined> } {
  try {
    const { positionals, values } = parseArgs({
      allowPositionals: true,
      options: {
        runs: { type: 'string' },
        count: { type: 'string' },
        seed: { type: 'string' },
        only: { type: 'string' },
        json: { type: 'boolean' },
        'node-arguments': { type: 'string' },
      },
    });
    const [name, ...more] = positionals;
    if (name === undefined) wrongUsage('which scenario?');
    if (more.length > 0) wrongUsage(`one scenario at a time, got also ${more.join(', ')}`);
    if (!names().includes(name)) wrongUsage(`there is no scenario ${name}`);
    return { name, values };
  } catch (error) {
    return wrongUsage((error as Error).message);
  }
}

function wholeNumber(option: string, text: string | boolean | undefined, most: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > most) {
    wrongUsage(`--${option}: expected a whole number from 1 to ${most}, got ${String(text)}`);
  }
  return value;
}

const { name, values } = readCommandLine();
const { scenario } = (await import(new URL(`./${name}.ts`, FOLDER).href)) as { scenario: Scenario };
const root = fileURLToPath(new URL('..', import.meta.url));
if (!existsSync('/proc/self/stat')) wrongUsage('it reads CPU times from /proc: Linux only');

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void endAll().then(() => process.exit(130)));
}

const runs = wholeNumber('runs', values['runs'], 100) ?? scenario.runs;
const count = wholeNumber('count', values['count'], 50_000_000) ?? scenario.count;
const seed = wholeNumber('seed', values['seed'], 1_000_000) ?? 1;
const only = values['only'] === undefined ? undefined : String(values['only']);
const nodeArguments = String(values['node-arguments'] ?? '')
  .split(' ')
  .filter(Boolean);

try {
  compileSmppload();
  const machine = describeMachine(root);
  const shownSettings = [
    `settings: ${runs} run(s), the middle one counts; ${count.toLocaleString('en-GB')} messages a run; 4 binds, window 500; carrier 2 binds, window 200; archive full`,
  ];
  if (!values['json']) console.log(headText(name, scenario, machine, shownSettings));
  const outcome: Outcome = await scenario.run({
    root,
    runs,
    count,
    seed,
    only,
    nodeArguments,
    note: line => console.error(`# ${line}`),
  });
  const judged = outcome.rows.map(judge);
  const { line, failed } = closingLine(judged, outcome.checks);
  if (values['json']) {
    const settings = { runs, count, nodeArguments };
    console.log(JSON.stringify({ scenario: name, machine, settings, ...outcome, rows: judged }));
  } else {
    console.log(`${outcomeText(judged, outcome, scenario)}\n${line}`);
  }
  process.exitCode = failed === 0 ? 0 : 1;
} catch (error) {
  console.error(`bench: ${(error as Error).message}`);
  console.log('0 passed, 1 failed');
  process.exitCode = 1;
} finally {
  await endAll();
}
