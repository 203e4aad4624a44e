import { systemClock } from '../runtime/clock.ts';
import { Timers } from '../runtime/timers.ts';
import { runThread } from '../runtime/worker-thread.ts';
import type { SimulatorSettings } from '../adapters/smpp/simulator/settings.ts';
import { SimulatedCarrier } from '../adapters/smpp/simulator/simulated-carrier.ts';

/** What main asks of the thread of the simulated carriers. */
export interface SimulatorApi {
  /**
   * Brings up the carrier of that name, or gives these settings to the one that runs; its port on 127.0.0.1 stays.
   * @throws the system's error when there is no port
   */
  serve(settings: SimulatorSettings): Promise<number>;
}

interface Running {
  readonly carrier: SimulatedCarrier;
  readonly port: Promise<number>;
}

await runThread<undefined, SimulatorApi>(async () => {
  const timers = new Timers(systemClock);
  const carriers = new Map<string, Running>();

  function start(settings: SimulatorSettings): Running {
    const carrier = new SimulatedCarrier(settings, { clock: systemClock, timers, random: Math.random });
    const running = { carrier, port: carrier.listen() };
    carriers.set(settings.name, running);
    // The caller gets the error; the next call tries anew.
    running.port.catch(() => carriers.delete(settings.name));
    return running;
  }

  return {
    api: {
      serve: settings => {
        const running = carriers.get(settings.name);
        if (running === undefined) return start(settings).port;
        running.carrier.apply(settings);
        return running.port;
      },
    },
    stop: async () => {
      timers.close();
      await Promise.all(Array.from(carriers.values(), ({ carrier }) => carrier.close()));
    },
  };
});
