/**
 * The phases of a node, and what a signal means in each: pure. `lifecycle.ts` performs the effects.
 *
 * starting: parts come up, nothing is accepted. serving. draining: no new work, the old is finished or handed over; the
 * node stays up, drained, until it is stopped. stopping: parts go down. stopped: the process ends.
 */
export type NodePhase = 'starting' | 'serving' | 'draining' | 'stopping' | 'stopped';

export interface LifecycleState {
  readonly phase: NodePhase;
  /** The drain steps are done. */
  readonly drained: boolean;
  /** Monotonic time at which the stop was asked for: it follows as soon as the drain is done. */
  readonly stopAskedMs: number | undefined;
  /** A step failed or took too long: the exit code is 1. */
  readonly failed: boolean;
}

export type LifecycleEvent =
  | { readonly type: 'started' }
  | { readonly type: 'signal'; /** Monotonic. */ readonly atMs: number }
  | { readonly type: 'drain-asked' }
  | { readonly type: 'drained'; readonly ok: boolean }
  | { readonly type: 'parts-stopped'; readonly ok: boolean };

export type LifecycleEffect = 'run-drain' | 'run-stop' | 'exit-0' | 'exit-1' | 'exit-now';

export const initialLifecycle: LifecycleState = {
  phase: 'starting',
  drained: false,
  stopAskedMs: undefined,
  failed: false,
};

/** Pure: the next state, and what the shell does about it, in order. */
export function decideLifecycle(
  state: LifecycleState,
  event: LifecycleEvent,
): readonly [LifecycleState, readonly LifecycleEffect[]] {
  switch (event.type) {
    case 'started':
      return state.phase === 'starting' ? [{ ...state, phase: 'serving' }, []] : [state, []];
    case 'drain-asked':
      return state.phase === 'serving' ? [{ ...state, phase: 'draining' }, ['run-drain']] : [state, []];
    case 'signal':
      return onSignal(state, event.atMs);
    case 'drained': {
      const failed = state.failed || !event.ok;
      if (state.stopAskedMs !== undefined)
        return [{ ...state, phase: 'stopping', drained: true, failed }, ['run-stop']];
      return [{ ...state, drained: true, failed }, []];
    }
    case 'parts-stopped': {
      const failed = state.failed || !event.ok;
      return [{ ...state, phase: 'stopped', failed }, [failed ? 'exit-1' : 'exit-0']];
    }
    default:
      return event satisfies never;
  }
}

/**
 * Ctrl-C under `npm start` comes twice: the terminal sends it to the whole process group, and npm forwards its own
 * (@npmcli/run-script, signal-manager.js). So a second signal is one only after this time.
 */
export const SAME_SIGNAL_MS = 500;

/** SIGTERM, SIGINT, or a stop by command: the first drains and stops, the second ends the process at once. */
function onSignal(state: LifecycleState, atMs: number): readonly [LifecycleState, readonly LifecycleEffect[]] {
  if (state.stopAskedMs !== undefined) return [state, atMs - state.stopAskedMs < SAME_SIGNAL_MS ? [] : ['exit-now']];
  const asked = { ...state, stopAskedMs: atMs };
  switch (state.phase) {
    case 'starting': // nothing was accepted: nothing to drain
      return [{ ...asked, phase: 'stopping' }, ['run-stop']];
    case 'serving':
      return [{ ...asked, phase: 'draining' }, ['run-drain']];
    case 'draining':
      return state.drained ? [{ ...asked, phase: 'stopping' }, ['run-stop']] : [asked, []];
    case 'stopping':
    case 'stopped':
      return [asked, []];
    default:
      return state.phase satisfies never;
  }
}
