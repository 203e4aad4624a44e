import type { GoalId } from './goals.ts';

/** What a scenario is given. */
export interface Bench {
  /** Folder of the tree whose `main.ts` is measured. */
  readonly root: string;
  readonly runs: number;
  /** Messages a run. */
  readonly count: number;
  /** Of runs that differ by a seed, the first one's: the others follow it. */
  readonly seed: number;
  /** The part of the scenario to run; undefined: all of them. */
  readonly only: string | undefined;
  /** More arguments for the Node.js that runs the node: `--cpu-prof` and the like. */
  readonly nodeArguments: readonly string[];
  /** Says what is being done, on stderr. */
  readonly note: (line: string) => void;
}

/** A figure that has a goal, measured once or more; the middle one counts. */
export interface Row {
  readonly goal: GoalId;
  /** One a run. */
  readonly values: readonly number[];
  /** What each of them was made of, for people. */
  readonly details: readonly string[];
  /** Losses, duplicates and the like: with any of these the figure is worth nothing. */
  readonly problems: readonly string[];
}

/** Something that holds or does not. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

export interface Outcome {
  readonly rows: readonly Row[];
  readonly checks: readonly Check[];
  /** For information. */
  readonly facts: readonly string[];
  /** All that was measured, as it came: for `--json`. */
  readonly raw: readonly unknown[];
  /** What a reader should know of this run: other programs were busy, the rate was not reached. */
  readonly warnings: readonly string[];
}

/** A file of `scenarios/` exports one as `scenario`; its name is the file's. */
export interface Scenario {
  /** One line. */
  readonly title: string;
  /** Defaults of `--runs` and `--count`. */
  readonly runs: number;
  readonly count: number;
  /** What the figures do not say. */
  readonly doesNotSay: readonly string[];
  readonly run: (bench: Bench) => Promise<Outcome>;
}

/** One outcome of several, in order. */
export function together(outcomes: readonly Outcome[]): Outcome {
  return {
    rows: outcomes.flatMap(outcome => outcome.rows),
    checks: outcomes.flatMap(outcome => outcome.checks),
    facts: outcomes.flatMap(outcome => outcome.facts),
    raw: outcomes.flatMap(outcome => outcome.raw),
    warnings: outcomes.flatMap(outcome => outcome.warnings),
  };
}
