import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { wire, withLength } from './smpp-wire.ts';
import { waitUntil } from './wait-until.ts';

/** An ESME that says whatever a test makes it say: octets out, octets in. It knows no SMPP beyond the header. */
export class RawPeer implements Disposable {
  readonly socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  closed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => (this.#received = Buffer.concat([this.#received, chunk])));
    socket.on('error', () => undefined);
    socket.on('close', () => (this.closed = true));
  }

  static async connect(port: number, host = '127.0.0.1'): Promise<RawPeer> {
    const socket = connect({ host, port });
    await once(socket, 'connect');
    return new RawPeer(socket);
  }

  /** Connects and binds. @throws Error when the bind is refused */
  static async bind(port: number, systemId: string, type: BindType = 'transceiver', host?: string): Promise<RawPeer> {
    const peer = await RawPeer.connect(port, host);
    peer.send(bindPdu(systemId, systemId, type));
    const [answer] = await peer.pdus(1);
    if (answer!.readUInt32BE(8) !== 0)
      throw new Error(`the bind of ${systemId} was refused: ${answer!.toString('hex')}`);
    // What waited for it may have come in the same segment: that stays.
    peer.#received = peer.#received.subarray(answer!.length);
    return peer;
  }

  send(octets: Buffer | string): void {
    this.socket.write(typeof octets === 'string' ? wire(octets) : octets);
  }

  /** All it has been sent since the last `take`. */
  get received(): Buffer {
    return this.#received;
  }

  /** What it has been sent, which is forgotten. */
  take(): Buffer {
    const octets = this.#received;
    this.#received = Buffer.alloc(0);
    return octets;
  }

  /** Waits until it has been sent this many whole PDUs, and returns them. */
  async pdus(count: number): Promise<Buffer[]> {
    await waitUntil(`${count} PDUs`, () => cut(this.#received).length >= count || this.closed);
    const whole = cut(this.#received);
    if (whole.length < count) throw new Error(`closed after ${whole.length} PDUs: ${this.#received.toString('hex')}`);
    return whole;
  }

  /** Waits until the other end has closed, and returns all it had said. */
  async end(limitMs?: number): Promise<Buffer> {
    await waitUntil('the node closes the connection', () => this.closed, limitMs);
    return this.#received;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

type BindType = 'transceiver' | 'transmitter' | 'receiver';
const BIND = { transceiver: '09', transmitter: '02', receiver: '01' } as const;

/** SMPP v3.4 §4.1: interface_version 3.4. */
export function bindPdu(systemId: string, password: string, type: BindType = 'transceiver', sequence = 1): Buffer {
  return withLength(
    wire(`00000000 000000${BIND[type]} 00000000 ${hex(sequence)} "${systemId}" 00 "${password}" 00 00 34 00 00 00`),
  );
}

/** SMPP v3.4 §4.4: from ACME, a receipt asked for when `registered` is 1. */
export function submitPdu(sequence: number, to: string, text = 'Hello', registered = 0): Buffer {
  return Buffer.concat([
    wire(`${hex(16 + 21 + to.length + text.length)} 00000004 00000000 ${hex(sequence)}`),
    wire(`00 05 00 "ACME" 00 01 01 "${to}" 00 00 00 00 00 00 0${registered} 00 00 00`),
    Buffer.from([text.length]),
    Buffer.from(text, 'latin1'),
  ]);
}

/** A PDU that is its header alone. */
export function headerPdu(commandId: number, status: number, sequence: number): Buffer {
  return wire(`00000010 ${hex(commandId)} ${hex(status)} ${hex(sequence)}`);
}

const hex = (number: number): string => number.toString(16).padStart(8, '0');

/** The whole PDUs at the beginning. */
export function cut(octets: Buffer): Buffer[] {
  const pdus: Buffer[] = [];
  let at = 0;
  while (octets.length - at >= 16 && octets.length - at >= octets.readUInt32BE(at)) {
    const end = at + octets.readUInt32BE(at);
    pdus.push(octets.subarray(at, end));
    at = end;
  }
  return pdus;
}
