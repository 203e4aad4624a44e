import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { cut, headerPdu } from './raw-peer.ts';
import { withLength } from './smpp-wire.ts';

/** A submit_sm as it came, and whom to answer. */
export interface Submitted {
  readonly session: CarrierPeer;
  readonly sequence: number;
  readonly pdu: Buffer;
}

/** One session that a node has opened to the carrier. */
export interface CarrierPeer {
  readonly socket: Socket;
  /** 1 receiver, 2 transmitter, 9 transceiver; 0 until its bind has come. */
  bind: number;
  /** All PDUs that have come, the bind first. */
  readonly pdus: Buffer[];
  isOpen: boolean;
}

/** What an unanswered bind (`undefined`), a refused one or an accepted one is answered with. */
export type BindStatus = number | undefined;

/**
 * A carrier that takes binds and enquire_links by itself and leaves every other word to the test. It knows no SMPP beyond the
 * header.
 */
export class ScriptedCarrier implements AsyncDisposable {
  readonly sessions: CarrierPeer[] = [];
  readonly submitted: Submitted[] = [];
  /** command_status of every bind_resp from here on. */
  bindStatus: BindStatus = 0;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on('setSecureContext' in server ? 'secureConnection' : 'connection', (socket: Socket) =>
      this.#opened(socket),
    );
  }

  /** @param port 0: any. @param tls makes it a TLS server */
  static async listen(port = 0, host = '127.0.0.1', tls?: TlsOptions): Promise<ScriptedCarrier> {
    const server = tls ? createTlsServer(tls) : createServer();
    server.on('tlsClientError', () => undefined);
    const carrier = new ScriptedCarrier(server);
    server.listen(port, host);
    await once(server, 'listening');
    return carrier;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Sessions that are bound now, by bind command. */
  open(bind: number): CarrierPeer[] {
    return this.sessions.filter(session => session.isOpen && session.bind === bind);
  }

  /** The texts that have come, in order, as far as they match. */
  texts(pattern: RegExp): string[] {
    return this.submitted.map(({ pdu }) => pattern.exec(pdu.toString('latin1'))?.[0] ?? '');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    for (const { socket } of this.sessions) socket.destroy();
    await once(this.#server, 'close');
  }

  #opened(socket: Socket): void {
    const session: CarrierPeer = { socket, bind: 0, pdus: [], isOpen: true };
    this.sessions.push(session);
    socket.setNoDelay(true);
    let rest: Buffer = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('close', () => (session.isOpen = false));
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (const pdu of cut(rest)) {
        rest = rest.subarray(pdu.length);
        session.pdus.push(pdu);
        this.#received(session, pdu);
      }
    });
  }

  #received(session: CarrierPeer, pdu: Buffer): void {
    const command = pdu.readUInt32BE(4);
    const sequence = pdu.readUInt32BE(12);
    if (command === 0x15) session.socket.write(headerPdu(0x80000015, 0, sequence));
    else if (command === 0x06) session.socket.end(headerPdu(0x80000006, 0, sequence));
    else if (command === 0x04) this.submitted.push({ session, sequence, pdu });
    else if (command === 0x01 || command === 0x02 || command === 0x09) {
      if (this.bindStatus === undefined) return;
      if (this.bindStatus === 0) session.bind = command;
      const answer = headerPdu(command + 0x80000000, this.bindStatus, sequence);
      session.socket.write(withLength(Buffer.concat([answer, Buffer.from('SMSC\0')])));
    }
  }
}

/** Answers a submit_sm. @param id the message_id of a positive answer */
export function answer({ session, sequence }: Submitted, status: number, id = ''): void {
  const header = headerPdu(0x80000004, status, sequence);
  session.socket.write(status === 0 ? withLength(Buffer.concat([header, Buffer.from(`${id}\0`, 'latin1')])) : header);
}

/**
 * A deliver_sm (SMPP v3.4 §4.6.1) from a phone.
 *
 * @param tlvs as octets
 */
export function deliverPdu(
  sequence: number,
  from: string,
  to: string,
  text: string,
  esmClass = 0,
  tlvs: Buffer = Buffer.alloc(0),
): Buffer {
  const body = Buffer.concat([
    Buffer.from(`\0\x01\x01${from}\0\x01\x01${to}\0`, 'latin1'),
    Buffer.from([esmClass, 0, 0, 0, 0, 0, 0, 0, 0, text.length]),
    Buffer.from(text, 'latin1'),
    tlvs,
  ]);
  return withLength(Buffer.concat([headerPdu(5, 0, sequence), body]));
}

/** A TLV (SMPP v3.4 §3.2.4). */
export function tlv(tag: number, value: Buffer | string): Buffer {
  const octets = typeof value === 'string' ? Buffer.from(`${value}\0`, 'latin1') : value;
  const head = Buffer.alloc(4);
  head.writeUInt16BE(tag, 0);
  head.writeUInt16BE(octets.length, 2);
  return Buffer.concat([head, octets]);
}

/** The text of a receipt (SMPP v3.4 Appendix B). */
export const receiptText = (id: string, stat = 'DELIVRD', err = '000'): string =>
  `id:${id} sub:001 dlvrd:001 submit date:2601010000 done date:2601010001 stat:${stat} err:${err} text:`;
