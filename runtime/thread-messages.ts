import type { MessagePort } from 'node:worker_threads';

/** What passes between the main thread and a thread of a pool, beside the RPC. Both sides are of one release: no versions. */

/** `workerData` of a pool's thread. */
export interface ThreadStart<Data = unknown> {
  readonly role: string;
  readonly index: number;
  /** Int32 per thread of the pool; this one's is at `index`. */
  readonly beats: SharedArrayBuffer;
  /** For `joinFatal`. */
  readonly fatal: SharedArrayBuffer;
  readonly rpc: MessagePort;
  readonly data: Data;
}

/** thread → main, once: its `start` is done and its API answers. `thread`: what Linux calls it. */
export type ThreadMessage = { readonly type: 'ready'; readonly thread: number };

/** A thread, as others see it. */
export interface PeerName {
  readonly role: string;
  readonly index: number;
}

/** What every thread answers to the main thread. */
export interface ThreadControl {
  /** Graceful end: no new work, finish the old within `deadlineMs`. The main thread ends the thread when it is answered. */
  stop(deadlineMs: number): Promise<void>;
  /** A port to another thread; it replaces the one to an earlier life of that thread. */
  connect(peer: PeerName, port: MessagePort): void;
}

/** What a thread exposes on its RPC port. */
export interface ThreadFaces<Api extends object> {
  readonly api: Api;
  readonly control: ThreadControl;
}
