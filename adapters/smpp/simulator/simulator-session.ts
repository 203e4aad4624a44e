import type { Socket } from 'node:net';
import type { MessageDraft } from '../../../actors/message/draft.ts';
import type { Clock } from '../../../runtime/clock.ts';
import { COMMAND_ID, isResponse, responseIdOf } from '../codec/command-id.ts';
import { STATUS } from '../codec/command-status.ts';
import { readSm } from '../codec/hot-read.ts';
import { smSize, writeSm } from '../codec/hot-write.ts';
import type { Pdu } from '../codec/pdus.ts';
import { tlv } from '../codec/tlvs.ts';
import { SmppSession, type SideEffect } from '../session.ts';
import { DEFAULT_TIMERS } from '../session-messages.ts';
import { bindTypeOf, hasTlvs, type BindType } from '../session-states.ts';
import { ACCEPTED_LENGTH, writeAccepted } from './carrier-id.ts';
import { RECORD } from './delivery-record.ts';
import { InFlight } from './in-flight.ts';

/** Most deliver_sm that wait for their response on one session. */
export const DELIVER_WINDOW = 500;
/** A longer text travels as message_payload, which SMPP 3.3 does not have. */
const MAX_SHORT_MESSAGE = 254;

/** What the sessions of one simulated carrier tell it, in the socket's turn. */
export interface SessionOwner {
  bound(session: SimulatorSession): void;
  /** The draft is the session's: good during the call. */
  submitted(session: SimulatorSession, message: MessageDraft, sequence: number): void;
  /** The deliver_sm of this record was answered. */
  answered(records: Buffer, at: number, status: number): void;
  /** All PDUs of a chunk have been handled. */
  turn(): void;
  /** Called once; what is in `inFlight` was not answered. */
  ended(session: SimulatorSession): void;
}

/** The SMSC side of a session with a simulated carrier, which lets anybody in (SMPP v3.4 §2.2, Table 2-1). */
export class SimulatorSession extends SmppSession {
  /** 1 or more; no two sessions of a carrier have the same. */
  readonly number: number;
  readonly inFlight = new InFlight(DELIVER_WINDOW, RECORD.size);
  readonly #owner: SessionOwner;

  constructor(socket: Socket, number: number, owner: SessionOwner, clock: Clock) {
    super('smsc', socket, socket.remoteAddress ?? '', {
      timers: DEFAULT_TIMERS,
      now: () => clock.nowMs(),
      monotonic: () => clock.monotonicMs(),
    });
    this.number = number;
    this.#owner = owner;
  }

  /** Bound as a receiver or a transceiver. */
  get receives(): boolean {
    return this.state === 'BOUND_RX' || this.state === 'BOUND_TRX';
  }

  /** Could a deliver_sm with a text of so many octets be sent now? */
  takes(textLength: number): boolean {
    if (!this.receives || this.blocked || this.inFlight.isFull) return false;
    return textLength <= MAX_SHORT_MESSAGE || hasTlvs(this.version);
  }

  /** Writes a submit_sm_resp: with this id, or with a status other than ESME_ROK. */
  answer(sequence: number, status: number, id: number): void {
    if (status !== 0) {
      this.header(COMMAND_ID.submit_sm_resp, status, sequence);
      return;
    }
    const out = this.out.room(ACCEPTED_LENGTH);
    this.out.wrote(writeAccepted(out, this.out.at, sequence, id));
  }

  /** Writes a deliver_sm and keeps its record until the answer. To be called when `takes` says so. */
  deliver(message: MessageDraft, record: Buffer, at: number): void {
    const sequence = this.inFlight.add(record, at);
    const out = this.out.room(smSize(message));
    this.out.wrote(writeSm(out, this.out.at, COMMAND_ID.deliver_sm, sequence, message, hasTlvs(this.version)));
  }

  frame(buf: Buffer, at: number, end: number): boolean {
    const commandId = buf.readUInt32BE(at + 4);
    if (commandId === COMMAND_ID.submit_sm && this.may[commandId] === 1) {
      this.#submit(buf, at, end);
      return true;
    }
    if (commandId === COMMAND_ID.deliver_sm_resp) {
      this.#answered(buf.readUInt32BE(at + 12), buf.readUInt32BE(at + 8));
      return true;
    }
    const bindType = bindTypeOf(commandId);
    if (bindType !== undefined && this.state === 'OPEN') this.#bindRequested(buf, at, end, bindType);
    else this.other(buf, at, end, commandId);
    return !this.isClosed;
  }

  protected perform(effect: SideEffect): void {
    switch (effect.type) {
      case 'check-bind':
        this.apply({ type: 'bind-accepted', nowMs: 0 });
        return;
      case 'answer-bind':
        this.#answerBind(effect);
        return;
      case 'bound':
        this.#bound();
        return;
      case 'send-bind':
        throw new Error('the ESME binds, not the SMSC');
      default:
        effect satisfies never;
    }
  }

  /** Of what a carrier may offer beside submit_sm, this one offers nothing; the session stays (v3.4 §3.3). */
  protected passed(commandId: number, buf: Buffer, at: number): void {
    const sequence = buf.readUInt32BE(at + 12);
    if (!isResponse(commandId)) this.header(responseIdOf(commandId), STATUS.ESME_RINVCMDID, sequence);
    else if (commandId === COMMAND_ID.generic_nack) {
      this.#answered(sequence, buf.readUInt32BE(at + 8) || STATUS.ESME_RSYSERR);
    }
  }

  protected ended(): void {
    this.#owner.ended(this);
  }

  #submit(buf: Buffer, at: number, end: number): void {
    const sequence = buf.readUInt32BE(at + 12);
    let status = readSm(this.draft, buf, at, end, this.version);
    if (status === 0 && this.draft.destLength === 0) status = STATUS.ESME_RINVDSTADR;
    if (status === 0) this.#owner.submitted(this, this.draft, sequence);
    else this.answer(sequence, status, 0);
  }

  #answered(sequence: number, status: number): void {
    const at = this.inFlight.remove(sequence);
    if (at >= 0) this.#owner.answered(this.inFlight.records, at, status);
  }

  #bindRequested(buf: Buffer, at: number, end: number, bindType: BindType): void {
    const pdu = this.decode(buf, at, end) as Extract<Pdu, { command: 'bind_transceiver' }> | undefined;
    if (pdu === undefined) return;
    const { interface_version: version, sequence_number: sequence } = pdu;
    this.apply({ type: 'bind-requested', nowMs: 0, bindType, version, sequence });
  }

  #answerBind({ bindType, sequence, scInterfaceVersion }: Extract<SideEffect, { type: 'answer-bind' }>): void {
    const tlvs = scInterfaceVersion > 0 ? [tlv('sc_interface_version', scInterfaceVersion)] : [];
    const command = `bind_${bindType}_resp` as const;
    this.write({ command, sequence_number: sequence, system_id: 'simulator', tlvs });
  }

  #bound(): void {
    const owner = this.#owner;
    this.bound({
      dirty: () => owner.turn(),
      tick: () => undefined,
      roomAgain: () => owner.turn(),
      // Whoever unbinds has the answers it wants, or does not want them.
      finish: () => this.finished(),
      closed: () => undefined,
      sending: this.inFlight,
    });
    owner.bound(this);
  }
}
