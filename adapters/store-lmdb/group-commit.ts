import type { Write } from '../../actors/store/values.ts';
import type { KeyValue } from './journal-segment.ts';
import type { ValueStore } from './value-store.ts';

export interface GroupCommitDeps {
  readonly values: ValueStore;
  /** Octets of LMDB's file that new messages must leave, for what must be written when the disk is full. */
  readonly reserveOctets: number;
  /** Writes everything that has changed since it was called last. */
  readonly collect: (write: Write) => void;
  /** This thread waits for the disk from `true` to `false`. */
  readonly atDisk: (waits: boolean) => void;
  readonly monotonic: () => number;
  /** A flush failed: what was written may be gone, so nobody may be told otherwise. Must end the process. */
  readonly fatal: (error: unknown) => void;
}

/** Takes back what was to be committed; called instead of `flushed`. Returns the keys that are not to be written. */
export type Refuse = () => readonly Buffer[];

interface Waiting {
  readonly flushed: () => void;
  readonly refuse: Refuse | undefined;
}

/** Values in a commit that is one of many. */
const ONE_OF_MANY = 4;
/** How long after such a one the next begins, ms. */
const PACE_MS = 3;
const FULL_DISK_RETRY_MS = 200;

/**
 * Group commit: what arrives while a commit is being flushed forms the next one. An idle store commits at once, a loaded
 * one makes big commits. Callers are told after the flush, in the order they came.
 *
 * Between the two there is a pace: whatever a commit lets go on comes back as work for the next, and a thread that is never
 * idle would make a commit, and a turn of everything, of ten messages. Measured at half of the full load, two cores: 76 µs of
 * CPU a message without the pace, which is all there is, and 87 to 119 ms until 99 of 100 were answered; 65 µs and 39 to 53 ms
 * with it. A pace of 2 ms gave 78 ms, one of 5 ms 47 to 49 ms and half of all answers 3 ms later.
 *
 * The commit is synchronous: this thread has nothing else to do, and waits for the disk itself instead of handing the
 * work to a pool thread and being woken again. On a busy machine each of those hand-overs costs a turn of the scheduler:
 * measured on two loaded cores, 2.4 to 5.8 ms a commit by the pool, 0.5 to 1 ms like this.
 */
export class GroupCommit {
  readonly #deps: GroupCommitDeps;
  #waiting: Waiting[] = [];
  #scheduled = false;
  #failed = false;
  #closed = false;
  /** What was collected and has found no room. */
  #stuck: KeyValue[] = [];
  #stepping = false;
  /** Monotonic ms, before which the next commit does not begin. */
  #paceUntil = 0;
  commits = 0;

  constructor(deps: GroupCommitDeps) {
    this.#deps = deps;
  }

  /** True while what was to be committed waits for room on the disk. */
  get isStuck(): boolean {
    return this.#stuck.length > 0;
  }

  /** Calls `flushed` when all that has been changed so far is on disk, or `refuse` when there is no room for it. */
  enqueue(flushed: () => void, refuse?: Refuse): void {
    this.#waiting.push({ flushed, refuse });
    if (this.#scheduled || this.#failed) return;
    this.#scheduled = true;
    const early = this.#paceUntil - this.#deps.monotonic();
    if (early >= 1) setTimeout(() => this.#commit(), early);
    // After this turn of the loop, and what it makes the actors do in the next: fewer and larger commits.
    else setImmediate(() => setImmediate(() => this.#commit()));
  }

  /** Resolves when nothing is left to flush; nothing may be enqueued after it. */
  async close(): Promise<void> {
    while (this.#scheduled) await new Promise<void>(resolve => this.enqueue(resolve));
    this.#closed = true;
  }

  #commit(): void {
    const collected = this.#stuck;
    this.#stuck = [];
    this.#deps.collect((key, value) => collected.push([key, value]));
    try {
      const writes = this.#withRoom(collected);
      if (!writes) {
        // Nothing was written, and nobody is told: the same again, and what comes meanwhile, until there is room.
        setTimeout(() => this.#commit(), FULL_DISK_RETRY_MS);
        return;
      }
      if (writes.length > 0) this.#write(writes);
    } catch (error) {
      this.#failed = true;
      this.#deps.fatal(error);
      return;
    }
    this.#scheduled = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#paceUntil = collected.length < ONE_OF_MANY ? 0 : this.#deps.monotonic() + PACE_MS;
    for (const { flushed } of waiting) flushed();
    this.#stepLater();
  }

  /** What the journal has to give to LMDB goes between the commits, after what they have to tell. */
  #stepLater(): void {
    const { values, atDisk, fatal } = this.#deps;
    if (this.#stepping || this.#failed || !values.hasSteps) return;
    this.#stepping = true;
    setImmediate(() =>
      setImmediate(() => {
        this.#stepping = false;
        if (this.#failed || this.#closed) return;
        try {
          atDisk(true);
          values.step();
          atDisk(false);
        } catch (error) {
          this.#failed = true;
          fatal(error);
          return;
        }
        this.#stepLater();
      }),
    );
  }

  /** The writes for which there is room; what can be refused goes first. Undefined: there is no room for the rest either. */
  #withRoom(writes: KeyValue[]): readonly KeyValue[] | undefined {
    const { values, reserveOctets } = this.#deps;
    if (writes.length === 0 || values.hasRoom(writes, reserveOctets)) return writes;
    const refused = this.#refuse();
    const left = refused.size === 0 ? writes : writes.filter(([key]) => !refused.has(key.toString('latin1')));
    if (left.length === 0 || values.hasRoom(left, 0)) return left;
    this.#stuck = left;
    return undefined;
  }

  #refuse(): Set<string> {
    const keys = new Set<string>();
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ refuse }) => !refuse);
    for (const { refuse } of waiting) for (const key of refuse?.() ?? []) keys.add(key.toString('latin1'));
    return keys;
  }

  #write(writes: readonly KeyValue[]): void {
    const { values, atDisk } = this.#deps;
    atDisk(true);
    values.commit(writes);
    atDisk(false);
    this.commits++;
  }
}
