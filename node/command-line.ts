import { readFileSync } from 'node:fs';
import { runProgram } from '../adapters/cli/program.ts';
import { DEFAULT_DATA_DIR } from '../adapters/config/environment.ts';
import { openControl } from '../adapters/control/client.ts';
import { makePassword } from '../adapters/secrets/make-password.ts';
import { STATUSES } from '../adapters/smpp/codec/command-status.ts';

/** Runs one verb of the command line; here is where each of its parts comes from. @returns the exit code */
export function commandLine(argv: readonly string[]): Promise<number> {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };

  return runProgram(argv, {
    version,
    environment: process.env,
    // Whatever is large comes with the verb that needs it: the rest answer in 0.2 s rather than 0.5 s.
    startNode: async options => (await import('./start.ts')).startNode(options, version),
    migrate: async options => (await import('./migrate.ts')).migrateDatabase(options),
    checkFile: async (path, environment, known) =>
      (await import('../adapters/config/summary.ts')).checkFile(path, environment, known),
    settingsReference: async () => (await import('../adapters/config/reference.ts')).settingsReference(),
    defaultDataDir: DEFAULT_DATA_DIR,
    makePassword,
    errorTable: STATUSES,
    openControl,
  });
}
