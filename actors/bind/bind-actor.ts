import type { Actor, ActorSelf, StopReason } from '../../runtime/actor.ts';
import type { Intake } from '../batch/intake.ts';
import type { Source } from '../batch/source.ts';
import type { Submitter } from '../batch/batch-actor.ts';
import type { MessageDraft } from '../message/draft.ts';
import type { MessageId } from '../message/id.ts';
import { Kind, R } from '../message/record.ts';
import type { IncomingReceipt } from '../receipt/incoming.ts';
import type { ReceiptDesk } from '../receipt/receipt-desk.ts';
import { Refusal } from '../refusal.ts';
import type { Deliveries, Delivery } from '../route/delivery.ts';
import { Answer } from '../route/answer.ts';
import type { Outlet, RouteActor, RouteMessage } from '../route/route-actor.ts';
import { LoadAverage } from './load-average.ts';
import { Window } from './window.ts';

/** What a bind says to its peer: the protocol adapter writes it into the session's output, sent with `flush`. */
export interface Wire {
  /** Answers request `token` of the peer: the message is kept under this id (0: it has none). */
  accepted(token: number, id: MessageId): void;
  refused(token: number, status: number): void;
  /** A message for the peer. */
  send(sequence: number, delivery: Delivery, index: number): void;
  /** Writes what has gathered, once a turn. */
  flush(): void;
  /** The peer leaves unread what was sent to it: it gets no more until `BindActor.roomAgain`. */
  readonly blocked: boolean;
  /** The requests that `BindActor.finish` was asked about have their answers. */
  finished(): void;
  /** Ends the session without a word: an answer would be a lie. */
  abort(reason: string): void;
}

/** Requests that have to be answered: those we sent, those of the peer. */
export type Unfinished = 'ours' | 'theirs' | 'all';

/** A limiter of messages a second. Returns how many of `count` may pass. */
export interface Rate {
  take(count: number, nowMs: number): number;
}

export interface BindSettings {
  /** Most requests of the peer that may wait for our answer. */
  readonly receiveWindow: number;
  /** Most requests of ours that may wait for the peer's answer. */
  readonly sendWindow: number;
  /** Until an answer counts as missing, ms. */
  readonly responseTimeoutMs: number;
  /** What then: the route is told; told, and the session is ended; nothing, its answer may still come. */
  readonly overdue: 'tell' | 'reconnect' | 'wait';
}

export interface BindDeps {
  readonly self: ActorSelf<BindMessage>;
  readonly wire: Wire;
  readonly intake: Intake;
  readonly receipts: ReceiptDesk;
  readonly deliveries: Deliveries;
  readonly source: Source;
  /** Shared by the sessions of one account or carrier in this worker. */
  readonly rate: Rate;
  /** Where its peer takes messages from; undefined for a session that only sends to us. */
  readonly route: { readonly actor: RouteActor; tell(message: RouteMessage): boolean } | undefined;
  /** ms since 1970. */
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly counters: BindCounters;
  /** The peer has answered a message `ms` after it was sent. Told of one in 64. */
  readonly answered: (ms: number) => void;
  /** The actor has ended. */
  readonly gone: () => void;
}

/** What is counted per worker, by plain additions: messages, not the receipts about them. */
export interface BindCounters {
  accepted: number;
  refused: number;
  sent: number;
  answered: number;
  unexpectedAnswers: number;
}

/** Its only message: what was written is to be sent at the end of this turn. */
export type BindMessage = { readonly type: 'flush' };

/**
 * One session that is bound, in either direction: takes what its peer submits into the open batch, gives the peer the
 * messages of its queue within the window, and answers when the flush has come. The protocol is its wire's.
 */
export class BindActor implements Actor<BindMessage>, Outlet, Submitter {
  readonly #deps: BindDeps;
  #settings: BindSettings;
  readonly sending: Window;
  /** Messages a second, both ways. */
  readonly load: LoadAverage;
  /** Messages of the peer that were taken, and messages sent to it. */
  taken = 0;
  given = 0;
  #unanswered = 0;
  #told = false;
  #roomTold = false;
  #unfinished: Unfinished | undefined;
  #closed = false;
  /** The route dispatches to it. */
  #isOutlet: boolean;

  constructor(deps: BindDeps, settings: BindSettings) {
    this.#deps = deps;
    this.#settings = settings;
    this.sending = new Window(settings.sendWindow);
    this.load = new LoadAverage(deps.monotonic());
    this.#isOutlet = deps.route !== undefined;
    deps.route?.tell({ type: 'outlet-up', outlet: this });
  }

  get window(): number {
    return this.sending.capacity;
  }

  /** Takes over other settings; the session goes on. */
  use(settings: BindSettings): void {
    this.#settings = settings;
    this.sending.resize(settings.sendWindow);
    this.roomAgain();
  }

  /** Most requests of the peer that may wait for our answer. */
  get receiveWindow(): number {
    return this.#settings.receiveWindow;
  }

  /** Requests of the peer that wait for our answer. */
  get unanswered(): number {
    return this.#unanswered;
  }

  /** The peer submits a message: it is answered now when it is refused, after the flush when it is taken. */
  submit(m: MessageDraft, token: number): void {
    const { wire, intake, source, rate, monotonic, counters } = this.#deps;
    let status: number;
    if (this.#unanswered >= this.#settings.receiveWindow || rate.take(1, monotonic()) === 0) status = Refusal.throttled;
    else status = intake.submit(m, source, this, token);
    if (status === 0) {
      this.#unanswered++;
      return;
    }
    counters.refused++;
    wire.refused(token, status);
    this.dirty();
  }

  /**
   * A message of the peer that is part of a request: its answer is the submitter's.
   *
   * @returns 0 when it was taken, otherwise the command_status to refuse it with; the submitter hears nothing more then
   */
  submitFor(m: MessageDraft, submitter: Submitter, token: number): number {
    const { intake, source, rate, monotonic, counters } = this.#deps;
    const status = rate.take(1, monotonic()) === 0 ? Refusal.throttled : intake.submit(m, source, submitter, token);
    if (status === 0) {
      counters.accepted++;
      this.taken++;
    } else counters.refused++;
    return status;
  }

  /** What `submitFor` takes until `apart` is one submission to several recipients (`Intake.together`). */
  together(count: number): void {
    this.#deps.intake.together(count);
  }

  apart(): void {
    this.#deps.intake.apart();
  }

  /** When the validity of a message ends that is taken now, ms since 1970. */
  readonly expiryOf = (m: MessageDraft): number => this.#deps.intake.expiryOf(m, this.#deps.now());

  /** A request that is no message has come: it is answered later. @returns false when too many wait for their answers */
  begin(): boolean {
    if (this.#unanswered >= this.#settings.receiveWindow) return false;
    this.#unanswered++;
    return true;
  }

  /** It is answered. @returns false when the session has ended meanwhile: there is nobody to tell */
  end(): boolean {
    this.#unanswered--;
    if (this.#closed) return false;
    this.dirty();
    return true;
  }

  /** The peer, a carrier, tells the fate of a message. @param receipt with this actor as its submitter */
  receipt(receipt: IncomingReceipt): void {
    if (this.#unanswered >= this.#settings.receiveWindow) {
      this.#deps.wire.refused(receipt.token, Refusal.throttled);
      this.dirty();
      return;
    }
    this.#unanswered++;
    this.#deps.receipts.take(receipt);
  }

  accepted(token: number, id: MessageId, acceptedAt?: number): void {
    this.#unanswered--;
    if (this.#closed) return;
    if (acceptedAt !== undefined) {
      this.#deps.counters.accepted++;
      this.taken++;
    }
    this.#deps.wire.accepted(token, id);
    this.dirty();
  }

  refused(token: number, status: number): void {
    this.#unanswered--;
    if (this.#closed) return;
    this.#deps.counters.refused++;
    this.#deps.wire.refused(token, status);
    this.dirty();
  }

  inDoubt(): void {
    this.#unanswered--;
    if (!this.#closed) this.#deps.wire.abort('the store did not say whether it kept a message');
  }

  room(): number {
    return this.#isOutlet && !this.#deps.wire.blocked ? this.sending.room : 0;
  }

  send(delivery: Delivery, index: number): void {
    this.given++;
    const sequence = this.sending.take(delivery.place, index, this.#deps.monotonic());
    if (!isReceipt(delivery, index)) this.#deps.counters.sent++;
    this.#deps.wire.send(sequence, delivery, index);
    this.dirty();
  }

  /** The peer has answered a message of ours. @returns false when none waits under that sequence number */
  answered(
    sequence: number,
    answer: Answer,
    status: number,
    id: Buffer | undefined,
    idAt: number,
    idLength: number,
  ): boolean {
    const slot = this.sending.answered(sequence);
    if (slot < 0) {
      this.#deps.counters.unexpectedAnswers++;
      return false;
    }
    if ((++this.#deps.counters.answered & SAMPLED) === 0) {
      this.#deps.answered(this.#deps.monotonic() - this.sending.sentAt(slot));
    }
    const delivery = this.#deps.deliveries.get(this.sending.placeOf(slot));
    const index = this.sending.indexOf(slot);
    this.#deps.route!.actor.outcomes.answered(delivery, index, answer, status, id, idAt, idLength, this, slot);
    return true;
  }

  release(slot: number): void {
    this.sending.release(slot);
    this.roomAgain();
  }

  /** It may have room, where it had none. */
  roomAgain(): void {
    if (!this.#isOutlet || this.#roomTold) return;
    this.#roomTold = true;
    this.#deps.route?.tell({ type: 'room', outlet: this });
  }

  roomSeen(): void {
    this.#roomTold = false;
  }

  /** Begins nothing new; when each of these requests has its answer, the wire hears `finished`, once. */
  finish(whose: Unfinished): void {
    this.#unfinished = whose;
    this.#leaveRoute();
    this.dirty();
  }

  /** The session has ended, whichever way: what was sent and not answered goes again. */
  closed(): void {
    if (this.#closed) return;
    this.#closed = true;
    const { route, deliveries, self } = this.#deps;
    void self.stop();
    if (!route) return;
    this.sending.expire(Infinity, slot => {
      route.actor.outcomes.lost(deliveries.get(this.sending.placeOf(slot)), this.sending.indexOf(slot));
      this.sending.release(slot);
    });
    this.#leaveRoute();
  }

  /** A crash loses the session, never a message: what it had sent goes again. */
  stopping(reason: StopReason): void {
    if (reason.type === 'crash') this.#deps.wire.abort('this session failed inside');
    this.closed();
    this.#deps.gone();
  }

  /** A few times a second: requests that are not answered in time. @param nowMs monotonic */
  tick(nowMs: number): void {
    this.load.sample(this.taken + this.given, nowMs);
    const { route, deliveries, wire } = this.#deps;
    const { overdue } = this.#settings;
    if (!route || overdue === 'wait') return;
    let isOverdue = false;
    this.sending.expire(nowMs - this.#settings.responseTimeoutMs, slot => {
      const delivery = deliveries.get(this.sending.placeOf(slot));
      route.actor.outcomes.answered(delivery, this.sending.indexOf(slot), Answer.none, 0, undefined, 0, 0, this, slot);
      isOverdue = true;
    });
    if (isOverdue && overdue === 'reconnect') wire.abort('a message was not answered in time');
  }

  receive(_flush: BindMessage): void {
    this.#told = false;
  }

  turnEnd(): void {
    if (this.#closed) return;
    const { wire } = this.#deps;
    wire.flush();
    const whose = this.#unfinished;
    if (whose === undefined) return;
    if (whose !== 'theirs' && this.sending.waiting > 0) return;
    if (whose !== 'ours' && this.#unanswered > 0) return;
    this.#unfinished = undefined;
    wire.finished();
  }

  /** Something was written that has to be sent at the end of this turn. */
  dirty(): void {
    if (this.#told) return;
    this.#told = true;
    this.#deps.self.tell(FLUSH);
  }

  #leaveRoute(): void {
    if (!this.#isOutlet) return;
    this.#isOutlet = false;
    this.#deps.route?.tell({ type: 'outlet-down', outlet: this });
  }
}

/** Answers whose time is taken: one in 64, since a clock call costs as much as the rest of an answer's bookkeeping. */
const SAMPLED = 63;
const isReceipt = (delivery: Delivery, index: number): boolean =>
  delivery.batch.buffer[delivery.at(index) + R.kind] === Kind.receipt;

const FLUSH: BindMessage = { type: 'flush' };
