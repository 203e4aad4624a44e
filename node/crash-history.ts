/** Lives of one worker that end within this time belong together. */
const WITHIN_MS = 60_000;
/** As many of them, and the next life claims with care (`actors/careful-store.ts`). */
const LIMIT = 3;

/** When workers ended without being asked to, monotonic ms. */
export class CrashHistory {
  readonly #ends = new Map<number, number[]>();

  ended(worker: number, nowMs: number): void {
    const recent = (this.#ends.get(worker) ?? []).filter(at => nowMs - at < WITHIN_MS);
    this.#ends.set(worker, [...recent, nowMs].slice(-LIMIT));
  }

  isCareful(worker: number, nowMs: number): boolean {
    const ends = this.#ends.get(worker);
    return ends !== undefined && ends.length === LIMIT && nowMs - ends[0]! < WITHIN_MS;
  }
}
