import type { Transferable } from 'node:worker_threads';
import { RuntimeError, describeError } from '../errors.ts';
import { FAILURE, LINK_VERSION, NOTICE, REPLY, REQUEST } from './frame.ts';
import type { Frame, LinkFailure } from './frame.ts';

/** What carries frames to the peer and back, in order: a MessagePort, or a port of the bus between nodes. */
export interface FramePort {
  on(event: 'message', told: (frame: Frame) => void): unknown;
  /** Once; nothing comes after it. */
  on(event: 'close', told: () => void): unknown;
  /** @throws DataCloneError when the frame cannot be carried */
  postMessage(frame: Frame, transfer?: readonly Transferable[]): void;
  close(): void;
}

/** An answer whose buffers move instead of being copied. */
export class Answer {
  readonly body: unknown;
  readonly transfer: readonly Transferable[];

  constructor(body: unknown, transfer: readonly Transferable[]) {
    this.body = body;
    this.transfer = transfer;
  }
}

/** What this side does with what the peer sends. A side that serves nothing answers requests with LINK_NO_SERVICE. */
export interface LinkService {
  /** The answer, or a promise of it: any cloneable value, or an `Answer`. A throw or rejection reaches the requester as `LinkRefused`. */
  request?(verb: number, body: unknown): unknown;
  notice?(verb: number, body: unknown): void;
}

/** The peer, or the link, ended before the answer came: whether the request was done is not known. */
export class LinkClosed extends RuntimeError {
  constructor(peer: string) {
    super('LINK_CLOSED', `the link to ${peer} closed`);
  }
}

/** The bound of unanswered requests is reached; this one was not sent. */
export class LinkFull extends RuntimeError {
  constructor(peer: string, maxPending: number) {
    super('LINK_FULL', `${maxPending} requests to ${peer} wait for their answers already`);
  }
}

/** The peer answered that it failed; `code` is the one of its error. */
export class LinkRefused extends RuntimeError {}

export interface LinkOptions {
  /** For error messages: the peer's role and index. */
  readonly peer: string;
  /** Unanswered requests, at most. Default 1,024. */
  readonly maxPending?: number;
  readonly service?: LinkService;
  /** Once, when the port has closed: the peer ended, or one side closed. Pending requests have been rejected. */
  readonly closed?: () => void;
}

interface Pending {
  readonly resolve: (body: never) => void;
  readonly reject: (error: Error) => void;
}

const DEFAULT_MAX_PENDING = 1024;

/**
 * One end of a port between two threads or nodes: requests with answers, and notices. Frames arrive in the order in which they
 * were sent. Nothing is retried: after `LinkClosed` the caller asks the peer's next life, if asking twice is safe.
 */
export class Link {
  readonly #port: FramePort;
  readonly #peer: string;
  readonly #maxPending: number;
  readonly #service: LinkService;
  readonly #closed: (() => void) | undefined;
  readonly #pending = new Map<number, Pending>();
  #open = true;
  #lastRequest = 0;

  constructor(port: FramePort, options: LinkOptions) {
    this.#port = port;
    this.#peer = options.peer;
    this.#maxPending = options.maxPending ?? DEFAULT_MAX_PENDING;
    this.#service = options.service ?? {};
    this.#closed = options.closed;
    port.on('close', () => this.#onClose());
    port.on('message', (frame: Frame) => this.#onFrame(frame));
  }

  get open(): boolean {
    return this.#open;
  }

  /** Requests that wait for their answers. */
  get pending(): number {
    return this.#pending.size;
  }

  /**
   * Asks the peer. Rejects with `LinkRefused` (the peer's error), `LinkClosed` (fate unknown), `LinkFull` (not sent), or
   * a DataCloneError (not sent). Buffers in `transfer` are the peer's from here on.
   */
  request<T>(verb: number, body: unknown, transfer?: readonly Transferable[]): Promise<T> {
    if (!this.#open) return Promise.reject(new LinkClosed(this.#peer));
    if (this.#pending.size >= this.#maxPending) return Promise.reject(new LinkFull(this.#peer, this.#maxPending));
    // Wraps long after no request of that number waits any more; 0 is for notices.
    const request = this.#lastRequest === Number.MAX_SAFE_INTEGER ? 1 : this.#lastRequest + 1;
    this.#lastRequest = request;
    return new Promise<T>((resolve, reject) => {
      this.#post({ v: LINK_VERSION, kind: REQUEST, verb, request, body }, transfer);
      this.#pending.set(request, { resolve, reject });
    });
  }

  /** Tells the peer. Nothing comes back; on a closed link it is lost, as it would be in a peer that has just died. */
  notify(verb: number, body: unknown, transfer?: readonly Transferable[]): void {
    if (this.#open) this.#post({ v: LINK_VERSION, kind: NOTICE, verb, request: 0, body }, transfer);
  }

  /** Closes both ends; pending requests of both are rejected. */
  close(): void {
    this.#port.close();
    this.#onClose();
  }

  #post(frame: Frame, transfer: readonly Transferable[] | undefined): void {
    this.#port.postMessage(frame, transfer);
  }

  #onClose(): void {
    if (!this.#open) return;
    this.#open = false;
    const error = new LinkClosed(this.#peer);
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
    this.#closed?.();
  }

  #onFrame(frame: Frame): void {
    const version: number = frame.v;
    if (version !== LINK_VERSION) {
      const error = new RuntimeError('LINK_VERSION', `frame version ${version}, expected ${LINK_VERSION}`);
      if (frame.kind === REQUEST) this.#answerFailure(frame, error);
      else this.#take(frame)?.reject(error);
      return;
    }
    switch (frame.kind) {
      case REQUEST:
        this.#serve(frame);
        break;
      case REPLY:
        this.#take(frame)?.resolve(frame.body as never);
        break;
      case FAILURE: {
        const failure = frame.body as LinkFailure;
        this.#take(frame)?.reject(new LinkRefused(failure.code, `${this.#peer}: ${failure.message}`));
        break;
      }
      case NOTICE:
        this.#service.notice?.(frame.verb, frame.body);
        break;
      default:
        frame.kind satisfies never;
    }
  }

  #take(frame: Frame): Pending | undefined {
    const pending = this.#pending.get(frame.request);
    this.#pending.delete(frame.request);
    return pending;
  }

  #serve(frame: Frame): void {
    let answer: unknown;
    try {
      if (this.#service.request === undefined) {
        throw new RuntimeError('LINK_NO_SERVICE', `this thread serves no requests (verb ${frame.verb})`);
      }
      answer = this.#service.request(frame.verb, frame.body);
    } catch (error) {
      this.#answerFailure(frame, error);
      return;
    }
    if (answer instanceof Promise) {
      answer.then(
        (body: unknown) => this.#answer(frame, body),
        (error: unknown) => this.#answerFailure(frame, error),
      );
    } else this.#answer(frame, answer);
  }

  #answer(frame: Frame, answer: unknown): void {
    if (!this.#open) return;
    const { verb, request } = frame;
    try {
      if (answer instanceof Answer) {
        this.#post({ v: LINK_VERSION, kind: REPLY, verb, request, body: answer.body }, answer.transfer);
      } else this.#post({ v: LINK_VERSION, kind: REPLY, verb, request, body: answer }, undefined);
    } catch (error) {
      this.#answerFailure(frame, error); // the answer cannot be cloned
    }
  }

  #answerFailure(frame: Frame, error: unknown): void {
    if (!this.#open || frame.request === 0) return;
    const code = error instanceof RuntimeError ? error.code : 'LINK_FAILED';
    const body: LinkFailure = { code, message: describeError(error) };
    this.#post({ v: LINK_VERSION, kind: FAILURE, verb: frame.verb, request: frame.request, body }, undefined);
  }
}
