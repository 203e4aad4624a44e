import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import type { MessageStory, NodeControl } from '../../../actors/node-control.ts';
import { CommandFailure, Context, examples, withCommonOptions } from '../context.ts';
import type { CommonOptions } from '../context.ts';
import type { ProgramDeps } from '../deps.ts';
import { messageText, statusText } from '../status-text.ts';

interface SendOptions extends CommonOptions {
  readonly to: string;
  readonly text: string;
  readonly from?: string;
  readonly account?: string;
  readonly wait?: number | true;
}

/** send and status: a message, and everything about the node. */
export function addMessageCommands(program: Command, deps: ProgramDeps): void {
  withCommonOptions(program.command('send'))
    .description('submit one message to the running node')
    .requiredOption('--to <number>', 'recipient, international digits')
    .requiredOption('--text <text>', 'what it says')
    .option('--from <sender>', 'a number, or up to 11 letters')
    .option('--account <system_id>', 'on behalf of this account')
    .option(
      '--wait [seconds]',
      'wait for its fate (30 s when no number is given); exit code 1 if it was not delivered',
      seconds,
    )
    .addHelpText(
      'after',
      examples('send --to 447700900123 --text "Hello"', 'send --to 447700900123 --text "Hello" --from SHOP --wait'),
    )
    .action((options: SendOptions) => send(new Context(deps, options), options));

  withCommonOptions(program.command('status'))
    .description('sessions, queues and the latest messages of the running node, or the story of one message')
    .argument('[message_id]', 'tell what happened to this message', messageId)
    .addHelpText('after', examples('status', 'status 4242', 'status --json'))
    .action(async (id: number | undefined, options: CommonOptions) => {
      const context = new Context(deps, options);
      const control = await context.control();
      if (id === undefined) {
        const status = await control.status();
        context.print(status, statusText(status, Date.now()));
      } else {
        const story = await control.message(id);
        context.print(story, messageText(story, Date.now()));
      }
    });
}

async function send(context: Context, options: SendOptions): Promise<void> {
  const control = await context.control();
  const { to, text, from = '', account = '' } = options;
  const sent = await control.send({ to, text, from, account });
  if (options.wait === undefined) {
    context.print(sent, `message ${sent.id} accepted for ${sent.destination} (npx heliograph status ${sent.id})`);
    return;
  }
  context.note(`message ${sent.id} accepted for ${sent.destination}`);
  const story = await waitForFate(control, sent.id, (options.wait === true ? 30 : options.wait) * 1000);
  context.print(story, messageText(story, Date.now()));
  if (story.fate !== 'delivered')
    throw new CommandFailure(`message ${sent.id} is ${story.fate}, not delivered`, [], true);
}

/** What a message may still leave. */
const UNDECIDED = new Set(['queued', 'sent', 'accepted']);

async function waitForFate(control: NodeControl, id: number, ms: number): Promise<MessageStory> {
  const end = performance.now() + ms;
  for (;;) {
    const story = await control.message(id);
    if (!UNDECIDED.has(story.fate) || performance.now() >= end) return story;
    await sleep(Math.min(200, Math.max(1, end - performance.now())));
  }
}

function seconds(value: string): number {
  const number = Number(value);
  if (!(number > 0 && number <= 86_400)) throw new InvalidArgumentError('Expected seconds, up to 86400.');
  return number;
}

function messageId(value: string): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || !Number.isSafeInteger(number))
    throw new InvalidArgumentError('Expected a message id: digits.');
  return number;
}
