import { GOALS, verdictOf, type Goal, type Verdict } from '../goals.ts';
import type { Check, Outcome, Row, Scenario } from '../scenario.ts';
import type { Machine } from './machine.ts';
import { median, shown } from './stats.ts';

export interface Judged extends Row {
  readonly measured: number;
  readonly verdict: Verdict;
}

export function judge(row: Row): Judged {
  const measured = median(row.values);
  return { ...row, measured, verdict: verdictOf(GOALS[row.goal], measured, row.problems) };
}

const MARKS: Readonly<Record<Verdict, string>> = {
  goal: 'goal reached',
  floor: 'floor reached',
  'below the floor': 'BELOW THE FLOOR',
  invalid: 'INVALID',
};

export function headText(name: string, { title }: Scenario, machine: Machine, settings: readonly string[]): string {
  const { cpu, cores, memoryGb, kernel, node, folder, fileSystem, syncP50Us, syncP99Us, commit, at } = machine;
  return [
    `${name}: ${title}`,
    `commit ${commit}, ${at}, load before ${machine.loadBefore.toFixed(1)}`,
    `machine: ${cores} x ${cpu}, ${memoryGb} GB, Linux ${kernel}, Node.js ${node}`,
    `disk: ${folder} (${fileSystem}), fdatasync of 32 KB ${shown(syncP50Us)} µs p50, ${shown(syncP99Us)} µs p99`,
    ...settings,
    '',
  ].join('\n');
}

export function outcomeText(judged: readonly Judged[], outcome: Outcome, scenario: Scenario): string {
  const lines = [
    ...judged.flatMap(rowLines),
    ...outcome.checks.map(check => `${check.ok ? 'ok    ' : 'FAILED'} ${check.name}: ${check.detail}`),
    ...outcome.facts,
    '',
    ...[...new Set(outcome.warnings)].map(warning => `warning: ${warning}`),
    ...scenario.doesNotSay.map(line => `does not say: ${line}`),
  ];
  return `${lines.join('\n')}\n`;
}

function rowLines(row: Judged): string[] {
  const goal: Goal = GOALS[row.goal];
  const sign = goal.better === 'more' ? '≥' : '≤';
  const limit = (value: number): string => `${sign} ${shown(value)}${goal.unit}`;
  const figure = `${shown(row.measured)}${goal.unit}`;
  return [
    `${row.goal.padEnd(4)} ${figure.padEnd(10)} ${MARKS[row.verdict].padEnd(16)} (goal ${limit(goal.goal)}, floor ${limit(goal.floor)}): ${goal.what}`,
    ...row.values.map((value, i) => `       ${`${shown(value)}${goal.unit}`.padEnd(10)} ${row.details[i] ?? ''}`),
    ...[...new Set(row.problems)].map(problem => `       invalid: ${problem}`),
  ];
}

/** "N passed, N failed": a figure that reaches its floor has passed, and a check that holds. */
export function closingLine(judged: readonly Judged[], checks: readonly Check[]): { line: string; failed: number } {
  const good = [
    ...judged.map(row => row.verdict === 'goal' || row.verdict === 'floor'),
    ...checks.map(check => check.ok),
  ];
  const passed = good.filter(Boolean).length;
  const failed = good.length - passed;
  return { line: `${passed} passed, ${failed} failed`, failed };
}
