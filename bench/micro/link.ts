/**
 * What a round trip over a link costs: `node bench/micro/link.ts`. A frame of 50 KB goes to another thread and comes back,
 * moved and not copied, with 1, 8 and 32 requests on the way at a time. Goal: ≤ 30 µs of CPU a side.
 */
import { cpus } from 'node:os';
import { MessageChannel } from 'node:worker_threads';
import { transfer } from 'comlink';
import { systemClock } from '../../runtime/clock.ts';
import { armFatal, fatal } from '../../runtime/fatal.ts';
import { Link } from '../../runtime/link/link.ts';
import { Timers } from '../../runtime/timers.ts';
import { WorkerPool } from '../../runtime/worker-pool.ts';
import type { PeerApi } from './link-peer.ts';

const ROUND_TRIPS = 30_000;

const timers = new Timers(systemClock);
const pool = new WorkerPool<PeerApi>({
  role: 'peer',
  entry: new URL('./link-peer.ts', import.meta.url),
  count: 1,
  data: () => ({}),
  shutdownMs: 1000,
  fatal: armFatal(),
  clock: systemClock,
  timers,
  up: () => {},
  down: () => {},
  gaveUp: error => fatal(error.message),
});
await pool.start();
const [peer] = pool.workers;
const { port1, port2 } = new MessageChannel();
await peer!.control.connect({ role: 'bench', index: 0 }, transfer(port2, [port2]));
const link = new Link(port1, { peer: 'peer 0' });

function cpuUs(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

async function goBackAndForth(bytes: number, times: number): Promise<void> {
  let body = { bytes: new Uint8Array(bytes) };
  for (let i = 0; i < times; i++) body = await link.request(1, body, [body.bytes.buffer]);
}

console.log(`node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}, ${ROUND_TRIPS} round trips each`);
await goBackAndForth(1000, 5000); // warm-up
for (const bytes of [300, 50_000]) {
  for (const depth of [1, 8, 32]) {
    const before = { here: cpuUs(), there: await peer!.api.cpuUs(), at: performance.now() };
    const each = Math.ceil(ROUND_TRIPS / depth);
    await Promise.all(Array.from({ length: depth }, () => goBackAndForth(bytes, each)));
    const took = (performance.now() - before.at) * 1000;
    const here = cpuUs() - before.here;
    const there = (await peer!.api.cpuUs()) - before.there;
    const per = (us: number): string => (us / (each * depth)).toFixed(1).padStart(6);
    console.log(
      `${String(bytes).padStart(6)} bytes, ${String(depth).padStart(2)} at a time: ${per(took)} µs a round trip; CPU µs: ${per(here)} asking, ${per(there)} answering`,
    );
  }
}
link.close();
await pool.stop();
timers.close();
