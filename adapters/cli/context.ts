import type { Command } from 'commander';
import type { NodeControl } from '../../actors/node-control.ts';
import type { Environment, ProgramDeps, StartOptions } from './deps.ts';

/** The options that every verb has. */
export interface CommonOptions {
  readonly json?: boolean;
  readonly config?: string;
  readonly data?: string;
}

/** A verb that did not succeed, with what is said about it: exit code 1. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly details: readonly string[];
  /** True when the answer for programs has been printed: it says what failed. */
  readonly answered: boolean;
  constructor(message: string, details: readonly string[] = [], answered = false) {
    super(message);
    this.details = details;
    this.answered = answered;
  }
}

/** Wrong use of a verb that the option parser cannot see: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What a verb works with: its common options, applied. */
export class Context {
  readonly deps: ProgramDeps;
  readonly json: boolean;
  /** The configuration file, by `--config` or HELIOGRAPH_CONFIG. */
  readonly config: string | undefined;
  readonly environment: Environment;

  constructor(deps: ProgramDeps, options: CommonOptions) {
    const { environment } = deps;
    this.deps = deps;
    this.json = options.json ?? false;
    this.config = options.config ?? (environment['HELIOGRAPH_CONFIG'] || undefined);
    this.environment = options.data === undefined ? environment : { ...environment, HELIOGRAPH_DATA_DIR: options.data };
  }

  /** The node on the data folder that the options, the environment or the file name. */
  async control(): Promise<NodeControl> {
    return this.deps.openControl(await this.#dataDir());
  }

  start(apply: boolean): StartOptions {
    return { config: this.config, environment: this.environment, apply };
  }

  /** The answer: `value` for programs, `text` for people. */
  print(value: unknown, text: string): void {
    console.log(this.json ? JSON.stringify(value, null, 2) : text);
  }

  /** Something by the way, for people; programs find it in the answer. */
  note(text: string): void {
    if (!this.json) console.error(text);
  }

  async #dataDir(): Promise<string> {
    const given = this.environment['HELIOGRAPH_DATA_DIR'];
    if (given) return given;
    if (this.config === undefined) return this.deps.defaultDataDir;
    // Other problems of the file do not matter here: the folder is all that is asked of it.
    const { dataDir, problems } = await this.deps.checkFile(this.config, this.environment, []);
    if (dataDir !== undefined) return dataDir;
    throw new CommandFailure(`${this.config} does not say where the data folder is`, problems);
  }
}

export function withCommonOptions(command: Command): Command {
  return command
    .option('--json', 'answer in JSON')
    .option('--config <file>', 'configuration file, YAML or JSON (default: HELIOGRAPH_CONFIG, or none)')
    .option('--data <folder>', 'data folder (default: HELIOGRAPH_DATA_DIR, the file, or ./data)');
}

/** The text after a verb's options, with commands to copy. */
export function examples(...lines: readonly string[]): string {
  return ['', 'Examples:', ...lines.map(line => `  $ npx heliograph ${line}`)].join('\n');
}
