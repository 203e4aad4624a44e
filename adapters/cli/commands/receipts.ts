import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import type { NodeControl, RepushInfo } from '../../../actors/node-control.ts';
import { CommandFailure, Context, examples, withCommonOptions } from '../context.ts';
import type { CommonOptions } from '../context.ts';
import type { ProgramDeps } from '../deps.ts';
import { count } from '../output.ts';

interface RepushOptions extends CommonOptions {
  readonly account: string;
  readonly from: number;
  readonly to: number;
  readonly run?: string;
  readonly rate?: number;
  readonly wait: boolean;
}

const LOOK_MS = 300;

/** receipts repush, flush. */
export function addReceiptCommands(program: Command, deps: ProgramDeps): void {
  const receipts = program
    .command('receipts')
    .description('delivery receipts of accounts')
    .addHelpText('after', examples('receipts repush --account shop --from 2026-11-26 --to 2026-11-27'));

  withCommonOptions(receipts.command('repush'))
    .description('send the receipts of a time range to an account once more, from the archive')
    .requiredOption('--account <system_id>', 'whose')
    .requiredOption('--from <time>', 'of what ended then or later: 2026-11-26, or 2026-11-26T14:30:00Z', time)
    .requiredOption('--to <time>', 'and before', time)
    .option('--run <name>', 'a name for it: asked for again, it goes on where it was, and does nothing twice')
    .option('--rate <n>', 'receipts a second (500 when not given)', rate)
    .option('--no-wait', 'do not wait until all are in the queue')
    .addHelpText(
      'after',
      examples(
        'receipts repush --account shop --from 2026-11-26 --to 2026-11-27',
        'receipts repush --account shop --from 2026-11-26T14:00:00Z --to 2026-11-26T15:00:00Z --run ticket-4711',
      ),
    )
    .action((options: RepushOptions) => repush(new Context(deps, options), options));

  withCommonOptions(receipts.command('flush'))
    .description(
      "answer carriers' receipts that wait for an id nobody knows, without waiting on; they are counted as unmatched",
    )
    .addHelpText('after', examples('receipts flush'))
    .action(async (options: CommonOptions) => {
      const context = new Context(deps, options);
      const result = await (await context.control()).flushReceipts();
      context.print(result, `${count(result.flushed)} receipts waited for the id they name: they are answered now`);
    });
}

async function repush(context: Context, options: RepushOptions): Promise<void> {
  const { account, from, to, run, rate: perSecond } = options;
  const control = await context.control();
  const begun = await control.repushReceipts({ account, from, to, run, rate: perSecond });
  if (!options.wait) {
    context.print(begun, `run ${begun.run}: ${said(begun)}`);
    return;
  }
  context.note(`run ${begun.run}`);
  const ended = await waited(control, begun);
  context.print(ended, `run ${ended.run}: ${said(ended)}`);
  if (ended.state === 'stopped') throw new CommandFailure(`the run ${ended.run} stopped: ask for it again`, [], true);
}

async function waited(control: NodeControl, begun: RepushInfo): Promise<RepushInfo> {
  let state = begun;
  while (state.state === 'running') {
    await sleep(LOOK_MS);
    state = await control.repushed(begun.run);
  }
  return state;
}

function said({ account, state, pushed, problem }: RepushInfo): string {
  const far = `${count(pushed)} receipts pushed to ${account}`;
  return state === 'done' ? far : `${far} so far, ${state}${problem === '' ? '' : `: ${problem}`}`;
}

function time(value: string): number {
  const at = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/.test(value)
    ? Date.parse(value)
    : NaN;
  if (Number.isNaN(at))
    throw new InvalidArgumentError('Expected a day, 2026-11-26 (UTC), or a time with its zone, 2026-11-26T14:30:00Z.');
  return at;
}

function rate(value: string): number {
  const perSecond = Number(value);
  if (!/^\d+$/.test(value) || perSecond < 1 || perSecond > 100_000) {
    throw new InvalidArgumentError('Expected a whole number from 1 to 100000.');
  }
  return perSecond;
}
