import { connect, createServer, type Server, type Socket } from 'node:net';

/** What becomes of what a client sends next. */
export type Fault =
  /** It goes through, and its reply comes back. */
  | 'none'
  /** It goes through; when the server begins to reply, the line is cut: the reply is lost. */
  | 'cut-reply'
  /** The line is cut before it goes through. */
  | 'cut-request'
  /** Nothing goes through any more, and nobody is told: a black hole. */
  | 'silence';

/** A TCP proxy to a server at 127.0.0.1 that loses what it is told to lose. */
export class CuttingProxy {
  readonly #target: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #fault: Fault = 'none';
  /** Requests that still go through before it. */
  #after = 0;
  /** How often it has cut a line. */
  cuts = 0;

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer(socket => this.#serve(socket));
  }

  static async to(target: number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(target);
    await new Promise<void>(resolve => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('the proxy is closed');
    return address.port;
  }

  /** After so many requests more; cuts happen once, silence lasts until another fault is set. */
  set(fault: Fault, after = 0): void {
    this.#fault = fault;
    this.#after = after;
  }

  /** Cuts all lines that there are. */
  cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cutAll();
    await new Promise<void>(resolve => this.#server.close(() => resolve()));
  }

  #serve(client: Socket): void {
    const server = connect(this.#target, '127.0.0.1');
    let losesReply = false;
    const end = (): void => {
      this.#sockets.delete(client);
      client.destroy();
      server.destroy();
    };
    this.#sockets.add(client);
    client.on('data', chunk => {
      if (this.#after > 0) {
        this.#after--;
        server.write(chunk);
        return;
      }
      if (this.#fault === 'silence') return;
      if (this.#fault === 'cut-request') {
        this.#cut(end);
        return;
      }
      if (this.#fault === 'cut-reply') {
        losesReply = true;
        this.#fault = 'none';
      }
      server.write(chunk);
    });
    server.on('data', chunk => {
      if (losesReply) this.#cut(end);
      else if (this.#fault !== 'silence' || this.#after > 0) client.write(chunk);
    });
    for (const socket of [client, server]) socket.on('error', end).on('close', end);
  }

  #cut(end: () => void): void {
    this.#fault = 'none';
    this.cuts++;
    end();
  }
}
