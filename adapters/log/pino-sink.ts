import { pino } from 'pino';
import type { DestinationStream } from 'pino';
import { prettyFactory } from 'pino-pretty';
import type { LogSink } from '../../runtime/log.ts';

export interface SinkOptions {
  /** Fields of every line: the node's id. */
  readonly base: Readonly<Record<string, string>>;
  /** Coloured lines for people instead of one JSON object a line. */
  readonly pretty: boolean;
  /** Show only the last three digits of the numbers in `from`, `to`, `calling`, `called`. */
  readonly maskNumbers: boolean;
  /** Default: stdout, written synchronously, so that the last line before an exit is not lost. */
  readonly destination?: DestinationStream;
}

/** Never in a log, whoever put it there: at the top of a line, one and two levels down. */
const SECRET = [
  'password',
  'key',
  'secret',
  'token',
  'authorization',
  'text',
  'short_message',
  'message_payload',
  'url',
];
const NUMBERS = ['from', 'to', 'calling', 'called', 'source_addr', 'destination_addr'];

const levelsDown = (fields: readonly string[]): string[] =>
  fields.flatMap(field => [field, `*.${field}`, `*.*.${field}`]);

/**
 * Writes log records with pino. For a terminal pino-pretty shapes each line in this call: as a transport it would be
 * one more thread, as a stream it would lose the last lines of a process that ends.
 */
export function createPinoSink(options: SinkOptions): LogSink {
  const paths = levelsDown(options.maskNumbers ? [...SECRET, ...NUMBERS] : SECRET);
  const logger = pino(
    {
      base: { ...options.base },
      level: 'trace',
      timestamp: false,
      formatters: { level: level => ({ level }) },
      redact: { paths, censor: (value, path) => censor(value, path.at(-1) ?? '') },
    },
    destinationOf(options),
  );
  return ({ at, level, message, fields }) => logger[level]({ time: new Date(at).toISOString(), ...fields }, message);
}

function censor(value: unknown, field: string): unknown {
  if (!NUMBERS.includes(field)) return '[hidden]';
  return typeof value === 'string' ? `${'*'.repeat(Math.max(0, value.length - 3))}${value.slice(-3)}` : value;
}

function destinationOf({ pretty, destination }: SinkOptions): DestinationStream {
  const out = destination ?? pino.destination({ dest: 1, sync: true });
  if (!pretty) return out;
  const prettify = prettyFactory({
    colorize: destination === undefined,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'node,cluster',
    singleLine: true,
  });
  return { write: line => out.write(prettify(line)) };
}
