import type { NodeControl } from '../../actors/node-control.ts';

/** The environment variables a verb sees, with `--data` written over them. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface StartOptions {
  /** The configuration file; undefined: the defaults. */
  readonly config: string | undefined;
  readonly environment: Environment;
  /** Upsert accounts, carriers, routes … of the file although this is not the first start. */
  readonly apply: boolean;
}

/** A configuration file, checked. */
export interface CheckedFile {
  /** undefined when the file cannot be read. */
  readonly dataDir: string | undefined;
  /** The sections that `apply` takes, as the file gives them. */
  readonly seed: Readonly<Record<string, unknown>>;
  /** Entries by section. */
  readonly counts: Readonly<Record<string, number>>;
  /** One line each, file and line first; empty: the file is valid. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** A row of the table of command_status values (SMPP v3.4 §5.1.3). */
export interface ErrorEntry {
  readonly name: string;
  readonly value: number;
  readonly retry: 'never' | 'later' | 'elsewhere';
  readonly text: string;
}

export interface MigrateResult {
  /** Names of the migrations this call applied, oldest first. */
  readonly applied: readonly string[];
  /** How many the database has now. */
  readonly total: number;
}

/** What the command line is made of. `main.ts` is the only place that knows where each part comes from. */
export interface ProgramDeps {
  readonly version: string;
  readonly environment: Environment;
  /** Resolves when the node has come up; the process then lives on. Throws an Error with one line for people. */
  readonly startNode: (options: StartOptions) => Promise<void>;
  readonly migrate: (options: StartOptions) => Promise<MigrateResult>;
  /** Where neither options nor environment nor a file say otherwise. */
  readonly defaultDataDir: string;
  readonly makePassword: (length: number) => string;
  readonly errorTable: readonly ErrorEntry[];
  /** @param known names of destinations that exist besides those of the file */
  readonly checkFile: (
    path: string | undefined,
    environment: Environment,
    known: readonly string[],
  ) => Promise<CheckedFile>;
  /** All settings of the file, as Markdown. */
  readonly settingsReference: () => Promise<string>;
  /** @throws ControlError `no-node` */
  readonly openControl: (dataDir: string) => NodeControl;
}
