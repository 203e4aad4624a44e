import type { Clock } from './clock.ts';
import { RuntimeError, describeError } from './errors.ts';
import { decide, initialSupervisor } from './supervisor-decide.ts';
import type { Exit, Intensity, RestartPolicy, SupervisorEvent, SupervisorState } from './supervisor-decide.ts';
import type { Timer, Timers } from './timers.ts';

/**
 * One entry of a supervisor's list. `shutdown` and `kill` may end the child at once or later; each start ends in one
 * call of `exited` (further ones are ignored).
 */
export interface ChildSpec {
  readonly name: string;
  readonly restart: RestartPolicy;
  /** Time between `shutdown` and `kill`. */
  readonly shutdownMs: number;
  /** Starts the child. A throw here is an exit by crash. */
  start(exited: (exit: Exit) => void): void;
  /** Graceful: the child finishes what it has and ends. */
  shutdown(): void;
  /** At once. */
  kill(): void;
  /** It will not be started again. */
  forgotten?(): void;
}

export interface SupervisorOptions {
  readonly name: string;
  readonly intensity: Intensity;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly timers: Timers;
  /** reverse: the last started ends first, one after the other. together: all at once. */
  readonly stopOrder: 'reverse' | 'together';
  /** A child crashed, or cannot be ended. */
  readonly crashed?: (child: string, error: unknown, restarts: boolean) => void;
  /** The intensity was exceeded, or a child could not be killed: all children have been killed, the parent decides. */
  readonly escalate: (error: SupervisorGaveUp) => void;
}

/** A supervisor that restarted too often, with the last cause. */
export class SupervisorGaveUp extends RuntimeError {
  constructor(message: string, cause: unknown) {
    super('SUPERVISOR_GAVE_UP', message, cause);
  }
}

interface Entry {
  /** Armed from `stopChild` to the end of the child. */
  shutdown: Timer | undefined;
  /** Called once, at the end of the child. */
  ended: (() => void)[];
}

/** Shell around `decide`: one list of children, one_for_one. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #children = new Map<ChildSpec, Entry>();
  #state: SupervisorState = initialSupervisor;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#children.size;
  }

  get phase(): SupervisorState['phase'] {
    return this.#state.phase;
  }

  /**
   * Adds a child and starts it.
   * @throws what the child's first start throws (it is then not on the list), and when this supervisor is not running
   */
  add(spec: ChildSpec): void {
    if (this.#state.phase !== 'running') {
      throw new RuntimeError(
        'SUPERVISOR_NOT_RUNNING',
        `${this.#options.name} is ${this.#state.phase}: cannot start ${spec.name}`,
      );
    }
    const entry: Entry = { shutdown: undefined, ended: [] };
    this.#children.set(spec, entry);
    try {
      this.#start(spec, entry);
    } catch (error) {
      this.#children.delete(spec);
      throw error;
    }
  }

  /** Stops one child, kills it after its time, and takes it off the list. Resolves when it has ended. */
  stopChild(spec: ChildSpec): Promise<void> {
    const entry = this.#children.get(spec);
    if (entry === undefined) return Promise.resolve();
    return new Promise(resolve => {
      entry.ended.push(resolve);
      if (entry.shutdown !== undefined) return;
      entry.shutdown = this.#options.timers.timer(() => spec.kill());
      entry.shutdown.start(spec.shutdownMs);
      spec.shutdown();
    });
  }

  /** Stops all children in the configured order. Resolves when the last has ended. */
  async stop(): Promise<void> {
    this.#step({ type: 'stop' });
    const children = [...this.#children.keys()].toReversed();
    if (this.#options.stopOrder === 'together') {
      await Promise.all(children.map(child => this.stopChild(child)));
      return;
    }
    for (const child of children) await this.stopChild(child);
  }

  #step(event: SupervisorEvent) {
    const [state, effects] = decide(this.#state, event, this.#options.intensity);
    this.#state = state;
    return effects;
  }

  #exited(spec: ChildSpec, entry: Entry, exit: Exit): void {
    const asked = entry.shutdown !== undefined;
    const atMs = this.#options.clock.monotonicMs();
    const effects = this.#step({ type: 'exited', exit: exit.type, restart: spec.restart, asked, atMs });
    const error = exit.type === 'normal' ? undefined : exit.error;
    if (exit.type !== 'normal') this.#options.crashed?.(spec.name, error, effects.includes('restart'));
    for (const effect of effects) {
      switch (effect) {
        case 'restart':
          this.#restart(spec, entry);
          break;
        case 'forget':
          this.#forget(spec, entry);
          break;
        case 'escalate':
          this.#giveUp(spec, exit);
          break;
        case 'stop-all':
          break; // `stop` does it: it has the promise to wait on
        default:
          effect satisfies never;
      }
    }
  }

  #start(spec: ChildSpec, entry: Entry): void {
    let running = true;
    spec.start(exit => {
      if (!running) return;
      running = false;
      this.#exited(spec, entry, exit);
    });
  }

  #restart(spec: ChildSpec, entry: Entry): void {
    try {
      this.#start(spec, entry);
    } catch (error) {
      this.#exited(spec, entry, { type: 'crash', error });
    }
  }

  #forget(spec: ChildSpec, entry: Entry): void {
    entry.shutdown?.cancel();
    this.#children.delete(spec);
    spec.forgotten?.();
    for (const resolve of entry.ended) resolve();
  }

  #giveUp(spec: ChildSpec, exit: Exit): void {
    for (const child of [...this.#children.keys()].toReversed()) child.kill();
    const { maxRestarts, periodMs } = this.#options.intensity;
    const error = exit.type === 'normal' ? undefined : exit.error;
    const why =
      exit.type === 'undead'
        ? `${spec.name} was killed and did not end`
        : `${spec.name} ended again after ${maxRestarts} restarts within ${periodMs / 1000} s`;
    const last = error === undefined ? '' : `: ${describeError(error)}`;
    this.#options.escalate(new SupervisorGaveUp(`${this.#options.name} gives up: ${why}${last}`, error));
  }
}
