/**
 * What a supervisor does when a child ends: pure, so that a table tests it. The words are those of Erlang/OTP
 * (supervisor behaviour, one_for_one); `supervisor.ts` performs the effects.
 */

/** permanent: always started again. transient: only after a crash. temporary: never. */
export type RestartPolicy = 'permanent' | 'transient' | 'temporary';

/** More than `maxRestarts` within `periodMs`: the fault is not the child's alone, and the parent has to decide. */
export interface Intensity {
  readonly maxRestarts: number;
  readonly periodMs: number;
}

/**
 * How a child ended. `undead` is one that was killed and did not end: starting another beside it could make two
 * owners of the same thing, so it always goes to the parent.
 */
export type Exit =
  | { readonly type: 'normal' }
  | { readonly type: 'crash'; readonly error: unknown }
  | { readonly type: 'undead'; readonly error: unknown };

export interface SupervisorState {
  /** running: restarts. stopping: asked to end, restarts nothing. failed: gave up, the parent was told. */
  readonly phase: 'running' | 'stopping' | 'failed';
  /** Monotonic times of the restarts within the period, oldest first. At most `maxRestarts`. */
  readonly restartsMs: readonly number[];
}

export type SupervisorEvent =
  | {
      readonly type: 'exited';
      readonly exit: Exit['type'];
      readonly restart: RestartPolicy;
      /** The child was asked to stop, so it is not started again whatever its policy. */
      readonly asked: boolean;
      /** Monotonic. */
      readonly atMs: number;
    }
  | { readonly type: 'stop' };

/** About the child that ended: start it again, or forget it. About all: stop them in order, or kill them and tell the parent. */
export type SupervisorEffect = 'restart' | 'forget' | 'stop-all' | 'escalate';

export const initialSupervisor: SupervisorState = { phase: 'running', restartsMs: [] };

/** Pure: the next state, and what the shell does about it, in order. */
export function decide(
  state: SupervisorState,
  event: SupervisorEvent,
  intensity: Intensity,
): readonly [SupervisorState, readonly SupervisorEffect[]] {
  switch (event.type) {
    case 'stop':
      return state.phase === 'running' ? [{ ...state, phase: 'stopping' }, ['stop-all']] : [state, []];
    case 'exited': {
      if (state.phase !== 'running') return [state, ['forget']];
      if (event.exit === 'undead') return [{ ...state, phase: 'failed' }, ['forget', 'escalate']];
      if (event.asked || !restarts(event.restart, event.exit)) return [state, ['forget']];
      const recent = state.restartsMs.filter(at => event.atMs - at < intensity.periodMs);
      if (recent.length >= intensity.maxRestarts) {
        return [{ phase: 'failed', restartsMs: recent }, ['forget', 'escalate']];
      }
      return [{ phase: 'running', restartsMs: [...recent, event.atMs] }, ['restart']];
    }
    default:
      return event satisfies never;
  }
}

function restarts(policy: RestartPolicy, exit: 'normal' | 'crash'): boolean {
  return policy === 'permanent' || (policy === 'transient' && exit === 'crash');
}
