import { fileURLToPath } from 'node:url';
import { end, start } from './children.ts';
import { cpuUs, Elsewhere } from './processes.ts';
import { freePort, problemsOf, startLoad, type LoadResult } from './smppload.ts';
import { isListening, until } from './wait.ts';

const RELAY = fileURLToPath(new URL('../load/bare-relay.mjs', import.meta.url));

export interface RelayRun {
  readonly kind: 'bare relay';
  readonly load: LoadResult;
  readonly cpuUsPerMessage: number;
  /** Share of the machine that other programs took. */
  readonly elsewhere: number;
  readonly problems: readonly string[];
}

/** The load through the bare relay: the most that Node.js can do here and now. */
export async function runRelay(count: number): Promise<RelayRun> {
  startCpuUs ??= (await relayOnce(1)).cpu;
  const { load, cpu, elsewhere } = await relayOnce(count);
  const problems = problemsOf(load, count).map(problem => `bare relay: ${problem}`);
  return { kind: 'bare relay', load, cpuUsPerMessage: (cpu - startCpuUs) / count, elsewhere, problems };
}

/** What its start costs, µs: measured with one message, and not a part of what a message costs. */
let startCpuUs: number | undefined;

async function relayOnce(count: number): Promise<{ load: LoadResult; cpu: number; elsewhere: number }> {
  const [port, carrierPort] = [await freePort(), await freePort()];
  const running = startLoad({ port, carrierPort, count, timeoutSeconds: 120 });
  // The relay connects once, when it starts.
  await until('the carrier listens', () => isListening(carrierPort), 10_000, 2);
  const relay = start(process.execPath, [RELAY, String(port), String(carrierPort)], { stdio: 'ignore' });
  const elsewhere = new Elsewhere([relay.pid!]);
  try {
    const load = await running.result;
    return { load, cpu: cpuUs(relay.pid!), elsewhere: elsewhere.share() };
  } finally {
    await end(relay, 'SIGKILL');
  }
}
