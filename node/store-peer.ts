import type { FramePort } from '../runtime/link/link.ts';
import { Link } from '../runtime/link/link.ts';
import type { MessageStore } from '../actors/ports.ts';
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
  /** The peer has these stripes; what of them was claimed from others, or from it while it had them before, is void. */
  readonly holdsNow: (stripes: readonly number[], gained: readonly number[], gone: readonly number[]) => void;
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
  /** By stripe: until when it is the peer's and we are known to it, monotonic ms. */
  #heldUntil = new Map<number, number>();

  constructor(port: FramePort, deps: StorePeerDeps) {
    this.#deps = deps;
    this.link = new Link(port, {
      peer: deps.title,
      service: {
        ...serveStore(deps.served),
        ...onNotices({ ready: deps.rang, held: held => this.#told(held), giveBack: deps.giveBack }),
      },
      closed: deps.closed,
    });
    this.store = storeOver(this.link);
  }

  /** The stripes that it has told of last. */
  get stripes(): number[] {
    return [...this.#heldUntil.keys()];
  }

  holds(stripe: number, now: number): boolean {
    return this.link.open && now < (this.#heldUntil.get(stripe) ?? 0);
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
    const before = this.#heldUntil;
    this.#heard = sentAt;
    const since = heard === 0 ? -Infinity : heard;
    this.#heldUntil = new Map(leases.map(([stripe, left]) => [stripe, since + Math.min(left, this.#deps.leaseMs)]));
    const stripes = this.stripes;
    const gained = stripes.filter(stripe => !before.has(stripe));
    const gone = [...before.keys()].filter(stripe => !this.#heldUntil.has(stripe));
    if (gained.length + gone.length > 0) this.#deps.holdsNow(stripes, gained, gone);
    if (heard === 0) this.#deps.answer();
  }
}
