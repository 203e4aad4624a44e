import type { Command } from 'commander';
import { CommandFailure, Context, examples, withCommonOptions } from '../context.ts';
import type { CommonOptions } from '../context.ts';
import type { ErrorEntry, ProgramDeps } from '../deps.ts';
import { table } from '../output.ts';

const RETRY_TEXT = {
  never: 'the same message will be refused again',
  later: 'the same message may be accepted later',
  elsewhere: 'the same message may be accepted by another carrier',
} as const;

/** errors CODE: what a command_status means. */
export function addErrorsCommand(program: Command, deps: ProgramDeps): void {
  withCommonOptions(program.command('errors'))
    .description('what an SMPP command_status means')
    .argument('[code]', 'such as 0x58, 88, ESME_RTHROTTLED or throttled; none: all of them')
    .addHelpText('after', examples('errors 0x58', 'errors ESME_RTHROTTLED', 'errors --json'))
    .action((code: string | undefined, options: CommonOptions) => {
      const context = new Context(deps, options);
      if (code === undefined) {
        const rows = deps.errorTable.map(entry => [hex(entry.value), entry.name, entry.retry, entry.text]);
        context.print(deps.errorTable, table(['code', 'name', 'retry', 'meaning'], rows));
        return;
      }
      const entry = find(deps.errorTable, code);
      if (entry === undefined) {
        throw new CommandFailure(`no command_status "${code}" is known (npx heliograph errors lists all)`);
      }
      const head = `${hex(entry.value)} (${entry.value}) ${entry.name}`;
      context.print(entry, `${head}\n${entry.text}\nRetry: ${entry.retry}: ${RETRY_TEXT[entry.retry]}.`);
    });
}

const hex = (value: number): string => `0x${value.toString(16).padStart(8, '0')}`;

function find(entries: readonly ErrorEntry[], code: string): ErrorEntry | undefined {
  if (/^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(code)) return entries.find(entry => entry.value === Number(code));
  const name = code.toUpperCase();
  return entries.find(entry =>
    [entry.name, entry.name.replace(/^ESME_/, ''), entry.name.replace(/^ESME_R/, '')].includes(name),
  );
}
