import type { Logger, LogRecord } from '../runtime/log.ts';
import type { Timers } from '../runtime/timers.ts';
import type { WorkerHandle } from '../runtime/worker-life.ts';
import type { CarrierSettings, Configuration } from '../adapters/config/schema.ts';
import type { CarrierLogs } from '../adapters/log/carrier-logs.ts';
import { carrierLogs, logLevelsOf, type MakeSink } from './carrier-logs.ts';
import type { Cluster } from './cluster.ts';
import { awaitedOf, carrierPresence, sharePresence, type Presence } from './presence.ts';
import type { WorkerApi } from './worker-messages.ts';

export interface CarrierWatchDeps {
  readonly timers: Timers;
  readonly workers: () => readonly WorkerHandle<WorkerApi>[];
  readonly log: Logger;
  readonly configuration: Configuration;
  readonly node: string;
  readonly makeSink: MakeSink;
  /** Undefined: this node is alone. */
  readonly cluster: Cluster | undefined;
}

const sourceOf = (worker: number): string => `worker ${worker}`;

/** What the main thread has to do with carriers: which of them have a session, and the logs of their own. */
export class CarrierWatch {
  readonly #presence: Presence;
  readonly #logs: CarrierLogs;
  readonly #log: Logger;
  readonly #tell: () => void;

  constructor({ timers, workers, log, configuration, node, makeSink, cluster }: CarrierWatchDeps) {
    this.#log = log;
    this.#presence = carrierPresence(timers, workers, log);
    this.#logs = carrierLogs(configuration, node, makeSink, log);
    this.#tell = cluster ? sharePresence(this.#presence, cluster) : () => undefined;
  }

  /** Those without a session, for longer than their patience. */
  get away(): readonly string[] {
    return this.#presence.away;
  }

  /** The carriers there are. */
  use(carriers: readonly CarrierSettings[]): void {
    this.#presence.use(awaitedOf(carriers));
    this.#logs.use(logLevelsOf(carriers));
  }

  /** So many sessions of a worker take messages for a carrier. */
  bound(worker: number, carrier: string, count: number): void {
    this.#presence.report(sourceOf(worker), carrier, count);
    this.#tell();
  }

  workerDown(worker: number): void {
    this.#presence.gone(sourceOf(worker));
    this.#tell();
  }

  /** A line of a worker. */
  log(record: LogRecord): void {
    this.#log.log(record.level, record.message, record.fields);
    this.#logs.log(record);
  }

  /** Sessions that end from here on are ended by us. */
  stop(): void {
    this.#presence.stop();
  }
}
