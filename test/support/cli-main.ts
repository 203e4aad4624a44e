import { runProgram } from '../../adapters/cli/program.ts';
import { openControl } from '../../adapters/control/client.ts';
import { makePassword } from '../../adapters/secrets/make-password.ts';

/** The command line as a program of its own, without a node behind `start` and `migrate`: what its tests spawn. */
process.exitCode = await runProgram(process.argv.slice(2), {
  version: '9.9.9',
  environment: process.env,
  startNode: async options => {
    if (options.config === undefined) throw new Error('the sample node wants a configuration file');
    console.log(`start ${options.config} ${options.environment['HELIOGRAPH_DATA_DIR']} apply=${options.apply}`);
  },
  migrate: async () => ({ applied: [], total: 3 }),
  errorTable: [
    { name: 'ESME_ROK', value: 0, retry: 'never', text: 'No error' },
    { name: 'ESME_RTHROTTLED', value: 0x58, retry: 'later', text: 'The peer sends faster than it may' },
  ],
  defaultDataDir: './data',
  makePassword,
  checkFile: async (path, environment, known) =>
    (await import('../../adapters/config/summary.ts')).checkFile(path, environment, known),
  settingsReference: async () => (await import('../../adapters/config/reference.ts')).settingsReference(),
  openControl,
});
