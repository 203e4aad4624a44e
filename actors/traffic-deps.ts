import type { Clock } from '../runtime/clock.ts';
import type { Timers } from '../runtime/timers.ts';
import type { IntakeSettings } from './batch/intake-deps.ts';
import type { GathererSettings } from './long/gatherer.ts';
import type { MessageDraft } from './message/draft.ts';
import type { MessageStore, QueueStats } from './ports.ts';
import type { PushClient } from './push/push-client.ts';
import type { PushSettings } from './push/pusher.ts';
import type { ReceiptSettings } from './receipt/receipt-settings.ts';
import type { RetrySettings, RouteSettings } from './route/outcomes.ts';

/** What a worker's traffic is made of. */

export interface TrafficSettings {
  readonly intake: IntakeSettings;
  readonly receipts: ReceiptSettings;
  readonly retry: RetrySettings;
  readonly gathering: GathererSettings;
  readonly push: Omit<PushSettings, 'index'>;
}

/** Who gathers parts of long messages (`long/queue.ts`). */
export interface Partitions {
  /** All there are: the stripes of the node's stores. */
  readonly all: readonly number[];
  /** Those that this worker, and no other, gathers. */
  readonly own: readonly number[];
}

export interface TrafficDeps {
  readonly name: string;
  readonly store: MessageStore;
  readonly clock: Clock;
  /** What happens to each message is dated with it: it may stand still within a turn (`runtime/loop-clock.ts`). */
  readonly turnClock: Pick<Clock, 'nowMs'>;
  readonly timers: Timers;
  /** The queues of the stripes that this worker has. */
  readonly ownQueues: () => Promise<readonly QueueStats[]>;
  /** How long this thread has waited for something to do, in all, ms. */
  readonly idleMs: () => number;
  readonly random: () => number;
  readonly settings: TrafficSettings;
  readonly partitions: Partitions;
  /** What the workers of a node know of messages that came lately (`accounts/duplicate-table.ts`). */
  readonly duplicates: SharedArrayBuffer;
  /** A message goes round between these two carriers, and was not sent on. */
  readonly looped: (from: string, to: string) => void;
  /** How a destination is to be treated; asked once per destination and at every change. */
  readonly routeSettings: (destination: string) => RouteSettings;
  readonly reply: (message: MessageDraft, text: string) => MessageDraft | undefined;
  /** Receipts leave by HTTP by this; undefined: none does here. */
  readonly push:
    | {
        readonly client: PushClient;
        /** Of this worker. */
        readonly index: number;
        /** A receiver is left alone for a while, for this reason; '': it answers again. */
        readonly changed: (origin: string, reason: string) => void;
      }
    | undefined;
  /** A batch has been committed or refused, `ms` after its first message came in: the longest that any of them waited. */
  readonly committed: (ms: number) => void;
  /** A peer has answered a message `ms` after it was sent. Told of one in 64. */
  readonly answered: (side: 'account' | 'carrier', ms: number) => void;
  /** This thread cannot go on: the store is gone, or an actor that others depend on has thrown. */
  readonly failed: (error: unknown) => void;
}
