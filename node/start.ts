import type { StartOptions } from '../adapters/cli/deps.ts';
import { loadConfiguration } from '../adapters/config/load.ts';
import { formatProblem } from '../adapters/config/problems.ts';
import { createPinoSink } from '../adapters/log/pino-sink.ts';
import { fatal } from '../runtime/fatal.ts';
import { describeError } from '../runtime/errors.ts';
import { Node } from './node.ts';

/**
 * Starts a node; resolves when it is up. What is wrong with the configuration, the data folder, the ports or the
 * database ends the process with exit code 1 and one clear line for each, before anything is changed.
 */
export async function startNode(options: StartOptions, version: string): Promise<void> {
  const { configuration, seed, problems, warnings } = loadConfiguration(options.config, {
    environment: options.environment,
  });
  if (configuration === undefined || seed === undefined) {
    for (const problem of problems) process.stderr.write(`heliograph: ${formatProblem(problem)}\n`);
    process.exit(1);
  }
  const terminal = process.stdout.isTTY;
  for (const warning of warnings) process.stderr.write(`heliograph: warning: ${formatProblem(warning)}\n`);
  try {
    const node = new Node({
      configuration,
      seed,
      version,
      environment: options.environment,
      apply: options.apply,
      makeSink: (id, destination) =>
        createPinoSink({
          base: { node: id },
          pretty: terminal && destination === undefined,
          maskNumbers: configuration.log.mask_numbers,
          ...(destination && { destination }),
        }),
      show: text => process.stdout.write(text),
      terminal,
    });
    await node.start();
  } catch (error) {
    // Threads may be up already, so a throw alone would not end the process.
    fatal(describeError(error));
  }
}
