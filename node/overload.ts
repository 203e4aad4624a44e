import type { StoreStats } from '../actors/ports.ts';
import type { Timer, Timers } from '../runtime/timers.ts';

/** Between which lengths of its queue a destination gets no new messages. */
export interface Marks {
  /** More messages than this, and it is overloaded. */
  readonly overload: number;
  /** Until there are no more than this. */
  readonly normal: number;
}

export interface OverloadDeps {
  readonly timers: Timers;
  readonly stats: () => Promise<StoreStats>;
  readonly changed: (overloaded: ReadonlySet<string>) => void;
  readonly told: (destination: string, isOverloaded: boolean, queued: number) => void;
}

const LOOK_MS = 250;

/** The destinations whose queues have grown over their mark and not come down to the other one since (feature B23). */
export class Overload {
  readonly #deps: OverloadDeps;
  readonly #timer: Timer;
  #marks: ReadonlyMap<string, Marks> = new Map();
  #overloaded: ReadonlySet<string> = new Set();

  constructor(deps: OverloadDeps) {
    this.#deps = deps;
    this.#timer = deps.timers.timer(() => void this.#look());
  }

  /** Nothing is looked at where there are no marks. */
  use(marks: ReadonlyMap<string, Marks>): void {
    this.#marks = marks;
    if (marks.size > 0) this.#timer.start(LOOK_MS);
    else this.#set(new Set(), new Map());
  }

  async #look(): Promise<void> {
    try {
      const { queues } = await this.#deps.stats();
      const queued = new Map(queues.map(({ destination, ready, claimed }) => [destination, ready + claimed]));
      this.#set(overloadedOf(this.#marks, this.#overloaded, queued), queued);
    } catch {
      // A store that does not answer takes no messages either: what was known stays.
    }
    if (this.#marks.size > 0) this.#timer.start(LOOK_MS);
  }

  #set(next: ReadonlySet<string>, queued: ReadonlyMap<string, number>): void {
    const before = this.#overloaded;
    const changed = [...next, ...before].filter(name => next.has(name) !== before.has(name));
    this.#overloaded = next;
    if (changed.length === 0) return;
    this.#deps.changed(next);
    for (const name of changed) this.#deps.told(name, next.has(name), queued.get(name) ?? 0);
  }
}

/** Which destinations are overloaded, given those that were. Pure. */
export function overloadedOf(
  marks: ReadonlyMap<string, Marks>,
  before: ReadonlySet<string>,
  queued: ReadonlyMap<string, number>,
): Set<string> {
  const overloaded = new Set<string>();
  for (const [name, { overload, normal }] of marks) {
    if ((queued.get(name) ?? 0) > (before.has(name) ? normal : overload)) overloaded.add(name);
  }
  return overloaded;
}
