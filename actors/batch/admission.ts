import type { Timer } from '../../runtime/timers.ts';
import type { QueueStats } from '../ports.ts';

/** Who submits messages: an ESME's session. */
export interface Submitting {
  /** Its messages may be taken again. */
  admitted(): void;
}

type OwnQueues = readonly Pick<QueueStats, 'destination' | 'ready'>[];

export interface AdmissionDeps {
  /** The queues of the stripes that this thread has. */
  readonly ownQueues: () => Promise<OwnQueues>;
  /** How long this thread has waited for something to do, in all, ms. */
  readonly idleMs: () => number;
  readonly monotonic: () => number;
  readonly failed: (error: unknown) => void;
}

/** Messages that wait for carriers, at which no more are taken unless there is time for them, and are taken again. */
const MANY = 4096;
const FEWER = 3072;
/** Messages that are taken at a time where there is time: a batch that is worth its flush. */
const A_BATCH = 256;
const LOOK_MS = 5;
/** A thread that was idle for this share of the time has time. */
const IDLE = 0.2;
/** So many are taken after so long in any case. */
const PATIENCE_MS = 100;

/**
 * Whether messages of ESMEs are taken. A thread that has more to do than it can lets them wait, while many that it has
 * accepted wait for carriers: otherwise it would do little but accept, for ESMEs offer at a time what their windows hold,
 * carriers take what theirs hold, and to take a message is the smaller part of the work. A thread that has time takes all
 * there is, however slow the carriers are.
 */
export class Admission {
  readonly #deps: AdmissionDeps;
  readonly #timer: Timer;
  /** Messages that wait for carriers, as of the last look, and those taken since. */
  #queued = 0;
  #isFull = false;
  /** Messages that may be taken although it is full. */
  #granted = 0;
  #idleMs = 0;
  #lookedAt = 0;
  #openedAt = 0;
  #isLooking = false;
  /** Since the last look. */
  #hasTaken = false;
  #waiting: Submitting[] = [];
  #carriers: ReadonlySet<string> = new Set();

  /** @param timerOf makes a timer that calls back */
  constructor(deps: AdmissionDeps, timerOf: (look: () => void) => Timer) {
    this.#deps = deps;
    this.#timer = timerOf(() => this.#look());
  }

  /** Which destinations are carriers. */
  useCarriers(carriers: ReadonlySet<string>): void {
    this.#carriers = carriers;
  }

  get isOpen(): boolean {
    return !this.#isFull || this.#granted > 0;
  }

  /** A message was taken. */
  taken(): void {
    this.#granted--;
    this.#hasTaken = true;
    if (++this.#queued >= MANY) this.#isFull = true;
    if (!this.#isLooking) this.#begin();
  }

  /** It is not open, and this one has messages: they are taken when it is, after those of others that wait. */
  wait(submitting: Submitting): void {
    this.#waiting.push(submitting);
    if (!this.#isLooking) this.#begin();
  }

  stop(): void {
    this.#timer.cancel();
  }

  #begin(): void {
    const { idleMs, monotonic } = this.#deps;
    this.#isLooking = true;
    this.#idleMs = idleMs();
    this.#lookedAt = this.#openedAt = monotonic();
    this.#timer.start(LOOK_MS);
  }

  #look(): void {
    const { ownQueues, failed } = this.#deps;
    ownQueues().then(queues => this.#looked(queues), failed);
  }

  #looked(queues: OwnQueues): void {
    let queued = 0;
    for (const { destination, ready } of queues) if (this.#carriers.has(destination)) queued += ready;
    const { idleMs, monotonic } = this.#deps;
    const [idleNow, now] = [idleMs(), monotonic()];
    const hasTime = idleNow - this.#idleMs >= (now - this.#lookedAt) * IDLE;
    [this.#idleMs, this.#lookedAt] = [idleNow, now];
    this.#queued = queued;
    if (queued <= FEWER) this.#isFull = false;
    this.#granted = this.#isFull && (hasTime || now - this.#openedAt >= PATIENCE_MS) ? A_BATCH : 0;
    if (this.isOpen) this.#open(now);
    // Where nobody submits there is nothing to decide, however much waits.
    this.#isLooking = this.#hasTaken || this.#waiting.length > 0;
    this.#hasTaken = false;
    if (this.#isLooking) this.#timer.start(LOOK_MS);
  }

  #open(now: number): void {
    this.#openedAt = now;
    const waiting = this.#waiting;
    this.#waiting = [];
    let done = 0;
    while (done < waiting.length && this.isOpen) waiting[done++]!.admitted();
    // Whoever has more waits behind those who have not had a turn.
    this.#waiting = [...waiting.slice(done), ...this.#waiting];
  }
}
