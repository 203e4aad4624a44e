import type { Socket } from 'node:net';
import type { BindActor, Wire } from '../../actors/bind/bind-actor.ts';
import type { MessageDraft } from '../../actors/message/draft.ts';
import type { MessageId, PublicIds } from '../../actors/message/id.ts';
import type { Delivery } from '../../actors/route/delivery.ts';
import { COMMAND_ID } from './codec/command-id.ts';
import { STATUS } from './codec/command-status.ts';
import { readSm } from './codec/hot-read.ts';
import { RESP_ROOM, writeEnquireLinkResp, writeSmResp } from './codec/hot-write.ts';
import type { Pdu } from './codec/pdus.ts';
import { tlv } from './codec/tlvs.ts';
import { deliverAnswerOf, type MessageWriter } from './mapping.ts';
import { SmppSession } from './session.ts';
import { readSchedule, readValidity } from './smpp-time.ts';

export type BindType = 'transmitter' | 'receiver' | 'transceiver';

export interface BindRequest {
  readonly systemId: string;
  readonly password: string;
  readonly type: BindType;
  readonly version: number;
  readonly address: string;
}

export type BindVerdict =
  | { readonly type: 'accepted'; readonly session: number }
  | { readonly type: 'refused'; readonly status: number; readonly delayMs: number };

export interface ServerSettings {
  /** system_id in our bind responses. */
  readonly systemId: string;
  /** From connection to a valid bind, ms. */
  readonly initMs: number;
  /** Quiet time after which we ask whether the peer is there, ms. */
  readonly enquireLinkMs: number;
  readonly responseTimeoutMs: number;
}

export interface ServerDeps {
  readonly settings: ServerSettings;
  readonly writer: MessageWriter;
  readonly ids: PublicIds;
  readonly now: () => number;
  readonly monotonic: () => number;
  /** May this peer bind? Asked once per bind request. */
  readonly authorize: (request: BindRequest) => Promise<BindVerdict>;
  /** Starts the session's actor. */
  readonly bind: (session: ServerSession, request: BindRequest, number: number) => BindActor;
  /** A session that was accepted has ended. */
  readonly unbound: (number: number, reason: string) => void;
  readonly ended: (session: ServerSession) => void;
}

type State = 'OPEN' | 'BINDING' | 'BOUND_TX' | 'BOUND_RX' | 'BOUND_TRX' | 'UNBOUND' | 'CLOSED';

const BIND_TYPES: Readonly<Record<number, BindType>> = {
  [COMMAND_ID.bind_transmitter]: 'transmitter',
  [COMMAND_ID.bind_receiver]: 'receiver',
  [COMMAND_ID.bind_transceiver]: 'transceiver',
};
const BOUND: Readonly<Record<BindType, State>> = {
  transmitter: 'BOUND_TX',
  receiver: 'BOUND_RX',
  transceiver: 'BOUND_TRX',
};

/** An ESME that has connected to us: the SMSC side of a session (SMPP v3.4 §2.2, Table 2-1). */
export class ServerSession extends SmppSession implements Wire {
  readonly #deps: ServerDeps;
  readonly since: number;
  #state: State = 'OPEN';
  #type: BindType | undefined;
  #account = '';
  #number = 0;
  #actor: BindActor | undefined;
  #lastHeardMs: number;
  /** When our enquire_link was sent, 0 = none waits. */
  #asked = 0;
  #unbindAt = 0;

  constructor(socket: Socket, peer: string, deps: ServerDeps) {
    super(socket, peer);
    this.#deps = deps;
    this.since = deps.now();
    this.#lastHeardMs = deps.monotonic();
  }

  get state(): State {
    return this.#state;
  }
  get account(): string {
    return this.#account;
  }
  get bindType(): BindType | undefined {
    return this.#type;
  }
  get actor(): BindActor | undefined {
    return this.#actor;
  }
  get isBound(): boolean {
    return this.#actor !== undefined;
  }

  frame(buf: Buffer, at: number, end: number): boolean {
    const commandId = buf.readUInt32BE(at + 4);
    switch (commandId) {
      case COMMAND_ID.submit_sm:
        this.#submit(buf, at, end);
        return true;
      case COMMAND_ID.deliver_sm_resp:
        this.#delivered(buf, at);
        return true;
      case COMMAND_ID.enquire_link: {
        // Answered in every state (v3.4 Table 2-1 wants it bound; peers ask earlier).
        const out = this.out.room(16);
        this.out.wrote(writeEnquireLinkResp(out, this.out.at, buf.readUInt32BE(at + 12)));
        return true;
      }
      default:
        return this.#other(buf, at, end, commandId);
    }
  }

  accepted(token: number, id: MessageId): void {
    const out = this.out.room(RESP_ROOM);
    const publicId = this.#deps.ids.toPublic(id);
    this.out.wrote(writeSmResp(out, this.out.at, COMMAND_ID.submit_sm_resp, 0, token, publicId));
  }

  refused(token: number, status: number): void {
    this.header(COMMAND_ID.submit_sm_resp, status, token);
  }

  send(sequence: number, delivery: Delivery, index: number): void {
    const tlvs = this.version >= 0x34;
    this.#deps.writer.write(this.out, COMMAND_ID.deliver_sm, sequence, delivery, index, tlvs);
  }

  abort(reason: string): void {
    this.socket.destroy();
    this.close(reason);
  }

  end(): void {
    if (this.#state === 'UNBOUND' || !this.#actor) return;
    this.#unbindAt = this.#deps.monotonic();
    this.header(COMMAND_ID.unbind, 0, this.#actor.sending.nextSequence());
    this.flush();
  }

  tick(nowMs: number): void {
    const { enquireLinkMs, responseTimeoutMs } = this.#deps.settings;
    if (this.#unbindAt > 0 && nowMs - this.#unbindAt > UNBIND_LIMIT_MS) this.close('unbind was not answered');
    else if (this.#asked > 0 && nowMs - this.#asked > responseTimeoutMs) this.close('enquire_link was not answered');
    else if (this.#asked === 0 && nowMs - this.#lastHeardMs >= enquireLinkMs) {
      this.#asked = nowMs;
      this.header(COMMAND_ID.enquire_link, 0, this.#actor!.sending.nextSequence());
    }
  }

  /** Sessions that are not bound have no actor yet: the listener looks at them. */
  tickUnbound(nowMs: number): void {
    if (this.#actor || this.isClosed || this.#state === 'BINDING') return;
    if (nowMs - this.#lastHeardMs > this.#deps.settings.initMs) this.close('no valid bind in time');
  }

  protected turn(): void {
    if (this.#actor) {
      this.#lastHeardMs = this.#deps.monotonic();
      this.#asked = 0;
      this.#actor.dirty();
    } else {
      this.flush();
    }
  }

  protected ended(reason: string): void {
    this.#state = 'CLOSED';
    this.#actor?.closed();
    if (this.#number > 0) this.#deps.unbound(this.#number, reason);
    this.#deps.ended(this);
  }

  #submit(buf: Buffer, at: number, end: number): void {
    const sequence = buf.readUInt32BE(at + 12);
    if (this.#state !== 'BOUND_TX' && this.#state !== 'BOUND_TRX') {
      this.header(COMMAND_ID.submit_sm_resp, STATUS.ESME_RINVBNDSTS, sequence);
      return;
    }
    const m = this.draft;
    let status = readSm(m, buf, at, end, this.version);
    m.expiresAt = 0;
    m.deliverAfter = 0;
    if (status === 0 && (m.validityLength > 0 || m.scheduleLength > 0)) status = readTimes(m, this.#deps.now());
    if (status === 0 && m.destLength === 0) status = STATUS.ESME_RINVDSTADR;
    if (status === 0) this.#actor!.submit(m, sequence);
    else this.header(COMMAND_ID.submit_sm_resp, status, sequence);
  }

  #delivered(buf: Buffer, at: number): void {
    const status = buf.readUInt32BE(at + 8);
    this.#actor?.answered(buf.readUInt32BE(at + 12), deliverAnswerOf(status), status, undefined, 0, 0);
  }

  #other(buf: Buffer, at: number, end: number, commandId: number): boolean {
    const sequence = buf.readUInt32BE(at + 12);
    if (commandId in BIND_TYPES) {
      if (this.#state !== 'OPEN') {
        this.header((commandId | 0x80000000) >>> 0, STATUS.ESME_RALYBND, sequence);
        return true;
      }
      const pdu = this.decode(buf, at, end);
      if (pdu === undefined) return true;
      this.#bind(pdu as Extract<Pdu, { command: 'bind_transceiver' }>, BIND_TYPES[commandId]!);
      return false;
    }
    if (commandId === COMMAND_ID.enquire_link_resp) return true;
    if (commandId === COMMAND_ID.unbind && this.#actor) {
      this.header(COMMAND_ID.unbind_resp, 0, sequence);
      this.#state = 'UNBOUND';
      this.close('unbound by the peer');
      return false;
    }
    if (commandId === COMMAND_ID.unbind_resp && this.#unbindAt > 0) {
      this.close('unbound');
      return false;
    }
    if (commandId === COMMAND_ID.generic_nack) {
      const status = buf.readUInt32BE(at + 8);
      this.#actor?.answered(sequence, deliverAnswerOf(status || STATUS.ESME_RSYSERR), status, undefined, 0, 0);
      return true;
    }
    this.refuseCommand(commandId, sequence);
    return true;
  }

  #bind(pdu: Extract<Pdu, { command: 'bind_transceiver' }>, type: BindType): void {
    this.#state = 'BINDING';
    const request: BindRequest = {
      systemId: pdu.system_id,
      password: pdu.password,
      type,
      version: pdu.interface_version,
      address: this.peer,
    };
    this.#deps.authorize(request).then(
      verdict => this.#decided(pdu, request, verdict),
      () => this.#decided(pdu, request, { type: 'refused', status: STATUS.ESME_RSYSERR, delayMs: 0 }),
    );
  }

  #decided(pdu: Extract<Pdu, { command: 'bind_transceiver' }>, request: BindRequest, verdict: BindVerdict): void {
    const responseId = (pdu.command_id | 0x80000000) >>> 0;
    if (verdict.type === 'refused') {
      setTimeout(() => {
        if (this.isClosed) return;
        this.header(responseId, verdict.status, pdu.sequence_number);
        this.close('bind refused');
      }, verdict.delayMs);
      return;
    }
    if (this.isClosed) {
      this.#deps.unbound(verdict.session, 'the peer left while it was being bound');
      return;
    }
    // A version below 3.4 means no TLVs (v3.4 §3.4); above 5.0 there is none we know.
    this.version = Math.min(request.version < 0x33 ? 0x33 : request.version, 0x50);
    this.#number = verdict.session;
    this.#account = request.systemId;
    this.#type = request.type;
    this.#state = BOUND[request.type];
    this.bound();
    const tlvs = this.version >= 0x34 ? [tlv('sc_interface_version', 0x50)] : [];
    const command = `bind_${request.type}_resp` as const;
    this.write({ command, sequence_number: pdu.sequence_number, system_id: this.#deps.settings.systemId, tlvs });
    this.flush();
    this.#lastHeardMs = this.#deps.monotonic();
    this.#actor = this.#deps.bind(this, request, verdict.session);
    this.resume();
  }
}

const UNBIND_LIMIT_MS = 5000;

/** What the two times mean now. @returns 0, or the command_status to answer with */
function readTimes(m: MessageDraft, nowMs: number): number {
  const deliverAfter = readSchedule(m.buffer, m.scheduleAt, m.scheduleLength, nowMs);
  if (deliverAfter < 0) return -deliverAfter;
  const expiresAt = readValidity(m.buffer, m.validityAt, m.validityLength, nowMs);
  if (expiresAt < 0) return -expiresAt;
  m.deliverAfter = deliverAfter;
  m.expiresAt = expiresAt;
  return 0;
}
