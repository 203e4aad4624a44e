import { join, resolve } from 'node:path';
import { systemClock } from '../runtime/clock.ts';
import { RepeatLimiter, type Logger, type LogLevel, type LogSink } from '../runtime/log.ts';
import type { CarrierSettings, Configuration } from '../adapters/config/schema.ts';
import { CarrierLogs } from '../adapters/log/carrier-logs.ts';

/** Makes a sink for the lines of a node. @param destination absent: stdout */
export type MakeSink = (node: string, destination?: { write(line: string): void }) => LogSink;

/** The logs of carriers that have one of their own. */
export function carrierLogs({ log, data_dir }: Configuration, node: string, makeSink: MakeSink, own: Logger) {
  // A disk that is full is said once a minute.
  const limiter = new RepeatLimiter(own);
  return new CarrierLogs({
    folder: log.carriers_folder === '' ? join(resolve(data_dir), 'log') : resolve(log.carriers_folder),
    makeSink: destination => makeSink(node, destination),
    maxOctets: log.carriers_mb * 1024 * 1024,
    keep: log.carriers_keep,
    monotonic: systemClock.monotonicMs,
    failed: (carrier, error) =>
      limiter.log(systemClock.monotonicMs(), 'error', carrier, 'the log of a carrier cannot be written', {
        carrier,
        reason: error.message,
      }),
  });
}

export function logLevelsOf(carriers: readonly CarrierSettings[]): Map<string, LogLevel> {
  const levels = new Map<string, LogLevel>();
  for (const carrier of carriers) {
    if (carrier.protocol === 'smpp' && carrier.log_file !== 'none') levels.set(carrier.name, carrier.log_file);
  }
  return levels;
}
