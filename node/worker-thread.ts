import { runThread } from '../runtime/worker-thread.ts';
import type { WorkerApi } from './worker-messages.ts';
import { Worker } from './worker.ts';
import type { StoreThreadData } from './worker-stores.ts';

/** The entry of a traffic worker's thread. */
await runThread<StoreThreadData, WorkerApi>(async ({ index, data }) => {
  // A node that is alone does not load what speaks with Redis.
  const shared = data.cluster && (await import('./cluster-stores.ts')).ClusterStores;
  return new Worker(index, data, shared);
});
