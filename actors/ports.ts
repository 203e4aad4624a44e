import type { Fate } from './message/ledger.ts';
import type { MessageId } from './message/id.ts';

/**
 * What the SMS domain needs from the world. Engines live in `adapters/`; one contract test suite (`test/contract/`)
 * runs against each of them.
 */

/** Entries of the ledger (`message/ledger.ts`) about messages of one destination. */
export interface LedgerFrame {
  readonly destination: string;
  readonly entries: Uint8Array;
}

export interface AppendRequest {
  /** An encoded batch (`message/batch.ts`), with a number out of a block that `allocate` gave. */
  readonly batch: Uint8Array;
  /**
   * Destinations whose messages the caller can take itself, at once: their groups come back already claimed, unless
   * others wait in that queue before them.
   */
  readonly take: readonly string[];
  /** Committed together with the batch: the fates that made its messages (receipts), or none of both. */
  readonly ledger: readonly LedgerFrame[];
  /** True for what must be taken even at a bound: receipts, and other consequences of messages accepted before. */
  readonly exempt: boolean;
}

/** Too much is queued; too much is settled and waits for the archive; the disk is full. */
export type RefusedBecause = 'queue-full' | 'outbox-full' | 'disk-full';

export type AppendOutcome =
  /** Flushed. `granted`: indexes of the groups that are the caller's, as claims of this tenure. */
  | { readonly type: 'done'; readonly granted: readonly number[]; readonly tenure?: Tenure | undefined }
  /** Nothing was written. */
  | { readonly type: 'refused'; readonly reason: RefusedBecause | 'stopping' };

/** The time for which one stripe is one owner's. Claims are of a tenure, and end with it: the next owner has them all anew. */
export interface Tenure {
  /** False while the stripe may be another's: nothing that was claimed is sent. */
  readonly holds: boolean;
  /** It is another's, or whoever has it does not know of our claims any more: they are void. */
  readonly isOver: boolean;
}

/** Messages claimed from a queue. */
export interface Claimed {
  /** An encoded batch in which only the claimed records are present (others have offset 0). */
  readonly batch: Uint8Array;
  /** Attempts so far, by index in the batch; empty = none. */
  readonly attempts: Uint8Array;
  /** Messages claimed. */
  readonly count: number;
  /** Undefined: for as long as this process lives. Stays in the thread that claims. */
  readonly tenure?: Tenure | undefined;
}

/** Messages claimed because they will not be sent any more: the claimant settles them with this fate. */
export interface ClaimedEnded extends Claimed {
  readonly fate: Fate;
}

/**
 * What a correlation found, by column, in the order asked: it crosses threads for every turn's receipts, and a handful of
 * typed arrays costs a tenth of as many objects as there are receipts.
 */
export interface Correlated {
  /** 0 = not found. */
  readonly ids: Float64Array;
  /** 1 = its final fate was recorded before: the receipt is a repetition. */
  readonly final: Uint8Array;
  /** ms since 1970. */
  readonly submittedAt: Float64Array;
  /** Whose each is: an index in `accounts`. */
  readonly account: Uint16Array;
  readonly accounts: readonly string[];
  /**
   * The messages' records (`message/record.ts`): without most of their text, and without TLVs but for what says whom to tell
   * by HTTP.
   */
  readonly records: Uint8Array;
  /** Where each record starts. */
  readonly offsets: Uint32Array;
  /**
   * Of messages that are kept whole, since a receipt of failure may send them elsewhere: the routing table that each was
   * routed by; 0 for others. undefined: there is none.
   */
  readonly held: Uint32Array | undefined;
}

export interface FoundMessage {
  readonly id: MessageId;
  readonly account: string;
  readonly destination: string;
  readonly createdAt: number;
  readonly tableVersion: number;
  readonly record: Uint8Array;
  readonly fate: Fate;
  readonly attempts: number;
  /** ms since 1970; 0 = not parked. */
  readonly dueAt: number;
  /** True while a worker is at it. */
  readonly claimed: boolean;
  /** Its ledger entries, oldest first (`message/ledger.ts`). */
  readonly ledger: Uint8Array;
}

/** Where a message has its place in lists, newest first: by when it was accepted (ms since 1970), then by its id. */
export interface Place {
  readonly at: number;
  readonly id: MessageId;
}

/** Which messages `search` looks for: those that are all of what is given. Octets are compared as they are. */
export interface Match {
  readonly account?: string | undefined;
  readonly destination?: string | undefined;
  /** Of this account, or for it. */
  readonly visibleTo?: string | undefined;
  readonly source?: string | undefined;
  readonly dest?: string | undefined;
  readonly serviceType?: string | undefined;
  readonly fate?: Fate | undefined;
  /** true: queued and not claimed. */
  readonly waiting?: boolean | undefined;
  /** Accepted then or later, ms since 1970. */
  readonly from?: number | undefined;
  /** Older than this place. */
  readonly before?: Place | undefined;
}

/** What a search found, newest first. */
export interface Searched {
  readonly found: readonly FoundMessage[];
  /** It ended here, with enough or after enough work; `Match.before` goes on from here. undefined: there is no more. */
  readonly until: Place | undefined;
}

/** Settled messages on their way to the archive: the batch, who may be archived, and their ledger entries. */
export interface OutboxItem {
  readonly number: number;
  readonly batch: Uint8Array;
  /** By index: 1 = write this message's row now. */
  readonly due: Uint8Array;
  readonly ledger: Uint8Array;
}

export interface QueueStats {
  readonly destination: string;
  readonly ready: number;
  readonly claimed: number;
  readonly parked: number;
  /** When the oldest waiting batch was accepted, ms since 1970; 0 = empty. */
  readonly oldestAt: number;
}

export interface StoreStats {
  readonly queues: readonly QueueStats[];
  readonly batches: number;
  readonly messages: number;
  readonly awaitingReceipt: number;
  readonly outboxBatches: number;
  readonly outboxMessages: number;
  readonly quarantined: number;
  readonly commits: number;
  /** Octets on disk. */
  readonly octets: number;
  readonly refusing: '' | RefusedBecause;
}

/**
 * Keeps every accepted message until its fate is known and archived.
 *
 * Guarantees: a resolved `append` or `settle` is flushed to stable storage; only flushed messages can be claimed; a
 * message has at most one claimant; what is not settled is claimable again when its claimant is gone. Commits of one
 * caller take effect in the order of the calls. A failed flush ends the process: no promise resolves after it.
 *
 * Poison: a message that was claimed alone (`claimAlone`) by a claimant that has ended is given up (`claimEnded`), and a
 * copy is kept aside.
 *
 * @throws CommitInDoubtError from `append` and `settle` when the engine cannot tell whether it was written
 */
export interface MessageStore {
  /**
   * Takes a block of batch numbers, durable before it returns; never given out before. Returns the first; the others
   * follow in steps of STRIPE_LIMIT (`message/id.ts`).
   */
  allocate(count: number): Promise<number>;
  append(request: AppendRequest): Promise<AppendOutcome>;
  /** Records what happened to messages the caller claimed; entries about others are passed over. */
  settle(frames: readonly LedgerFrame[]): Promise<void>;
  /**
   * Claims up to `max` messages of a queue that are ready and due: higher lanes first, accounts in a lane by turns.
   * Empty when there are none.
   *
   * @param after given: whatever lane and account, whole batches, of the caller's own stripes, in an order of the store's
   * that goes on behind the batch of this number (0: from the start): what is given back is not met again on the way
   */
  claim(destination: string, max: number, after?: number): Promise<readonly Claimed[]>;
  /** Claims one message; that it is claimed is durable before it is given. For a claimant whose predecessors crashed. */
  claimAlone(destination: string): Promise<Claimed | undefined>;
  /**
   * Claims up to `max` messages, of any queue, that will not be sent any more: their validity has ended while they waited,
   * or they are poison (`Fate.undeliverable`).
   */
  claimEnded(max: number): Promise<readonly ClaimedEnded[]>;
  /**
   * Finds the messages that a carrier gave these ids to. Tolerant of case and leading zeros. A commit of the caller that
   * is under way counts.
   */
  correlate(carrier: string, carrierIds: readonly string[]): Promise<Correlated>;
  find(id: MessageId): Promise<FoundMessage | undefined>;
  /** Cancels a message that is queued and not claimed. */
  cancel(id: MessageId): Promise<'done' | 'unknown' | 'in-flight' | 'final'>;
  /**
   * Puts another record (`message/record.ts`) in the place of a message that is queued and not claimed. Its id, kind,
   * group, place in the queue and attempts stay. Where the new record has another `deliverAfter` than the old one the
   * message waits until then, or is ready when that has passed.
   */
  amend(id: MessageId, record: Uint8Array): Promise<'done' | 'unknown' | 'in-flight' | 'final'>;
  /**
   * Messages that match, newest first, up to `limit`; receipts are none. There is no index: it looks through batches, in
   * slices, so nothing else is held up and the answer takes its time; through so many at most, and then says how far it came.
   */
  search(match: Match, limit: number): Promise<Searched>;
  /**
   * Waits until a message has its last fate (one that awaits a receipt has not), at most `waitMs`. Returns it as it is
   * then, durable; undefined when it is not known.
   */
  outcome(id: MessageId, waitMs: number): Promise<FoundMessage | undefined>;
  /** Messages of a queue, oldest first, from `after` (exclusive, 0 = from the start). */
  scan(destination: string, after: MessageId, limit: number): Promise<readonly FoundMessage[]>;
  /**
   * The next settled messages for the archive; what was given out is not given again until `archived`, `outboxFailed` or
   * the caller's end.
   */
  outbox(maxMessages: number): Promise<readonly OutboxItem[]>;
  /** The archive's database has committed these. */
  archived(items: readonly { number: number; due: Uint8Array }[]): Promise<void>;
  /** These could not be written: give them out again. */
  outboxFailed(numbers: readonly number[]): Promise<void>;
  stats(): Promise<StoreStats>;
  /** Small durable values: the configuration snapshot, keys. undefined deletes. */
  putConfig(key: string, value: Uint8Array | undefined): Promise<void>;
  getConfig(key: string): Promise<Uint8Array | undefined>;
}

/** A commit whose answer did not come: neither done nor refused until the store is asked by the batch's number. */
export class CommitInDoubtError extends Error {
  readonly code = 'COMMIT_IN_DOUBT';
  readonly batchNumber: number;
  constructor(batchNumber: number, cause: unknown) {
    super(`batch ${batchNumber}: the store's answer did not come`, { cause });
    this.batchNumber = batchNumber;
  }
}
