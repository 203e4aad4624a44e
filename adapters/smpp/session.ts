import type { SessionSocket } from '../../runtime/remote-socket.ts';
import type { Unfinished } from '../../actors/bind/bind-actor.ts';
import { MessageDraft } from '../../actors/message/draft.ts';
import { COMMAND_ID, isResponse, responseIdOf } from './codec/command-id.ts';
import { statusOf } from './codec/command-status.ts';
import { decodePdu } from './codec/decode.ts';
import { encodePdu, MAX_PDU_LENGTH } from './codec/encode.ts';
import { PduError } from './codec/errors.ts';
import { Framer, type FrameSink } from './codec/framer.ts';
import { writeGenericNack, writeHeaderOnly } from './codec/hot-write.ts';
import type { Pdu, PduInput } from './codec/pdus.ts';
import { Output, type Gate } from './output.ts';
import { openSession, step } from './session-fsm.ts';
import type {
  CloseReason,
  Session,
  SessionActivity,
  SessionEffect,
  SessionEvent,
  SessionTimers,
} from './session-messages.ts';
import { receivable, type BindType, type SessionState, type Side } from './session-states.ts';

/** Before a bind nothing longer than a bind is read. */
const UNBOUND_PDU_LENGTH = 512;
/** What the last octets we said may take to leave, after which the connection is cut. */
const LAST_WORDS_MS = 5000;

/** What only one side of a session does. */
export type SideEffect = Extract<
  SessionEffect,
  { readonly type: 'check-bind' | 'answer-bind' | 'send-bind' | 'bound' }
>;

/** Whoever uses a session that is bound. All of it is called in a turn of the socket or of the timers. */
export interface SessionUser {
  /** Something has come or was written: call `flush` when this turn is over. */
  dirty(): void;
  /** A few times a second. @param nowMs monotonic */
  tick(nowMs: number): void;
  /** The peer reads again. */
  roomAgain(): void;
  /** Begin nothing new, and call `finished` when these requests have their answers. */
  finish(whose: Unfinished): void;
  /** The connection has ended; called once. */
  closed(): void;
  /** A sequence_number for a request of the session's own. */
  readonly sending: { nextSequence(): number };
}

export interface SessionDeps {
  readonly timers: SessionTimers;
  readonly now: () => number;
  readonly monotonic: () => number;
  /** In a cluster: what we send to the peer leaves only while it is open. Our answers to an ESME always do. */
  readonly gate?: Gate | undefined;
}

/**
 * What both kinds of session share: octets to PDUs and back on one socket, and the effects of the state machine
 * (`session-fsm.ts`), which alone knows what may come when and how long anything may take. Messages and their responses
 * do not go through it: the subclass takes them in `frame`, as far as `may` lets them, in the socket's own turn. What
 * is written leaves with `flush`.
 */
export abstract class SmppSession implements FrameSink {
  readonly socket: SessionSocket;
  readonly peer: string;
  /** ms since 1970. */
  readonly since: number;
  readonly framer = new Framer(UNBOUND_PDU_LENGTH);
  readonly out: Output;
  readonly draft = new MessageDraft();
  /** The requests that may come now: 1 at their command_id. */
  protected may: Uint8Array;
  /** A message or a response to one has come in this chunk. */
  protected sawMessage = false;
  #user: SessionUser | undefined;
  readonly #monotonic: () => number;
  readonly #activity: SessionActivity;
  #life: Session;
  #stopped = false;
  /** Why it ends, where the state machine cannot know. */
  #why = '';

  constructor(side: Side, socket: SessionSocket, peer: string, deps: SessionDeps) {
    this.socket = socket;
    this.peer = peer;
    this.since = deps.now();
    this.#monotonic = deps.monotonic;
    const nowMs = deps.monotonic();
    this.#activity = { lastReceivedMs: nowMs, lastMessageMs: nowMs, partialSinceMs: -1, blockedSinceMs: -1 };
    this.#life = openSession(side, deps.timers, nowMs);
    this.may = receivable(side, 'OPEN', undefined);
    this.out = new Output(socket, deps.gate, side === 'esme');
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', error => this.#disconnected(error.message));
    socket.on('end', () => this.#disconnected(HUNG_UP));
    socket.on('close', () => this.#disconnected(HUNG_UP));
    socket.on('drain', () => this.#unblock());
  }

  get state(): SessionState {
    return this.#life.state;
  }
  get bindType(): BindType | undefined {
    return this.#life.bindType;
  }
  /** interface_version that both speak; 0 before the bind. */
  get version(): number {
    return this.#life.version;
  }
  get isClosed(): boolean {
    return this.#life.state === 'CLOSED';
  }
  /** The peer leaves unread what we have for it: it gets nothing more until it reads. */
  get blocked(): boolean {
    return this.out.blocked;
  }

  /** One whole PDU. @returns false to read no more until `resume` */
  abstract frame(buf: Buffer, at: number, end: number): boolean;
  protected abstract perform(effect: SideEffect): void;
  /** A request that may come now, or a response, that is neither a message nor the session's own business. */
  protected abstract passed(commandId: number, buf: Buffer, at: number, end: number): void;
  /** The connection has ended; called once. @param reason for people */
  protected abstract ended(reason: string): void;

  /** Writes what has gathered. A peer that does not read is not read from either, so it costs a bounded memory. */
  flush(): void {
    if (this.isClosed) return;
    this.out.flush();
    if (!this.out.blocked || this.#activity.blockedSinceMs >= 0) return;
    this.#activity.blockedSinceMs = this.#monotonic();
    this.socket.pause();
  }

  /** Looks at the timers, a few times a second. */
  tick(nowMs: number): void {
    if (this.isClosed) return;
    this.apply({ type: 'tick', nowMs, activity: this.#activity });
    // What a peer that is not read from has answered is not known: nothing of it is overdue.
    if (this.#activity.blockedSinceMs < 0) this.#user?.tick(nowMs);
    this.flush();
  }

  /**
   * Ends the session politely: what we have sent is finished, then we unbind; until the peer has answered that, what it
   * sends is taken, and answered before the connection is closed. At once when it is not bound.
   *
   * @param limitMs until we unbind although something is under way
   */
  drain(limitMs: number): void {
    this.apply({ type: 'drain', nowMs: this.#monotonic(), limitMs });
  }

  /** Takes over other timers, from their next look on. */
  protected useTimers(timers: SessionTimers): void {
    this.#life = { ...this.#life, timers };
  }

  /** For its user: nothing is under way any more, as `finish` wanted. */
  finished(): void {
    this.apply({ type: 'drained', nowMs: this.#monotonic() });
    this.flush();
  }

  /** Ends the session without a word. */
  abort(reason: string): void {
    this.#why = reason;
    this.socket.destroy();
    this.apply({ type: 'kill' });
  }

  /** Everything that is not a message: see `session-fsm.ts`. @returns false to read no more until `resume` */
  protected other(buf: Buffer, at: number, end: number, commandId: number): boolean {
    const sequence = buf.readUInt32BE(at + 12);
    const nowMs = this.#monotonic();
    const isPassed = isResponse(commandId)
      ? this.apply({ type: 'response-received', nowMs, commandId, status: buf.readUInt32BE(at + 8) })
      : this.apply({ type: 'request-received', nowMs, commandId, sequence });
    if (isPassed) this.passed(commandId, buf, at, end);
    return !this.isClosed;
  }

  /** Takes the step and performs its effects. @returns true when the PDU of the event is to be handled by the caller */
  protected apply(event: SessionEvent): boolean {
    const before = this.#life.state;
    const [next, effects] = step(this.#life, event);
    this.#life = next;
    if (next.state !== before) this.may = receivable(next.side, next.state, next.bindType);
    let isPassed = false;
    for (const effect of effects) {
      if (effect.type === 'pass') isPassed = true;
      else this.#perform(effect);
    }
    return isPassed;
  }

  /** Goes on reading after `frame` said stop. */
  protected resume(): void {
    if (!this.#stopped || this.isClosed) return;
    this.#stopped = false;
    this.#read(NOTHING);
    if (!this.#stopped && this.#activity.blockedSinceMs < 0) this.socket.resume();
  }

  /** The peer is who it says: its messages are read from here on. */
  protected bound(user: SessionUser): void {
    this.framer.maxLength = MAX_PDU_LENGTH;
    this.#activity.lastReceivedMs = this.#activity.lastMessageMs = this.#monotonic();
    this.#user = user;
  }

  /** Decodes a PDU. A request that cannot be read is answered here; undefined is returned, for a response too. */
  protected decode(buf: Buffer, at: number, end: number): Pdu | undefined {
    try {
      return decodePdu(buf, at, end, this.version);
    } catch (error) {
      if (!(error instanceof PduError)) throw error;
      const sequence = buf.readUInt32BE(at + 12);
      const commandId = buf.readUInt32BE(at + 4);
      if (error.recovery === 'respond') this.header(responseIdOf(commandId), error.command_status, sequence);
      return undefined;
    }
  }

  /** A PDU of 16 octets. */
  protected header(commandId: number, status: number, sequence: number): void {
    const out = this.out.room(16);
    this.out.wrote(writeHeaderOnly(out, this.out.at, commandId, status, sequence));
  }

  protected nack(status: number, sequence: number): void {
    const out = this.out.room(16);
    this.out.wrote(writeGenericNack(out, this.out.at, status, sequence));
  }

  protected write(pdu: PduInput): void {
    const bytes = encodePdu(pdu);
    const out = this.out.room(bytes.length);
    const { at } = this.out;
    this.out.wrote(at + bytes.copy(out, at));
  }

  #perform(effect: Exclude<SessionEffect, { readonly type: 'pass' }>): void {
    switch (effect.type) {
      case 'respond':
        this.header(effect.responseId, effect.status, effect.sequence);
        return;
      case 'nack':
        this.nack(effect.status, effect.sequence);
        return;
      case 'send':
        this.header(COMMAND_ID[effect.command], 0, this.#user!.sending.nextSequence());
        return;
      case 'finish':
        this.#user!.finish(effect.whose);
        return;
      case 'close':
        this.#close(effect.reason, effect.status);
        return;
      case 'check-bind':
      case 'answer-bind':
      case 'send-bind':
      case 'bound':
        this.perform(effect);
        return;
      default:
        effect satisfies never;
    }
  }

  #close(reason: CloseReason, status: number): void {
    this.out.flush();
    const { socket } = this;
    if (reason === 'output-timeout') socket.destroy();
    else socket.destroySoon();
    // A peer that does not take our last words must not keep the connection.
    if (socket.writableLength > 0) setTimeout(() => socket.destroy(), LAST_WORDS_MS).unref();
    this.#user?.closed();
    this.ended(this.#why || (status > 0 ? `${ENDED[reason]}: ${statusOf(status).name}` : ENDED[reason]));
  }

  #disconnected(why: string): void {
    // Whoever has unbound may hang up.
    if (this.state !== 'UNBOUND') this.#why ||= why;
    this.apply({ type: 'disconnected' });
  }

  #read(chunk: Buffer): void {
    if (this.isClosed) return;
    const { framer } = this;
    const half = framer.pending;
    const result = framer.push(chunk, this);
    if (this.isClosed) return;
    if (result === 'unframeable') {
      this.#why = `command_length ${framer.fault!.command_length} is not one`;
      this.apply({ type: 'unframeable', sequence: framer.fault!.sequence_number });
      return;
    }
    if (result === 'stopped') {
      this.#stopped = true;
      this.socket.pause();
    }
    this.#heard(half > 0 && framer.pending === half + chunk.length);
    if (this.#user) this.#user.dirty();
    else this.flush();
  }

  /** @param isSameHalf no PDU has become whole: the half one is still the same */
  #heard(isSameHalf: boolean): void {
    const activity = this.#activity;
    const nowMs = this.#monotonic();
    activity.lastReceivedMs = nowMs;
    if (this.sawMessage) {
      activity.lastMessageMs = nowMs;
      this.sawMessage = false;
    }
    if (this.framer.pending === 0) activity.partialSinceMs = -1;
    else if (!isSameHalf) activity.partialSinceMs = nowMs;
  }

  #unblock(): void {
    if (this.#activity.blockedSinceMs < 0) return;
    this.#activity.blockedSinceMs = -1;
    if (!this.#stopped) this.socket.resume();
    this.#user?.roomAgain();
  }
}

const ENDED: Readonly<Record<CloseReason, string>> = {
  'session-init-timeout': 'no bind in time',
  'bind-timeout': 'the bind was not answered in time',
  'bind-refused': 'bind refused',
  'enquire-link-timeout': 'enquire_link was not answered',
  'pdu-read-timeout': 'stalled in the middle of a PDU',
  'output-timeout': 'did not read what was sent to it',
  'unbind-timeout': 'unbind was not answered',
  unframeable: 'sent what is no PDU',
  'peer-unbound': 'unbound by the peer',
  unbound: 'unbound by us',
  killed: 'ended by us',
  disconnected: 'connection lost',
};

const NOTHING = Buffer.alloc(0);
const HUNG_UP = 'the peer closed the connection';
