import { cpus } from 'node:os';

/** How long traffic that takes the whole machine keeps rows waiting, ms. */
export const PATIENCE_MS = 5000;
/** For how long a machine has to have time before there are bursts again, ms. */
export const CALM_MS = 1000;
/** Idle share of the machine from which on there is room for the archive's work. */
const IDLE_SHARE = 0.15;
/** Times of the machine are counted in ticks of 10 ms: a look at less says little. */
const LOOK_MS = 100;

/**
 * When rows are written: at once where the machine has time, else when the burst is over, and after PATIENCE_MS in any
 * case. Messages of a burst then have the cores to themselves; whoever looks one up meanwhile finds it in the message store.
 * What lasts longer is no burst: nothing is put off any more until the machine has had time for CALM_MS, or rows would
 * gather for seconds again and again.
 */
export class Patience {
  readonly #isBusy: () => boolean;
  readonly #monotonicMs: () => number;
  /** When it first put something off in this burst; undefined: there is none. A machine that is nearly full looks idle now and then. */
  #since: number | undefined;
  /** Since when the machine has had time; undefined: it has none. */
  #calmSince: number | undefined;
  /** It has waited long enough. */
  #over = false;

  constructor(isBusy: () => boolean, monotonicMs: () => number) {
    this.#isBusy = isBusy;
    this.#monotonicMs = monotonicMs;
  }

  /** Whether what is due now should wait. */
  waits(): boolean {
    const now = this.#monotonicMs();
    if (!this.#isBusy()) {
      this.#calmSince ??= now;
      if (now - this.#calmSince >= CALM_MS) this.#end();
      return false;
    }
    this.#calmSince = undefined;
    if (this.#over) return false;
    this.#since ??= now;
    if (now - this.#since < PATIENCE_MS) return true;
    this.#over = true;
    return false;
  }

  /** The burst is over. */
  #end(): void {
    this.#since = undefined;
    this.#over = false;
  }
}

/** Looks at the processor times of the whole machine since it looked last. */
export function machineIsBusy(monotonicMs: () => number): () => boolean {
  let before = processorTimes();
  let at = monotonicMs();
  let isBusy = false;
  return () => {
    const now = monotonicMs();
    if (now - at < LOOK_MS) return isBusy;
    const times = processorTimes();
    isBusy = times.idle - before.idle < IDLE_SHARE * (times.all - before.all);
    before = times;
    at = now;
    return isBusy;
  };
}

/** ms over all processors since the machine started. */
function processorTimes(): { readonly idle: number; readonly all: number } {
  let idle = 0;
  let all = 0;
  for (const { times } of cpus()) {
    idle += times.idle;
    all += times.idle + times.user + times.nice + times.sys + times.irq;
  }
  return { idle, all };
}
