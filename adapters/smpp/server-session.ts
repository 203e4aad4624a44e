import type { Admission, Submitting } from '../../actors/batch/admission.ts';
import type { BindActor, Wire } from '../../actors/bind/bind-actor.ts';
import { MessageDraft } from '../../actors/message/draft.ts';
import type { MessageId, PublicIds } from '../../actors/message/id.ts';
import { Kind, R } from '../../actors/message/record.ts';
import type { MessageDesk } from '../../actors/operations/message-desk.ts';
import type { SessionSocket } from '../../runtime/remote-socket.ts';
import type { Delivery } from '../../actors/route/delivery.ts';
import { COMMAND_ID, commandName, isResponse, responseIdOf } from './codec/command-id.ts';
import { STATUS } from './codec/command-status.ts';
import { readDataSm, timeToLiveMs } from './codec/data-sm.ts';
import { readSm } from './codec/hot-read.ts';
import { RESP_ROOM, writeSmResp } from './codec/hot-write.ts';
import type { Pdu, PduInput } from './codec/pdus.ts';
import { tlv } from './codec/tlvs.ts';
import { AS_IT_IS } from './addressing.ts';
import { AS_KEPT, type Form } from './form.ts';
import { deliverAnswerOf, type MessageWriter } from './mapping.ts';
import { isDatagram, isTransaction, onceOnly, Transaction, type AnsweredAs } from './operations/modes.ts';
import type { Session } from './operations/operation.ts';
import { replaceIfPresent } from './operations/replace-if-present.ts';
import { OPERATIONS } from './operations/table.ts';
import type { Gate } from './output.ts';
import { SmppSession, type SideEffect } from './session.ts';
import type { SessionTimers } from './session-messages.ts';
import { bindTypeOf, hasTlvs, type BindType } from './session-states.ts';
import { readSchedule, readValidity } from './smpp-time.ts';

export interface BindRequest {
  readonly systemId: string;
  readonly password: string;
  readonly type: BindType;
  readonly address: string;
  readonly addrTon: number;
  readonly addrNpi: number;
  readonly addressRange: string;
}

/** What a session is sent as data_sm in place of deliver_sm. */
export type SentAsData = 'none' | 'receipts' | 'all';

export type BindVerdict =
  | { readonly type: 'accepted'; readonly session: number }
  /** To be answered after `delayMs`. */
  | { readonly type: 'refused'; readonly status: number; readonly delayMs: number };

export interface ServerSettings {
  /** system_id in our bind responses. */
  readonly systemId: string;
  readonly timers: SessionTimers;
  /** How long a message in datagram or transaction mode may take, ms. */
  readonly transactionMs: number;
}

export interface ServerDeps {
  readonly settings: ServerSettings;
  readonly desk: MessageDesk;
  readonly admission: Admission;
  /** congestion_state of this worker (v5.0 §4.8.4.18): 0 idle to 99 full. */
  readonly congestion: () => number;
  readonly writer: MessageWriter;
  readonly ids: PublicIds;
  readonly now: () => number;
  readonly monotonic: () => number;
  /** May this peer bind? Asked once per bind request. */
  readonly authorize: (request: BindRequest) => Promise<BindVerdict>;
  /** In a cluster: messages leave only while our claims on them hold. */
  readonly gate?: Gate | undefined;
  /** Starts the session's actor. */
  readonly bind: (session: ServerSession, request: BindRequest) => BindActor;
  readonly sentAsData: (account: string) => SentAsData;
  /** A session that was accepted has ended. */
  readonly unbound: (number: number, reason: string) => void;
  readonly ended: (session: ServerSession) => void;
}

const { submit_sm: SUBMIT_SM, submit_sm_resp: SUBMIT_SM_RESP, deliver_sm_resp: DELIVER_SM_RESP } = COMMAND_ID;
const ENQUIRE_LINK = COMMAND_ID.enquire_link;
const { data_sm: DATA_SM, data_sm_resp: DATA_SM_RESP } = COMMAND_ID;
/** Added to the sequence_number, it makes the token of a data_sm: it is answered by another response. */
const DATA = 2 ** 32;
/** Octets of an address in every message but data_sm (v3.4 §4.4.1). */
const MOST_ADDRESS = 20;
const CONGESTION_TLV = 5;
/** Octets of short_message; a longer text needs a TLV. */
const MOST_TEXT = 254;
const TOO_LONG = STATUS.ESME_RINVMSGLEN;

const isMessage = (commandId: number): boolean => commandId === SUBMIT_SM || commandId === DATA_SM;

/** An ESME that has connected to us: the SMSC side of a session (SMPP v3.4 §2.2, Table 2-1). */
export class ServerSession extends SmppSession implements Wire, Submitting {
  readonly #deps: ServerDeps;
  #request: BindRequest | undefined;
  #asData: SentAsData = 'none';
  /** The gatekeeper's number of the session, 0 until it is accepted. */
  #number = 0;
  #actor: BindActor | undefined;
  /** Requests that wait until messages are taken again, whole, in the order they came. */
  #held: Buffer[] = [];
  /** How the account wants texts. */
  form: Form = AS_KEPT;

  constructor(socket: SessionSocket, peer: string, deps: ServerDeps) {
    super('smsc', socket, peer, {
      timers: deps.settings.timers,
      now: deps.now,
      monotonic: deps.monotonic,
      gate: deps.gate,
    });
    this.#deps = deps;
  }

  /** Its number on this node; 0 before it is bound. */
  get number(): number {
    return this.#number;
  }

  /** The account it is bound as; '' before. */
  get account(): string {
    return this.#number > 0 ? this.#request!.systemId : '';
  }

  get actor(): BindActor | undefined {
    return this.#actor;
  }

  frame(buf: Buffer, at: number, end: number): boolean {
    const commandId = buf.readUInt32BE(at + 4);
    if (this.#held.length > 0) {
      // Behind what waits; answers and enquire_link go past it.
      if (!isResponse(commandId) && commandId !== ENQUIRE_LINK) return this.#hold(buf, at, end);
    } else if (isMessage(commandId) && this.may[commandId] === 1 && !this.#deps.admission.isOpen) {
      this.#deps.admission.wait(this);
      return this.#hold(buf, at, end);
    }
    return this.#take(buf, at, end, commandId);
  }

  #take(buf: Buffer, at: number, end: number, commandId: number): boolean {
    if (commandId === SUBMIT_SM && this.may[SUBMIT_SM] === 1) {
      this.sawMessage = true;
      this.#submit(buf, at, end);
      return true;
    }
    if (commandId === DELIVER_SM_RESP || commandId === DATA_SM_RESP) {
      this.sawMessage = true;
      this.#answered(buf, at);
      return true;
    }
    if (commandId === DATA_SM && this.may[DATA_SM] === 1) {
      this.sawMessage = true;
      this.#dataSm(buf, at, end);
      return true;
    }
    const bindType = bindTypeOf(commandId);
    if (bindType !== undefined && this.state === 'OPEN') return this.#bindRequested(buf, at, end, bindType);
    return this.other(buf, at, end, commandId);
  }

  admitted(): void {
    this.#takeHeld();
  }

  accepted(token: number, id: MessageId): void {
    const out = this.out.room(RESP_ROOM + CONGESTION_TLV);
    const publicId = this.#deps.ids.toPublic(id);
    const { at } = this.out;
    const isData = token >= DATA;
    const end = isData
      ? writeSmResp(out, at, DATA_SM_RESP, 0, token - DATA, publicId)
      : writeSmResp(out, at, SUBMIT_SM_RESP, 0, token, publicId);
    this.out.wrote(this.version < 0x50 ? end : this.#congested(out, at, end));
  }

  refused(token: number, status: number): void {
    if (token >= DATA) this.header(DATA_SM_RESP, status, token - DATA);
    else this.header(SUBMIT_SM_RESP, status, token);
  }

  /**
   * To a peer of version 5.0 every response says how busy we are. Behind its mandatory fields, which are empty where it
   * refuses: a peer that looks for them would read the TLV as a message_id.
   */
  protected override header(commandId: number, status: number, sequence: number): void {
    const command = this.version >= 0x50 && isResponse(commandId) ? commandName(commandId) : undefined;
    if (command === undefined) super.header(commandId, status, sequence);
    else this.write({ command, command_status: status, sequence_number: sequence } as PduInput);
  }

  protected override write(pdu: PduInput): void {
    const hasState = this.version >= 0x50 && isResponse(COMMAND_ID[pdu.command]);
    const state = hasState ? [tlv('congestion_state', this.#deps.congestion())] : [];
    super.write({ ...pdu, tlvs: [...(pdu.tlvs ?? []), ...state] });
  }

  send(sequence: number, delivery: Delivery, index: number): void {
    const { writer } = this.#deps;
    const tlvs = hasTlvs(this.version);
    if (this.#asData !== 'none' && tlvs && (this.#asData === 'all' || isReceipt(delivery, index))) {
      writer.writeData(this.out, sequence, delivery, index, this.form);
    } else if (tlvs || delivery.batch.buffer.readUInt32LE(delivery.at(index) + R.textLength) <= MOST_TEXT) {
      writer.write(this.out, COMMAND_ID.deliver_sm, sequence, delivery, index, tlvs, AS_IT_IS, this.form);
    } else {
      // Nothing such a peer knows can carry it. It may have a session that can.
      const later = (): unknown =>
        this.#actor?.answered(sequence, deliverAnswerOf(TOO_LONG), TOO_LONG, undefined, 0, 0);
      setImmediate(later);
    }
    this.out.guard();
  }

  protected perform(effect: SideEffect): void {
    switch (effect.type) {
      case 'check-bind':
        this.#check(this.#request!);
        return;
      case 'answer-bind':
        this.#answerBind(effect);
        return;
      case 'bound':
        this.#asData = this.#deps.sentAsData(this.#request!.systemId);
        this.#actor = this.#deps.bind(this, this.#request!);
        this.bound(this.#actor);
        return;
      case 'send-bind':
        throw new Error('the ESME binds, not the SMSC');
      default:
        effect satisfies never;
    }
  }

  protected passed(commandId: number, buf: Buffer, at: number, end: number): void {
    if (isResponse(commandId)) {
      if (commandId === COMMAND_ID.generic_nack) this.#answered(buf, at);
      return;
    }
    const sequence = buf.readUInt32BE(at + 12);
    const operation = OPERATIONS.get(commandId);
    // An operation that the state allows and that we do not have (v3.4 §4.3: unsupported command_id).
    if (!operation) {
      this.nack(STATUS.ESME_RINVCMDID, sequence);
      return;
    }
    const request = this.decode(buf, at, end);
    if (request) this.#later(commandId, sequence, () => operation(request, this.#asSession()));
  }

  protected ended(reason: string): void {
    if (this.#number > 0) this.#deps.unbound(this.#number, reason);
    this.#deps.ended(this);
  }

  /** @returns false when it holds as many as may be unanswered */
  #hold(buf: Buffer, at: number, end: number): boolean {
    this.#held.push(Buffer.from(buf.subarray(at, end)));
    return this.#held.length < this.#actor!.receiveWindow;
  }

  /** Takes what was held, as far as it may. @param all in any case */
  #takeHeld(all = false): void {
    const held = this.#held;
    // Also of a session that was stopped for another reason: until its bind is answered.
    if (held.length === 0) return;
    const { admission } = this.#deps;
    const mayTake = (): boolean => !this.isClosed && (all || admission.isOpen);
    let done = 0;
    // Of what it takes nothing is held again.
    this.#held = [];
    while (done < held.length && mayTake()) {
      const pdu = held[done++]!;
      this.#take(pdu, 0, pdu.length, pdu.readUInt32BE(4));
    }
    if (this.isClosed) return;
    if (done < held.length) {
      this.#held = held.slice(done);
      admission.wait(this);
    } else this.resume();
    this.#actor?.dirty();
  }

  override drain(limitMs: number): void {
    this.#takeHeld(true);
    super.drain(limitMs);
  }

  #submit(buf: Buffer, at: number, end: number): void {
    const sequence = buf.readUInt32BE(at + 12);
    const m = this.draft;
    let status = readSm(m, buf, at, end, this.version);
    m.expiresAt = 0;
    m.deliverAfter = 0;
    m.flags = 0;
    if (status === 0 && (m.validityLength > 0 || m.scheduleLength > 0)) status = readTimes(m, this.#deps.now());
    if (status === 0 && m.destLength === 0) status = STATUS.ESME_RINVDSTADR;
    if (status !== 0) this.header(SUBMIT_SM_RESP, status, sequence);
    else if (m.replaceIfPresent === 1) this.#replace(buf, at, end, sequence);
    else if (isDatagram(m) || isTransaction(m)) this.#once(m, 'submit_sm_resp', sequence);
    else this.#taken(m, sequence);
  }

  #dataSm(buf: Buffer, at: number, end: number): void {
    const sequence = buf.readUInt32BE(at + 12);
    const m = this.draft;
    let status = readDataSm(m, buf, at, end, this.version);
    m.expiresAt = 0;
    m.deliverAfter = 0;
    m.flags = 0;
    if (status === 0 && m.sourceLength > MOST_ADDRESS) status = STATUS.ESME_RINVSRCADR;
    if (status === 0 && (m.destLength === 0 || m.destLength > MOST_ADDRESS)) status = STATUS.ESME_RINVDSTADR;
    if (status !== 0) {
      this.header(DATA_SM_RESP, status, sequence);
      return;
    }
    const ttlMs = timeToLiveMs(m);
    if (ttlMs > 0) m.expiresAt = this.#deps.now() + ttlMs;
    if (isDatagram(m) || isTransaction(m)) this.#once(m, 'data_sm_resp', sequence);
    else this.#taken(m, DATA + sequence);
  }

  #taken(m: MessageDraft, token: number): void {
    this.#deps.admission.taken();
    this.#actor!.submit(m, token);
  }

  /** Datagram and transaction mode. */
  #once(m: MessageDraft, command: AnsweredAs, sequence: number): void {
    const limitMs = this.#deps.settings.transactionMs;
    const waits = isTransaction(m);
    const status = onceOnly(m, limitMs, this.#deps.now());
    if (status !== 0) this.header(COMMAND_ID[command], status, sequence);
    else if (!waits) this.#taken(m, command === 'data_sm_resp' ? DATA + sequence : sequence);
    else {
      const requestId = command === 'data_sm_resp' ? DATA_SM : SUBMIT_SM;
      this.#later(requestId, sequence, () => Transaction.submit(m, this.#asSession(), command, sequence, limitMs));
    }
  }

  #replace(buf: Buffer, at: number, end: number, sequence: number): void {
    const own = Buffer.from(buf.subarray(at, end));
    const m = new MessageDraft();
    readSm(m, own, 0, own.length, this.version);
    m.expiresAt = this.draft.expiresAt;
    m.deliverAfter = this.draft.deliverAfter;
    this.#later(SUBMIT_SM, sequence, () => replaceIfPresent(m, this.#asSession(), sequence));
  }

  /** Answers a request when its work is done. It has a place in the window until then. */
  #later(commandId: number, sequence: number, work: () => Promise<PduInput>): void {
    const actor = this.#actor!;
    const responseId = responseIdOf(commandId);
    if (!actor.begin()) {
      this.header(responseId, STATUS.ESME_RTHROTTLED, sequence);
      return;
    }
    const answered = (answer: () => void): void => {
      if (actor.end()) answer();
    };
    work().then(
      response => answered(() => this.write(response)),
      // The store did not say: any answer could be a lie.
      () => answered(() => this.abort('whether a request of its was done is not known')),
    );
  }

  #asSession(): Session {
    const { desk, ids, now } = this.#deps;
    return { account: this.account, version: this.version, actor: this.#actor!, desk, ids, now };
  }

  /** Writes congestion_state behind the response at `at`, and returns where it ends. */
  #congested(out: Buffer, at: number, end: number): number {
    out.writeUInt32BE(0x0428_0001, end);
    out[end + 4] = this.#deps.congestion();
    out.writeUInt32BE(end + CONGESTION_TLV - at, at);
    return end + CONGESTION_TLV;
  }

  #answered(buf: Buffer, at: number): void {
    const isNack = buf.readUInt32BE(at + 4) === COMMAND_ID.generic_nack;
    const said = buf.readUInt32BE(at + 8);
    const status = isNack && said === 0 ? STATUS.ESME_RSYSERR : said;
    this.#actor?.answered(buf.readUInt32BE(at + 12), deliverAnswerOf(status), status, undefined, 0, 0);
  }

  /** @returns false: nothing more is read until the bind is answered */
  #bindRequested(buf: Buffer, at: number, end: number, type: BindType): boolean {
    const pdu = this.decode(buf, at, end) as Extract<Pdu, { command: 'bind_transceiver' }> | undefined;
    if (pdu === undefined) return !this.isClosed;
    this.#request = {
      systemId: pdu.system_id,
      password: pdu.password,
      type,
      address: this.peer,
      addrTon: pdu.addr_ton,
      addrNpi: pdu.addr_npi,
      addressRange: pdu.address_range,
    };
    const { interface_version: version, sequence_number: sequence } = pdu;
    this.apply({ type: 'bind-requested', nowMs: this.#deps.monotonic(), bindType: type, version, sequence });
    return false;
  }

  #check(request: BindRequest): void {
    this.#deps.authorize(request).then(
      verdict => this.#decided(verdict),
      () => this.#decided({ type: 'refused', status: STATUS.ESME_RSYSERR, delayMs: 0 }),
    );
  }

  #decided(verdict: BindVerdict): void {
    if (verdict.type === 'refused') {
      const nowMs = this.#deps.monotonic();
      setTimeout(() => this.apply({ type: 'bind-refused', nowMs, status: verdict.status }), verdict.delayMs);
      return;
    }
    if (this.isClosed) {
      this.#deps.unbound(verdict.session, 'left while it was being bound');
      return;
    }
    this.#number = verdict.session;
    this.apply({ type: 'bind-accepted', nowMs: this.#deps.monotonic() });
    this.flush();
    this.resume();
  }

  #answerBind({ bindType, status, sequence, scInterfaceVersion }: Extract<SideEffect, { type: 'answer-bind' }>): void {
    const command = `bind_${bindType}_resp` as const;
    // v3.4 §4.1.2: a refusal has no body.
    if (status !== STATUS.ESME_ROK) {
      this.header(COMMAND_ID[command], status, sequence);
      return;
    }
    const tlvs = scInterfaceVersion > 0 ? [tlv('sc_interface_version', scInterfaceVersion)] : [];
    this.write({ command, sequence_number: sequence, system_id: this.#deps.settings.systemId, tlvs });
  }
}

const isReceipt = (delivery: Delivery, index: number): boolean =>
  delivery.batch.buffer[delivery.at(index) + R.kind] === Kind.receipt;

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
