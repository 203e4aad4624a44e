import { join } from 'node:path';
import { fatal } from '../runtime/fatal.ts';
import { systemClock } from '../runtime/clock.ts';
import { Link } from '../runtime/link/link.ts';
import { runThread } from '../runtime/worker-thread.ts';
import type { MessageStore } from '../actors/ports.ts';
import { LmdbStore, type StoreSettings } from '../adapters/store-lmdb/lmdb-store.ts';
import { ring, serveStore } from '../adapters/store-lmdb/store-link.ts';

/** What main gives the store's thread. */
export interface StoreThreadData {
  readonly folder: string;
  readonly settings: StoreSettings;
}

/** What main asks of it: the port, for itself, and what only the node's life needs. */
export interface StoreThreadApi extends Pick<
  MessageStore,
  'find' | 'cancel' | 'scan' | 'stats' | 'putConfig' | 'getConfig'
> {
  /** A worker is gone: its claims are void. */
  release(worker: number): void;
  /** Lines about damage found so far; each is given once. */
  alarms(): string[];
}

/** Claimants that are no traffic worker: main and the archive claim nothing, but the port wants a name. */
const MAIN = 200;

await runThread<StoreThreadData, StoreThreadApi>(async ({ data }) => {
  const alarms: string[] = [];
  const workers = new Map<number, Link>();
  const store = new LmdbStore(join(data.folder, 'store'), data.settings, {
    now: systemClock.nowMs,
    monotonic: systemClock.monotonicMs,
    fatal: line => fatal(line),
    alarm: line => alarms.push(line),
    ready: destinations => {
      for (const link of workers.values()) ring(link, destinations);
    },
  });
  const own = store.forOwner(MAIN);
  return {
    api: {
      find: id => own.find(id),
      cancel: id => own.cancel(id),
      scan: (destination, after, limit) => own.scan(destination, after, limit),
      stats: () => own.stats(),
      putConfig: (key, value) => own.putConfig(key, value),
      getConfig: key => own.getConfig(key),
      release: worker => store.release(worker),
      alarms: () => alarms.splice(0),
    },
    connected: (peer, port) => {
      const owner = peer.role === 'worker' ? peer.index : MAIN;
      const link = new Link(port, {
        peer: `${peer.role} ${peer.index}`,
        service: serveStore(store.forOwner(owner)),
        closed: () => {
          if (workers.get(peer.index) === link) workers.delete(peer.index);
        },
      });
      if (peer.role === 'worker') workers.set(peer.index, link);
    },
    stop: () => store.close(),
  };
});
