import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { MessageDraft } from '../../../actors/message/draft.ts';
import type { Clock } from '../../../runtime/clock.ts';
import type { Timer, Timers } from '../../../runtime/timers.ts';
import { STATUS, statusOf } from '../codec/command-status.ts';
import { firstId, idAfter } from './carrier-id.ts';
import { CarrierReceipt, wantsReceipt } from './carrier-receipt.ts';
import { DeliveryKind, fillRecord, RECORD } from './delivery-record.ts';
import { DueQueue } from './due-queue.ts';
import { moOf } from './phone-message.ts';
import type { SimulatorCounts, SimulatorSettings } from './settings.ts';
import { SimulatorSession, type SessionOwner } from './simulator-session.ts';

export interface SimulatorDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  /** 0 up to 1, decides about failures and throttling. */
  readonly random: () => number;
  /** Where ids begin; undefined: by the clock (`firstId`). */
  readonly firstId?: number;
}

/** Answers and receipts that may wait at once; a further message is answered ESME_RMSGQFUL. 100 octets each. */
export const WAITING_LIMIT = 1_000_000;
const MAX_CONNECTIONS = 1000;
/** What is due is done at most so often: what came due meanwhile goes in one write. */
const TICK_MS = 5;
/** When all receivers' windows are full their answers wake us; this is for a peer that was slow to read. */
const STUCK_MS = 100;
const LOOK_MS = 500;
/** A deliver_sm that the peer could not take now is given again after this, at most so often. */
const AGAIN_MS = 1000;
const MAX_REPETITIONS = 10;

/** An answer that waits: when it is due, the id, the session, its sequence_number, the status. */
const ANSWER = { id: 8, session: 16, sequence: 20, status: 24, size: 28 } as const;

/**
 * A carrier inside the process, for first steps and tests: a small SMSC that is bound to over loopback like any other, so
 * that the real path is used. It has one customer: receipts go to the session that submitted, or to any other bound
 * receiver, and so do its messages from phones.
 *
 *     submit_sm ──▶ throttled? full? ──▶ answers, due after answer_delay_ms  ──▶ submit_sm_resp
 *                         └────────────▶ receipts, due after both delays     ──▶ deliver_sm, in flight until answered
 *                                            ▲                                        │
 *                                            └── session ended, or "later": again ◀───┘
 */
export class SimulatedCarrier implements SessionOwner {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #server: Server;
  readonly #timer: Timer;
  readonly #look: Timer;
  readonly #sessions = new Map<number, SimulatorSession>();
  readonly #receivers: SimulatorSession[] = [];
  readonly #answers = new DueQueue(ANSWER.size);
  readonly #receipts = new DueQueue(RECORD.size);
  readonly #receipt = new CarrierReceipt();
  readonly #moRecord = Buffer.alloc(RECORD.size);
  readonly #waitingLimit: number;
  #mo!: MessageDraft;
  #settings!: SimulatorSettings;
  #sessionNumber = 0;
  #nextReceiver = 0;
  #nextId: number;
  #moDueMs = 0;
  readonly counts: SimulatorCounts = {
    accepted: 0,
    failed: 0,
    throttled: 0,
    full: 0,
    mo: 0,
    delivered: 0,
    acknowledged: 0,
    repeated: 0,
    abandoned: 0,
  };

  /** @param waitingLimit answers and receipts that may wait at once, 100 octets each */
  constructor(settings: SimulatorSettings, deps: SimulatorDeps, waitingLimit = WAITING_LIMIT) {
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.#waitingLimit = waitingLimit;
    this.#nextId = deps.firstId ?? firstId(deps.clock.nowMs());
    this.#timer = deps.timers.timer(() => this.turn());
    this.#look = deps.timers.timer(() => this.#lookAtTime());
    this.#look.start(LOOK_MS);
    this.#server = createServer(socket => this.#connected(socket));
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#moRecord[RECORD.kind] = DeliveryKind.mo;
    this.apply(settings);
  }

  /** Answers and receipts that are not due yet, or that nobody takes now. */
  get waiting(): number {
    return this.#answers.size + this.#receipts.size;
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  /** Opens the port on 127.0.0.1, 0 for any, and returns it. @throws the system's error, EADDRINUSE for one */
  listen(port = 0): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host: '127.0.0.1', port, backlog: MAX_CONNECTIONS }, () => {
        this.#server.off('error', reject);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  /** From here on it does this. What waits already keeps the time it is due. */
  apply(settings: SimulatorSettings): void {
    this.#settings = settings;
    this.#mo = moOf(settings);
    this.#moDueMs = 0;
    this.#arm(this.#clock.monotonicMs(), false);
  }

  /** Ends all sessions and closes the port; what waits is forgotten. */
  close(): Promise<void> {
    return new Promise(resolve => {
      this.#server.close(() => resolve());
      for (const session of this.#sessions.values()) {
        session.abort('the simulator stops');
      }
      this.#timer.cancel();
      this.#look.cancel();
    });
  }

  bound(session: SimulatorSession): void {
    if (session.receives) this.#receivers.push(session);
  }

  submitted(session: SimulatorSession, message: MessageDraft, sequence: number): void {
    const { answer_delay_ms, receipt_delay_ms, failure_rate } = this.#settings;
    const nowMs = this.#clock.monotonicMs();
    const status = this.#statusFor();
    let id = 0;
    if (status === 0) {
      id = this.#nextId;
      this.#nextId = idAfter(id);
      const failed = this.#chance(failure_rate);
      this.counts.accepted++;
      if (failed) this.counts.failed++;
      if (wantsReceipt(message.registeredDelivery, failed)) {
        const kind = failed ? DeliveryKind.failed : DeliveryKind.delivered;
        const { buffer, at } = this.#receipts.add(nowMs, answer_delay_ms + receipt_delay_ms);
        fillRecord(buffer, at, message, kind, id, session.number, this.#clock.nowMs());
      }
    }
    if (answer_delay_ms === 0) {
      session.answer(sequence, status, id);
      return;
    }
    const { buffer, at } = this.#answers.add(nowMs, answer_delay_ms);
    buffer.writeDoubleLE(id, at + ANSWER.id);
    buffer.writeUInt32LE(session.number, at + ANSWER.session);
    buffer.writeUInt32LE(sequence, at + ANSWER.sequence);
    buffer.writeUInt32LE(status, at + ANSWER.status);
  }

  answered(records: Buffer, at: number, status: number): void {
    if (status === 0) this.counts.acknowledged++;
    else if (statusOf(status).retry === 'later') this.#again(records, at, AGAIN_MS);
    else this.counts.abandoned++;
  }

  turn(): void {
    const nowMs = this.#clock.monotonicMs();
    this.#answer(nowMs);
    const stuck = !this.#deliver(nowMs);
    this.#makeUp(nowMs);
    for (const session of this.#sessions.values()) session.flush();
    this.#arm(nowMs, stuck);
  }

  ended(session: SimulatorSession): void {
    this.#sessions.delete(session.number);
    const place = this.#receivers.indexOf(session);
    if (place >= 0) this.#receivers.splice(place, 1);
    session.inFlight.removeAll((records, at) => this.#again(records, at, 0));
    this.#arm(this.#clock.monotonicMs(), false);
  }

  #connected(socket: Socket): void {
    const session = new SimulatorSession(socket, ++this.#sessionNumber, this, this.#clock);
    this.#sessions.set(session.number, session);
  }

  #lookAtTime(): void {
    this.#look.start(LOOK_MS);
    const nowMs = this.#clock.monotonicMs();
    for (const session of this.#sessions.values()) session.tick(nowMs);
  }

  #statusFor(): number {
    if (this.waiting >= this.#waitingLimit) {
      this.counts.full++;
      return STATUS.ESME_RMSGQFUL;
    }
    if (!this.#chance(this.#settings.throttle_rate)) return 0;
    this.counts.throttled++;
    return STATUS.ESME_RTHROTTLED;
  }

  #chance(share: number): boolean {
    return share > 0 && this.#random() < share;
  }

  /** Gives the answers that are due; those of sessions that have ended are lost with them, as at any carrier. */
  #answer(nowMs: number): void {
    const answers = this.#answers;
    while (answers.first(nowMs)) {
      const { buffer, at } = answers;
      const session = this.#sessions.get(buffer.readUInt32LE(at + ANSWER.session));
      const sequence = buffer.readUInt32LE(at + ANSWER.sequence);
      session?.answer(sequence, buffer.readUInt32LE(at + ANSWER.status), buffer.readDoubleLE(at + ANSWER.id));
      answers.removeFirst();
    }
  }

  /** Sends the receipts that are due. @returns false when there are more than can be sent now */
  #deliver(nowMs: number): boolean {
    const receipts = this.#receipts;
    const wallMs = this.#clock.nowMs();
    while (receipts.first(nowMs)) {
      const { buffer, at } = receipts;
      const isMo = buffer[at + RECORD.kind] === DeliveryKind.mo;
      const own = this.#sessions.get(buffer.readUInt32LE(at + RECORD.session));
      const session = own?.takes(0) ? own : this.#receiver(isMo ? this.#mo.textLength : 0);
      if (session === undefined) return false;
      session.deliver(isMo ? this.#mo : this.#receipt.of(buffer, at, wallMs), buffer, at);
      receipts.removeFirst();
      this.counts.delivered++;
    }
    return true;
  }

  /** Makes up messages from phones; none for the time in which nobody takes them. */
  #makeUp(nowMs: number): void {
    const { mo_per_second } = this.#settings;
    if (mo_per_second === 0 || this.#receivers.length === 0) {
      this.#moDueMs = 0;
      return;
    }
    const everyMs = 1000 / mo_per_second;
    if (this.#moDueMs === 0) this.#moDueMs = nowMs + everyMs;
    while (this.#moDueMs <= nowMs) {
      const session = this.#receiver(this.#mo.textLength);
      if (session === undefined) {
        this.#moDueMs = nowMs + everyMs;
        return;
      }
      session.deliver(this.#mo, this.#moRecord, 0);
      this.#moDueMs += everyMs;
      this.counts.mo++;
      this.counts.delivered++;
    }
  }

  /** The next receiver, in turn, that takes a text of so many octets. */
  #receiver(textLength: number): SimulatorSession | undefined {
    const receivers = this.#receivers;
    for (let i = 0; i < receivers.length; i++) {
      this.#nextReceiver = (this.#nextReceiver + 1) % receivers.length;
      const session = receivers[this.#nextReceiver]!;
      if (session.takes(textLength)) return session;
    }
    return undefined;
  }

  #again(records: Buffer, at: number, delayMs: number): void {
    if (records[at + RECORD.repetitions]! >= MAX_REPETITIONS) {
      this.counts.abandoned++;
      return;
    }
    this.counts.repeated++;
    const { buffer, at: to } = this.#receipts.add(this.#clock.monotonicMs(), delayMs);
    // The first field, the time it is due, is there already.
    records.copy(buffer, to + RECORD.submittedAt, at + RECORD.submittedAt, at + RECORD.size);
    buffer[to + RECORD.repetitions]!++;
  }

  /** One timer for all that waits. What nobody can take waits for a bind or an answer, not for the timer. */
  #arm(nowMs: number, stuck: boolean): void {
    let dueMs = this.#answers.nextDueMs;
    if (this.#receivers.length > 0) {
      dueMs = Math.min(dueMs, stuck ? nowMs + STUCK_MS : this.#receipts.nextDueMs);
      if (this.#settings.mo_per_second > 0) dueMs = Math.min(dueMs, this.#moDueMs);
    }
    if (dueMs === Infinity) this.#timer.cancel();
    else this.#timer.start(Math.max(TICK_MS, dueMs - nowMs));
  }
}
