import type { Environment } from './environment.ts';
import { loadConfiguration } from './load.ts';
import { formatProblem } from './problems.ts';
import { SEED_KEYS } from './schema.ts';
import type { Seed } from './schema.ts';

/** A configuration file as the command line shows and sends it. */
export interface FileSummary {
  /** undefined when the file cannot be read. */
  readonly dataDir: string | undefined;
  readonly seed: Seed;
  /** Entries by section. */
  readonly counts: Readonly<Record<string, number>>;
  /** One line each. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** @param known names of destinations that exist besides those of the file */
export function checkFile(path: string | undefined, environment: Environment, known: readonly string[]): FileSummary {
  const loaded = loadConfiguration(path, { environment, known: new Set(known) });
  const seed = loaded.seed ?? {};
  return {
    dataDir: loaded.dataDir,
    seed,
    counts: Object.fromEntries(SEED_KEYS.map(key => [key, seed[key]?.length ?? 0])),
    problems: loaded.problems.map(formatProblem),
    warnings: loaded.warnings.map(formatProblem),
  };
}
