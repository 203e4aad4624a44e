import type { Actor, ActorPhase, ActorSelf, ActorSpec, StopReason } from './actor.ts';
import { Mailbox } from './mailbox.ts';
import type { Exit, RestartPolicy } from './supervisor-decide.ts';
import type { ChildSpec, Supervisor } from './supervisor.ts';

/** Something that the run queue calls. */
export interface Turn {
  turn(): void;
}

/** What a cell needs of its system. */
export interface CellHost {
  readonly supervisor: Supervisor;
  /** The cell has something to do: give it a turn. Called once until that turn begins. */
  enqueue(cell: Turn): void;
}

const DEFAULT_PER_TURN = 64;

/** The place of one actor in its system: mailbox, phase and present behaviour. It is its own ref and supervised child. */
export class ActorCell<M> implements ActorSelf<M>, ChildSpec, Turn {
  readonly name: string;
  readonly restart: RestartPolicy;
  readonly shutdownMs: number;
  readonly #spec: ActorSpec<M>;
  readonly #host: CellHost;
  readonly #mailbox: Mailbox<M>;
  #phase: ActorPhase = 'created';
  #actor: Actor<M> | undefined;
  #exited: ((exit: Exit) => void) | undefined;
  #queued = false;
  #finishing = false;

  constructor(spec: ActorSpec<M>, host: CellHost) {
    this.name = spec.name;
    this.restart = spec.restart;
    this.shutdownMs = spec.shutdownMs;
    this.#spec = spec;
    this.#host = host;
    this.#mailbox = new Mailbox(spec.capacity);
  }

  get phase(): ActorPhase {
    return this.#phase;
  }

  get pending(): number {
    return this.#mailbox.length;
  }

  tell(message: M): boolean {
    if (this.#phase !== 'running' && this.#phase !== 'created') return false;
    if (!this.#mailbox.push(message)) return false;
    this.#enqueue();
    return true;
  }

  crash(error: unknown): void {
    if (this.#actor === undefined) return;
    void this.#cleanUp({ type: 'crash', error });
    this.#leave({ type: 'crash', error });
  }

  stop(): Promise<void> {
    return this.#host.supervisor.stopChild(this);
  }

  start(exited: (exit: Exit) => void): void {
    this.#actor = this.#spec.create(this);
    this.#exited = exited;
    this.#phase = 'running';
    if (this.#mailbox.length > 0) this.#enqueue();
  }

  shutdown(): void {
    if (this.#phase !== 'running') return;
    this.#phase = 'stopping';
    this.#enqueue();
  }

  kill(): void {
    if (this.#actor !== undefined) this.#leave({ type: 'normal' });
  }

  forgotten(): void {
    this.#phase = 'stopped';
    while (this.#mailbox.length > 0) {
      // Not inside the call: where nobody wants it, `?.` would leave it in the mailbox.
      const message = this.#mailbox.shift();
      this.#spec.undelivered?.(message);
    }
  }

  /** Receives up to `perTurn` messages. Called by the run queue. */
  turn(): void {
    this.#queued = false;
    const actor = this.#actor;
    if (actor === undefined) return;
    try {
      // A message can end or restart the actor it is for, hence the second condition.
      for (let left = this.#spec.perTurn ?? DEFAULT_PER_TURN; left > 0 && this.#actor === actor; left--) {
        if (this.#mailbox.length === 0) break;
        actor.receive(this.#mailbox.shift());
      }
      if (this.#actor === actor) actor.turnEnd?.();
    } catch (error) {
      if (this.#actor === actor) this.crash(error);
      return;
    }
    if (this.#mailbox.length > 0) this.#enqueue();
    else if (this.#phase === 'stopping' && this.#actor === actor) this.#finish(actor);
  }

  #enqueue(): void {
    if (this.#queued) return;
    this.#queued = true;
    this.#host.enqueue(this);
  }

  #finish(actor: Actor<M>): void {
    if (this.#finishing) return;
    this.#finishing = true;
    const cleaned = this.#cleanUp({ type: 'asked' });
    const leave = (): void => {
      if (this.#actor === actor) this.#leave({ type: 'normal' });
    };
    if (cleaned === undefined) leave();
    else void cleaned.then(leave);
  }

  /** Runs `stopping`; what it throws is reported as the crash it is. The promise never rejects. */
  #cleanUp(reason: StopReason): Promise<void> | undefined {
    const failed = (error: unknown): void => {
      if (reason.type === 'asked') this.#leave({ type: 'crash', error });
    };
    try {
      return this.#actor?.stopping?.(reason)?.catch(failed);
    } catch (error) {
      failed(error);
      return undefined;
    }
  }

  #leave(exit: Exit): void {
    const exited = this.#exited;
    this.#actor = undefined;
    this.#exited = undefined;
    exited?.(exit);
  }
}
