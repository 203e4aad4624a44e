import type { Link, LinkService } from '../../runtime/link/link.ts';
import { Answer } from '../../runtime/link/link.ts';
import { RuntimeError } from '../../runtime/errors.ts';
import type { Claimed, Correlated, FoundMessage, MessageStore, OutboxItem } from '../ports.ts';

/** The message store's verbs between threads, of one node or of two. Must never change: nodes of two releases speak them. */
const Verb = {
  allocate: 1,
  append: 2,
  settle: 3,
  claim: 4,
  claimEnded: 5,
  correlate: 6,
  find: 7,
  cancel: 8,
  scan: 9,
  outbox: 10,
  archived: 11,
  outboxFailed: 12,
  stats: 13,
  putConfig: 14,
  getConfig: 15,
  /** Notice from the store: these queues have something ready. */
  ready: 16,
  claimAlone: 17,
  amend: 18,
  // 19 was a search by account and addresses alone.
  outcome: 20,
  /** Notice: which stripes the sender has, and for how long for certain (`Held`). */
  held: 21,
  /** Notice from the store: what is claimed from these stripes and not sent yet is wanted back. */
  giveBack: 22,
  search: 23,
} as const;

/** What the workers of a cluster tell one another again and again. */
export interface Held {
  /** On the sender's clock, ms. */
  readonly sentAt: number;
  /** When the receiver sent what the sender has heard last, on the receiver's clock; 0 = nothing yet. */
  readonly heard: number;
  /** The sender's stripes, and how long from `sentAt` on each is the sender's for certain, ms. */
  readonly leases: readonly (readonly [stripe: number, leftMs: number])[];
}

type Arguments<K extends keyof MessageStore> = Parameters<MessageStore[K]>;

/** The store in another thread, as the port. Rejects with the link's errors when that thread is gone. */
export function storeOver(link: Link): MessageStore {
  const call =
    <K extends keyof MessageStore>(verb: number) =>
    (...args: Arguments<K>): ReturnType<MessageStore[K]> =>
      link.request(verb, args) as ReturnType<MessageStore[K]>;
  return {
    allocate: call<'allocate'>(Verb.allocate),
    append: call<'append'>(Verb.append),
    settle: call<'settle'>(Verb.settle),
    claim: call<'claim'>(Verb.claim),
    claimAlone: call<'claimAlone'>(Verb.claimAlone),
    claimEnded: call<'claimEnded'>(Verb.claimEnded),
    correlate: call<'correlate'>(Verb.correlate),
    find: call<'find'>(Verb.find),
    cancel: call<'cancel'>(Verb.cancel),
    amend: call<'amend'>(Verb.amend),
    search: call<'search'>(Verb.search),
    outcome: call<'outcome'>(Verb.outcome),
    scan: call<'scan'>(Verb.scan),
    outbox: call<'outbox'>(Verb.outbox),
    archived: call<'archived'>(Verb.archived),
    outboxFailed: call<'outboxFailed'>(Verb.outboxFailed),
    stats: call<'stats'>(Verb.stats),
    putConfig: call<'putConfig'>(Verb.putConfig),
    getConfig: call<'getConfig'>(Verb.getConfig),
  };
}

/** What the store's thread does with the requests of one claimant. */
export function serveStore(store: MessageStore): LinkService {
  return { request: (verb, body) => dispatch(store, verb, body as never) };
}

/** Tells a claimant's thread that these queues have something ready. */
export function ring(link: Link, destinations: readonly string[]): void {
  link.notify(Verb.ready, destinations);
}

export function tellHeld(link: Link, held: Held): void {
  link.notify(Verb.held, held);
}

export function tellGiveBack(link: Link, stripes: readonly number[]): void {
  link.notify(Verb.giveBack, stripes);
}

/** What is done with what the other end tells. */
export interface Notices {
  /** These queues have something ready. */
  readonly ready?: (destinations: readonly string[]) => void;
  readonly held?: (held: Held) => void;
  readonly giveBack?: (stripes: readonly number[]) => void;
}

/** The other end of `ring`, `tellHeld`, `tellGiveBack`. */
export function onNotices({ ready, held, giveBack }: Notices): LinkService {
  return {
    notice: (verb, body) => {
      if (verb === Verb.ready) ready?.(body as readonly string[]);
      else if (verb === Verb.held) held?.(body as Held);
      else if (verb === Verb.giveBack) giveBack?.(body as readonly number[]);
    },
  };
}

function dispatch(store: MessageStore, verb: number, args: never): unknown {
  switch (verb) {
    case Verb.allocate:
      return store.allocate(...(args as Arguments<'allocate'>));
    case Verb.append:
      return store.append(...(args as Arguments<'append'>));
    case Verb.settle:
      return store.settle(...(args as Arguments<'settle'>));
    case Verb.claim:
      return store.claim(...(args as Arguments<'claim'>)).then(moveClaims);
    case Verb.claimAlone:
      return store.claimAlone(...(args as Arguments<'claimAlone'>)).then(claim => claim && moveClaim(claim));
    case Verb.claimEnded:
      return store.claimEnded(...(args as Arguments<'claimEnded'>)).then(moveClaims);
    case Verb.correlate:
      return store.correlate(...(args as Arguments<'correlate'>)).then(moveCorrelated);
    case Verb.find:
      return store.find(...(args as Arguments<'find'>)).then(found => found && compactFound(found));
    case Verb.cancel:
      return store.cancel(...(args as Arguments<'cancel'>));
    case Verb.amend:
      return store.amend(...(args as Arguments<'amend'>));
    case Verb.search:
      return store
        .search(...(args as Arguments<'search'>))
        .then(({ found, until }) => ({ found: found.map(compactFound), until }));
    case Verb.outcome:
      return store.outcome(...(args as Arguments<'outcome'>)).then(found => found && compactFound(found));
    case Verb.scan:
      return store.scan(...(args as Arguments<'scan'>)).then(found => found.map(compactFound));
    case Verb.outbox:
      return store.outbox(...(args as Arguments<'outbox'>)).then(moveOutbox);
    case Verb.archived:
      return store.archived(...(args as Arguments<'archived'>));
    case Verb.outboxFailed:
      return store.outboxFailed(...(args as Arguments<'outboxFailed'>));
    case Verb.stats:
      return store.stats();
    case Verb.putConfig:
      return store.putConfig(...(args as Arguments<'putConfig'>));
    case Verb.getConfig:
      return store.getConfig(...(args as Arguments<'getConfig'>)).then(value => value && own(value));
    default:
      throw new RuntimeError('STORE_VERB', `the store has no verb ${verb}`);
  }
}

/**
 * Bytes in a buffer of their own: a view is sent with all of the buffer it lies in, which may be a shared pool or a page
 * of the database.
 */
function own(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const alone = bytes.byteLength === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer;
  return alone ? (bytes as Uint8Array<ArrayBuffer>) : Uint8Array.from(bytes);
}

/** Without the tenure: the claimant knows its own side of that. */
const ownClaim = (claim: Claimed) => ({
  ...claim,
  tenure: undefined,
  batch: own(claim.batch),
  attempts: Uint8Array.from(claim.attempts),
});

function moveClaim(claim: Claimed): Answer {
  const owned = ownClaim(claim);
  return new Answer(owned, [owned.batch.buffer]);
}

function moveClaims(claims: readonly Claimed[]): Answer {
  const owned = claims.map(ownClaim);
  return new Answer(
    owned,
    owned.map(({ batch }) => batch.buffer),
  );
}

function moveCorrelated(found: Correlated): Answer {
  const { ids, final, submittedAt, account, records, offsets } = found;
  const buffers = [ids, final, submittedAt, account, records, offsets].map(column => column.buffer as ArrayBuffer);
  if (found.held) buffers.push(found.held.buffer as ArrayBuffer);
  return new Answer(found, buffers);
}

function moveOutbox(items: readonly OutboxItem[]): Answer {
  const owned = items.map(item => ({ ...item, batch: own(item.batch), ledger: own(item.ledger) }));
  return new Answer(
    owned,
    owned.flatMap(({ batch, ledger }) => [batch.buffer, ledger.buffer]),
  );
}

function compactFound(found: FoundMessage): FoundMessage {
  return { ...found, record: own(found.record), ledger: own(found.ledger) };
}
