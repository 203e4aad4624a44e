import { readBatch } from './message/batch.ts';
import { batchNumberOf, messageId, stripeOf, type MessageId } from './message/id.ts';
import { L, nextEntry } from './message/ledger.ts';
import type { Claimed, LedgerFrame, MessageStore } from './ports.ts';

export interface CarefulDeps {
  readonly store: MessageStore;
  /** Monotonic, ms. */
  readonly monotonic: () => number;
  /** How long one message at a time is claimed, ms from now. */
  readonly forMs: number;
  /** These destinations may be claimed for again. */
  readonly ready: (destinations: readonly string[]) => void;
}

export interface CarefulStore extends MessageStore {
  /** What was claimed from these stripes is void: nobody here will tell what became of it. */
  lapsed(stripes: readonly number[]): void;
}

/**
 * The message store as a worker uses it whose predecessors crashed, one soon after the other. One message among those they
 * had claimed may be poison. So this worker claims one message at a time, written down before it is given: when it crashes
 * too, that is the one, and the store gives it up. After a quiet while it claims as ever.
 */
export function carefulStore({ store, monotonic, forMs, ready }: CarefulDeps): CarefulStore {
  const until = monotonic() + forMs;
  const isCareful = (): boolean => monotonic() < until;
  let asking = false;
  let held: MessageId = -1;
  const turnedAway = new Set<string>();

  function settled(frames: readonly LedgerFrame[]): void {
    if (held >= 0 && frames.some(frame => mentions(frame, held))) held = -1;
    again();
  }

  /** Whoever was turned away may claim, unless a message is still held. */
  function again(): void {
    if (held >= 0 || turnedAway.size === 0) return;
    const destinations = [...turnedAway];
    turnedAway.clear();
    ready(destinations);
  }

  return {
    lapsed: stripes => {
      if (held >= 0 && stripes.includes(stripeOf(batchNumberOf(held)))) held = -1;
      again();
    },
    allocate: count => store.allocate(count),
    append: async request => {
      const outcome = await store.append(isCareful() ? { ...request, take: [] } : request);
      if (outcome.type === 'done') settled(request.ledger);
      return outcome;
    },
    settle: async frames => {
      await store.settle(frames);
      settled(frames);
    },
    claim: async (destination, max, after) => {
      if (!isCareful()) return store.claim(destination, max, after);
      // Nobody sends what is claimed so, and it can be later.
      if (after !== undefined) return [];
      if (asking || held >= 0) {
        turnedAway.add(destination);
        return [];
      }
      asking = true;
      const claim = await store.claimAlone(destination).finally(() => (asking = false));
      if (claim) held = idOf(claim);
      else again();
      return claim ? [claim] : [];
    },
    claimAlone: destination => store.claimAlone(destination),
    claimEnded: max => store.claimEnded(max),
    correlate: (carrier, carrierIds) => store.correlate(carrier, carrierIds),
    find: id => store.find(id),
    cancel: id => store.cancel(id),
    amend: (id, record) => store.amend(id, record),
    search: (match, limit) => store.search(match, limit),
    outcome: (id, waitMs) => store.outcome(id, waitMs),
    scan: (destination, after, limit) => store.scan(destination, after, limit),
    outbox: maxMessages => store.outbox(maxMessages),
    archived: items => store.archived(items),
    outboxFailed: numbers => store.outboxFailed(numbers),
    stats: () => store.stats(),
    putConfig: (key, value) => store.putConfig(key, value),
    getConfig: key => store.getConfig(key),
  };
}

function idOf(claim: Claimed): MessageId {
  const { number, offsets } = readBatch(claim.batch, false);
  return messageId(
    number,
    offsets.findIndex(at => at !== 0),
  );
}

function mentions({ entries }: LedgerFrame, id: MessageId): boolean {
  const buffer = Buffer.from(entries.buffer, entries.byteOffset, entries.byteLength);
  for (let at = 0; at < buffer.length; at = nextEntry(buffer, at)) {
    if (buffer.readDoubleLE(at + L.id) === id) return true;
  }
  return false;
}
