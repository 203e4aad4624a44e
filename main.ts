import { readFileSync } from 'node:fs';
import { runProgram } from './adapters/cli/program.ts';
import { checkRuntime } from './adapters/cli/process.ts';
import { startNode } from './node/start.ts';
import { migrateDatabase } from './node/migrate.ts';
import { checkFile } from './adapters/config/summary.ts';
import { openControl } from './adapters/control/client.ts';
import { makePassword } from './adapters/secrets/make-password.ts';
import { STATUSES } from './adapters/smpp/codec/command-status.ts';

/** The command line, and the one place that knows where each of its parts comes from. */
checkRuntime();
const { version } = JSON.parse(readFileSync(new URL('./package.json', import.meta.url), 'utf8')) as { version: string };

process.exitCode = await runProgram(process.argv.slice(2), {
  version,
  environment: process.env,
  startNode: options => startNode(options, version),
  migrate: migrateDatabase,
  makePassword,
  errorTable: STATUSES,
  checkFile,
  openControl,
});
