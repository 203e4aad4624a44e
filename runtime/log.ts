/**
 * Logging as every part of the system sees it. A logger makes plain records and hands them to a sink: in the main
 * thread `adapters/log` writes them, in a worker the sink posts them to the main thread (a record survives the
 * structured clone). Nothing logs per message, and no record holds a message's text, a password or a key.
 */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type LogValue = string | number | boolean | null | undefined | readonly LogValue[] | LogFields;
export interface LogFields {
  readonly [field: string]: LogValue;
}

/** Fields of a line; what was thrown goes under `error` and becomes plain data. */
export interface LogInput {
  readonly [field: string]: LogValue | Error;
}

/** One line to be. */
export interface LogRecord {
  /** ms since 1970. */
  readonly at: number;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

export type LogSink = (record: LogRecord) => void;

export interface Logger {
  log(level: LogLevel, message: string, fields?: LogInput): void;
  debug(message: string, fields?: LogInput): void;
  info(message: string, fields?: LogInput): void;
  warn(message: string, fields?: LogInput): void;
  error(message: string, fields?: LogInput): void;
  fatal(message: string, fields?: LogInput): void;
  /** A logger whose lines all carry these fields too. */
  with(fields: LogInput): Logger;
  /** Whether lines of this level are kept: for what is costly to put together. */
  enabled(level: LogLevel): boolean;
}

/**
 * @param level lines below it are dropped where they are made
 * @param nowMs the wall clock, ms since 1970
 */
export function createLogger(sink: LogSink, level: LogLevel, nowMs: () => number, base: LogInput = {}): Logger {
  const lowest = LOG_LEVELS.indexOf(level);
  const fixed = plainFields(base);
  const enabled = (wanted: LogLevel): boolean => LOG_LEVELS.indexOf(wanted) >= lowest;
  const log = (wanted: LogLevel, message: string, fields?: LogInput): void => {
    if (!enabled(wanted)) return;
    const all = fields === undefined ? fixed : { ...fixed, ...plainFields(fields) };
    sink({ at: nowMs(), level: wanted, message, fields: all });
  };
  return {
    log,
    enabled,
    debug: (message, fields) => log('debug', message, fields),
    info: (message, fields) => log('info', message, fields),
    warn: (message, fields) => log('warn', message, fields),
    error: (message, fields) => log('error', message, fields),
    fatal: (message, fields) => log('fatal', message, fields),
    with: fields => createLogger(sink, level, nowMs, { ...fixed, ...plainFields(fields) }),
  };
}

function plainFields(fields: LogInput): LogFields {
  const plain: Record<string, LogValue> = {};
  for (const [name, value] of Object.entries(fields)) plain[name] = value instanceof Error ? plainError(value) : value;
  return plain;
}

/** Message, code, stack and causes. Other properties stay out: an error may carry the data it failed on. */
function plainError(error: Error, depth = 0): LogFields {
  const { name, message, stack, cause } = error;
  const code = (error as { code?: unknown }).code;
  return {
    name,
    message,
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(stack === undefined ? {} : { stack }),
    ...(cause instanceof Error && depth < 5 ? { cause: plainError(cause, depth + 1) } : {}),
  };
}

/**
 * Keeps a line that repeats from filling the log: the first is written, further ones of a period are counted, and the
 * count is written as one line (field `repeated`) when the period is over. Bounded: when `maxKeys` are being counted,
 * the one that began first is written out to make room.
 */
export class RepeatLimiter {
  readonly #logger: Logger;
  readonly #periodMs: number;
  readonly #maxKeys: number;
  readonly #open = new Map<
    string,
    { until: number; repeated: number; level: LogLevel; message: string; fields: LogInput }
  >();

  constructor(logger: Logger, periodMs = 60_000, maxKeys = 1000) {
    this.#logger = logger;
    this.#periodMs = periodMs;
    this.#maxKeys = maxKeys;
  }

  /** @param key lines of one key are the same line @param nowMs a clock that never goes back */
  log(nowMs: number, level: LogLevel, key: string, message: string, fields: LogInput = {}): void {
    const open = this.#open.get(key);
    if (open !== undefined && nowMs < open.until) {
      open.repeated += 1;
      open.fields = fields;
      return;
    }
    if (open !== undefined) this.#close(key);
    const [oldest] = this.#open.keys();
    if (this.#open.size >= this.#maxKeys && oldest !== undefined) this.#close(oldest);
    this.#open.set(key, { until: nowMs + this.#periodMs, repeated: 0, level, message, fields });
    this.#logger.log(level, message, fields);
  }

  /** Writes the counts of periods that are over: call it now and then, once a second say. */
  flush(nowMs: number): void {
    // Periods are equally long, so they end in the order they began.
    for (const [key, { until }] of this.#open) {
      if (nowMs < until) return;
      this.#close(key);
    }
  }

  #close(key: string): void {
    const open = this.#open.get(key);
    this.#open.delete(key);
    if (open === undefined || open.repeated === 0) return;
    this.#logger.log(open.level, open.message, { ...open.fields, repeated: open.repeated });
  }
}
