import { nextEntry } from '../message/ledger.ts';
import { batchNumberOf, stripeOf } from '../message/id.ts';
import type {
  Claimed,
  ClaimedEnded,
  FoundMessage,
  LedgerFrame,
  Match,
  MessageStore,
  OutboxItem,
  StoreStats,
} from '../ports.ts';
import { LinkClosed } from '../../runtime/link/link.ts';
import { mergeCorrelated, missing } from './records.ts';
import { addStats } from './store-stats.ts';

interface Peer {
  readonly stripes: readonly number[];
  readonly store: MessageStore;
}

/**
 * The stripes of this node as one message store, as one thread sees them. Its own are called directly: what comes in
 * here is committed here, and usually leaves here, without crossing a thread. Those of other workers are asked over
 * links, for what they have that this thread can do: a queue whose session is here, a receipt that came here.
 */
export class StripedStore implements MessageStore {
  readonly #own: ReadonlyMap<number, MessageStore>;
  /** Other workers that can be asked now. One that is being restarted cannot. */
  readonly #peers = new Map<number, Peer>();
  /** Destinations for which other workers have told of something ready. */
  readonly #rang = new Map<string, Set<number>>();

  /** @param own this thread's stripes; the first takes what comes in. Empty: a thread that only asks (the archive's) */
  constructor(own: ReadonlyMap<number, MessageStore>) {
    this.#own = own;
  }

  /** Another worker, with these stripes, can be asked from here on. */
  connect(worker: number, stripes: readonly number[], store: MessageStore): void {
    this.#peers.set(worker, { stripes, store });
  }

  /** It is gone, unless it has come back already: then `store` is the one it had before. */
  disconnect(worker: number, store: MessageStore): void {
    if (this.#peers.get(worker)?.store !== store) return;
    this.#peers.delete(worker);
    for (const workers of this.#rang.values()) workers.delete(worker);
  }

  /** Another worker has something ready for these. */
  rang(worker: number, destinations: readonly string[]): void {
    for (const destination of destinations) {
      const workers = this.#rang.get(destination);
      if (workers) workers.add(worker);
      else this.#rang.set(destination, new Set([worker]));
    }
  }

  allocate(count: number): Promise<number> {
    return this.#first().allocate(count);
  }

  append(request: Parameters<MessageStore['append']>[0]): ReturnType<MessageStore['append']> {
    const elsewhere: LedgerFrame[] = [];
    const ledger = this.#splitOwn(request.ledger, elsewhere);
    const appended = this.#first().append({ ...request, ledger });
    if (elsewhere.length === 0) return appended;
    // The receipt is safe before the fate it tells is recorded in the other stripe: at worst it is told twice.
    return appended.then(async outcome => {
      if (outcome.type === 'done') await this.settle(elsewhere);
      return outcome;
    });
  }

  async settle(frames: readonly LedgerFrame[]): Promise<void> {
    const elsewhere: LedgerFrame[] = [];
    const own = this.#splitOwn(frames, elsewhere);
    const settled: Promise<void>[] = [];
    if (own.length > 0) settled.push(this.#settleOwn(own));
    for (const [stripe, theirs] of byStripe(elsewhere)) {
      // Gone with its worker: its claims lapse, and what was sent of them may be sent again, as after any crash.
      const store = this.#peerWith(stripe);
      if (store) settled.push(store.settle(theirs).catch(ignoreClosed));
    }
    await Promise.all(settled);
  }

  async claim(destination: string, max: number): Promise<readonly Claimed[]> {
    const claims: Claimed[] = [];
    let left = max;
    for (const store of this.#own.values()) {
      if (left <= 0) return claims;
      left -= take(claims, await store.claim(destination, left));
    }
    for (const worker of this.#rang.get(destination) ?? []) {
      if (left <= 0) return claims;
      const theirs = (await this.#peers.get(worker)?.store.claim(destination, left).catch(ignoreClosed)) ?? [];
      const got = take(claims, theirs);
      if (got === 0) this.#rang.get(destination)?.delete(worker);
      left -= got;
    }
    return claims;
  }

  async claimAlone(destination: string): Promise<Claimed | undefined> {
    for (const store of this.#own.values()) {
      const claim = await store.claimAlone(destination);
      if (claim) return claim;
    }
    for (const worker of this.#rang.get(destination) ?? []) {
      const claim = await this.#peers.get(worker)?.store.claimAlone(destination).catch(ignoreClosed);
      if (claim) return claim;
      this.#rang.get(destination)?.delete(worker);
    }
    return undefined;
  }

  async claimEnded(max: number): Promise<readonly ClaimedEnded[]> {
    const claims = await Promise.all([...this.#own.values()].map(store => store.claimEnded(max)));
    return claims.flat();
  }

  async correlate(carrier: string, carrierIds: readonly string[]): ReturnType<MessageStore['correlate']> {
    const [first, ...rest] = this.#all();
    if (!first) throw new Error('no stripe can be asked');
    let found = await first.correlate(carrier, carrierIds);
    for (const store of rest) {
      const places = missing(found);
      if (places.length === 0) break;
      const more = await store
        .correlate(
          carrier,
          places.map(place => carrierIds[place]!),
        )
        .catch(ignoreClosed);
      if (more) found = mergeCorrelated(found, places, more);
    }
    return found;
  }

  async find(id: number): Promise<FoundMessage | undefined> {
    return this.#of(id)?.find(id);
  }

  async cancel(id: number): ReturnType<MessageStore['cancel']> {
    return this.#of(id)?.cancel(id) ?? 'unknown';
  }

  async amend(id: number, record: Uint8Array): ReturnType<MessageStore['amend']> {
    return this.#of(id)?.amend(id, record) ?? 'unknown';
  }

  async search(account: string, match: Match, limit: number): Promise<readonly FoundMessage[]> {
    const found = await Promise.all(
      this.#all().map(async store => (await store.search(account, match, limit).catch(ignoreClosed)) ?? []),
    );
    return found
      .flat()
      .sort((a, b) => b.createdAt - a.createdAt || b.id - a.id)
      .slice(0, limit);
  }

  async outcome(id: number, waitMs: number): Promise<FoundMessage | undefined> {
    return this.#of(id)?.outcome(id, waitMs);
  }

  async scan(destination: string, after: number, limit: number): Promise<readonly FoundMessage[]> {
    const found = await Promise.all(this.#all().map(store => store.scan(destination, after, limit)));
    return found
      .flat()
      .sort((a, b) => a.createdAt - b.createdAt || a.id - b.id)
      .slice(0, limit);
  }

  async outbox(maxMessages: number): Promise<readonly OutboxItem[]> {
    const stores = this.#all();
    const share = Math.ceil(maxMessages / Math.max(1, stores.length));
    const items = await Promise.all(stores.map(store => store.outbox(share).catch(ignoreClosed)));
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
    return addStats(await Promise.all(this.#all().map(store => store.stats())));
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

  #peerWith(stripe: number): MessageStore | undefined {
    for (const peer of this.#peers.values()) if (peer.stripes.includes(stripe)) return peer.store;
    return undefined;
  }

  #of(id: number): MessageStore | undefined {
    const stripe = stripeOf(batchNumberOf(id));
    return this.#own.get(stripe) ?? this.#peerWith(stripe);
  }

  #settleOwn(frames: readonly LedgerFrame[]): Promise<void> {
    if (this.#own.size === 1) return this.#first().settle(frames);
    const settled = [...byStripe(frames)].map(([stripe, theirs]) => this.#own.get(stripe)!.settle(theirs));
    return Promise.all(settled).then(() => undefined);
  }

  /** The frames whose entries are all of own stripes; the others' entries go to `elsewhere`. */
  #splitOwn(frames: readonly LedgerFrame[], elsewhere: LedgerFrame[]): LedgerFrame[] {
    const own: LedgerFrame[] = [];
    for (const frame of frames) {
      if (this.#allOwn(frame)) {
        own.push(frame);
        continue;
      }
      for (const [stripe, [part]] of byStripe([frame])) (this.#own.has(stripe) ? own : elsewhere).push(part!);
    }
    return own;
  }

  #allOwn({ entries }: LedgerFrame): boolean {
    const buffer = asBuffer(entries);
    for (let at = 0; at < buffer.length; at = nextEntry(buffer, at)) {
      if (!this.#own.has(stripeOf(batchNumberOf(buffer.readDoubleLE(at))))) return false;
    }
    return true;
  }

  async #eachStripe<T>(
    items: readonly T[],
    numberOf: (item: T) => number,
    call: (store: MessageStore, items: T[]) => Promise<void>,
  ): Promise<void> {
    const groups = Map.groupBy(items, item => stripeOf(numberOf(item)));
    await Promise.all(
      [...groups].map(([stripe, theirs]) => {
        const store = this.#own.get(stripe) ?? this.#peerWith(stripe);
        return store ? call(store, theirs).catch(ignoreClosed) : Promise.resolve();
      }),
    );
  }
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

/** Adds claims and returns how many messages are in them. */
function take(into: Claimed[], claims: readonly Claimed[]): number {
  let count = 0;
  for (const claim of claims) {
    into.push(claim);
    count += claim.count;
  }
  return count;
}

/** The other worker is gone: what it had is for its next life to give. */
function ignoreClosed(error: unknown): undefined {
  if (!(error instanceof LinkClosed)) throw error;
  return undefined;
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
