import type { Socket } from 'node:net';
import type { MessageDraft } from '../../../actors/message/draft.ts';
import { COMMAND_ID, isResponse, responseIdOf } from '../codec/command-id.ts';
import { STATUS } from '../codec/command-status.ts';
import { readSm } from '../codec/hot-read.ts';
import { smSize, writeEnquireLinkResp, writeSm } from '../codec/hot-write.ts';
import { tlv } from '../codec/tlvs.ts';
import { SmppSession } from '../session.ts';
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

type State = 'OPEN' | 'BOUND_TX' | 'BOUND_RX' | 'BOUND_TRX' | 'CLOSED';

const BINDS: Readonly<Record<number, State>> = {
  [COMMAND_ID.bind_transmitter]: 'BOUND_TX',
  [COMMAND_ID.bind_receiver]: 'BOUND_RX',
  [COMMAND_ID.bind_transceiver]: 'BOUND_TRX',
};

/** The SMSC side of a session with a simulated carrier, which lets anybody in (SMPP v3.4 §2.2, Table 2-1). */
export class SimulatorSession extends SmppSession {
  /** 1 or more; no two sessions of a carrier have the same. */
  readonly number: number;
  readonly inFlight = new InFlight(DELIVER_WINDOW, RECORD.size);
  readonly #owner: SessionOwner;
  #state: State = 'OPEN';

  constructor(socket: Socket, number: number, owner: SessionOwner) {
    super(socket, socket.remoteAddress ?? '');
    this.number = number;
    this.#owner = owner;
  }

  /** Bound as a receiver or a transceiver. */
  get receives(): boolean {
    return this.#state === 'BOUND_RX' || this.#state === 'BOUND_TRX';
  }

  /** Could a deliver_sm with a text of so many octets be sent now? */
  takes(textLength: number): boolean {
    if (!this.receives || this.blocked || this.inFlight.isFull) return false;
    return textLength <= MAX_SHORT_MESSAGE || this.version >= 0x34;
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
    this.out.wrote(writeSm(out, this.out.at, COMMAND_ID.deliver_sm, sequence, message, this.version >= 0x34));
  }

  frame(buf: Buffer, at: number, end: number): boolean {
    const commandId = buf.readUInt32BE(at + 4);
    const sequence = buf.readUInt32BE(at + 12);
    switch (commandId) {
      case COMMAND_ID.submit_sm:
        this.#submit(buf, at, end, sequence);
        return true;
      case COMMAND_ID.deliver_sm_resp:
        this.#answered(sequence, buf.readUInt32BE(at + 8));
        return true;
      case COMMAND_ID.generic_nack:
        this.#answered(sequence, buf.readUInt32BE(at + 8) || STATUS.ESME_RSYSERR);
        return true;
      case COMMAND_ID.enquire_link: {
        const out = this.out.room(16);
        this.out.wrote(writeEnquireLinkResp(out, this.out.at, sequence));
        return true;
      }
      case COMMAND_ID.bind_transmitter:
      case COMMAND_ID.bind_receiver:
      case COMMAND_ID.bind_transceiver:
        this.#bind(buf, at, end, commandId, sequence);
        return !this.isClosed;
      case COMMAND_ID.unbind:
        this.header(COMMAND_ID.unbind_resp, 0, sequence);
        this.close('unbound by the peer');
        return false;
      default:
        this.#refuse(commandId, sequence);
        return true;
    }
  }

  protected turn(): void {
    this.#owner.turn();
  }

  protected ended(): void {
    this.#state = 'CLOSED';
    this.#owner.ended(this);
  }

  #submit(buf: Buffer, at: number, end: number, sequence: number): void {
    let status: number = STATUS.ESME_RINVBNDSTS;
    if (this.#state === 'BOUND_TX' || this.#state === 'BOUND_TRX') {
      status = readSm(this.draft, buf, at, end, this.version);
      if (status === 0 && this.draft.destLength === 0) status = STATUS.ESME_RINVDSTADR;
    }
    if (status === 0) this.#owner.submitted(this, this.draft, sequence);
    else this.answer(sequence, status, 0);
  }

  #answered(sequence: number, status: number): void {
    const at = this.inFlight.remove(sequence);
    if (at >= 0) this.#owner.answered(this.inFlight.records, at, status);
  }

  #bind(buf: Buffer, at: number, end: number, commandId: number, sequence: number): void {
    if (this.#state !== 'OPEN') {
      this.header(responseIdOf(commandId), STATUS.ESME_RALYBND, sequence);
      return;
    }
    const pdu = this.decode(buf, at, end);
    if (pdu === undefined || !('interface_version' in pdu)) return;
    this.version = Math.min(Math.max(pdu.interface_version, 0x33), 0x50);
    this.#state = BINDS[commandId]!;
    this.bound();
    // A peer below 3.4 must not be sent any TLV (v3.4 §3.4).
    const tlvs = this.version >= 0x34 ? [tlv('sc_interface_version', 0x34)] : [];
    const command = `${pdu.command}_resp` as const;
    this.write({ command, sequence_number: sequence, system_id: 'simulator', tlvs });
    this.#owner.bound(this);
  }

  /** Of what a carrier may offer beside submit_sm, this one offers nothing; the session stays (v3.4 §3.3). */
  #refuse(commandId: number, sequence: number): void {
    if (isResponse(commandId)) return;
    const responseId = responseIdOf(commandId);
    if (responseId === 0) this.nack(STATUS.ESME_RINVCMDID, sequence);
    else if (this.#state === 'OPEN') this.header(responseId, STATUS.ESME_RINVBNDSTS, sequence);
    else this.header(responseId, STATUS.ESME_RINVCMDID, sequence);
  }
}
