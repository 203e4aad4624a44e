/** What a message to an actor costs, told and received: `node bench/micro/actors.ts`. */
import { cpus } from 'node:os';
import { ActorSystem } from '../../runtime/actor-system.ts';
import { systemClock } from '../../runtime/clock.ts';
import { fatal } from '../../runtime/fatal.ts';
import { Timers } from '../../runtime/timers.ts';

const MESSAGES = 5_000_000;
const PER_BURST = 1000;

const timers = new Timers(systemClock);
const system = new ActorSystem({
  name: 'bench',
  clock: systemClock,
  timers,
  intensity: { maxRestarts: 0, periodMs: 1000 },
  escalate: error => fatal(error.message),
});

async function run(actors: number): Promise<void> {
  const seen = { received: 0 };
  const refs = Array.from({ length: actors }, (_, i) =>
    system.spawn<{ readonly n: number }>({
      name: `actor ${i}`,
      capacity: PER_BURST,
      restart: 'temporary',
      shutdownMs: 1000,
      create: () => ({ receive: message => void (seen.received += message.n) }),
    }),
  );
  const message = { n: 1 };
  const start = performance.now();
  for (let told = 0; told < MESSAGES;) {
    for (let i = 0; i < PER_BURST; i++, told++) refs[i % actors]!.tell(message);
    while (seen.received < told) await new Promise(setImmediate);
  }
  const ns = ((performance.now() - start) * 1e6) / MESSAGES;
  console.log(`${String(actors).padStart(5)} actors: ${ns.toFixed(0)} ns a message`);
}

console.log(`node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}, bursts of ${PER_BURST}`);
for (const actors of [1, 10, 1000]) await run(actors);
timers.close();
