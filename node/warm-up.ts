import type { Logger } from '../runtime/log.ts';
import type { Timers } from '../runtime/timers.ts';
import type { WorkerHandle } from '../runtime/worker-life.ts';

type AnyThread = Pick<WorkerHandle<object>, 'role' | 'index' | 'life'>;

/** Sessions that a restart has cut off come back first. */
const AFTER_MS = 1000;

/** Which threads still warm up, as the main thread sees it. */
export class WarmUp {
  readonly #messages: number;
  readonly #log: () => Logger;
  #running = 0;
  /** Until the node serves: a start must not wait for it. */
  #waiting: (() => void)[] | undefined = [];

  /** @param messages for each thread; 0: none */
  constructor(messages: number, log: () => Logger) {
    this.#messages = messages;
    this.#log = log;
  }

  /** True when no thread warms up any more. */
  get isOver(): boolean {
    return this.#running === 0;
  }

  /**
   * A thread that has come up warms up while it serves; not one that has crashed: messages wait for it.
   *
   * @param rehearse with so many messages; resolves when that is over
   */
  start(thread: AnyThread, rehearse: (messages: number) => Promise<void>): void {
    if (this.#messages === 0 || thread.life > 1) return;
    this.#running++;
    if (this.#waiting) this.#waiting.push(() => void this.#run(thread, rehearse));
    else void this.#run(thread, rehearse);
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

  async #run({ role, index }: AnyThread, rehearse: (messages: number) => Promise<void>): Promise<void> {
    try {
      await rehearse(this.#messages);
    } catch (error) {
      this.#log().warn('a thread could not warm up', { thread: `${role} ${index}`, error: error as Error });
    } finally {
      this.#running--;
    }
  }
}
