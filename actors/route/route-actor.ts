import type { Actor } from '../../runtime/actor.ts';
import { readBatch } from '../message/batch.ts';
import { stripeOf } from '../message/id.ts';
import { Fate } from '../message/ledger.ts';
import { expiresAtOf, R, RecordFlag } from '../message/record.ts';
import type { Claimed, MessageStore } from '../ports.ts';
import { Delivery } from './delivery.ts';
import { OnePerNumber } from './one-per-number.ts';
import { Outcomes, type OutcomeDeps, type RouteSettings } from './outcomes.ts';
import type { SlotHolder } from './settler.ts';

/** A live session that messages of a destination can leave by. */
export interface Outlet extends SlotHolder {
  /** Messages it can take now. */
  room(): number;
  /** Sends one; the answer comes to `RouteActor.answered`. Only called with room. */
  send(delivery: Delivery, index: number): void;
  /** Window size, for how much to claim ahead. */
  readonly window: number;
  /** The route knows of its room: it says so again when there is more. */
  roomSeen(): void;
}

export type RouteMessage =
  | { readonly type: 'deliver'; readonly delivery: Delivery; readonly indexes: Uint8Array; readonly lane: number }
  | { readonly type: 'claimed'; readonly claimed: readonly Claimed[] }
  | { readonly type: 'ready' }
  | { readonly type: 'room'; readonly outlet: Outlet }
  | { readonly type: 'woken' }
  /** Somebody's tenure is over: what was claimed in it and is not sent yet is not ours any more. */
  | { readonly type: 'lapsed' }
  /** What may not be sent may be sent again. */
  | { readonly type: 'resumed' }
  /** Another is to have these stripes: what is not sent yet is given back. */
  | { readonly type: 'give-back'; readonly stripes: readonly number[] }
  | { readonly type: 'outlet-up'; readonly outlet: Outlet }
  | { readonly type: 'outlet-down'; readonly outlet: Outlet }
  | { readonly type: 'settings'; readonly settings: RouteSettings };

export interface RouteDeps extends OutcomeDeps {
  readonly store: Pick<MessageStore, 'claim'>;
  readonly monotonic: () => number;
  /** Calls back after `ms`; one at a time is asked for. */
  readonly wake: (ms: number) => void;
  readonly failed: (error: unknown) => void;
  readonly self: { tell(message: RouteMessage): boolean };
}

/** Messages held beyond what the windows take, so that a session never waits for a claim. */
const AHEAD = 256;
/** The same where messages may have to wait for others to their number. */
const AHEAD_BY_NUMBER = 4096;
/** Messages an idle limiter may send at once, in seconds of its rate. */
const BURST_SECONDS = 0.1;

interface Stretch {
  readonly delivery: Delivery;
  readonly indexes: Uint8Array;
  next: number;
}

/**
 * One destination in this worker: claims from its queue what the windows of its sessions here can take, orders, paces and
 * dispatches. What becomes of each message is `Outcomes`' to decide.
 */
export class RouteActor implements Actor<RouteMessage> {
  readonly #deps: RouteDeps;
  #settings: RouteSettings;
  readonly #outcomes: Outcomes;
  readonly #outlets: Outlet[] = [];
  readonly #lanes: Stretch[][] = [[], [], [], []];
  /** By lane: what was claimed from stripes that may be somebody else's now. */
  #suspended: Stretch[][] = [[], [], [], []];
  /** Messages in those. */
  #unsendable = 0;
  /** All messages here. */
  #held = 0;
  #turn = 0;
  /** Something was sent in this turn. */
  #sent = false;
  #claiming = false;
  /** The queue may have something ready. */
  #more = true;
  #tokens = 0;
  #filledAt: number;
  #waking = false;
  #numbers: OnePerNumber<Outlet> | undefined;

  constructor(deps: RouteDeps, settings: RouteSettings) {
    this.#deps = deps;
    this.#settings = settings;
    this.#outcomes = new Outcomes(deps, settings);
    this.#filledAt = deps.monotonic();
    this.#byNumber();
  }

  get destination(): string {
    return this.#deps.destination;
  }

  /** Sessions here. */
  get outlets(): number {
    return this.#outlets.length;
  }

  /** Nothing is held here, nor on its way. */
  get isIdle(): boolean {
    return this.#held === 0 && !this.#claiming;
  }

  /** True while what is committed here for this destination may come straight from memory. */
  takes(): boolean {
    return this.#outlets.length > 0 && this.#held < this.#windows() + this.#ahead && this.#settings.throughput === 0;
  }

  receive(message: RouteMessage): void {
    switch (message.type) {
      case 'deliver':
        this.#hold(message.delivery, message.indexes, message.lane);
        return;
      case 'claimed':
        this.#claiming = false;
        for (const claimed of message.claimed) this.#holdClaimed(claimed);
        if (message.claimed.length > 0) this.#more = true;
        return;
      case 'ready':
        this.#more = true;
        return;
      case 'room':
        message.outlet.roomSeen();
        return;
      case 'woken':
        this.#waking = false;
        return;
      case 'lapsed':
        this.#drop(isOver, (delivery, _index) => this.#deps.deliveries.fated(delivery));
        return;
      case 'resumed':
        this.#resume();
        return;
      case 'give-back':
        this.#drop(
          ({ batch }) => message.stripes.includes(stripeOf(batch.number)),
          (delivery, index) => this.#outcomes.lost(delivery, index),
        );
        return;
      case 'outlet-up':
        this.#outlets.push(message.outlet);
        this.#more = true;
        return;
      case 'outlet-down':
        this.#outlets.splice(this.#outlets.indexOf(message.outlet), 1);
        return;
      case 'settings':
        this.#settings = message.settings;
        this.#outcomes.settings = message.settings;
        this.#byNumber();
        return;
      default:
        message satisfies never;
    }
  }

  turnEnd(): void {
    // Also what a claim or a commit brings after the last session has left.
    if (this.#outlets.length === 0) this.#giveBack();
    this.#sent = false;
    this.#dispatch();
    // The next turn begins with the next session: all of them have their share of little traffic too.
    if (this.#sent) this.#turn++;
    this.#claim();
  }

  /** What becomes of messages that were answered, or were not. */
  get outcomes(): Outcomes {
    return this.#outcomes;
  }

  #hold(delivery: Delivery, indexes: Uint8Array, lane: number): void {
    this.#lanes[lane]!.push({ delivery, indexes, next: 0 });
    this.#held += indexes.length;
  }

  #holdClaimed(claimed: Claimed): void {
    const batch = readBatch(claimed.batch, false);
    const byLane: number[][] = [[], [], [], []];
    let count = 0;
    for (let i = 0; i < batch.count; i++) {
      const at = batch.offsets[i]!;
      if (at === 0) continue;
      byLane[batch.groups[batch.buffer[at + R.group]!]!.lane]!.push(i);
      count++;
    }
    const delivery = new Delivery(batch, claimed.attempts, count, claimed.tenure);
    this.#deps.deliveries.add(delivery);
    for (let lane = 0; lane < 4; lane++) {
      if (byLane[lane]!.length > 0) this.#hold(delivery, Uint8Array.from(byLane[lane]!), lane);
    }
  }

  #dispatch(): void {
    if (this.#held === 0) return;
    const now = this.#deps.now();
    let allowed = this.#allowed();
    if (this.#numbers) allowed = this.#dispatchFreed(this.#numbers, now, allowed);
    for (let lane = 3; lane >= 0; lane--) {
      const stretches = this.#lanes[lane]!;
      let done = 0;
      while (done < stretches.length) {
        const stretch = stretches[done]!;
        const { delivery, indexes } = stretch;
        if (delivery.tenure && !delivery.tenure.holds) {
          this.#suspended[lane]!.push(stretch);
          this.#unsendable += indexes.length - stretch.next;
          done++;
          continue;
        }
        while (stretch.next < indexes.length) {
          const index = indexes[stretch.next]!;
          if (this.#numbers?.holds(delivery, index)) {
            stretch.next++;
            continue;
          }
          if (expiresAtOf(delivery.batch.buffer, delivery.at(index)) <= now) {
            this.#expire(delivery, index);
          } else {
            const outlet = allowed > 0 ? this.#outletFor(delivery, index) : undefined;
            if (!outlet) {
              if (done > 0) stretches.splice(0, done);
              return;
            }
            this.#send(outlet, delivery, index, allowed);
            allowed--;
          }
          stretch.next++;
          this.#held--;
        }
        done++;
      }
      stretches.length = 0;
    }
  }

  /** Messages whose number has no unanswered one any more. @returns how many the rate allows then */
  #dispatchFreed(numbers: OnePerNumber<Outlet>, now: number, atFirst: number): number {
    let allowed = atFirst;
    numbers.each(({ delivery, index, way }) => {
      if (delivery.tenure && !delivery.tenure.holds) return 'no-room';
      if (expiresAtOf(delivery.batch.buffer, delivery.at(index)) <= now) this.#expire(delivery, index);
      else {
        const isThere = way !== undefined && this.#outlets.includes(way);
        const outlet = allowed <= 0 ? undefined : isThere ? withRoom(way) : this.#outletFor(delivery, index);
        if (!outlet) return 'no-room';
        this.#send(outlet, delivery, index, allowed);
        allowed--;
        this.#held--;
        return 'sent';
      }
      this.#held--;
      return 'concluded';
    });
    return allowed;
  }

  #send(outlet: Outlet, delivery: Delivery, index: number, allowed: number): void {
    outlet.send(delivery, index);
    this.#numbers?.sent(delivery, index, outlet);
    this.#sent = true;
    if (allowed !== Infinity) this.#tokens--;
  }

  #expire(delivery: Delivery, index: number): void {
    const attempts = delivery.attemptsOf(index);
    const { receipts } = this.#deps;
    receipts.conclude(delivery, index, this.destination, Fate.expired, 0, attempts, undefined, -1);
  }

  get #ahead(): number {
    return this.#numbers ? AHEAD_BY_NUMBER : AHEAD;
  }

  /** Takes over whether messages wait for others to their number. */
  #byNumber(): void {
    if (this.#settings.onePerNumber) {
      const numbers = (this.#numbers ??= new OnePerNumber<Outlet>());
      this.#outcomes.ended = (delivery, index) => numbers.ended(delivery, index);
      return;
    }
    this.#outcomes.ended = undefined;
    for (const { delivery, index } of this.#numbers?.take(() => true) ?? []) {
      const { buffer, groups } = delivery.batch;
      const { lane } = groups[buffer[delivery.at(index) + R.group]!]!;
      this.#lanes[lane]!.push({ delivery, indexes: Uint8Array.of(index), next: 0 });
    }
    this.#numbers = undefined;
  }

  /**
   * The session for a message. The parts of a long one leave by one, so the first waits for one with room for all: some
   * SMSCs put together only what came on one session (feature B09).
   */
  #outletFor(delivery: Delivery, index: number): Outlet | undefined {
    const { buffer } = delivery.batch;
    const at = delivery.at(index);
    // Further parts: the one that the first has taken has room.
    if ((buffer[at + R.flags]! & RecordFlag.part) === 0 || buffer[at + R.part] !== 1) return this.#outletWithRoom();
    const parts = buffer[at + R.parts]!;
    const outlets = this.#outlets;
    for (let i = 0; i < outlets.length; i++) {
      const turn = (this.#turn + i) % outlets.length;
      const outlet = outlets[turn]!;
      if (outlet.room() < Math.min(parts, outlet.window)) continue;
      this.#turn = turn;
      return outlet;
    }
    return undefined;
  }

  /** Fewest calls: stays with one session while it has room, so that its writes are large. */
  #outletWithRoom(): Outlet | undefined {
    const outlets = this.#outlets;
    for (let i = 0; i < outlets.length; i++) {
      const outlet = outlets[(this.#turn + i) % outlets.length]!;
      if (outlet.room() === 0) continue;
      this.#turn = (this.#turn + i) % outlets.length;
      return outlet;
    }
    return undefined;
  }

  /** Messages that the rate allows now; asks to be woken when it allows none. */
  #allowed(): number {
    const { throughput } = this.#settings;
    if (throughput === 0) return Infinity;
    const now = this.#deps.monotonic();
    const most = Math.max(1, throughput * BURST_SECONDS);
    this.#tokens = Math.min(most, this.#tokens + ((now - this.#filledAt) / 1000) * throughput);
    this.#filledAt = now;
    const allowed = Math.floor(this.#tokens);
    if (allowed < this.#held && !this.#waking) {
      this.#waking = true;
      this.#deps.wake(Math.max(5, Math.ceil(((1 - (this.#tokens - allowed)) / throughput) * 1000)));
    }
    return allowed;
  }

  #claim(): void {
    if (this.#claiming || !this.#more || this.#outlets.length === 0) return;
    const { throughput } = this.#settings;
    const ahead = throughput === 0 ? this.#windows() + this.#ahead : Math.max(1, Math.min(this.#windows(), throughput));
    const sendable = this.#held - this.#unsendable;
    const wanted = Math.ceil(ahead - sendable);
    if (wanted < Math.min(64, ahead / 2) && sendable > 0) return;
    this.#claiming = true;
    // Whatever becomes ready from here on rings: the claim may have passed that queue already.
    this.#more = false;
    const { store, self, failed, destination } = this.#deps;
    store.claim(destination, wanted).then(claimed => self.tell({ type: 'claimed', claimed }), failed);
  }

  #windows(): number {
    let sum = 0;
    for (const outlet of this.#outlets) sum += outlet.window;
    return sum;
  }

  /** @param drop called for each message held of these deliveries; it is held no more */
  #drop(isGone: (delivery: Delivery) => boolean, drop: (delivery: Delivery, index: number) => void): void {
    // What may not be sent is looked at anew with the rest.
    this.#unsuspend();
    for (const { delivery, index } of this.#numbers?.take(isGone) ?? []) {
      this.#held--;
      drop(delivery, index);
    }
    for (const lane of this.#lanes) {
      for (let i = lane.length - 1; i >= 0; i--) {
        const { delivery, indexes, next } = lane[i]!;
        if (!isGone(delivery)) continue;
        lane.splice(i, 1);
        this.#held -= indexes.length - next;
        for (let at = next; at < indexes.length; at++) drop(delivery, indexes[at]!);
      }
    }
  }

  #resume(): void {
    this.#unsuspend();
    this.#more = true;
  }

  #unsuspend(): void {
    if (this.#unsendable === 0) return;
    for (let lane = 0; lane < 4; lane++) this.#lanes[lane]!.unshift(...this.#suspended[lane]!);
    this.#suspended = [[], [], [], []];
    this.#unsendable = 0;
  }

  /** No session is left here: somebody else may have one. */
  #giveBack(): void {
    if (this.#held === 0) return;
    this.#unsuspend();
    for (const stretches of this.#lanes) {
      for (const { delivery, indexes, next } of stretches) {
        for (let i = next; i < indexes.length; i++) this.#outcomes.lost(delivery, indexes[i]!);
      }
      stretches.length = 0;
    }
    for (const { delivery, index } of this.#numbers?.take(() => true) ?? []) this.#outcomes.lost(delivery, index);
    this.#held = 0;
  }
}

const isOver = ({ tenure }: Delivery): boolean => tenure?.isOver === true;
const withRoom = (outlet: Outlet): Outlet | undefined => (outlet.room() > 0 ? outlet : undefined);
