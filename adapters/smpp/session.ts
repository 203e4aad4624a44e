import type { Socket } from 'node:net';
import { MessageDraft } from '../../actors/message/draft.ts';
import { COMMAND_ID, isResponse, responseIdOf } from './codec/command-id.ts';
import { STATUS } from './codec/command-status.ts';
import { decodePdu } from './codec/decode.ts';
import { encodePdu, MAX_PDU_LENGTH } from './codec/encode.ts';
import { PduError } from './codec/errors.ts';
import { Framer, type FrameSink } from './codec/framer.ts';
import { writeGenericNack, writeHeaderOnly } from './codec/hot-write.ts';
import type { Pdu, PduInput } from './codec/pdus.ts';
import { Output } from './output.ts';

/** Before a bind nothing longer than a bind is read. */
export const UNBOUND_PDU_LENGTH = 512;
/** Octets the peer may leave unread before we read no more of its own. */
const UNREAD_LIMIT = 512 * 1024;

/**
 * What both kinds of session share: octets to PDUs and back, on one socket. The subclass says what a PDU means; it is
 * called in the socket's own turn, and what it writes leaves with `flush`.
 */
export abstract class SmppSession implements FrameSink {
  readonly socket: Socket;
  readonly peer: string;
  readonly framer = new Framer(UNBOUND_PDU_LENGTH);
  readonly out: Output;
  readonly draft = new MessageDraft();
  /** interface_version of the session. */
  version = 0x34;
  #closed = false;
  #stopped = false;
  #blocked = false;

  constructor(socket: Socket, peer: string) {
    this.socket = socket;
    this.peer = peer;
    this.out = new Output(socket);
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', error => this.close(error.message));
    socket.on('close', () => this.close('the peer closed the connection'));
    socket.on('drain', () => this.#unblock());
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** One whole PDU. @returns false to read no more until `resume` */
  abstract frame(buf: Buffer, at: number, end: number): boolean;
  /** The connection has ended; called once. */
  protected abstract ended(reason: string): void;
  /** All PDUs of a chunk have been given to `frame`. */
  protected abstract turn(): void;

  /** Goes on after `frame` said stop. */
  resume(): void {
    if (!this.#stopped || this.#closed) return;
    this.#stopped = false;
    this.#read(NOTHING);
    if (!this.#stopped && !this.#blocked) this.socket.resume();
  }

  /** Writes what has gathered. A peer that does not read is not read from either, so it costs a bounded memory. */
  flush(): void {
    if (this.#closed) return;
    this.out.flush();
    if (this.out.waiting < UNREAD_LIMIT || this.#blocked) return;
    this.#blocked = true;
    this.socket.pause();
  }

  /** True while the peer does not read what we have for it. */
  get blocked(): boolean {
    return this.#blocked;
  }

  /** Ends the connection after what has gathered; calls `ended` once. */
  close(reason: string): void {
    if (this.#closed) return;
    this.out.flush();
    this.#closed = true;
    this.socket.destroySoon();
    this.ended(reason);
  }

  /** Decodes a PDU; one that cannot be read is answered here as SMPP wants it, and undefined is returned. */
  protected decode(buf: Buffer, at: number, end: number): Pdu | undefined {
    try {
      return decodePdu(buf, at, end, this.version);
    } catch (error) {
      if (!(error instanceof PduError)) throw error;
      const sequence = buf.readUInt32BE(at + 12);
      const commandId = buf.readUInt32BE(at + 4);
      if (error.recovery === 'respond') this.header(responseIdOf(commandId), error.command_status, sequence);
      else if (error.recovery === 'nack') this.nack(error.command_status, sequence);
      else if (error.recovery === 'close') {
        this.nack(error.command_status, sequence);
        this.close(error.message);
      }
      return undefined;
    }
  }

  /** A PDU of 16 octets. */
  header(commandId: number, status: number, sequence: number): void {
    const out = this.out.room(16);
    this.out.wrote(writeHeaderOnly(out, this.out.at, commandId, status, sequence));
  }

  nack(status: number, sequence: number): void {
    const out = this.out.room(16);
    this.out.wrote(writeGenericNack(out, this.out.at, status, sequence));
  }

  write(pdu: PduInput): void {
    const bytes = encodePdu(pdu);
    const out = this.out.room(bytes.length);
    const { at } = this.out;
    this.out.wrote(at + bytes.copy(out, at));
  }

  /** A request that has no place in the session's state, or that we do not know (v3.4 §2.3, Table 2-1; §3.3). */
  protected refuseCommand(commandId: number, sequence: number): void {
    if (isResponse(commandId)) return;
    if (KNOWN.has(commandId)) this.header(responseIdOf(commandId), STATUS.ESME_RINVBNDSTS, sequence);
    else this.nack(STATUS.ESME_RINVCMDID, sequence);
  }

  /** Reads long PDUs from here on: the peer is who it says. */
  protected bound(): void {
    this.framer.maxLength = MAX_PDU_LENGTH;
  }

  #read(chunk: Buffer): void {
    if (this.#closed) return;
    const result = this.framer.push(chunk, this);
    if (this.#closed) return;
    if (result === 'unframeable') {
      const { command_length, sequence_number } = this.framer.fault!;
      this.nack(STATUS.ESME_RINVCMDLEN, sequence_number);
      this.close(`command_length ${command_length} is not one`);
      return;
    }
    if (result === 'stopped') {
      this.#stopped = true;
      this.socket.pause();
    }
    this.turn();
  }

  #unblock(): void {
    if (!this.#blocked) return;
    this.#blocked = false;
    if (!this.#stopped) this.socket.resume();
  }
}

const NOTHING = Buffer.alloc(0);
const KNOWN: ReadonlySet<number> = new Set(Object.values(COMMAND_ID));
