import type {
  ClusterNodeInfo,
  MessageStory,
  MessageSummary,
  NodeStatus,
  QueueInfo,
  SessionInfo,
} from '../../actors/node-control.ts';
import { bold, clock, count, duration, faint, octets, plural, printable, red, table } from './output.ts';

/** How many rows of sessions and queues are shown; `--json` has more. */
const MOST_ROWS = 40;

/** `heliograph status` for people. @param now ms since 1970 */
export function statusText(status: NodeStatus, now: number): string {
  const { node, routing, messages, receipts, store, archive } = status;
  const state = node.state === 'running' ? 'running' : red(node.state);
  const listeners = status.listeners.map(({ name, host, port }) => `${name} ${host}:${port}`).join(', ');
  const table = `routing table ${routing.version} (${plural(routing.routes, 'route')})`;
  const lines = [
    `${bold(`Heliograph ${node.version}`)}  node ${node.id}  ${state} for ${duration(now - node.startedAt)}, pid ${node.pid}`,
    `data ${node.dataDir}, durability ${node.durability}, ${plural(node.workers, 'worker')}, ${table}`,
    `listening: ${listeners === '' ? 'nowhere' : listeners}`,
    ...status.alarms.map(alarm => red(`! ${printable(alarm)}`)),
    '',
    ...(status.nodes ? [heading('Nodes', status.nodes.length), nodeTable(status.nodes, now), ''] : []),
    heading('Sessions', status.sessionCount),
    sessionTable(status.sessions, now, status.nodes !== undefined),
    '',
    heading('Queues', status.queueCount),
    queueTable(status.queues, now),
    '',
    fact('messages', {
      accepted: messages.accepted,
      refused: messages.refused,
      sent: messages.sent,
      retried: messages.retried,
      failed: messages.failed,
    }),
    fact('receipts', {
      received: receipts.received,
      delivered: receipts.delivered,
      'not delivered': receipts.undelivered,
      unmatched: receipts.unmatched,
      'passed on': receipts.passedOn,
      pushed: receipts.pushed,
      'pushed again': receipts.pushRetried,
      'given up': receipts.givenUp,
      'to push': receipts.toPush,
      awaited: receipts.awaited,
    }),
    fact('store', { messages: store.messages, quarantined: store.quarantined }, [
      octets(store.octets),
      store.refusing === '' ? '' : red(`refusing new messages: ${store.refusing}`),
    ]),
    fact('archive', { written: archive.written, behind: archive.behind }, [
      archive.state,
      red(printable(archive.problem)),
    ]),
    '',
    heading('Latest messages', status.recent.length),
    recentTable(status.recent, now),
  ];
  return lines.join('\n');
}

/** `heliograph status MESSAGE_ID` for people. */
export function messageText(story: MessageStory, now: number): string {
  const receipt = story.receipt === '' ? '' : `, receipt ${printable(story.receipt)}`;
  const lines = [
    `${bold(`message ${story.id}`)}  ${story.fate}${receipt}`,
    `from ${printable(story.from) || '(none)'} to ${printable(story.to)}, by ${story.source} for ${story.destination}`,
    `accepted ${clock(story.acceptedAt)}, ${plural(story.attempts, 'attempt')}, routing table ${story.tableVersion}, found in the ${story.foundIn}`,
  ];
  if (story.dueAt > now) lines.push(`next attempt in ${duration(story.dueAt - now)}`);
  if (story.events.length > 0) lines.push('');
  for (const event of story.events) lines.push(`  ${clock(event.at)}  ${printable(event.text)}`);
  return lines.join('\n');
}

const heading = (title: string, entries: number): string =>
  bold(entries === 0 ? title : `${title} (${count(entries)})`);

function fact(name: string, counts: Readonly<Record<string, number>>, words: readonly string[] = []): string {
  const numbers = Object.entries(counts).map(([label, value]) => `${label} ${count(value)}`);
  return `${bold(name.padEnd(9))} ${[...words.filter(word => word !== ''), ...numbers].join(', ')}`;
}

function nodeTable(nodes: readonly ClusterNodeInfo[], now: number): string {
  const head = ['node', 'state', 'version', 'up', 'table', 'stripes', 'sessions', 'queued', 'accepted', 'sent'];
  const rows = nodes.map(node => [
    node.id,
    node.seen === 'answers' ? node.state : red(`${node.state}, ${node.seen}`),
    node.version,
    node.startedAt === 0 ? '' : duration(now - node.startedAt),
    String(node.tableVersion),
    node.stripes,
    count(node.sessions),
    count(node.queued),
    count(node.accepted),
    count(node.sent),
  ]);
  return table(head, rows, [4, 6, 7, 8, 9]);
}

function sessionTable(sessions: readonly SessionInfo[], now: number, isCluster: boolean): string {
  if (sessions.length === 0) return faint('  none');
  const rows = sessions
    .slice(0, MOST_ROWS)
    .map(session => [
      ...(isCluster ? [session.node ?? ''] : []),
      `${session.name}/${session.id}`,
      session.side,
      session.peer,
      session.bind,
      session.state,
      `${session.window.used}/${session.window.size}`,
      session.load.map(perSecond).join(' '),
      duration(now - session.since),
    ]);
  const head = ['name', 'side', 'peer', 'bind', 'state', 'window', 'msg/s 1 5 15 min', 'since'];
  const right = isCluster ? [6, 7] : [5, 6];
  return table(isCluster ? ['node', ...head] : head, rows, right) + more(sessions.length);
}

const perSecond = (rate: number): string => (rate < 10 ? rate.toFixed(1) : count(Math.round(rate)));

function queueTable(queues: readonly QueueInfo[], now: number): string {
  if (queues.length === 0) return faint('  empty');
  const rows = queues
    .slice(0, MOST_ROWS)
    .map(queue => [
      queue.destination,
      queue.kind,
      count(queue.ready),
      count(queue.inFlight),
      count(queue.parked),
      queue.oldestAt === 0 ? '' : duration(now - queue.oldestAt),
    ]);
  return (
    table(['destination', 'kind', 'ready', 'in flight', 'parked', 'oldest'], rows, [2, 3, 4, 5]) + more(queues.length)
  );
}

function recentTable(recent: readonly MessageSummary[], now: number): string {
  if (recent.length === 0) return faint('  none yet (npx heliograph send --to 447700900123 --text "Hello")');
  const rows = recent.map(message => [
    String(message.id),
    message.source,
    printable(message.from),
    printable(message.to),
    message.destination,
    message.fate,
    printable(message.receipt),
    `${duration(now - message.acceptedAt)} ago`,
  ]);
  return table(['id', 'by', 'from', 'to', 'destination', 'fate', 'receipt', 'accepted'], rows);
}

const more = (rows: number): string => (rows > MOST_ROWS ? faint(`\n  … ${count(rows - MOST_ROWS)} more: --json`) : '');
