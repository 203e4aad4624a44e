import type { QueueStats, StoreStats } from '../ports.ts';

/** The figures of several stripes as those of one store. */
export function addStats(parts: readonly StoreStats[]): StoreStats {
  const queues = new Map<string, QueueStats>();
  for (const { queues: own } of parts) {
    for (const queue of own) {
      const known = queues.get(queue.destination);
      queues.set(queue.destination, known ? addQueues(known, queue) : queue);
    }
  }
  const sum = (value: (part: StoreStats) => number): number => parts.reduce((total, part) => total + value(part), 0);
  return {
    queues: [...queues.values()],
    batches: sum(part => part.batches),
    messages: sum(part => part.messages),
    awaitingReceipt: sum(part => part.awaitingReceipt),
    outboxBatches: sum(part => part.outboxBatches),
    outboxMessages: sum(part => part.outboxMessages),
    quarantined: sum(part => part.quarantined),
    commits: sum(part => part.commits),
    octets: sum(part => part.octets),
    refusing: parts.find(part => part.refusing !== '')?.refusing ?? '',
  };
}

function addQueues(a: QueueStats, b: QueueStats): QueueStats {
  const oldest = [a.oldestAt, b.oldestAt].filter(at => at > 0);
  return {
    destination: a.destination,
    ready: a.ready + b.ready,
    claimed: a.claimed + b.claimed,
    parked: a.parked + b.parked,
    oldestAt: oldest.length > 0 ? Math.min(...oldest) : 0,
  };
}
