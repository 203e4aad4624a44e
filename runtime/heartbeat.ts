/** A thread counts its beats in a shared word; the main thread sees that they go on. Pure part, and the two shells. */

/** Beats of a thread: its event loop turned. */
export const BEAT_MS = 100;
/** The sign of the word: the thread waits for the disk. */
const AT_DISK = 0x8000_0000 | 0;
/** A thread that waits for the disk has this many times the patience of one that is stuck. */
const DISK_PATIENCE = 30;
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
  let passedMs = Math.min(Math.max(0, nowMs - state.lookedMs), 2 * LOOK_MS);
  // It waits for the disk, and knows it: a slow disk is no reason to end a thread that would only wait for it again.
  if (beat < 0) passedMs /= DISK_PATIENCE;
  return { beat, lookedMs: nowMs, stillMs: state.stillMs + passedMs };
}

let mine: { readonly beats: Int32Array; readonly slot: number } | undefined;

/** Thread side: beats until the thread ends, without keeping it alive. */
export function startBeating(beats: Int32Array, slot: number): void {
  mine = { beats, slot };
  setInterval(() => Atomics.add(beats, slot, 1), BEAT_MS).unref();
}

/** Thread side: this thread blocks, waiting for the disk, from `true` to `false`. Outside a pool's thread it does nothing. */
export function waitsForDisk(waits: boolean): void {
  if (!mine) return;
  if (waits) Atomics.or(mine.beats, mine.slot, AT_DISK);
  else Atomics.and(mine.beats, mine.slot, ~AT_DISK);
}
