import { Command, CommanderError } from 'commander';
import { ControlError } from '../../actors/node-control.ts';
import { addAccountCommands } from './commands/accounts.ts';
import { addCarrierCommands } from './commands/carriers.ts';
import { addErrorsCommand } from './commands/errors.ts';
import { addMessageCommands } from './commands/messages.ts';
import { addNodeCommands } from './commands/node.ts';
import { addReceiptCommands } from './commands/receipts.ts';
import { CommandFailure, examples, UsageError } from './context.ts';
import type { ProgramDeps } from './deps.ts';

/** Exit codes, kept stable: 0 done, 1 failed, 2 wrong usage. */
export const EXIT = { done: 0, failed: 1, usage: 2 } as const;

/** The command line with all its verbs. It throws instead of ending the process: `runProgram` makes exit codes of that. */
export function createProgram(deps: ProgramDeps): Command {
  const program = new Command('heliograph')
    .description('An SMSC: accepts messages, keeps them safe, routes them, tells their fate')
    .version(deps.version, '-V, --version')
    .helpCommand('help [verb]', 'how to use a verb')
    .exitOverride()
    .showSuggestionAfterError()
    .addHelpText('after', examples('start', 'send --to 447700900123 --text "Hello"', 'status', 'help send'));
  addNodeCommands(program, deps);
  addMessageCommands(program, deps);
  addAccountCommands(program, deps);
  addCarrierCommands(program, deps);
  addReceiptCommands(program, deps);
  addErrorsCommand(program, deps);
  return program;
}

/**
 * Runs one verb. @param argv what follows the program's name
 * @returns the exit code; after `start` the process lives on until the node ends
 */
export async function runProgram(argv: readonly string[], deps: ProgramDeps): Promise<number> {
  const program = createProgram(deps);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return EXIT.done;
  } catch (error) {
    return report(error, argv.includes('--json'));
  }
}

function report(error: unknown, json: boolean): number {
  // The parser has said what was wrong; asking for help or the version is no error.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  const details = error instanceof ControlError || error instanceof CommandFailure ? error.details : [];
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof ControlError ? error.code : error instanceof UsageError ? 'usage' : 'failed';
  const answered = error instanceof CommandFailure && error.answered;
  if (json && !answered) console.log(JSON.stringify({ error: { code, message, details } }, null, 2));
  if (!json) for (const line of [...details, `heliograph: ${message}`]) console.error(line);
  return error instanceof UsageError ? EXIT.usage : EXIT.failed;
}
