import type { Clock } from './clock.ts';
import { describeError } from './errors.ts';
import { exitAtOnce, fatal } from './fatal.ts';
import { decideLifecycle, initialLifecycle } from './lifecycle-decide.ts';
import type { LifecycleEvent, LifecycleState, NodePhase } from './lifecycle-decide.ts';
import type { Timers } from './timers.ts';

/** One step of going down. Steps run one after the other; one that fails or takes too long does not keep the next from running. */
export interface ShutdownStep {
  readonly name: string;
  /** After it the next step begins, whatever this one still does. */
  readonly limitMs: number;
  run(limitMs: number): Promise<void>;
}

export interface LifecycleOptions {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly timers: Timers;
  /** No new work, finish or hand over the old. */
  readonly drain: readonly ShutdownStep[];
  /** Stop the parts; whatever holds a resource of the machine goes last. */
  readonly stop: readonly ShutdownStep[];
  readonly phaseChanged?: (phase: NodePhase) => void;
  /** A step failed or took longer than its limit; the exit code will be 1. */
  readonly stepFailed?: (step: string, why: string) => void;
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** The life of the node, in the main thread. Shell around `decideLifecycle`. */
export class Lifecycle {
  readonly #options: LifecycleOptions;
  readonly #onSignal = (): void => this.#step({ type: 'signal', atMs: this.#options.clock.monotonicMs() });
  #state: LifecycleState = initialLifecycle;

  constructor(options: LifecycleOptions) {
    this.#options = options;
  }

  get phase(): NodePhase {
    return this.#state.phase;
  }

  /** The drain steps are done: the node holds no work, and waits to be stopped. */
  get drained(): boolean {
    return this.#state.drained;
  }

  /** SIGTERM and SIGINT stop the node; a second one, half a second later or more, ends the process at once, with code 1. */
  takeSignals(): void {
    for (const signal of SIGNALS) process.on(signal, this.#onSignal);
  }

  /**
   * An error that nobody caught, in the main thread, ends the process with one line.
   * @param seen what is done with it before that: a log entry with the stack
   */
  takeUncaught(seen: (error: unknown) => void): void {
    process.on('uncaughtException', error => {
      seen(error);
      fatal('uncaught error in the main thread', error);
    });
  }

  /** Every part is up. */
  started(): void {
    this.#step({ type: 'started' });
  }

  /** Refuse new work, finish the old, stay up. Nothing when the node is not serving. */
  drain(): void {
    this.#step({ type: 'drain-asked' });
  }

  /** Drain, stop the parts, end the process: what the first signal does. */
  stop(): void {
    if (this.#state.stopAskedMs === undefined) this.#onSignal();
  }

  #step(event: LifecycleEvent): void {
    const before = this.#state.phase;
    const [state, effects] = decideLifecycle(this.#state, event);
    this.#state = state;
    if (state.phase !== before) this.#options.phaseChanged?.(state.phase);
    for (const effect of effects) {
      switch (effect) {
        case 'run-drain':
          void this.#run(this.#options.drain).then(ok => this.#step({ type: 'drained', ok }));
          break;
        case 'run-stop':
          void this.#run(this.#options.stop).then(ok => this.#step({ type: 'parts-stopped', ok }));
          break;
        case 'exit-0':
          process.exit(0);
          break;
        case 'exit-1': // what did not stop in its time would hold up process.exit, too
        case 'exit-now':
          exitAtOnce();
          break;
        default:
          effect satisfies never;
      }
    }
  }

  async #run(steps: readonly ShutdownStep[]): Promise<boolean> {
    let ok = true;
    for (const step of steps) {
      const why = await this.#runOne(step);
      if (why === undefined) continue;
      ok = false;
      this.#options.stepFailed?.(step.name, why);
    }
    return ok;
  }

  /** Undefined when it is done, else why not. */
  #runOne(step: ShutdownStep): Promise<string | undefined> {
    return new Promise(resolve => {
      const limit = this.#options.timers.timer(() => resolve(`not done within ${step.limitMs} ms`));
      limit.start(step.limitMs);
      const run = async (): Promise<void> => step.run(step.limitMs);
      run()
        .then(() => resolve(undefined))
        .catch((error: unknown) => resolve(describeError(error)))
        .finally(() => limit.cancel());
    });
  }
}
