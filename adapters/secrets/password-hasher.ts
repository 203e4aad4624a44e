import { Worker } from 'node:worker_threads';
import type { HashAnswer, HashJob } from './hash-thread.ts';

/** More are waiting than can be answered in useful time: refuse, and let the peer come again. */
export class HasherBusyError extends Error {
  readonly code = 'HASHER_BUSY';
  constructor() {
    super('too many passwords are waiting to be checked');
    this.name = 'HasherBusyError';
  }
}

interface Waiting {
  readonly job: HashJob;
  readonly resolve: (answer: HashAnswer) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Hashes passwords, one at a time, in a thread of its own: a hash costs 50 ms of CPU, and in libuv's pool 16 of them
 * made LMDB's commits wait 0.6 s. The thread starts with the first job and does not keep the process alive. One for the
 * whole process, in the main thread; worker threads ask it through a port.
 */
export class PasswordHasher {
  readonly #mostWaiting: number;
  readonly #queue: Waiting[] = [];
  #thread: Worker | undefined;
  #running: Waiting | undefined;
  #closed = false;

  /** @param mostWaiting jobs in the queue; at 50 ms each, 100 are 5 s, half the time a peer has to bind */
  constructor(mostWaiting = 100) {
    this.#mostWaiting = mostWaiting;
  }

  /** The form to store. @throws HasherBusyError */
  async hash(password: string): Promise<string> {
    const answer = await this.#ask({ type: 'hash', password });
    if (answer.type !== 'hashed') throw new Error(answer.type === 'failed' ? answer.message : 'expected a hash');
    return answer.stored;
  }

  /** Whether `stored` is of this password. @throws HasherBusyError; Error when `stored` is not a hash */
  async verify(password: string, stored: string): Promise<boolean> {
    const answer = await this.#ask({ type: 'verify', password, stored });
    if (answer.type !== 'verified') throw new Error(answer.type === 'failed' ? answer.message : 'expected an answer');
    return answer.right;
  }

  /** Rejects what waits and ends the thread. */
  async close(): Promise<void> {
    this.#closed = true;
    const thread = this.#thread;
    this.#fail(new Error('the password hasher is closed'));
    for (const waiting of this.#queue.splice(0)) waiting.reject(new Error('the password hasher is closed'));
    await thread?.terminate();
  }

  #ask(job: HashJob): Promise<HashAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new Error('the password hasher is closed'));
      if (this.#queue.length >= this.#mostWaiting) return reject(new HasherBusyError());
      this.#queue.push({ job, resolve, reject });
      this.#next();
    });
  }

  #next(): void {
    if (this.#running !== undefined) return;
    this.#running = this.#queue.shift();
    if (this.#running === undefined) return;
    this.#thread ??= this.#start();
    this.#thread.postMessage(this.#running.job);
  }

  #start(): Worker {
    const thread = new Worker(new URL('./hash-thread.ts', import.meta.url), { name: 'passwords' });
    thread.unref();
    thread.on('message', (answer: HashAnswer) => {
      const done = this.#running;
      this.#running = undefined;
      done?.resolve(answer);
      this.#next();
    });
    // Its error and its end both come: only the first of them is about the thread that runs now.
    const lost = (error: Error): void => {
      if (this.#thread === thread) this.#fail(error);
    };
    thread.on('error', error => lost(error instanceof Error ? error : new Error(String(error))));
    thread.on('exit', () => lost(new Error('the password thread ended')));
    return thread;
  }

  /** The thread is gone: its job fails, the next one starts another thread. */
  #fail(error: Error): void {
    const lost = this.#running;
    this.#running = undefined;
    this.#thread = undefined;
    lost?.reject(error);
    if (!this.#closed) this.#next();
  }
}
