/** A thread counts its beats in a shared word; the main thread sees that they go on. Pure part, and the two shells. */

/** Beats of a thread: its event loop turned. */
export const BEAT_MS = 100;
/** How often the main thread looks. */
export const LOOK_MS = 200;

export interface BeatState {
  readonly beat: number;
  /** Monotonic time of the last look. */
  readonly lookedMs: number;
  /** For how long the beat has stood still while we looked. */
  readonly stillMs: number;
}

export function firstBeat(beat: number, nowMs: number): BeatState {
  return { beat, lookedMs: nowMs, stillMs: 0 };
}

/**
 * Pure: the state after a look. One look counts for at most two intervals: when the whole process was suspended
 * (SIGSTOP, a paused VM) or the main thread itself was blocked, the thread is given its time again.
 */
export function lookAtBeat(state: BeatState, beat: number, nowMs: number): BeatState {
  if (beat !== state.beat) return firstBeat(beat, nowMs);
  const passedMs = Math.min(Math.max(0, nowMs - state.lookedMs), 2 * LOOK_MS);
  return { beat, lookedMs: nowMs, stillMs: state.stillMs + passedMs };
}

/** Thread side: beats until the thread ends, without keeping it alive. */
export function startBeating(beats: Int32Array, slot: number): void {
  setInterval(() => Atomics.add(beats, slot, 1), BEAT_MS).unref();
}
