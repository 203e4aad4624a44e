import { createServer, type Server, type Socket } from 'node:net';
import type { Server as TlsServer, TLSSocket } from 'node:tls';
import type { AllowList } from '../../actors/accounts/allow-ips.ts';
import { readProxyHeader } from './proxy-protocol.ts';
import { tlsServer, type ServerTls } from './server-tls.ts';

export interface DoorSettings {
  readonly host: string;
  readonly port: number;
  /** undefined: without TLS. */
  readonly tls: ServerTls | undefined;
}

export interface DoorDeps {
  /** Balancers: their connections begin with a PROXY header. Undefined: nobody is one. */
  readonly balancers: AllowList | undefined;
  /** How long PROXY header and TLS handshake may take together, ms. */
  readonly limitMs: number;
  /** Most connections that are at one of them. */
  readonly most: number;
  /** A connection has come in. @param address of the peer itself, behind whatever balancer */
  readonly enter: (socket: Socket, address: string) => void;
  readonly turnedAway: () => void;
}

/**
 * One port: what comes before the first octet of SMPP, the balancer's word on who is there and the TLS handshake. Every
 * worker opens the same port.
 */
export class Door {
  readonly #settings: DoorSettings;
  readonly #deps: DoorDeps;
  readonly #server: Server;
  readonly #tls: TlsServer | undefined;
  /** On their way in, the oldest first. */
  readonly #waiting = new Map<Socket, NodeJS.Timeout>();
  /** By remote port and address: who is there, since TLS gives us another socket than it was given. */
  readonly #behind = new Map<string, { readonly raw: Socket; readonly address: string }>();

  constructor(settings: DoorSettings, deps: DoorDeps) {
    this.#settings = settings;
    this.#deps = deps;
    this.#server = createServer(socket => this.#connected(socket));
    if (!settings.tls) return;
    this.#tls = tlsServer(settings.tls);
    this.#tls.on('secureConnection', socket => this.#secured(socket));
    this.#tls.on('tlsClientError', (_error, socket) => socket.destroy());
  }

  /** Opens the port and returns it. @throws the system's error, EADDRINUSE for one */
  listen(): Promise<number> {
    const { host, port } = this.#settings;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port, reusePort: true, backlog: 1024 }, () => {
        this.#server.off('error', reject);
        resolve((this.#server.address() as { port: number }).port);
      });
    });
  }

  /** Nobody comes in any more. */
  close(): void {
    this.#server.close();
    for (const socket of this.#waiting.keys()) socket.destroy();
  }

  #connected(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    const isBalancer = this.#deps.balancers?.allows(address) ?? false;
    if (!isBalancer && !this.#tls) {
      this.#deps.enter(socket, address);
      return;
    }
    if (this.#waiting.size >= this.#deps.most) this.#makeRoom();
    const timer = setTimeout(() => socket.destroy(), this.#deps.limitMs).unref();
    this.#waiting.set(socket, timer);
    socket.on('error', () => socket.destroy());
    const key = keyOf(socket);
    socket.once('close', () => {
      this.#leave(socket);
      this.#behind.delete(key);
    });
    if (isBalancer) this.#readHeader(socket, address);
    else this.#passOn(socket, address);
  }

  #readHeader(socket: Socket, own: string): void {
    let octets: Buffer = Buffer.alloc(0);
    const take = (chunk: Buffer): void => {
      octets = octets.length === 0 ? chunk : Buffer.concat([octets, chunk]);
      const header = readProxyHeader(octets);
      if (header.type === 'more') return;
      socket.off('data', take);
      if (header.type === 'invalid') {
        socket.destroy();
        return;
      }
      socket.pause();
      if (octets.length > header.length) socket.unshift(octets.subarray(header.length));
      this.#passOn(socket, header.address ?? own);
    };
    socket.on('data', take);
  }

  #passOn(socket: Socket, address: string): void {
    if (!this.#tls) {
      this.#in(socket, socket, address);
      return;
    }
    this.#behind.set(keyOf(socket), { raw: socket, address });
    this.#tls.emit('connection', socket);
  }

  #secured(socket: TLSSocket): void {
    const behind = this.#behind.get(keyOf(socket));
    // Certificates are optional where they are not required, a wrong one is not.
    const isWrong = !socket.authorized && Object.keys(socket.getPeerCertificate()).length > 0;
    if (!behind || (this.#settings.tls!.caFile !== '' && isWrong)) socket.destroy();
    else this.#in(behind.raw, socket, behind.address);
  }

  #in(raw: Socket, socket: Socket, address: string): void {
    this.#leave(raw);
    this.#deps.enter(socket, address);
    socket.resume();
  }

  #leave(socket: Socket): void {
    clearTimeout(this.#waiting.get(socket));
    this.#waiting.delete(socket);
  }

  #makeRoom(): void {
    const [oldest] = this.#waiting.keys();
    oldest?.destroy();
    if (oldest) this.#leave(oldest);
    this.#deps.turnedAway();
  }
}

const keyOf = ({ remotePort, remoteAddress }: Socket): string => `${remotePort} ${remoteAddress}`;
