import { nextEntry } from '../message/ledger.ts';
import { batchNumberOf, stripeOf } from '../message/id.ts';
import type {
  AppendOutcome,
  AppendRequest,
  Claimed,
  ClaimedEnded,
  Correlated,
  FoundMessage,
  LedgerFrame,
  Match,
  MessageStore,
  OutboxItem,
  Searched,
  StoreStats,
} from '../ports.ts';
import { RuntimeError } from '../../runtime/errors.ts';
import { LinkClosed } from '../../runtime/link/link.ts';
import { BATCH_NUMBER_AT } from '../message/batch.ts';
import { correlatedNothing, mergeCorrelated, missing } from './records.ts';
import { claimedFrom, PeerClaims, type ClaimedFrom, type PeerName } from './peer-claims.ts';
import { mergeSearched } from './place.ts';
import { addStats } from './store-stats.ts';

interface Peer extends ClaimedFrom {
  stripes: readonly number[];
}

/** A stripe that nobody has is looked for again after this long at the latest, ms. */
const LOOK_MS = 250;

/**
 * The stripes of this node, or cluster, as one message store, as one thread sees them. Its own are called directly: what
 * comes in here is committed here, and usually leaves here, without crossing a thread. Those of other workers are asked
 * over links, for what they have that this thread can do: a queue whose session is here, a receipt that came here.
 *
 * In a cluster stripes come and go. What must reach a stripe (what became of messages, a receipt) waits for whoever has
 * it next; what only asks is answered without it.
 */
export class StripedStore implements MessageStore {
  readonly #own: ReadonlyMap<number, MessageStore>;
  readonly #elsewhere: 'waits' | 'refused';
  /** Other workers that can be asked now. One that is being restarted cannot. */
  readonly #peers = new Map<PeerName, Peer>();
  readonly #claims: PeerClaims;
  /** Whoever waits for a stripe that nobody has. */
  #waiting: (() => void)[] = [];

  /**
   * @param own this thread's stripes, as they are at any time; the first takes what comes in. Empty: a thread that only asks
   *   (the archive's)
   * @param elsewhere what becomes of what is for a stripe that cannot be reached now: it waits until that can; or it is
   *   refused, for one who asks over a link and knows better who has the stripe
   * @param ready what was claimed from other workers for these has come
   */
  constructor(
    own: ReadonlyMap<number, MessageStore>,
    elsewhere: 'waits' | 'refused',
    ready: (destinations: readonly string[]) => void = () => undefined,
  ) {
    this.#own = own;
    this.#elsewhere = elsewhere;
    this.#claims = new PeerClaims({
      peers: this.#peers,
      ready,
      settle: frames => this.settle(frames),
      isGone,
      // As whoever had waited for it: an error that nobody has foreseen ends the thread.
      failed: error =>
        setImmediate(() => {
          throw error;
        }),
    });
  }

  /** Another worker, with these stripes, can be asked from here on. */
  connect(worker: PeerName, stripes: readonly number[], peer: ClaimedFrom): void {
    this.#peers.set(worker, { stripes, store: peer.store, tenureOf: peer.tenureOf });
    this.moved();
  }

  /** It has these stripes from here on. */
  holds(worker: PeerName, stripes: readonly number[]): void {
    const peer = this.#peers.get(worker);
    if (!peer) return;
    peer.stripes = stripes;
    this.moved();
  }

  /** Somebody may have a stripe that nobody had. */
  moved(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const told of waiting) told();
  }

  /** It is gone, unless it has come back already: then `store` is the one it had before. */
  disconnect(worker: PeerName, store: MessageStore): void {
    if (this.#peers.get(worker)?.store !== store) return;
    this.#peers.delete(worker);
    this.#claims.gone(worker);
  }

  /** Somebody's tenure is over: what was claimed in it is void. */
  lapsed(): void {
    this.#claims.lapsed();
  }

  /** Another worker has something ready for these. */
  rang(worker: PeerName, destinations: readonly string[]): void {
    this.#claims.rang(worker, destinations);
  }

  async allocate(count: number): Promise<number> {
    for (;;) {
      const [first] = this.#own.values();
      try {
        if (first) return await first.allocate(count);
      } catch (error) {
        if (!isGone(error)) throw error;
      }
      await this.#movedOrLate();
    }
  }

  append(request: AppendRequest): Promise<AppendOutcome> {
    const elsewhere: LedgerFrame[] = [];
    const stripe = stripeOf(asBuffer(request.batch).readDoubleLE(BATCH_NUMBER_AT));
    const ledger = split(request.ledger, other => other === stripe, elsewhere);
    const appended = this.#append(stripe, { ...request, ledger });
    if (elsewhere.length === 0) return appended;
    // The receipt is safe before the fate it tells is recorded in another stripe: at worst it is told twice.
    return appended.then(async outcome => {
      if (outcome.type === 'done') await this.settle(elsewhere);
      return outcome;
    });
  }

  async settle(frames: readonly LedgerFrame[]): Promise<void> {
    const elsewhere: LedgerFrame[] = [];
    const own = split(frames, stripe => this.#own.has(stripe), elsewhere);
    const settled: Promise<void>[] = [];
    if (own.length > 0) settled.push(this.#settleOwn(own));
    for (const [stripe, theirs] of byStripe(elsewhere)) settled.push(this.#settleAt(stripe, theirs));
    await Promise.all(settled);
  }

  async claim(destination: string, max: number, after?: number): Promise<readonly Claimed[]> {
    if (after !== undefined) return this.#claimAfter(destination, max, after);
    const claims = this.#claims.take(destination);
    let left = max;
    for (const { count } of claims) left -= count;
    for (const store of this.#own.values()) {
      if (left <= 0) return claims;
      const own = (await store.claim(destination, left).catch(ignoreGone)) ?? [];
      for (const claim of own) left -= claim.count;
      claims.push(...own);
    }
    this.#claims.ask(destination, left);
    return claims;
  }

  /** One own stripe after the other: the number of a batch says where it goes on. */
  async #claimAfter(destination: string, max: number, after: number): Promise<readonly Claimed[]> {
    const from = after === 0 ? -1 : stripeOf(after);
    for (const [stripe, store] of [...this.#own].sort(([a], [b]) => a - b)) {
      if (stripe < from) continue;
      const claims = (await store.claim(destination, max, stripe === from ? after : 0).catch(ignoreGone)) ?? [];
      if (claims.length > 0) return claims;
    }
    return [];
  }

  async claimAlone(destination: string): Promise<Claimed | undefined> {
    for (const store of this.#own.values()) {
      const claim = await store.claimAlone(destination).catch(ignoreGone);
      if (claim) return claim;
    }
    for (const worker of this.#claims.of(destination)) {
      this.#claims.asking(worker, destination);
      const peer = this.#peers.get(worker);
      const claim = await peer?.store.claimAlone(destination).catch(ignoreGone);
      if (!peer || !claim) continue;
      this.#claims.rang(worker, [destination]);
      const claimed = claimedFrom(peer, claim);
      if (claimed) return claimed;
    }
    return undefined;
  }

  async claimEnded(max: number): Promise<readonly ClaimedEnded[]> {
    const claims = await Promise.all([...this.#own.values()].map(store => store.claimEnded(max).catch(ignoreGone)));
    return claims.flatMap(own => own ?? []);
  }

  async correlate(carrier: string, carrierIds: readonly string[]): ReturnType<MessageStore['correlate']> {
    let found: Correlated | undefined;
    for (const store of this.#all()) {
      const places = found && missing(found);
      if (places?.length === 0) break;
      const asked = places ? places.map(place => carrierIds[place]!) : carrierIds;
      const more = await store.correlate(carrier, asked).catch(ignoreGone);
      if (more) found = found && places ? mergeCorrelated(found, places, more) : more;
    }
    // Nobody could be asked: the receipts wait, like those that come before their message's response.
    return found ?? correlatedNothing(carrierIds.length);
  }

  async find(id: number): Promise<FoundMessage | undefined> {
    return this.#of(id)?.find(id).catch(ignoreGone);
  }

  async cancel(id: number): ReturnType<MessageStore['cancel']> {
    return (await this.#of(id)?.cancel(id).catch(ignoreGone)) ?? 'unknown';
  }

  async amend(id: number, record: Uint8Array): ReturnType<MessageStore['amend']> {
    return (await this.#of(id)?.amend(id, record).catch(ignoreGone)) ?? 'unknown';
  }

  async search(match: Match, limit: number): Promise<Searched> {
    const searched = await Promise.all(this.#all().map(store => store.search(match, limit).catch(ignoreGone)));
    return mergeSearched(searched.filter(isThere), limit);
  }

  async outcome(id: number, waitMs: number): Promise<FoundMessage | undefined> {
    return this.#of(id)?.outcome(id, waitMs).catch(ignoreGone);
  }

  async scan(destination: string, after: number, limit: number): Promise<readonly FoundMessage[]> {
    const found = await Promise.all(
      this.#all().map(async store => (await store.scan(destination, after, limit).catch(ignoreGone)) ?? []),
    );
    return found
      .flat()
      .sort((a, b) => a.createdAt - b.createdAt || a.id - b.id)
      .slice(0, limit);
  }

  async outbox(maxMessages: number): Promise<readonly OutboxItem[]> {
    const stores = this.#all();
    const share = Math.ceil(maxMessages / Math.max(1, stores.length));
    const items = await Promise.all(stores.map(store => store.outbox(share).catch(ignoreGone)));
    return items.flatMap(own => own ?? []);
  }

  async archived(items: readonly { number: number; due: Uint8Array }[]): Promise<void> {
    await this.#eachStripe(
      items,
      ({ number }) => number,
      (store, theirs) => store.archived(theirs),
    );
  }

  async outboxFailed(numbers: readonly number[]): Promise<void> {
    await this.#eachStripe(
      numbers,
      number => number,
      (store, theirs) => store.outboxFailed(theirs),
    );
  }

  async stats(): Promise<StoreStats> {
    return addStats((await Promise.all(this.#all().map(store => store.stats().catch(ignoreGone)))).filter(isThere));
  }

  /** Of this thread's stripes alone. */
  async ownStats(): Promise<StoreStats> {
    return addStats(await Promise.all([...this.#own.values()].map(store => store.stats())));
  }

  putConfig(key: string, value: Uint8Array | undefined): Promise<void> {
    return this.#first().putConfig(key, value);
  }

  getConfig(key: string): Promise<Uint8Array | undefined> {
    return this.#first().getConfig(key);
  }

  #all(): MessageStore[] {
    return [...this.#own.values(), ...[...this.#peers.values()].map(peer => peer.store)];
  }

  #first(): MessageStore {
    const [first] = this.#own.values();
    if (!first) throw new Error('this thread has no stripe of its own');
    return first;
  }

  /** Who has it now, this thread or another. */
  #with(stripe: number): MessageStore | undefined {
    return this.#own.get(stripe) ?? this.#peerWith(stripe);
  }

  #peerWith(stripe: number): MessageStore | undefined {
    for (const peer of this.#peers.values()) if (peer.stripes.includes(stripe)) return peer.store;
    return undefined;
  }

  #of(id: number): MessageStore | undefined {
    return this.#with(stripeOf(batchNumberOf(id)));
  }

  #settleOwn(frames: readonly LedgerFrame[]): Promise<void> {
    if (this.#own.size === 1) {
      const [[stripe, store]] = [...this.#own] as [[number, MessageStore]];
      return store.settle(frames).catch((error: unknown) => {
        if (!isGone(error)) throw error;
        return this.#settleAt(stripe, frames);
      });
    }
    const settled = [...byStripe(frames)].map(([stripe, theirs]) => this.#settleAt(stripe, theirs));
    return Promise.all(settled).then(() => undefined);
  }

  /**
   * Settles in one stripe, whoever has it: what was sent and answered is not sent again because a worker has ended. Twice
   * is no harm: the second time nothing of it is claimed.
   */
  async #settleAt(stripe: number, frames: readonly LedgerFrame[]): Promise<void> {
    for (;;) {
      const store = this.#with(stripe);
      try {
        if (store) return await store.settle(frames);
      } catch (error) {
        if (!isGone(error)) throw error;
      }
      await this.#movedOrLate();
    }
  }

  #append(stripe: number, request: AppendRequest): Promise<AppendOutcome> {
    const own = this.#own.get(stripe);
    if (!own) return this.#appendElsewhere(stripe, request);
    const appended = own.append(request);
    if (!request.exempt) return appended;
    // What must be taken goes to whoever has the stripe now.
    return appended.then(outcome =>
      isStopping(outcome) && this.#own.get(stripe) !== own ? this.#appendElsewhere(stripe, request) : outcome,
    );
  }

  /** A batch whose number is of a stripe that this thread has no more. */
  async #appendElsewhere(stripe: number, request: AppendRequest): Promise<AppendOutcome> {
    if (!request.exempt) return { type: 'refused', reason: 'stopping' };
    for (;;) {
      const store = this.#with(stripe);
      try {
        const outcome = await store?.append({ ...request, take: [] });
        if (outcome && !isStopping(outcome)) return outcome;
      } catch (error) {
        if (!isGone(error)) throw error;
      }
      await this.#movedOrLate();
    }
  }

  /** Until a stripe has moved, or a while has passed. @throws RuntimeError STRIPE_LOST when what is elsewhere is refused */
  async #movedOrLate(): Promise<void> {
    if (this.#elsewhere === 'refused') throw new RuntimeError('STRIPE_LOST', 'this worker does not have the stripe');
    return new Promise(resolve => {
      const timer = setTimeout(resolve, LOOK_MS);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  async #eachStripe<T>(
    items: readonly T[],
    numberOf: (item: T) => number,
    call: (store: MessageStore, items: T[]) => Promise<void>,
  ): Promise<void> {
    const groups = Map.groupBy(items, item => stripeOf(numberOf(item)));
    await Promise.all(
      [...groups].map(([stripe, theirs]) => {
        const store = this.#with(stripe);
        return store ? call(store, theirs).catch(ignoreGone) : Promise.resolve();
      }),
    );
  }
}

/** The frames whose entries are all of stripes that are `here`; the others' entries go to `elsewhere`. */
function split(
  frames: readonly LedgerFrame[],
  here: (stripe: number) => boolean,
  elsewhere: LedgerFrame[],
): LedgerFrame[] {
  const own: LedgerFrame[] = [];
  for (const frame of frames) {
    if (all(frame, here)) {
      own.push(frame);
      continue;
    }
    for (const [stripe, [part]] of byStripe([frame])) (here(stripe) ? own : elsewhere).push(part!);
  }
  return own;
}

function all({ entries }: LedgerFrame, here: (stripe: number) => boolean): boolean {
  const buffer = asBuffer(entries);
  for (let at = 0; at < buffer.length; at = nextEntry(buffer, at)) {
    if (!here(stripeOf(batchNumberOf(buffer.readDoubleLE(at))))) return false;
  }
  return true;
}

/** Entries by stripe, each with frames of its own. */
function byStripe(frames: readonly LedgerFrame[]): Map<number, LedgerFrame[]> {
  const stripes = new Map<number, LedgerFrame[]>();
  for (const { destination, entries } of frames) {
    const buffer = asBuffer(entries);
    const chunks = new Map<number, Buffer[]>();
    for (let at = 0; at < buffer.length;) {
      const next = nextEntry(buffer, at);
      const stripe = stripeOf(batchNumberOf(buffer.readDoubleLE(at)));
      const own = chunks.get(stripe);
      if (own) own.push(buffer.subarray(at, next));
      else chunks.set(stripe, [buffer.subarray(at, next)]);
      at = next;
    }
    for (const [stripe, parts] of chunks) {
      const frame = { destination, entries: Uint8Array.from(Buffer.concat(parts)) };
      const known = stripes.get(stripe);
      if (known) known.push(frame);
      else stripes.set(stripe, [frame]);
    }
  }
  return stripes;
}

/** Whoever has a stripe has it no more, or cannot be asked just now: of a link, or of the engine that has lost it. */
export function isGone(error: unknown): boolean {
  return error instanceof LinkClosed || (error instanceof RuntimeError && GONE.has(error.code));
}

const GONE: ReadonlySet<string> = new Set(['STRIPE_LOST', 'STORE_CLOSED', 'LINK_FULL']);

/** What it had is for the next one to give. */
function ignoreGone(error: unknown): undefined {
  if (!isGone(error)) throw error;
  return undefined;
}

const isThere = <T>(value: T | undefined): value is T => value !== undefined;
const isStopping = (outcome: AppendOutcome): boolean => outcome.type === 'refused' && outcome.reason === 'stopping';
const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
