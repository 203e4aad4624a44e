import type { MessagePort } from 'node:worker_threads';
import type { PeerName } from '../runtime/thread-messages.ts';
import type { StripedStore } from '../actors/store/striped-store.ts';
import type { Partitions } from '../actors/traffic-deps.ts';

/** What the stores of a worker tell its traffic. */
export interface StoreEvents {
  /** These queues have something ready, here or elsewhere. */
  readonly ready: (destinations: readonly string[]) => void;
  /** Somebody's tenure of these stripes is over: what was claimed in it and is not sent yet is not ours any more. */
  readonly lapsed: (stripes: readonly number[]) => void;
  /** What might not be sent (`Tenure.holds`) may be sent again. */
  readonly resumed: () => void;
  /** Another is to have these stripes: what is not sent yet is given back. */
  readonly giveBack: (stripes: readonly number[]) => void;
  /** This worker has other stripes than before. */
  readonly moved: () => void;
}

/** The message store as a worker has it: its own stripes, and the way to those of others. */
export interface Stores {
  /** For this worker's traffic. */
  readonly store: StripedStore;
  /** Who gathers parts of long messages: each worker those that lie in its stripes. */
  readonly partitions: Partitions;
  /** Lines about damage; each is given once. */
  alarms(): string[];
  /** How full this worker's stripes are: 0 empty, 1 new messages are refused. */
  fill(): Promise<number>;
  /** Another worker of this node, or the archive. */
  connected(peer: PeerName, port: MessagePort): void;
  close(): Promise<void>;
}
