import { runThread } from '../runtime/worker-thread.ts';
import type { WorkerApi } from './worker-messages.ts';
import { Worker } from './worker.ts';
import type { StoreThreadData } from './worker-stores.ts';

/** The entry of a traffic worker's thread. */
await runThread<StoreThreadData, WorkerApi>(async ({ index, data }) => new Worker(index, data));
