import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { cut, headerPdu } from './raw-peer.ts';

const BINDS: ReadonlySet<number> = new Set([1, 2, 9]);

/**
 * An SMSC that knows no SMPP beyond the header: it accepts every bind, answers every request with its response, a header
 * alone, and keeps the octets of all that came.
 */
export class RawCarrier implements Disposable {
  readonly #server: Server;
  /** Those that have been bound, and are open. */
  readonly #bound: Socket[] = [];
  readonly #sockets = new Set<Socket>();
  /** Every whole PDU that came, on whichever session, in order. */
  readonly pdus: Buffer[] = [];

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', socket => this.#accept(socket));
  }

  static async listen(): Promise<RawCarrier> {
    const carrier = new RawCarrier(createServer());
    carrier.#server.listen(0, '127.0.0.1');
    await once(carrier.#server, 'listening');
    return carrier;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The PDUs with this command_id. */
  of(commandId: number): Buffer[] {
    return this.pdus.filter(pdu => pdu.readUInt32BE(4) === commandId);
  }

  /** Somebody is bound. */
  get isBound(): boolean {
    return this.#bound.length > 0;
  }

  /** Sends octets on its latest session. */
  send(octets: Buffer): void {
    this.#bound.at(-1)!.write(octets);
  }

  [Symbol.dispose](): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      if (this.#bound.includes(socket)) this.#bound.splice(this.#bound.indexOf(socket), 1);
    });
    let octets: Buffer = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      octets = Buffer.concat([octets, chunk]);
      const pdus = cut(octets);
      octets = octets.subarray(pdus.reduce((length, pdu) => length + pdu.length, 0));
      for (const pdu of pdus) this.#take(socket, pdu);
    });
  }

  #take(socket: Socket, pdu: Buffer): void {
    this.pdus.push(pdu);
    const commandId = pdu.readUInt32BE(4);
    if (BINDS.has(commandId)) this.#bound.push(socket);
    if (commandId < 0x80000000) socket.write(headerPdu(commandId + 0x80000000, 0, pdu.readUInt32BE(12)));
  }
}
