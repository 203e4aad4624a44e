import { join } from 'node:path';
import { LOG_LEVELS, type LogLevel, type LogRecord, type LogSink } from '../../runtime/log.ts';
import { RotatingFile } from './rotating-file.ts';

export interface CarrierLogsOptions {
  readonly folder: string;
  /** A sink that writes into this: as the node's own log is written. */
  readonly makeSink: (destination: { write(line: string): void }) => LogSink;
  readonly maxOctets: number;
  readonly keep: number;
  readonly monotonic: () => number;
  readonly failed: (carrier: string, error: Error) => void;
}

interface Own {
  level: LogLevel;
  readonly file: RotatingFile;
  readonly sink: LogSink;
}

/** The logs of carriers that have one of their own: FOLDER/NAME.log (feature B20). */
export class CarrierLogs {
  readonly #options: CarrierLogsOptions;
  readonly #own = new Map<string, Own>();

  constructor(options: CarrierLogsOptions) {
    this.#options = options;
  }

  /** The carriers that have one, and from which level on lines are written there. */
  use(levels: ReadonlyMap<string, LogLevel>): void {
    for (const [name, { file }] of this.#own) {
      if (levels.has(name)) continue;
      file.close();
      this.#own.delete(name);
    }
    for (const [name, level] of levels) {
      const own = this.#own.get(name);
      if (own) own.level = level;
      else this.#own.set(name, this.#open(name, level));
    }
  }

  /** Writes the line where its field `carrier` says, if that one has a log. */
  log(record: LogRecord): void {
    const { carrier } = record.fields;
    const own = typeof carrier === 'string' ? this.#own.get(carrier) : undefined;
    if (own && LOG_LEVELS.indexOf(record.level) >= LOG_LEVELS.indexOf(own.level)) own.sink(record);
  }

  #open(name: string, level: LogLevel): Own {
    const { folder, makeSink, maxOctets, keep, monotonic, failed } = this.#options;
    const path = join(folder, `${name}.log`);
    const file = new RotatingFile({ path, maxOctets, keep, monotonic, failed: error => failed(name, error) });
    return { level, file, sink: makeSink({ write: line => file.write(line) }) };
  }
}
