import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * The line to a carrier: a node connects to `port`, the carrier listens elsewhere. It can be cut and mended, as when the
 * carrier goes down and comes back.
 */
export class CarrierLine implements Disposable {
  readonly #carrierPort: number;
  #server: Server | undefined;
  #port = 0;
  readonly #toCarrier = new Set<Socket>();

  /** @param carrierPort where the carrier listens */
  constructor(carrierPort: number) {
    this.#carrierPort = carrierPort;
  }

  /** Where the carrier seems to listen. Fixed from the first `mend` on. */
  get port(): number {
    return this.#port;
  }

  get sessions(): number {
    return this.#toCarrier.size;
  }

  /** Connections are taken. */
  async mend(): Promise<void> {
    this.#server = createServer({ allowHalfOpen: true }, node => this.#join(node));
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as { port: number }).port;
  }

  /** Nobody listens, and the carrier's sessions end: what it had said is still passed on. */
  cut(): void {
    this.#server?.close();
    this.#server = undefined;
    for (const socket of this.#toCarrier) socket.end();
  }

  [Symbol.dispose](): void {
    this.cut();
    for (const socket of this.#toCarrier) socket.destroy();
  }

  #join(node: Socket): void {
    const carrier = connect({ port: this.#carrierPort, host: '127.0.0.1', allowHalfOpen: true });
    this.#toCarrier.add(carrier);
    for (const socket of [node, carrier]) socket.setNoDelay(true).on('error', () => undefined);
    node.on('data', chunk => {
      if (!carrier.writableEnded) carrier.write(chunk);
    });
    node.on('end', () => carrier.end());
    node.on('close', () => carrier.destroy());
    carrier.on('data', chunk => node.write(chunk));
    carrier.on('end', () => node.end());
    carrier.on('close', () => {
      this.#toCarrier.delete(carrier);
      node.destroySoon();
    });
  }
}
