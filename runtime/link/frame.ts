/**
 * The frame of a link between two threads, of one process or of two nodes, version 1: must never change. Body and answer are whatever the verb says, best a
 * plain object around transferred ArrayBuffers: a frame costs the same with 300 bytes as with 60 KB in them.
 */
export const LINK_VERSION = 1;

export const REQUEST = 0;
export const REPLY = 1;
/** The answer to a request that failed: `body` is a `LinkFailure`. */
export const FAILURE = 2;
/** Expects no answer; `request` is 0. */
export const NOTICE = 3;

export interface Frame {
  readonly v: typeof LINK_VERSION;
  readonly kind: typeof REQUEST | typeof REPLY | typeof FAILURE | typeof NOTICE;
  /** What is asked or told: numbers of the protocol that the two roles share. */
  readonly verb: number;
  /** Number of the request, the same in its answer. */
  readonly request: number;
  readonly body: unknown;
}

export interface LinkFailure {
  readonly code: string;
  readonly message: string;
}
