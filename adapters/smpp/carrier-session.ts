import type { Socket } from 'node:net';
import type { BindActor, Wire } from '../../actors/bind/bind-actor.ts';
import type { ReceiptIds } from '../../actors/message/correlation-key.ts';
import { vendorTlvs } from '../../actors/receipt/vendor-tlvs.ts';
import type { Delivery } from '../../actors/route/delivery.ts';
import { COMMAND_ID, commandName, isResponse } from './codec/command-id.ts';
import { STATUS } from './codec/command-status.ts';
import { readDataSm } from './codec/data-sm.ts';
import { IdRange, readSm, readSmRespId } from './codec/hot-read.ts';
import { writeDeliverSmResp } from './codec/hot-write.ts';
import type { Pdu } from './codec/pdus.ts';
import { TLVS } from './codec/tlvs.ts';
import type { Addressing } from './addressing.ts';
import type { Form } from './form.ts';
import { answerOf, type MessageWriter } from './mapping.ts';
import { ParsedReceipt, parseReceipt } from './receipt-parse.ts';
import type { Gate } from './output.ts';
import { SmppSession, type SideEffect } from './session.ts';
import type { SessionTimers } from './session-messages.ts';
import { hasTlvs, type BindType } from './session-states.ts';

export interface CarrierBind {
  readonly type: BindType;
  readonly systemId: string;
  readonly password: string;
  readonly systemType: string;
  /** interface_version: 0x33, 0x34 or 0x50. */
  readonly version: number;
  readonly addrTon: number;
  readonly addrNpi: number;
  readonly addressRange: string;
}

/** How we speak to a carrier: may change while a session lives. */
export interface CarrierHabits {
  readonly addressing: Addressing;
  /** How it wants texts. */
  readonly form: Form;
  /** The ids that a receipt's id may be of, as this carrier writes them (`receipt_id`). */
  readonly receiptIds: ReceiptIds;
  /** `err` of its receipts, and what it is passed on as. */
  readonly receiptErrors: ReadonlyMap<string, string>;
  /** A deliver_sm that reads like a receipt is one, even where its esm_class does not say so. */
  readonly receiptByText: boolean;
  /** Every PDU of its sessions is told to the log: its header, never what it says. */
  readonly tracePdus: boolean;
}

export interface CarrierDeps {
  readonly carrier: string;
  readonly bind: CarrierBind;
  readonly timers: SessionTimers;
  readonly habits: CarrierHabits;
  readonly writer: MessageWriter;
  readonly now: () => number;
  readonly monotonic: () => number;
  /** In a cluster: nothing is said once its slot, or our claims on messages, are not ours any more. */
  readonly gate?: Gate | undefined;
  /** A PDU, where `tracePdus` is on. */
  readonly traced: (direction: 'in' | 'out', command: string, status: number, sequence: number, octets: number) => void;
  /** The carrier has accepted the bind: starts the session's actor. */
  readonly bound: (session: CarrierSession) => BindActor;
  readonly ended: (session: CarrierSession, reason: string) => void;
}

const { submit_sm_resp: SUBMIT_SM_RESP, deliver_sm: DELIVER_SM, deliver_sm_resp: DELIVER_SM_RESP } = COMMAND_ID;
const { data_sm: DATA_SM, data_sm_resp: DATA_SM_RESP } = COMMAND_ID;
/** Added to the sequence_number, it makes the token of a data_sm: it is answered by another response. */
const DATA = 2 ** 32;
/** Leniency: some SMSCs answer every bind with one kind of response. */
const BIND_RESPS: ReadonlySet<number> = new Set([
  COMMAND_ID.bind_transceiver_resp,
  COMMAND_ID.bind_transmitter_resp,
  COMMAND_ID.bind_receiver_resp,
]);
/** Bits 5 to 2 of esm_class: what a deliver_sm is (v3.4 §5.2.12). */
const MESSAGE_TYPE = 0x3c;
/** Room of a deliver_sm_resp: a header and an empty message_id. */
const DELIVER_RESP_ROOM = 32;

/** Our session with a carrier: the ESME side (SMPP v3.4 §2.2, Table 2-1). */
export class CarrierSession extends SmppSession implements Wire {
  readonly #deps: CarrierDeps;
  readonly #id = new IdRange();
  readonly #receipt = new ParsedReceipt();
  #actor: BindActor | undefined;
  #habits: CarrierHabits;

  /** @param socket connected */
  constructor(socket: Socket, peer: string, deps: CarrierDeps) {
    super('esme', socket, peer, deps);
    this.#deps = deps;
    this.#habits = deps.habits;
    this.#tap();
    const { type: bindType, version } = deps.bind;
    this.apply({ type: 'connected', nowMs: deps.monotonic(), bindType, version });
    this.flush();
  }

  get actor(): BindActor | undefined {
    return this.#actor;
  }
  /** Takes over other habits and timers. */
  use(habits: CarrierHabits, timers: SessionTimers): void {
    this.#habits = habits;
    this.useTimers(timers);
    this.#tap();
  }

  get takesMessages(): boolean {
    return this.#deps.bind.type !== 'receiver';
  }

  frame(buf: Buffer, at: number, end: number): boolean {
    const commandId = buf.readUInt32BE(at + 4);
    if (this.#habits.tracePdus) this.#trace('in', buf, at, end);
    if (commandId === SUBMIT_SM_RESP) {
      this.sawMessage = true;
      this.#answered(buf, at, end);
      return true;
    }
    if (commandId === DELIVER_SM && this.may[DELIVER_SM] === 1) {
      this.sawMessage = true;
      this.#deliver(buf, at, end);
      return true;
    }
    if (commandId === DATA_SM && this.may[DATA_SM] === 1) {
      this.sawMessage = true;
      this.#dataSm(buf, at, end);
      return true;
    }
    if (BIND_RESPS.has(commandId)) return this.#bindAnswered(buf, at, end);
    return this.other(buf, at, end, commandId);
  }

  accepted(token: number): void {
    this.refused(token, STATUS.ESME_ROK);
  }

  refused(token: number, status: number): void {
    if (token >= DATA) {
      this.write({ command: 'data_sm_resp', command_status: status, sequence_number: token - DATA, message_id: '' });
      return;
    }
    const out = this.out.room(DELIVER_RESP_ROOM);
    this.out.wrote(writeDeliverSmResp(out, this.out.at, status, token));
  }

  send(sequence: number, delivery: Delivery, index: number): void {
    const { addressing, form } = this.#habits;
    this.#deps.writer.write(
      this.out,
      COMMAND_ID.submit_sm,
      sequence,
      delivery,
      index,
      hasTlvs(this.version),
      addressing,
      form,
    );
  }

  protected perform(effect: SideEffect): void {
    switch (effect.type) {
      case 'send-bind':
        this.#sendBind();
        return;
      case 'bound':
        this.#actor = this.#deps.bound(this);
        this.bound(this.#actor);
        return;
      case 'check-bind':
      case 'answer-bind':
        throw new Error('the ESME binds, not the SMSC');
      default:
        effect satisfies never;
    }
  }

  protected passed(commandId: number, buf: Buffer, at: number, end: number): void {
    if (commandId === COMMAND_ID.generic_nack) this.#answered(buf, at, end);
    // alert_notification has no response, and nobody here waits for one (v3.4 §4.12).
    else if (!isResponse(commandId) && commandId !== COMMAND_ID.alert_notification) {
      this.nack(STATUS.ESME_RINVCMDID, buf.readUInt32BE(at + 12));
    }
  }

  protected ended(reason: string): void {
    this.#deps.ended(this, reason);
  }

  /** What leaves is whole PDUs. */
  #tap(): void {
    this.out.tap = this.#habits.tracePdus
      ? octets => {
          for (let at = 0; at < octets.length; at += octets.readUInt32BE(at)) {
            this.#trace('out', octets, at, at + octets.readUInt32BE(at));
          }
        }
      : undefined;
  }

  #trace(direction: 'in' | 'out', buf: Buffer, at: number, end: number): void {
    const commandId = buf.readUInt32BE(at + 4);
    const command = commandName(commandId) ?? `0x${commandId.toString(16)}`;
    this.#deps.traced(direction, command, buf.readUInt32BE(at + 8), buf.readUInt32BE(at + 12), end - at);
  }

  #sendBind(): void {
    const { bind } = this.#deps;
    this.write({
      command: `bind_${bind.type}`,
      sequence_number: 1,
      system_id: bind.systemId,
      password: bind.password,
      system_type: bind.systemType,
      interface_version: bind.version,
      addr_ton: bind.addrTon,
      addr_npi: bind.addrNpi,
      address_range: bind.addressRange,
    });
  }

  #bindAnswered(buf: Buffer, at: number, end: number): boolean {
    // What follows the status is not needed, so a body that cannot be read is forgiven.
    const pdu = this.decode(buf, at, end) as Extract<Pdu, { command: 'bind_transceiver_resp' }> | undefined;
    const said = pdu?.tlvs.find(({ tag }) => tag === TLVS.sc_interface_version.tag);
    this.apply({
      type: 'bind-answered',
      nowMs: this.#deps.monotonic(),
      status: buf.readUInt32BE(at + 8),
      scInterfaceVersion: said?.value[0],
    });
    return !this.isClosed;
  }

  #answered(buf: Buffer, at: number, end: number): void {
    const isNack = buf.readUInt32BE(at + 4) === COMMAND_ID.generic_nack;
    const said = buf.readUInt32BE(at + 8);
    const status = isNack && said === 0 ? STATUS.ESME_RSYSERR : said;
    const id = this.#id;
    readSmRespId(buf, at, end, id);
    const idLength = status === 0 ? trimmed(buf, id) : 0;
    this.#actor?.answered(buf.readUInt32BE(at + 12), answerOf(status), status, buf, id.at, idLength);
  }

  #deliver(buf: Buffer, at: number, end: number): void {
    const sequence = buf.readUInt32BE(at + 12);
    const status = readSm(this.draft, buf, at, end, this.version);
    if (status === 0) this.#take(sequence);
    else this.header(DELIVER_SM_RESP, status, sequence);
  }

  #dataSm(buf: Buffer, at: number, end: number): void {
    const sequence = buf.readUInt32BE(at + 12);
    const status = readDataSm(this.draft, buf, at, end, this.version);
    if (status === 0) this.#take(DATA + sequence);
    else this.header(DATA_SM_RESP, status, sequence);
  }

  #take(token: number): void {
    const m = this.draft;
    const mayBeReceipt = (m.esmClass & MESSAGE_TYPE) !== 0 || this.#habits.receiptByText;
    if (mayBeReceipt && this.#takeReceipt(token)) return;
    m.expiresAt = 0;
    m.deliverAfter = 0;
    this.#actor!.submit(m, token);
  }

  /** @returns false when it is no receipt after all */
  #takeReceipt(token: number): boolean {
    const m = this.draft;
    const r = this.#receipt;
    if (!parseReceipt(m.buffer, m.textAt, m.textLength, m.tlvsAt, m.tlvsLength, m.esmClass, r)) return false;
    const now = this.#deps.now();
    const actor = this.#actor!;
    const { carrier } = this.#deps;
    const { receiptIds, receiptErrors } = this.#habits;
    const error = errorAt(m.buffer, r.errorAt, r.errorLength);
    const id = m.buffer.latin1Slice(r.idAt, r.idAt + r.idLength);
    const other = r.otherIdLength === 0 ? '' : m.buffer.latin1Slice(r.otherIdAt, r.otherIdAt + r.otherIdLength);
    const others = receiptIds.others(id, other);
    actor.receipt({
      carrier,
      carrierId: receiptIds.first(id),
      written: id,
      others,
      phone: others ? m.buffer.latin1Slice(m.sourceAt, m.sourceAt + m.sourceLength) : '',
      fate: r.fate,
      final: r.final,
      error: receiptErrors.get(error) ?? error,
      // Most carriers give the minute: of one that has just begun we know better.
      doneAt: r.doneAt === 0 || Math.abs(now - r.doneAt) < MINUTE_MS ? now : r.doneAt,
      tlvs: m.tlvsLength > 0 ? vendorTlvs(m.buffer, m.tlvsAt, m.tlvsLength) : undefined,
      submitter: actor,
      token,
    });
    return true;
  }
}

const MINUTE_MS = 60_000;

const ZERO = 0x30;
/** Of three digits, as nearly all are: by their number. */
const ERRORS = Array.from({ length: 1000 }, (_, error) => String(error).padStart(3, '0'));

/** What stands there, as text: nothing is allocated for three digits. */
function errorAt(buffer: Buffer, at: number, length: number): string {
  if (length === 3) {
    const [a, b, c] = [buffer[at]! - ZERO, buffer[at + 1]! - ZERO, buffer[at + 2]! - ZERO];
    if (a >= 0 && a <= 9 && b >= 0 && b <= 9 && c >= 0 && c <= 9) return ERRORS[a * 100 + b * 10 + c]!;
  }
  return buffer.latin1Slice(at, at + length);
}

/** Leniency: an id in a field of fixed width is filled up with spaces, which are not of the id. Returns its length. */
function trimmed(buf: Buffer, id: IdRange): number {
  while (id.length > 0 && buf[id.at + id.length - 1]! <= 0x20) id.length--;
  while (id.length > 0 && buf[id.at]! <= 0x20) {
    id.at++;
    id.length--;
  }
  return id.length;
}
