import { readFileSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import type { AccountInfo } from '../../../actors/node-control.ts';
import { CommandFailure, Context, examples, UsageError, withCommonOptions } from '../context.ts';
import type { CommonOptions } from '../context.ts';
import type { ProgramDeps } from '../deps.ts';
import { count, plural, printable, table } from '../output.ts';

interface SettingOptions extends CommonOptions {
  readonly passwordFile?: string;
  readonly newPassword?: boolean;
  readonly binds?: number;
  readonly window?: number;
  readonly deliverWindow?: number;
  readonly throughput?: number;
  readonly allowIp?: readonly string[];
  readonly archive?: string;
  readonly description?: string;
}

/** accounts list, show, add, set, enable, disable, unbind, remove. */
export function addAccountCommands(program: Command, deps: ProgramDeps): void {
  const accounts = program
    .command('accounts')
    .description('the customers that bind to us')
    .addHelpText('after', examples('accounts list', 'accounts add shop --binds 4 --throughput 100'));

  withCommonOptions(accounts.command('list'))
    .description('all accounts')
    .addHelpText('after', examples('accounts list --json'))
    .action(async (options: CommonOptions) => {
      const context = new Context(deps, options);
      const list = await (await context.control()).accounts();
      context.print(list, list.length === 0 ? 'no accounts (npx heliograph accounts add NAME)' : accountTable(list));
    });

  withCommonOptions(accounts.command('show'))
    .description('one account')
    .argument('<system_id>')
    .addHelpText('after', examples('accounts show demo'))
    .action(async (systemId: string, options: CommonOptions) => {
      const context = new Context(deps, options);
      const found = (await (await context.control()).accounts()).find(account => account.system_id === systemId);
      if (found === undefined) throw new CommandFailure(`no account "${systemId}"`);
      context.print(found, accountText(found));
    });

  withSettings(accounts.command('add'))
    .description('a new account; without --password-file a password is made and printed once')
    .argument('<system_id>')
    .addHelpText('after', examples('accounts add shop', 'accounts add shop --binds 2 --allow-ip 192.0.2.0/24'))
    .action(async (systemId: string, options: SettingOptions) => {
      const context = new Context(deps, options);
      const { password, made } = passwordOf({ ...options, newPassword: true }, deps);
      const account = await (
        await context.control()
      ).addAccount({ system_id: systemId, password, ...settingsOf(options) });
      printWritten(context, account, `account "${systemId}" added`, made);
    });

  withSettings(accounts.command('set'))
    .description('change settings of an account; its sessions stay')
    .argument('<system_id>')
    .option('--new-password', 'make a new password and print it once')
    .addHelpText('after', examples('accounts set shop --throughput 200', 'accounts set shop --new-password'))
    .action(async (systemId: string, options: SettingOptions) => {
      const context = new Context(deps, options);
      const { password, made } = passwordOf(options, deps);
      const changes = { ...settingsOf(options), ...(password === undefined ? {} : { password }) };
      if (Object.keys(changes).length === 0) throw new UsageError('nothing to change: name at least one setting');
      const account = await (await context.control()).changeAccount(systemId, changes);
      printWritten(context, account, `account "${systemId}" changed`, made);
    });

  for (const [verb, enabled, what] of [
    ['enable', true, 'let an account bind again'],
    ['disable', false, 'refuse its binds and end its sessions; its queue is kept'],
  ] as const) {
    withCommonOptions(accounts.command(verb))
      .description(what)
      .argument('<system_id>')
      .addHelpText('after', examples(`accounts ${verb} shop`))
      .action(async (systemId: string, options: CommonOptions) => {
        const context = new Context(deps, options);
        const account = await (await context.control()).changeAccount(systemId, { enabled });
        context.print(account, `account "${systemId}" is ${verb}d`);
      });
  }

  withCommonOptions(accounts.command('unbind'))
    .description('end its sessions, or one of them; it may bind again (disable keeps it out)')
    .argument('<system_id>')
    .option('--session <id>', 'only this one: its id as `status --json` has it', number)
    .addHelpText('after', examples('accounts unbind shop', 'accounts unbind shop --session 12'))
    .action(async (systemId: string, options: CommonOptions & { readonly session?: number }) => {
      const context = new Context(deps, options);
      const ended = await (await context.control()).unbindAccount(systemId, options.session ?? 0);
      context.print(ended, `account "${systemId}": ${plural(ended.sessions, 'session')} ended`);
    });

  withCommonOptions(accounts.command('remove'))
    .description('remove an account; its sessions end, its archive stays')
    .argument('<system_id>')
    .addHelpText('after', examples('accounts remove shop'))
    .action(async (systemId: string, options: CommonOptions) => {
      const context = new Context(deps, options);
      await (await context.control()).removeAccount(systemId);
      context.print({ removed: systemId }, `account "${systemId}" removed`);
    });
}

function withSettings(command: Command): Command {
  return withCommonOptions(command)
    .option('--password-file <file>', 'take the password (at most 8 characters) from a file, or from - (stdin)')
    .option('--binds <n>', 'most sessions at once', number)
    .option('--window <n>', 'most unanswered requests a session', number)
    .option('--deliver-window <n>', 'most unanswered deliver_sm a session', number)
    .option('--throughput <n>', 'messages a second, 0 = no limit', number)
    .option('--allow-ip <network...>', 'addresses it may connect from')
    .option('--archive <mode>', 'full, metadata or counters')
    .option('--description <text>', 'for people');
}

function number(value: string): number {
  if (!/^\d+(\.\d+)?$/.test(value)) throw new InvalidArgumentError('Expected a number.');
  return Number(value);
}

/** The settings that were given, named as in the configuration file. */
function settingsOf(options: SettingOptions): Record<string, unknown> {
  const { binds, window, deliverWindow, throughput, allowIp, archive, description } = options;
  const all = {
    binds,
    window,
    deliver_window: deliverWindow,
    throughput,
    allow_ips: allowIp,
    archive,
    description,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** A password is never an argument: every user of the machine can read those (`ps`). */
function passwordOf(options: SettingOptions, deps: ProgramDeps): { password?: string; made?: string } {
  if (options.passwordFile !== undefined) {
    const text = readFileSync(options.passwordFile === '-' ? 0 : options.passwordFile, 'utf8');
    return { password: text.replace(/\r?\n$/, '') };
  }
  if (options.newPassword !== true) return {};
  const made = deps.makePassword(8);
  return { password: made, made };
}

function printWritten(context: Context, account: AccountInfo, text: string, password: string | undefined): void {
  if (password === undefined) context.print(account, text);
  else context.print({ ...account, password }, `${text}; password: ${password}`);
}

function accountTable(list: readonly AccountInfo[]): string {
  const head = ['system_id', 'state', 'sessions', 'window', 'msg/s', 'credits', 'addresses', 'archive', 'description'];
  const rows = list.map(account => [
    account.system_id,
    account.enabled ? 'enabled' : 'disabled',
    `${account.sessions}/${account.binds}`,
    String(account.window),
    account.throughput === 0 ? 'no limit' : count(account.throughput),
    account.credits === null ? 'postpaid' : count(account.credits),
    account.allow_ips.length === 0 ? 'any' : account.allow_ips.join(' '),
    account.archive,
    printable(account.description),
  ]);
  return table(head, rows, [2, 3, 4, 5]);
}

function accountText(account: AccountInfo): string {
  return Object.entries(account)
    .map(([key, value]) => `${key.padEnd(16)}${printable(Array.isArray(value) ? value.join(' ') : String(value))}`)
    .join('\n');
}
