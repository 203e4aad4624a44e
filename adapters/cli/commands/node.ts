import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { isAlive } from '../../../runtime/is-alive.ts';
import { CommandFailure, Context, examples, withCommonOptions } from '../context.ts';
import type { CommonOptions } from '../context.ts';
import type { ProgramDeps } from '../deps.ts';
import { count, plural } from '../output.ts';

/** start, check-config, apply, drain, migrate: the life of a node. */
export function addNodeCommands(program: Command, deps: ProgramDeps): void {
  withCommonOptions(program.command('start'))
    .description('run a node on this machine until it is stopped (SIGTERM, Ctrl-C, drain)')
    .option('--apply', 'write accounts, carriers, routes … of the file at this start too, not only at the first')
    .addHelpText('after', examples('start', 'start --config heliograph.yaml', 'start --config heliograph.yaml --apply'))
    .action(async (options: CommonOptions & { apply?: boolean }) => {
      const context = new Context(deps, options);
      await deps.startNode(context.start(options.apply ?? false));
    });

  withCommonOptions(program.command('check-config'))
    .description('say everything that is wrong with a configuration file, and change nothing')
    .argument('[file]', 'the file (default: --config, HELIOGRAPH_CONFIG)')
    .option('--settings', 'show every setting instead, with its default and meaning (Markdown)')
    .addHelpText('after', examples('check-config heliograph.yaml', 'check-config heliograph.yaml --json'))
    .action(async (file: string | undefined, options: CommonOptions & { settings?: boolean }) => {
      if (options.settings === true) process.stdout.write(await deps.settingsReference());
      else await checkConfig(new Context(deps, options), file);
    });

  withCommonOptions(program.command('apply'))
    .description('give accounts, carriers and routes of a file to the running node: routes replace the routing table')
    .argument('[file]', 'the file (default: --config, HELIOGRAPH_CONFIG)')
    .addHelpText('after', examples('apply routes.yaml', 'apply heliograph.yaml --json'))
    .action((file: string | undefined, options: CommonOptions) => apply(new Context(deps, options), file));

  withCommonOptions(program.command('drain'))
    .description('refuse new messages, finish what is in flight, unbind and end the node')
    .addHelpText('after', examples('drain', 'drain --data /var/lib/heliograph'))
    .action(async (options: CommonOptions) => {
      const context = new Context(deps, options);
      const control = await context.control();
      const { node } = await control.status();
      const result = await control.drain();
      await ended(node.pid);
      context.print(
        result,
        `drained: the node has ended; ${plural(result.queued, 'message')} were on disk as it began`,
      );
    });

  withCommonOptions(program.command('migrate'))
    .description('bring the database to this release, without starting a node')
    .addHelpText('after', examples('migrate', 'migrate --json'))
    .action(async (options: CommonOptions) => {
      const context = new Context(deps, options);
      const result = await deps.migrate(context.start(false));
      const done = result.applied.length === 0 ? 'nothing to do' : `applied ${result.applied.join(', ')}`;
      context.print(result, `${done}: the database has all ${plural(result.total, 'migration')} of this release`);
    });
}

/** How long a drain may take: as long as carriers and databases take to answer. */
const MOST_DRAIN_MS = 10 * 60_000;

/** Waits until the process is gone. @throws CommandFailure when it still drains after ten minutes */
async function ended(pid: number): Promise<void> {
  const end = performance.now() + MOST_DRAIN_MS;
  while (isAlive(pid)) {
    if (performance.now() > end) throw new CommandFailure(`the node (process ${pid}) has not ended within ten minutes`);
    await sleep(50);
  }
}

async function checkConfig(context: Context, file: string | undefined): Promise<void> {
  const path = file ?? context.config;
  const { problems, warnings, counts } = await context.deps.checkFile(path, context.environment, []);
  const what = path ?? 'the configuration without a file';
  for (const warning of warnings) context.note(`warning: ${warning}`);
  const valid = problems.length === 0;
  const summary = `${what} is valid: ${countsText(counts) || 'no accounts, carriers or routes'}`;
  if (valid || context.json) context.print({ valid, problems, warnings, counts }, summary);
  if (!valid) throw new CommandFailure(`${what}: ${plural(problems.length, 'problem')}`, problems, true);
}

async function apply(context: Context, file: string | undefined): Promise<void> {
  const path = file ?? context.config;
  if (path === undefined) throw new CommandFailure('which file? (npx heliograph apply FILE)');
  const control = await context.control();
  const { problems, warnings, seed } = await context.deps.checkFile(path, context.environment, await control.names());
  for (const warning of warnings) context.note(`warning: ${warning}`);
  if (problems.length > 0) {
    throw new CommandFailure(`${path}: ${plural(problems.length, 'problem')}, nothing was changed`, problems);
  }
  if (Object.keys(seed).length === 0) {
    throw new CommandFailure(
      `${path} has none of accounts, carriers, frontends, routes, users, api_keys: nothing to apply`,
    );
  }
  const result = await control.apply(seed);
  const written = countsText(result.changed);
  const table = `routing table ${count(result.tableVersion)} is active: ${plural(result.routes, 'route')}`;
  context.print(result, written === '' ? table : `${table}; written: ${written}`);
}

function countsText(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .filter(([, value]) => value > 0)
    .map(([section, value]) => plural(value, section.replace('_', ' ').replace('api', 'API').replace(/s$/, '')))
    .join(', ');
}
