import type { Logger } from '../runtime/log.ts';
import type { Timers } from '../runtime/timers.ts';
import type { WorkerHandle } from '../runtime/worker-life.ts';
import { rehearsalFor } from './rehearsal-setup.ts';
import type { WorkerApi, WorkerSetup } from './worker-messages.ts';

/** Sessions that a restart has cut off come back first. */
const AFTER_MS = 1000;

/** Which workers still warm up, as the main thread sees it. */
export class WarmUp {
  readonly #messages: number;
  readonly #log: () => Logger;
  #running = 0;
  /** Until the node serves: a start must not wait for it. */
  #waiting: (() => void)[] | undefined = [];

  /** @param messages for each worker; 0: none */
  constructor(messages: number, log: () => Logger) {
    this.#messages = messages;
    this.#log = log;
  }

  /** True when no worker warms up any more. */
  get isOver(): boolean {
    return this.#running === 0;
  }

  /** A worker that has come up warms up while it serves; not one that has crashed: messages wait for it. */
  start(worker: WorkerHandle<WorkerApi>, setup: WorkerSetup): void {
    if (this.#messages === 0 || worker.life > 1) return;
    this.#running++;
    if (this.#waiting) this.#waiting.push(() => void this.#run(worker, setup));
    else void this.#run(worker, setup);
  }

  /** The node serves: in AFTER_MS is the time. */
  begin(timers: Timers): void {
    timers.timer(() => this.#begin()).start(AFTER_MS);
  }

  #begin(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const run of waiting) run();
  }

  async #run({ api, index }: WorkerHandle<WorkerApi>, setup: WorkerSetup): Promise<void> {
    try {
      await api.rehearse(rehearsalFor(setup, this.#messages));
    } catch (error) {
      this.#log().warn('a worker could not warm up', { worker: index, error: error as Error });
    } finally {
      this.#running--;
    }
  }
}
