import { writeSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { describeError } from './errors.ts';

/**
 * The end of the process for what must not be survived (a failed flush, a wrong configuration): one line on stderr,
 * exit code 1, within the second, from any thread.
 *
 * Only the main thread can end a process with an exit code, and `process.exit` is not the way: it joins all threads,
 * so a hung disk (a thread of libuv's pool, or a worker, inside `fsync`) holds it up for as long as the disk likes
 * (Node 24.21: never ended in the test with a FIFO). `execve` of `sh -c 'exit 1'` has the kernel drop all other threads at
 * once, under the same pid: 1 ms. A thread asks for it through one shared word on which the main thread waits
 * asynchronously. When the main thread is blocked the asking thread sends SIGKILL: no exit code then, but the end.
 */

const RUNNING = 0;
const WRITING = 1;
const WRITTEN = 2;
// Slack for a line that cannot be written (stderr is a full pipe): the process ends without it.
const WRITE_LIMIT_MS = 300;
const MAIN_LIMIT_MS = 800;

let word: Int32Array | undefined;

/** Main thread, once, before the first worker starts: gives what each thread hands to `joinFatal`. */
export function armFatal(): SharedArrayBuffer {
  const shared = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  word = new Int32Array(shared);
  void listen(word);
  return shared;
}

/** Worker thread, once, before anything that can fail. `worker-thread.ts` does it for the pool's threads. */
export function joinFatal(shared: SharedArrayBuffer): void {
  word = new Int32Array(shared);
}

/**
 * Ends the process: writes `heliograph: LINE: error` to stderr and exits with code 1. Nothing of the calling thread runs after
 * it. When two threads call it, the first one's line is written.
 */
export function fatal(line: string, error?: unknown): never {
  const text = error === undefined ? line : `${line}: ${describeError(error)}`;
  if (word === undefined) {
    writeLine(text);
    exitAtOnce();
  }
  if (Atomics.compareExchange(word, 0, RUNNING, WRITING) === RUNNING) {
    Atomics.notify(word, 0);
    writeLine(text);
    Atomics.store(word, 0, WRITTEN);
    Atomics.notify(word, 0);
  }
  if (isMainThread) exitAtOnce();
  // Blocks: this thread must not acknowledge, write or log anything more.
  const deadline = performance.now() + MAIN_LIMIT_MS;
  for (let left = MAIN_LIMIT_MS; left > 0; left = deadline - performance.now()) {
    Atomics.wait(word, 0, Atomics.load(word, 0), left);
  }
  process.kill(process.pid, 'SIGKILL');
  throw new Error('SIGKILL did not end this process');
}

async function listen(shared: Int32Array): Promise<void> {
  await Atomics.waitAsync(shared, 0, RUNNING).value;
  if (Atomics.load(shared, 0) === WRITING) await Atomics.waitAsync(shared, 0, WRITING, WRITE_LIMIT_MS).value;
  exitAtOnce();
}

/** Ends the process with code 1 now. Main thread only: in a worker it ends the thread. */
export function exitAtOnce(): never {
  // Node says that execve is experimental on the next tick, which never comes.
  if (isMainThread && process.platform !== 'win32') {
    try {
      process.execve?.('/bin/sh', ['sh', '-c', 'exit 1'], {});
    } catch {
      // No shell in this image: the slower end below.
    }
  }
  process.exit(1);
}

function writeLine(text: string): void {
  try {
    writeSync(2, `heliograph: ${text.replace(/\s*[\r\n]+\s*/g, ' ')}\n`);
  } catch {
    // stderr is closed or a full pipe: the exit code still tells.
  }
}
