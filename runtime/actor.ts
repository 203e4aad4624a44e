import type { RestartPolicy } from './supervisor-decide.ts';

/**
 * created: made, not started. running: takes messages. stopping: takes no new ones, works off those it has, cleans up.
 * stopped: for good. A crash leads to running again (restarted, with the messages it had) or to stopped.
 */
export type ActorPhase = 'created' | 'running' | 'stopping' | 'stopped';

/** Why an actor ends. After a crash its own fields may be in any state: close what is held, trust nothing else. */
export type StopReason = { readonly type: 'asked' } | { readonly type: 'crash'; readonly error: unknown };

/**
 * Behaviour and state of one actor; only its own thread touches it, one message at a time. It may throw anywhere: it
 * loses its memory (a restart makes a new one with `ActorSpec.create`), the other actors lose nothing.
 */
export interface Actor<M> {
  receive(message: M): void;
  /**
   * After the last message of a turn (1 to `ActorSpec.perTurn` of them): the place for what is done once a batch, as
   * one socket write or one frame to another thread.
   */
  turnEnd?(): void;
  /**
   * Once, before the end: close what is held. After `stop` a promise is waited for, up to `ActorSpec.shutdownMs`; after
   * a crash it is not.
   */
  stopping?(reason: StopReason): void | Promise<void>;
}

/** What others hold of an actor. It stays the same over restarts. */
export interface ActorRef<M> {
  readonly name: string;
  readonly phase: ActorPhase;
  /** Messages that wait. */
  readonly pending: number;
  /** False: mailbox full, or the actor is stopping or stopped. The message is not in, and the sender has to answer for it. */
  tell(message: M): boolean;
  /** Takes no more messages, works off what is queued, cleans up, ends. Resolves at the end, at most `shutdownMs` later. */
  stop(): Promise<void>;
}

/** What the actor itself holds. */
export interface ActorSelf<M> extends ActorRef<M> {
  /** The end of a callback that does not come by the mailbox (a socket, say) and failed: the same as a throw in `receive`. */
  crash(error: unknown): void;
}

export interface ActorSpec<M> {
  readonly name: string;
  /** Messages that may wait; one more gets `tell` false. */
  readonly capacity: number;
  /** Makes the behaviour: at the spawn and at every restart. */
  create(self: ActorSelf<M>): Actor<M>;
  readonly restart: RestartPolicy;
  /** Milliseconds from `stop` until the actor is ended whatever it still does. */
  readonly shutdownMs: number;
  /** Messages in a row before other actors and sockets have their turn. Default 64. */
  readonly perTurn?: number;
  /** Called for each message that was in the mailbox when the actor ended for good: the answer to it. */
  undelivered?(message: M): void;
}
