import { readFileSync, readlinkSync } from 'node:fs';

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
  /** How long the thread had waited for a processor until then, in all. */
  readonly starvedMs: number;
  /** For how long the beat has stood still while we looked. */
  readonly stillMs: number;
}

export function firstBeat(beat: number, nowMs: number, starvedMs = 0): BeatState {
  return { beat, lookedMs: nowMs, starvedMs, stillMs: 0 };
}

/**
 * Pure: the state after a look. One look counts for at most two intervals: when the whole process was suspended
 * (SIGSTOP, a paused VM) or the main thread itself was blocked, the thread is given its time again. So it is when it was
 * ready to run and the machine had no processor for it: to end it would make the machine no less busy.
 */
export function lookAtBeat(state: BeatState, beat: number, nowMs: number, starvedMs = 0): BeatState {
  if (beat !== state.beat) return firstBeat(beat, nowMs, starvedMs);
  const passed = nowMs - state.lookedMs - Math.max(0, starvedMs - state.starvedMs);
  let passedMs = Math.min(Math.max(0, passed), 2 * LOOK_MS);
  // It waits for the disk, and knows it: a slow disk is no reason to end a thread that would only wait for it again.
  if (beat < 0) passedMs /= DISK_PATIENCE;
  return { beat, lookedMs: nowMs, starvedMs, stillMs: state.stillMs + passedMs };
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

/** Thread side: what Linux calls this thread; 0 where that is not known. */
export function threadId(): number {
  try {
    return Number(readlinkSync('/proc/thread-self').split('/').at(-1));
  } catch {
    return 0;
  }
}

/** How long a thread of this process has waited for a processor, in all, ms; 0 where Linux does not tell (`schedstat`). */
export function starvedMs(thread: number): number {
  try {
    const [, waitedNs] = readFileSync(`/proc/self/task/${thread}/schedstat`, 'latin1').split(' ');
    return Number(waitedNs) / 1e6;
  } catch {
    return 0;
  }
}
