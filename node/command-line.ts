import { readFileSync } from 'node:fs';
import { runProgram } from '../adapters/cli/program.ts';
import { settingsReference } from '../adapters/config/reference.ts';
import { checkFile } from '../adapters/config/summary.ts';
import { openControl } from '../adapters/control/client.ts';
import { makePassword } from '../adapters/secrets/make-password.ts';
import { STATUSES } from '../adapters/smpp/codec/command-status.ts';
import { startNode } from './start.ts';

/** Runs one verb of the command line; here is where each of its parts comes from. @returns the exit code */
export function commandLine(argv: readonly string[]): Promise<number> {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };

  return runProgram(argv, {
    version,
    environment: process.env,
    startNode: options => startNode(options, version),
    // With it come the database's driver and more: no other verb waits for those.
    migrate: async options => (await import('./migrate.ts')).migrateDatabase(options),
    makePassword,
    errorTable: STATUSES,
    checkFile,
    settingsReference,
    openControl,
  });
}
