import { readBatch } from '../message/batch.ts';
import { messageId, stripeOf } from '../message/id.ts';
import { Fate, LedgerWriter, What } from '../message/ledger.ts';
import type { Claimed, LedgerFrame, MessageStore, Tenure } from '../ports.ts';

/** How another worker is called: by its index in this node, by its life on the bus in others. */
export type PeerName = number | string;

/** A peer, as what is claimed from it is seen. */
export interface ClaimedFrom {
  readonly store: MessageStore;
  /** Its tenure of a stripe; undefined when it has told that the stripe is not its own any more. */
  readonly tenureOf: (stripe: number) => Tenure | undefined;
}

export interface PeerClaimsDeps {
  /** Those that can be asked now. */
  readonly peers: ReadonlyMap<PeerName, ClaimedFrom>;
  /** What was claimed for these has come: to be claimed again. */
  readonly ready: (destinations: readonly string[]) => void;
  readonly settle: (frames: readonly LedgerFrame[]) => Promise<void>;
  /** True for what a peer that has gone, or has given up a stripe, is allowed to answer. */
  readonly isGone: (error: unknown) => boolean;
  /** The answer of a peer is none that it may give. */
  readonly failed: (error: unknown) => void;
}

/** What has come and nobody takes is given back after so long, ms. */
const KEPT_MS = 1000;

/** One that could not be asked is asked again after so long, ms. */
const AGAIN_MS = 100;

/**
 * Claims from other workers' stripes. A peer that is asked and does not answer, because it stands still or is far away,
 * must not hold up what is here: it is asked on the side, and what it gives waits until the queue is claimed from next.
 */
export class PeerClaims {
  readonly #deps: PeerClaimsDeps;
  /** Destinations for which peers have told of something ready. */
  readonly #rang = new Map<string, Set<PeerName>>();
  /** Messages asked for and not answered. */
  readonly #asked = new Map<string, Map<PeerName, number>>();
  readonly #arrived = new Map<string, Claimed[]>();

  constructor(deps: PeerClaimsDeps) {
    this.#deps = deps;
  }

  /** A peer has something ready for these. */
  rang(peer: PeerName, destinations: readonly string[]): void {
    for (const destination of destinations) {
      const peers = this.#rang.get(destination);
      if (peers) peers.add(peer);
      else this.#rang.set(destination, new Set([peer]));
    }
  }

  /** Those that have rung for it. */
  of(destination: string): Iterable<PeerName> {
    return this.#rang.get(destination) ?? [];
  }

  /**
   * It is about to be asked: what it rings for from here on is news. (Its answer and the next ring may lie in one frame, and
   * be read before whoever waits for the answer goes on: a ring must not be forgotten with an empty answer.)
   */
  asking(peer: PeerName, destination: string): void {
    this.#rang.get(destination)?.delete(peer);
  }

  gone(peer: PeerName): void {
    for (const peers of this.#rang.values()) peers.delete(peer);
  }

  /** Somebody's tenure is over. */
  lapsed(): void {
    for (const [destination, arrived] of this.#arrived) {
      const left = arrived.filter(({ tenure }) => !tenure?.isOver);
      if (left.length > 0) this.#arrived.set(destination, left);
      else this.#arrived.delete(destination);
    }
  }

  /** What has come for a destination. */
  take(destination: string): Claimed[] {
    const arrived = this.#arrived.get(destination);
    if (!arrived) return [];
    this.#arrived.delete(destination);
    return arrived;
  }

  /** Asks a peer that has rung, and is not asked yet, for what is wanted beyond what others have been asked for. */
  ask(destination: string, wanted: number): void {
    const rang = this.#rang.get(destination);
    if (!rang || rang.size === 0) return;
    const asked = this.#asked.get(destination) ?? new Map<PeerName, number>();
    let left = wanted;
    for (const count of asked.values()) left -= count;
    for (const peer of rang) {
      if (left <= 0) return;
      const from = this.#deps.peers.get(peer);
      if (asked.has(peer) || !from) continue;
      asked.set(peer, left);
      this.#asked.set(destination, asked);
      this.asking(peer, destination);
      this.#from(peer, from, destination, left).catch(this.#deps.failed);
      return;
    }
  }

  async #from(peer: PeerName, from: ClaimedFrom, destination: string, count: number): Promise<void> {
    try {
      const claims = await from.store.claim(destination, count);
      if (claims.length > 0) {
        this.#keep(
          destination,
          claims.flatMap(claim => claimedFrom(from, claim) ?? []),
        );
        // It may have more.
        this.rang(peer, [destination]);
      }
    } catch (error) {
      if (!this.#deps.isGone(error)) throw error;
      setTimeout(() => this.#askAgain(peer, from.store, destination), AGAIN_MS);
    } finally {
      const asked = this.#asked.get(destination);
      asked?.delete(peer);
      if (asked?.size === 0) this.#asked.delete(destination);
    }
    // Another peer may have rung meanwhile, or be asked for the rest.
    this.#deps.ready([destination]);
  }

  /** It could not be asked: its link was full, or it was giving up a stripe. One that has come back rings by itself. */
  #askAgain(peer: PeerName, store: MessageStore, destination: string): void {
    if (this.#deps.peers.get(peer)?.store !== store) return;
    this.rang(peer, [destination]);
    this.#deps.ready([destination]);
  }

  #keep(destination: string, claims: readonly Claimed[]): void {
    const kept = this.#arrived.get(destination);
    if (kept) kept.push(...claims);
    else this.#arrived.set(destination, [...claims]);
    setTimeout(() => this.#giveBack(destination, new Set(claims)), KEPT_MS);
  }

  /** Its session has gone since it was asked for. */
  #giveBack(destination: string, old: ReadonlySet<Claimed>): void {
    const arrived = this.#arrived.get(destination) ?? [];
    const given = arrived.filter(each => old.has(each));
    if (given.length === 0) return;
    const left = arrived.filter(each => !old.has(each));
    if (left.length > 0) this.#arrived.set(destination, left);
    else this.#arrived.delete(destination);
    const writer = new LedgerWriter();
    for (const claimed of given) {
      const { number, offsets } = readBatch(claimed.batch, false);
      offsets.forEach((at, index) => {
        if (at === 0) return;
        const attempts = claimed.attempts[index] ?? 0;
        writer.add(messageId(number, index), What.released, Fate.queued, attempts, 0, 0, 0, undefined, 0, 0);
      });
    }
    this.#deps.settle([{ destination, entries: writer.take() }]).catch(this.#deps.failed);
  }
}

/** What a peer has given, of its tenure; undefined when that was over before it came. */
export function claimedFrom(peer: ClaimedFrom, claimed: Claimed): Claimed | undefined {
  const tenure = peer.tenureOf(stripeOf(readBatch(claimed.batch, false).number));
  return tenure && !tenure.isOver ? { ...claimed, tenure } : undefined;
}
