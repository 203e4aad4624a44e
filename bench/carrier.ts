/**
 * The simulated carrier as a program of its own, for planners and tests:
 *
 *     node bench/carrier.ts --port 2796 --receipt-delay-ms 0 --failure-rate 0.01
 *
 * Takes any bind on 127.0.0.1. The options are the settings of a `protocol: simulator` carrier. Prints one line of JSON
 * when the port is open, and at the end (SIGINT or SIGTERM) one with what it has done; `--every SECONDS` prints that
 * meanwhile too.
 */
import { parseArgs } from 'node:util';
import { simulatorCarrierSchema } from '../adapters/config/schema-peers.ts';
import { SimulatedCarrier } from '../adapters/smpp/simulator/simulated-carrier.ts';
import { systemClock } from '../runtime/clock.ts';
import { Timers } from '../runtime/timers.ts';

const NUMBERS = ['answer_delay_ms', 'receipt_delay_ms', 'failure_rate', 'throttle_rate', 'mo_per_second'] as const;
const TEXTS = ['mo_from', 'mo_to', 'mo_text'] as const;
const optionOf = (setting: string): string => setting.replaceAll('_', '-');

function fail(line: string, code: number): never {
  console.error(line);
  process.exit(code);
}

function readArguments(): Readonly<Record<string, string | undefined>> {
  const names = ['port', 'every', ...[...NUMBERS, ...TEXTS].map(optionOf)];
  try {
    const options = Object.fromEntries(names.map(name => [name, { type: 'string' as const }]));
    return parseArgs({ options }).values;
  } catch (error) {
    return fail((error as Error).message, 2);
  }
}

const given = readArguments();
const port = Number(given['port'] ?? 2796);
if (!Number.isInteger(port) || port < 0 || port > 65_535) fail(`--port: expected 0 to 65535, got ${given['port']}`, 2);
const everyMs = Number(given['every'] ?? 0) * 1000;
if (!(everyMs >= 0)) fail(`--every: expected a number of seconds, got ${given['every']}`, 2);

const settings: Record<string, string | number> = { name: 'carrier', protocol: 'simulator' };
for (const setting of NUMBERS) {
  const value = given[optionOf(setting)];
  if (value !== undefined) settings[setting] = Number(value);
}
for (const setting of TEXTS) {
  const value = given[optionOf(setting)];
  if (value !== undefined) settings[setting] = value;
}
const checked = simulatorCarrierSchema.safeParse(settings);
if (!checked.success) {
  const { path, message } = checked.error.issues[0]!;
  fail(`--${optionOf(path.join('.'))}: expected ${message}, got ${settings[path.join('.')]}`, 2);
}

const timers = new Timers(systemClock);
const carrier = new SimulatedCarrier(checked.data, { clock: systemClock, timers, random: Math.random });
const show = (): void =>
  console.log(JSON.stringify({ sessions: carrier.sessions, waiting: carrier.waiting, ...carrier.counts }));

const opened = await carrier
  .listen(port)
  .catch((error: unknown) => fail(`port ${port} cannot be opened: ${(error as Error).message}`, 1));
console.log(JSON.stringify({ port: opened }));

if (everyMs > 0) setInterval(show, everyMs);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    show();
    void carrier.close().then(() => process.exit(0));
  });
}
