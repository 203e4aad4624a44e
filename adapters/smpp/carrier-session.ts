import type { Socket } from 'node:net';
import type { BindActor, Wire } from '../../actors/bind/bind-actor.ts';
import type { Delivery } from '../../actors/route/delivery.ts';
import { COMMAND_ID } from './codec/command-id.ts';
import { STATUS, statusOf } from './codec/command-status.ts';
import { IdRange, readSm, readSmRespId } from './codec/hot-read.ts';
import { writeDeliverSmResp, writeEnquireLinkResp } from './codec/hot-write.ts';
import { answerOf, type MessageWriter } from './mapping.ts';
import { ParsedReceipt, parseReceipt } from './receipt-parse.ts';
import { SmppSession } from './session.ts';

export interface CarrierBind {
  readonly command: 'bind_transceiver' | 'bind_transmitter' | 'bind_receiver';
  readonly systemId: string;
  readonly password: string;
  readonly systemType: string;
  /** interface_version: 0x33, 0x34 or 0x50. */
  readonly version: number;
  readonly addrTon: number;
  readonly addrNpi: number;
  readonly addressRange: string;
  readonly bindTimeoutMs: number;
  readonly enquireLinkMs: number;
  readonly responseTimeoutMs: number;
}

export interface CarrierDeps {
  readonly carrier: string;
  readonly bind: CarrierBind;
  readonly writer: MessageWriter;
  readonly now: () => number;
  readonly monotonic: () => number;
  /** The ids that a receipt's id may be of, as this carrier writes them (`receipt_id`). */
  readonly receiptId: (id: string) => string;
  /** The carrier has accepted the bind: starts the session's actor. */
  readonly bound: (session: CarrierSession) => BindActor;
  readonly ended: (session: CarrierSession, reason: string) => void;
}

type State = 'OPEN' | 'BINDING' | 'BOUND_TX' | 'BOUND_RX' | 'BOUND_TRX' | 'UNBINDING' | 'CLOSED';

const BOUND: Readonly<Record<CarrierBind['command'], State>> = {
  bind_transmitter: 'BOUND_TX',
  bind_receiver: 'BOUND_RX',
  bind_transceiver: 'BOUND_TRX',
};
/** Bits 5 to 2 of esm_class: what a deliver_sm is (v3.4 §5.2.12). */
const MESSAGE_TYPE = 0x3c;
const UNBIND_LIMIT_MS = 5000;

/** Our session with a carrier: the ESME side (SMPP v3.4 §2.2, Table 2-1). */
export class CarrierSession extends SmppSession implements Wire {
  readonly #deps: CarrierDeps;
  readonly since: number;
  #state: State = 'OPEN';
  #actor: BindActor | undefined;
  readonly #startedMs: number;
  #lastHeardMs: number;
  #asked = 0;
  #unbindAt = 0;
  readonly #id = new IdRange();
  readonly #receipt = new ParsedReceipt();

  /** @param socket connected */
  constructor(socket: Socket, peer: string, deps: CarrierDeps) {
    super(socket, peer);
    this.#deps = deps;
    this.since = deps.now();
    this.#startedMs = this.#lastHeardMs = deps.monotonic();
    this.#bind();
  }

  get state(): State {
    return this.#state;
  }
  get actor(): BindActor | undefined {
    return this.#actor;
  }
  get takesMessages(): boolean {
    return this.#deps.bind.command !== 'bind_receiver';
  }

  frame(buf: Buffer, at: number, end: number): boolean {
    const commandId = buf.readUInt32BE(at + 4);
    switch (commandId) {
      case COMMAND_ID.submit_sm_resp:
        this.#answered(buf, at, end);
        return true;
      case COMMAND_ID.deliver_sm:
        this.#deliver(buf, at, end);
        return true;
      case COMMAND_ID.enquire_link: {
        const out = this.out.room(16);
        this.out.wrote(writeEnquireLinkResp(out, this.out.at, buf.readUInt32BE(at + 12)));
        return true;
      }
      default:
        return this.#other(buf, at, end, commandId);
    }
  }

  accepted(token: number): void {
    const out = this.out.room(32);
    this.out.wrote(writeDeliverSmResp(out, this.out.at, 0, token));
  }

  refused(token: number, status: number): void {
    const out = this.out.room(32);
    this.out.wrote(writeDeliverSmResp(out, this.out.at, status, token));
  }

  send(sequence: number, delivery: Delivery, index: number): void {
    this.#deps.writer.write(this.out, COMMAND_ID.submit_sm, sequence, delivery, index, this.version >= 0x34);
  }

  abort(reason: string): void {
    this.socket.destroy();
    this.close(reason);
  }

  end(): void {
    if (!this.#actor || this.#unbindAt > 0) return;
    this.#unbindAt = this.#deps.monotonic();
    this.#state = 'UNBINDING';
    this.header(COMMAND_ID.unbind, 0, this.#actor.sending.nextSequence());
    this.flush();
  }

  tick(nowMs: number): void {
    const { enquireLinkMs, responseTimeoutMs } = this.#deps.bind;
    if (this.#unbindAt > 0 && nowMs - this.#unbindAt > UNBIND_LIMIT_MS) this.close('unbind was not answered');
    else if (this.#asked > 0 && nowMs - this.#asked > responseTimeoutMs) this.close('enquire_link was not answered');
    else if (this.#asked === 0 && nowMs - this.#lastHeardMs >= enquireLinkMs) {
      this.#asked = nowMs;
      this.header(COMMAND_ID.enquire_link, 0, this.#actor!.sending.nextSequence());
    }
  }

  /** Before the bind is answered there is no actor: the link looks at the time. */
  tickUnbound(nowMs: number): void {
    if (this.#actor || this.isClosed) return;
    if (nowMs - this.#startedMs > this.#deps.bind.bindTimeoutMs) this.close('the bind was not answered in time');
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
    this.#deps.ended(this, reason);
  }

  #bind(): void {
    const { bind } = this.#deps;
    this.#state = 'BINDING';
    this.write({
      command: bind.command,
      sequence_number: 1,
      system_id: bind.systemId,
      password: bind.password,
      system_type: bind.systemType,
      interface_version: bind.version,
      addr_ton: bind.addrTon,
      addr_npi: bind.addrNpi,
      address_range: bind.addressRange,
    });
    this.flush();
  }

  #answered(buf: Buffer, at: number, end: number): void {
    const status = buf.readUInt32BE(at + 8);
    const id = this.#id;
    readSmRespId(buf, at, end, id);
    this.#actor?.answered(
      buf.readUInt32BE(at + 12),
      answerOf(status),
      status,
      buf,
      id.at,
      status === 0 ? id.length : 0,
    );
  }

  #deliver(buf: Buffer, at: number, end: number): void {
    const sequence = buf.readUInt32BE(at + 12);
    if (!this.#actor || this.#state === 'BOUND_TX') {
      this.header(COMMAND_ID.deliver_sm_resp, STATUS.ESME_RINVBNDSTS, sequence);
      return;
    }
    const m = this.draft;
    const status = readSm(m, buf, at, end, this.version);
    if (status !== 0) {
      this.header(COMMAND_ID.deliver_sm_resp, status, sequence);
      return;
    }
    if ((m.esmClass & MESSAGE_TYPE) !== 0 && this.#takeReceipt(sequence)) return;
    m.expiresAt = 0;
    m.deliverAfter = 0;
    this.#actor.submit(m, sequence);
  }

  /** @returns false when it is no receipt after all */
  #takeReceipt(sequence: number): boolean {
    const m = this.draft;
    const r = this.#receipt;
    if (!parseReceipt(m.buffer, m.textAt, m.textLength, m.tlvsAt, m.tlvsLength, m.esmClass, r)) return false;
    this.#actor!.receipt({
      carrier: this.#deps.carrier,
      carrierId: this.#deps.receiptId(m.buffer.latin1Slice(r.idAt, r.idAt + r.idLength)),
      fate: r.fate,
      final: r.final,
      error: m.buffer.latin1Slice(r.errorAt, r.errorAt + r.errorLength),
      doneAt: r.doneAt || this.#deps.now(),
      token: sequence,
    });
    return true;
  }

  #other(buf: Buffer, at: number, end: number, commandId: number): boolean {
    const sequence = buf.readUInt32BE(at + 12);
    if (this.#state === 'BINDING') {
      if (commandId === (COMMAND_ID[this.#deps.bind.command] | 0x80000000) >>> 0)
        return this.#bindAnswered(buf, at, end);
      if (commandId === COMMAND_ID.generic_nack) {
        this.close(`bind refused: generic_nack ${statusOf(buf.readUInt32BE(at + 8)).name}`);
        return false;
      }
    }
    if (commandId === COMMAND_ID.enquire_link_resp) return true;
    if (commandId === COMMAND_ID.unbind) {
      this.header(COMMAND_ID.unbind_resp, 0, sequence);
      this.close('unbound by the carrier');
      return false;
    }
    if (commandId === COMMAND_ID.unbind_resp && this.#unbindAt > 0) {
      this.close('unbound');
      return false;
    }
    if (commandId === COMMAND_ID.generic_nack) {
      const status = buf.readUInt32BE(at + 8) || STATUS.ESME_RSYSERR;
      this.#actor?.answered(sequence, answerOf(status), status, undefined, 0, 0);
      return true;
    }
    this.refuseCommand(commandId, sequence);
    return true;
  }

  #bindAnswered(buf: Buffer, at: number, end: number): boolean {
    const status = buf.readUInt32BE(at + 8);
    if (status !== 0) {
      this.close(`bind refused: ${statusOf(status).name}`);
      return false;
    }
    this.decode(buf, at, end);
    this.version = this.#deps.bind.version;
    this.#state = BOUND[this.#deps.bind.command];
    this.bound();
    this.#lastHeardMs = this.#deps.monotonic();
    this.#actor = this.#deps.bound(this);
    return true;
  }
}
