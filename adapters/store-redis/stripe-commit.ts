import { RuntimeError } from '../../runtime/errors.ts';
import type { Write } from '../../actors/store/values.ts';
import { StripeLostError, type StripeOwner } from './stripe-owner.ts';

/** Takes back what was to be committed; called instead of `flushed`. Returns the keys that are not to be written. */
export type Refuse = () => readonly Buffer[];

interface Waiting {
  readonly flushed: () => void;
  readonly failed: (error: RuntimeError) => void;
  readonly refuse: Refuse | undefined;
}

export interface CommitDeps {
  readonly owner: StripeOwner;
  /** Writes everything that has changed since it was called last. */
  readonly collect: (write: Write) => void;
}

/**
 * Group commit: what arrives while a commit is under way forms the next one. No timers: an idle store commits at once, a
 * loaded one makes big commits. Callers are told in the order they came, when what they changed is safe.
 */
export class StripeCommit {
  readonly #deps: CommitDeps;
  #waiting: Waiting[] = [];
  #scheduled = false;
  /** Nothing is written any more, for this reason. */
  #failure: RuntimeError | undefined;
  #inFlight = new Map<string, Buffer | undefined>();
  commits = 0;

  constructor(deps: CommitDeps) {
    this.#deps = deps;
  }

  /** True while something that was changed may not be safe yet. */
  get isBusy(): boolean {
    return this.#scheduled;
  }

  /** What is being written: by key (latin1), undefined where it is removed. A read must see it. */
  get inFlight(): ReadonlyMap<string, Buffer | undefined> {
    return this.#inFlight;
  }

  /**
   * Calls `flushed` when all that has been changed so far is safe; `refuse` when there is no room for it; `failed` when it
   * is not written (StripeLostError with `written` false, STORE_CLOSED) or nobody knows (any other).
   */
  enqueue(flushed: () => void, failed: (error: RuntimeError) => void, refuse?: Refuse): void {
    if (this.#failure) {
      failed(unwritten(this.#failure));
      return;
    }
    this.#waiting.push({ flushed, failed, refuse });
    if (!this.#scheduled) this.#schedule();
  }

  /** Resolves when nothing is left to write, or nothing can be written. */
  async idle(): Promise<void> {
    while (this.#scheduled) await new Promise<void>(resolve => this.enqueue(resolve, () => resolve()));
  }

  #schedule(): void {
    this.#scheduled = true;
    // After this turn of the loop, and what it makes the actors do in the next: a response and the receipt that came
    // with it are one commit. Between two, a crash would lose the receipt of a carrier that does not repeat it.
    setImmediate(() => setImmediate(() => void this.#commit()));
  }

  async #commit(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    const writes: [Buffer, Buffer | undefined][] = [];
    this.#deps.collect((key, value) => writes.push([key, value]));
    for (const [key, value] of writes) this.#inFlight.set(key.latin1Slice(), value);
    let told = waiting;
    try {
      if (writes.length > 0) told = await this.#write(writes, waiting);
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      this.#fail(waiting, error);
      return;
    }
    this.#inFlight.clear();
    this.#scheduled = false;
    for (const { flushed } of told) flushed();
    if (this.#waiting.length > 0 && !this.#scheduled) this.#schedule();
  }

  /** Returns who is to be told that it is done. */
  async #write(writes: [Buffer, Buffer | undefined][], waiting: Waiting[]): Promise<Waiting[]> {
    const { owner } = this.#deps;
    const canBeRefused = waiting.some(({ refuse }) => refuse !== undefined);
    if ((await owner.write(writes, canBeRefused)) === 'done') {
      this.commits++;
      return waiting;
    }
    const refused = new Set<string>();
    for (const { refuse } of waiting) for (const key of refuse?.() ?? []) refused.add(key.latin1Slice());
    for (const key of refused) this.#inFlight.delete(key);
    const left = writes.filter(([key]) => !refused.has(key.latin1Slice()));
    if (left.length > 0) {
      await owner.write(left, false);
      this.commits++;
    }
    return waiting.filter(({ refuse }) => refuse === undefined);
  }

  #fail(sent: readonly Waiting[], error: RuntimeError): void {
    const later = this.#waiting;
    this.#waiting = [];
    this.#failure = error;
    this.#inFlight.clear();
    this.#scheduled = false;
    const isWritten = error instanceof StripeLostError && error.written === true;
    for (const { flushed, failed } of sent) {
      if (isWritten) flushed();
      else failed(error);
    }
    for (const { failed } of later) failed(unwritten(error));
  }
}

/** For what was not sent before the end. */
function unwritten(error: RuntimeError): RuntimeError {
  return error instanceof StripeLostError
    ? new StripeLostError(error.message, false)
    : new RuntimeError('STORE_CLOSED', 'the store is closed', error);
}
