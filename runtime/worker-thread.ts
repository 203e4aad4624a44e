import type { MessagePort } from 'node:worker_threads';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { expose } from 'comlink';
import { RuntimeError } from './errors.ts';
import { joinFatal } from './fatal.ts';
import { startBeating, threadId } from './heartbeat.ts';
import type { PeerName, ThreadControl, ThreadFaces, ThreadMessage, ThreadStart } from './thread-messages.ts';

/** What the entry of a thread is given. */
export interface ThreadContext<Data> {
  readonly role: string;
  readonly index: number;
  readonly data: Data;
}

/** What the entry of a thread gives back. */
export interface ThreadBody<Api extends object> {
  /** Methods for the main thread, called as `WorkerHandle.api`. */
  readonly api: Api;
  /** See `ThreadControl.stop`. */
  stop(deadlineMs: number): Promise<void>;
  /** See `ThreadControl.connect`. */
  connected?(peer: PeerName, port: MessagePort): void;
}

/**
 * The one call of a thread's entry file: beats, starts the body, then answers the main thread. A throw in `start`, and
 * any uncaught error later, ends the thread, and its pool starts another; what no restart can mend is a `fatal`.
 * @throws on the main thread: the entry was imported instead of started
 */
export async function runThread<Data, Api extends object>(
  start: (context: ThreadContext<Data>) => Promise<ThreadBody<Api>>,
): Promise<void> {
  if (isMainThread || parentPort === null)
    throw new Error('this file is the entry of a worker thread: do not import it');
  const given = workerData as ThreadStart<Data>;
  joinFatal(given.fatal);
  startBeating(new Int32Array(given.beats), given.index);
  const body = await start({ role: given.role, index: given.index, data: given.data });
  const control: ThreadControl = {
    stop: deadlineMs => body.stop(deadlineMs),
    connect: (peer, port) => {
      if (body.connected === undefined) {
        throw new RuntimeError('NO_LINKS', `${given.role} ${given.index} takes no link, but was wired to ${peer.role}`);
      }
      body.connected(peer, port);
    },
  };
  expose({ api: body.api, control } satisfies ThreadFaces<Api>, given.rpc);
  parentPort.postMessage({ type: 'ready', thread: threadId() } satisfies ThreadMessage);
}
