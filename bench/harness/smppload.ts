import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exited, start } from './children.ts';

const SOURCE = fileURLToPath(new URL('../load/smppload.c', import.meta.url));

/** What to offer. The defaults are the ones that goals are measured with. */
export interface Load {
  /** Where the ESMEs connect to. */
  readonly port: number;
  /** Of several nodes: host:port of each, over which the ESMEs are spread; absent: `port` on this machine. */
  readonly hosts?: readonly string[];
  /** Where the carrier listens; absent: there is none. */
  readonly carrierPort: number;
  /** Messages; with `seconds` the most of them. */
  readonly count: number;
  /** Offer for this long, then wait for what is under way. */
  readonly seconds?: number;
  /** Messages/s offered, open loop up to the windows; absent: as fast as the windows let. */
  readonly rate?: number;
  readonly binds?: number;
  readonly window?: number;
  /** Give up after this. */
  readonly timeoutSeconds: number;
  /** A file to write what became of each message into, at the end: see `gapsIn`. */
  readonly ledger?: string;
}

interface Times {
  readonly n: number;
  /** ms */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** The generator's ledger, as it prints it. */
export interface LoadResult {
  readonly sent: number;
  readonly acked: number;
  readonly rejected: number;
  readonly unacked_lost_conn: number;
  readonly delivered: number;
  readonly duplicates: number;
  readonly acked_not_delivered: number;
  readonly dlr: number;
  readonly dlr_dup: number;
  readonly dlr_unknown: number;
  readonly acked_no_dlr: number;
  readonly bad_text: number;
  readonly proto_errors: number;
  readonly disconnects: number;
  /** From submit_sm to its response; to the carrier. */
  readonly ack_ms: Times;
  readonly sink_ms: Times;
  readonly ack_per_s: number;
  readonly sink_per_s: number;
  readonly dlr_per_s: number;
  readonly secs: number;
}

type Counted = Exclude<keyof LoadResult, 'ack_ms' | 'sink_ms'>;

/** Compiles the generator when it has changed since the last time. @returns the program's path @throws without a C compiler */
export function compileSmppload(): string {
  const source = readFileSync(SOURCE);
  const version = createHash('sha256').update(source).digest('hex').slice(0, 12);
  const folder = join(tmpdir(), `heliograph-bench-${userInfo().uid}`);
  const program = join(folder, `smppload-${version}`);
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const fresh = `${program}.${process.pid}`;
  try {
    execFileSync('cc', ['-O2', '-o', fresh, SOURCE], { stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const why = missing ? 'there is no C compiler: apt-get install gcc libc6-dev' : (error as Error).message;
    throw new Error(`bench/load/smppload.c was not compiled: ${why}`, { cause: error });
  }
  renameSync(fresh, program);
  return program;
}

export interface RunningLoad {
  readonly pid: number;
  /** @throws when the generator fails */
  readonly result: Promise<LoadResult>;
}

/** Starts generator and carrier: the carrier listens at once, the ESMEs come when both carrier sessions are bound. */
export function startLoad(load: Load): RunningLoad {
  const options = {
    port: load.port,
    ...(load.hosts === undefined ? {} : { host: load.hosts.join(',') }),
    upstream: load.carrierPort,
    'min-upstream': 2,
    'system-id': 'load',
    password: 'load',
    binds: load.binds ?? 4,
    window: load.window ?? 500,
    count: load.count,
    timeout: load.timeoutSeconds,
    ...(load.rate === undefined ? {} : { rate: load.rate }),
    ...(load.seconds === undefined ? {} : { seconds: load.seconds }),
    ...(load.ledger === undefined ? {} : { ledger: load.ledger }),
  };
  const args = ['--dlr', ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])];
  const child = start(compileSmppload(), args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const out: [string, string] = ['', ''];
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (out[0] += text));
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (out[1] += text));
  const closed = new Promise<void>(resolve => child.once('close', () => resolve()));
  const result = async (): Promise<LoadResult> => {
    const code = await exited(child);
    await closed;
    if (code !== 0 || out[0] === '')
      throw new Error(`smppload ended with ${code}: ${out[1].trim() || 'it said nothing'}`);
    return JSON.parse(out[0]) as LoadResult;
  };
  return { pid: child.pid!, result: result() };
}

/** The longest time, ms, in which no message was acknowledged, and none reached the carrier, between the first and the last. */
export function gapsIn(ledger: string): { readonly acknowledged: number; readonly delivered: number } {
  const lines = readFileSync(ledger, 'utf8').trim().split('\n');
  const column = (index: number): number => longestGapMs(lines.map(line => Number(line.split(' ')[index])));
  return { acknowledged: column(ACKNOWLEDGED_US), delivered: column(DELIVERED_US) };
}

/** Columns of a ledger. */
const ACKNOWLEDGED_US = 3;
const DELIVERED_US = 6;

function longestGapMs(us: readonly number[]): number {
  const times = Float64Array.from(us.filter(at => at > 0)).sort();
  let longest = 0;
  for (let i = 1; i < times.length; i++) longest = Math.max(longest, times[i]! - times[i - 1]!);
  return longest / 1000;
}

/** What makes a run worthless, one line each: everything offered must be acknowledged, delivered and receipted once. */
export function problemsOf(result: LoadResult, offered: number): string[] {
  const all = { sent: offered, acked: offered, delivered: offered, dlr: offered };
  return unlike(result, { ...all, ...NEVER, acked_not_delivered: 0, acked_no_dlr: 0 });
}

/** The same for a load that was ended while messages were under way: `queued` of them, and `receiptsDue`, may be missing. */
export function problemsOfCut(result: LoadResult, queued: number, receiptsDue: number): string[] {
  const { acked_not_delivered, acked_no_dlr } = result;
  return [
    ...unlike(result, NEVER),
    ...lost('messages', acked_not_delivered, queued),
    ...lost('receipts', acked_no_dlr, receiptsDue),
  ];
}

function lost(what: string, missing: number, known: number): string[] {
  return missing <= known ? [] : [`${missing} ${what} are missing, the node has ${known} of them`];
}

const NEVER = {
  rejected: 0,
  unacked_lost_conn: 0,
  duplicates: 0,
  dlr_dup: 0,
  dlr_unknown: 0,
  bad_text: 0,
  proto_errors: 0,
} as const;

function unlike(result: LoadResult, expected: Readonly<Partial<Record<Counted, number>>>): string[] {
  return Object.entries(expected).flatMap(([name, value]) => {
    const found = result[name as Counted];
    return found === value ? [] : [`${name} is ${found}, expected ${value}`];
  });
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise(resolve => server.close(resolve));
  return port;
}
