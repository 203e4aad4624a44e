import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import type { CarrierBindInfo, CarrierInfo } from '../../../actors/node-control.ts';
import { CommandFailure, Context, examples, UsageError, withCommonOptions } from '../context.ts';
import type { CommonOptions } from '../context.ts';
import type { ProgramDeps } from '../deps.ts';
import { count, duration, printable, table } from '../output.ts';

interface SettingOptions extends CommonOptions {
  readonly binds?: number;
  readonly window?: number;
  readonly throughput?: number;
  readonly logPdus?: string;
}

/** carriers list, set, start, stop, remove. */
export function addCarrierCommands(program: Command, deps: ProgramDeps): void {
  const carriers = program
    .command('carriers')
    .description('the SMSCs that we bind to; a new one comes with "apply"')
    .addHelpText('after', examples('carriers list', 'carriers set sink --binds 3', 'carriers stop sink/2'));

  withCommonOptions(carriers.command('list'))
    .description('all carriers, and how many of their sessions are bound; with a name, its binds one by one')
    .argument('[name]')
    .addHelpText('after', examples('carriers list --json', 'carriers list sink'))
    .action(async (name: string | undefined, options: CommonOptions) => {
      const context = new Context(deps, options);
      const list = await (await context.control()).carriers();
      if (name === undefined) {
        context.print(list, list.length === 0 ? 'no carriers (npx heliograph apply FILE)' : carrierTable(list));
        return;
      }
      const carrier = list.find(each => each.name === name);
      if (!carrier) throw new CommandFailure(`no carrier is called ${name}`);
      context.print(carrier.each, bindTable(carrier.each, Date.now()));
    });

  withCommonOptions(carriers.command('set'))
    .description('change settings of a carrier; sessions that it keeps go on')
    .argument('<name>')
    .option('--binds <n>', 'sessions over the cluster: one more or one less at a time, if you like', number)
    .option('--window <n>', 'most unanswered messages a session', number)
    .option('--throughput <n>', 'messages a second, 0 = no limit', number)
    .option('--log-pdus <on|off>', 'a line in the log for each PDU')
    .addHelpText('after', examples('carriers set sink --throughput 50', 'carriers set sink --log-pdus on'))
    .action(async (name: string, options: SettingOptions) => {
      const context = new Context(deps, options);
      const { binds, window, throughput, logPdus } = options;
      if (logPdus !== undefined && logPdus !== 'on' && logPdus !== 'off') {
        throw new UsageError('--log-pdus: expected on or off');
      }
      const all = { binds, window, throughput, log_pdus: logPdus === undefined ? undefined : logPdus === 'on' };
      const changes = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
      if (Object.keys(changes).length === 0) throw new UsageError('nothing to change: name at least one setting');
      context.print(await (await context.control()).changeCarrier(name, changes), `carrier "${name}" changed`);
    });

  for (const [verb, enabled, what, said] of [
    ['start', true, 'open its sessions', 'is started'],
    ['stop', false, 'finish what is in flight and unbind, for good: it stays so over restarts', 'is stopped'],
  ] as const) {
    withCommonOptions(carriers.command(verb))
      .description(what)
      .argument('<name>', 'a carrier, or one of its binds: sink/2')
      .addHelpText('after', examples(`carriers ${verb} sink`, `carriers ${verb} sink/2`))
      .action(async (name: string, options: CommonOptions) => {
        const context = new Context(deps, options);
        const control = await context.control();
        const [carrier, slot] = bindOf(name);
        const changed =
          slot === 0 ? control.changeCarrier(carrier, { enabled }) : control.switchBind(carrier, slot, enabled);
        context.print(await changed, `${slot === 0 ? 'carrier' : 'bind'} "${name}" ${said}`);
      });
  }

  withCommonOptions(carriers.command('remove'))
    .description('remove a carrier that no route names; its sessions end, its queue is kept')
    .argument('<name>')
    .addHelpText('after', examples('carriers remove sink'))
    .action(async (name: string, options: CommonOptions) => {
      const context = new Context(deps, options);
      await (await context.control()).removeCarrier(name);
      context.print({ removed: name }, `carrier "${name}" removed`);
    });
}

function number(value: string): number {
  if (!/^\d+(\.\d+)?$/.test(value)) throw new InvalidArgumentError('Expected a number.');
  return Number(value);
}

/** `sink` is a carrier, `sink/2` one of its binds. */
function bindOf(name: string): [string, number] {
  const [carrier, slot, ...more] = name.split('/');
  if (slot === undefined) return [name, 0];
  if (more.length > 0 || !/^[1-9]\d{0,3}$/.test(slot)) {
    throw new UsageError(`${name}: expected a carrier, or one of its binds: sink/2`);
  }
  return [carrier!, Number(slot)];
}

function bindTable(binds: readonly CarrierBindInfo[], now: number): string {
  const head = ['bind', 'state', 'as', 'session', 'peer', 'window', 'since', 'why not bound'];
  const rows = binds.flatMap(({ id, started, sessions, reason }) => {
    const state = started ? 'started' : 'stopped';
    if (sessions.length === 0) return [[id, state, '', '', '', '', '', '']];
    return sessions.map(({ bind, state: session, peer, window, since }) => {
      const age = since === 0 ? '' : duration(now - since);
      return [id, state, bind, session, peer, `${window.used}/${window.size}`, age, printable(reason)];
    });
  });
  return table(head, rows, [5]);
}

function carrierTable(list: readonly CarrierInfo[]): string {
  const head = ['name', 'protocol', 'state', 'bound', 'bind', 'binds', 'window', 'msg/s', 'place', 'why not bound'];
  const rows = list.map(carrier => [
    carrier.name,
    carrier.protocol,
    carrier.enabled ? 'started' : 'stopped',
    `${carrier.bound}/${carrier.sessions}`,
    carrier.bind,
    String(carrier.binds),
    String(carrier.window),
    carrier.throughput === 0 ? 'no limit' : count(carrier.throughput),
    carrier.place,
    printable(carrier.reason),
  ]);
  return table(head, rows, [3, 5, 6, 7]);
}
