import { runThread } from '../runtime/worker-thread.ts';
import type { WorkerApi } from './worker-messages.ts';
import { Worker } from './worker.ts';

/** The entry of a traffic worker's thread. */
await runThread<undefined, WorkerApi>(async ({ index }) => new Worker(index));
