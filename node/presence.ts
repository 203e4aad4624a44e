import { systemClock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/log.ts';
import type { Timer, Timers } from '../runtime/timers.ts';
import type { WorkerHandle } from '../runtime/worker-life.ts';
import type { CarrierSettings } from '../adapters/config/schema.ts';
import type { Cluster } from './cluster.ts';
import type { WorkerApi } from './worker-messages.ts';

/** A carrier, and how long it may be without a session before its messages go elsewhere, ms; null: for ever. */
export interface Awaited {
  readonly name: string;
  readonly patienceMs: number | null;
}

export interface PresenceDeps {
  readonly timers: Timers;
  readonly monotonic: () => number;
  readonly changed: (away: readonly string[]) => void;
  readonly told: (carrier: string, isAway: boolean) => void;
}

const LOOK_MS = 100;

/**
 * Which carriers have a session that takes messages, anywhere, and which have had none for longer than their patience
 * (features E13, E14). Whoever has sessions (`source`: a worker, another node) reports them.
 */
export class Presence {
  readonly #deps: PresenceDeps;
  readonly #timer: Timer;
  readonly #sessions = new Map<string, Map<string, number>>();
  /** Since when a carrier has none, monotonic ms. */
  readonly #absentSince = new Map<string, number>();
  #awaited: readonly Awaited[] = [];
  #away: readonly string[] = [];
  #stopped = false;

  constructor(deps: PresenceDeps) {
    this.#deps = deps;
    this.#timer = deps.timers.timer(() => this.#look());
  }

  /** Those that are away now. */
  get away(): readonly string[] {
    return this.#away;
  }

  /** The carriers there are. */
  use(awaited: readonly Awaited[]): void {
    this.#awaited = awaited;
    this.#look();
  }

  /** @param count sessions of a carrier at `source` that take messages */
  report(source: string, carrier: string, count: number): void {
    const sources = this.#of(carrier);
    if (count > 0) sources.set(source, count);
    else sources.delete(source);
    this.#look();
  }

  /** The carriers that those of `sources` which `isOurs` have sessions with. */
  boundBy(isOurs: (source: string) => boolean): string[] {
    return [...this.#sessions].flatMap(([carrier, sources]) => ([...sources.keys()].some(isOurs) ? [carrier] : []));
  }

  /** In place of all that the sources said which `isTheirs`: which carriers each has sessions with. */
  replace(isTheirs: (source: string) => boolean, bound: ReadonlyMap<string, readonly string[]>): void {
    for (const sources of this.#sessions.values()) {
      for (const source of sources.keys()) if (isTheirs(source)) sources.delete(source);
    }
    for (const [source, carriers] of bound) {
      for (const carrier of carriers) this.#of(carrier).set(source, 1);
    }
    this.#look();
  }

  #of(carrier: string): Map<string, number> {
    let sources = this.#sessions.get(carrier);
    if (!sources) this.#sessions.set(carrier, (sources = new Map()));
    return sources;
  }

  /** It has ended, and its sessions with it. */
  gone(source: string): void {
    for (const sources of this.#sessions.values()) sources.delete(source);
    this.#look();
  }

  /** Sessions that end from here on are ended by us: nothing is to go elsewhere for that. */
  stop(): void {
    this.#stopped = true;
    this.#timer.cancel();
  }

  #look(): void {
    if (this.#stopped) return;
    const now = this.#deps.monotonic();
    for (const { name } of this.#awaited) {
      if ((this.#sessions.get(name)?.size ?? 0) > 0) this.#absentSince.delete(name);
      else if (!this.#absentSince.has(name)) this.#absentSince.set(name, now);
    }
    const before = new Set(this.#away);
    this.#away = awayOf(this.#awaited, this.#absentSince, now);
    const after = new Set(this.#away);
    const changed = this.#awaited.map(({ name }) => name).filter(name => before.has(name) !== after.has(name));
    if (changed.length > 0 || before.size !== after.size) this.#deps.changed(this.#away);
    for (const name of changed) this.#deps.told(name, after.has(name));
    const isWaiting = this.#awaited.some(
      ({ name, patienceMs }) => patienceMs !== null && this.#absentSince.has(name) && !after.has(name),
    );
    if (isWaiting) this.#timer.start(LOOK_MS);
    else this.#timer.cancel();
  }
}

/** Which carriers have been absent for longer than their patience. Pure. */
export function awayOf(
  awaited: readonly Awaited[],
  absentSince: ReadonlyMap<string, number>,
  nowMs: number,
): readonly string[] {
  return awaited
    .filter(({ name, patienceMs }) => patienceMs !== null && nowMs - (absentSince.get(name) ?? Infinity) >= patienceMs)
    .map(({ name }) => name);
}

export function awaitedOf(carriers: readonly CarrierSettings[]): Awaited[] {
  return carriers.map(({ name, patience_seconds: patience }) => {
    return { name, patienceMs: patience === null ? null : patience * 1000 };
  });
}

/** Tells the workers of a node, and its log. */
export function carrierPresence(
  timers: Timers,
  workers: () => readonly WorkerHandle<WorkerApi>[],
  log: Logger,
): Presence {
  return new Presence({
    timers,
    monotonic: systemClock.monotonicMs,
    // A worker that is gone hears of them in its next life.
    changed: away => workers().forEach(({ api }) => void api.away(away).catch(() => undefined)),
    told: (carrier, isAway) => {
      if (isAway) log.warn('carrier has no session: its messages go by their next route', { carrier });
      else log.info('carrier has a session again', { carrier });
    },
  });
}

const boundOf = (about: unknown): string[] => (typeof about === 'string' && about !== '' ? about.split(',') : []);
const isNode = (source: string): boolean => source.startsWith('node ');

/** Tells the other nodes which carriers have a session here, and hears the same of them. @returns to be called at a change */
export function sharePresence(presence: Presence, cluster: Cluster): () => void {
  let told = '';
  cluster.onChange(() => {
    const others = cluster.members.filter(({ node }) => node !== cluster.node);
    presence.replace(isNode, new Map(others.map(({ node, about }) => [`node ${node}`, boundOf(about['bound'])])));
  });
  return () => {
    const bound = presence.boundBy(source => !isNode(source)).join(',');
    if (bound === told) return;
    told = bound;
    // One that is not told now is with the next beat.
    cluster.tell({ bound }).catch(() => undefined);
  };
}
