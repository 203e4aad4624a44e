import { batchNumberOf, indexOf, type MessageId } from '../message/id.ts';
import type { FoundMessage } from '../ports.ts';
import type { BatchShelf } from './batch-shelf.ts';
import { find } from './lookups.ts';
import type { Standings } from './standings.ts';
import { hasLastFate, type Watcher } from './watchers.ts';

/** Waits until a message has its last fate, and for the flush of that; at most `waitMs`. */
export async function outcome(
  standings: Standings,
  shelf: BatchShelf,
  id: MessageId,
  waitMs: number,
  flushed: () => Promise<void>,
): Promise<FoundMessage | undefined> {
  const state = standings.get(batchNumberOf(id));
  const found = find(standings, shelf, id);
  if (!state || !found) return undefined;
  const ended = hasLastFate(state, indexOf(id)) ? found : await watched(standings, id, waitMs);
  if (!ended) return find(standings, shelf, id);
  await flushed();
  return ended;
}

/** The message as it is when its last fate is recorded, not flushed yet; undefined when the time is over. */
export function watched(standings: Standings, id: MessageId, waitMs: number): Promise<FoundMessage | undefined> {
  return new Promise(resolve => {
    const watcher: Watcher = found => {
      clearTimeout(timer);
      resolve(found);
    };
    const timer = setTimeout(() => {
      standings.watchers.delete(id, watcher);
      resolve(undefined);
    }, waitMs);
    standings.watchers.add(id, watcher);
  });
}
