import type { FramePort } from '../runtime/link/link.ts';
import { Link } from '../runtime/link/link.ts';
import type { MessageStore, Tenure } from '../actors/ports.ts';
import {
  onNotices,
  serveStore,
  storeOver,
  tellGiveBack,
  tellHeld,
  ring,
  type Held,
} from '../actors/store/store-link.ts';

export interface StorePeerDeps {
  /** For error messages. */
  readonly title: string;
  readonly leaseMs: number;
  /** Monotonic, ms. */
  readonly clock: () => number;
  /** Our stripes, for the peer. */
  readonly served: MessageStore;
  /** The peer has something ready for these. */
  readonly rang: (destinations: readonly string[]) => void;
  /** The peer has these stripes; what was claimed of those that are gone is void. */
  readonly holdsNow: (stripes: readonly number[], gone: readonly number[]) => void;
  /** The peer is to give these away: what of them is not sent is wanted back. */
  readonly giveBack: (stripes: readonly number[]) => void;
  /** It has not heard of us yet. */
  readonly answer: () => void;
  readonly closed: () => void;
}

/**
 * A worker that we share the stripes of a cluster with, over a link. Both tell one another regularly which stripes they
 * have and for how long they are theirs for certain. What was claimed from the peer may be sent until then, counted from
 * when we said what it has answered: by a clock of our own, and not longer than until the peer gives up on us.
 */
export class StorePeer {
  readonly link: Link;
  /** Its stripes. */
  readonly store: MessageStore;
  readonly #deps: StorePeerDeps;
  /** When the peer sent what we heard last, on its clock; 0 = nothing. */
  #heard = 0;
  /** By stripe. */
  readonly #tenures = new Map<number, PeerTenure>();

  constructor(port: FramePort, deps: StorePeerDeps) {
    this.#deps = deps;
    this.link = new Link(port, {
      peer: deps.title,
      service: {
        ...serveStore(deps.served),
        ...onNotices({ ready: deps.rang, held: held => this.#told(held), giveBack: deps.giveBack }),
      },
      closed: () => {
        for (const tenure of this.#tenures.values()) tenure.isOver = true;
        deps.closed();
      },
    });
    this.store = storeOver(this.link);
  }

  /** The stripes that it has told of last. */
  get stripes(): number[] {
    return [...this.#tenures.keys()];
  }

  readonly tenureOf = (stripe: number): Tenure | undefined => this.#tenures.get(stripe);

  /** All that are not over. */
  tenures(): Tenure[] {
    return [...this.#tenures.values()];
  }

  ring(destinations: readonly string[]): void {
    ring(this.link, destinations);
  }

  giveBack(stripes: readonly number[]): void {
    tellGiveBack(this.link, stripes);
  }

  /** @param own our stripes, and until when each is ours for certain, monotonic ms */
  beat(own: readonly (readonly [stripe: number, heldUntil: number])[]): void {
    const now = this.#deps.clock();
    const leases = own.map(([stripe, until]) => [stripe, until - now] as const);
    tellHeld(this.link, { sentAt: now, heard: this.#heard, leases });
  }

  #told({ sentAt, heard, leases }: Held): void {
    this.#heard = sentAt;
    const since = heard === 0 ? -Infinity : heard;
    const gained: number[] = [];
    const gone = new Set(this.#tenures.keys());
    for (const [stripe, left] of leases) {
      const until = since + Math.min(left, this.#deps.leaseMs);
      const tenure = this.#tenures.get(stripe);
      gone.delete(stripe);
      if (tenure) tenure.until = until;
      else {
        this.#tenures.set(stripe, new PeerTenure(this.link, this.#deps.clock, until));
        gained.push(stripe);
      }
    }
    for (const stripe of gone) {
      this.#tenures.get(stripe)!.isOver = true;
      this.#tenures.delete(stripe);
    }
    if (gained.length + gone.size > 0) this.#deps.holdsNow(this.stripes, [...gone]);
    if (heard === 0) this.#deps.answer();
  }
}

class PeerTenure implements Tenure {
  isOver = false;
  /** Until when the stripe is the peer's and we are known to it, monotonic ms. */
  until: number;
  readonly #link: Link;
  readonly #clock: () => number;

  constructor(link: Link, clock: () => number, until: number) {
    this.#link = link;
    this.#clock = clock;
    this.until = until;
  }

  get holds(): boolean {
    return !this.isOver && this.#link.open && this.#clock() < this.until;
  }
}
