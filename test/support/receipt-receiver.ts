import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { waitUntil } from './wait-until.ts';

/** A request that a receipt came by. */
export interface Pushed {
  readonly method: string;
  /** Path and query as they came. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Parameters of the query, or of a form. */
  readonly fields: Readonly<Record<string, string>>;
  /** The body as JSON; {} when it is none. */
  readonly json: Readonly<Record<string, unknown>>;
}

/** Answers a request: at once, later or never. */
export type Answering = (response: ServerResponse, pushed: Pushed) => void;

export const saying =
  (status: number, body = ''): Answering =>
  response =>
    void response.writeHead(status).end(body);

/** An application that is told of its messages by HTTP, on 127.0.0.1. */
export class ReceiptReceiver implements AsyncDisposable {
  readonly pushed: Pushed[] = [];
  /** What is said to each of them. */
  answering: Answering = saying(200);
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const pushed = read(request.method!, request.url!, request.headers, Buffer.concat(chunks).toString());
        this.pushed.push(pushed);
        this.answering(response, pushed);
      });
    });
  }

  /** @param port 0: any */
  static async listen(port = 0): Promise<ReceiptReceiver> {
    const server = createServer();
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return new ReceiptReceiver(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  url(path = '/receipts'): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  /** Waits for so many, and returns them. */
  async took(count: number, limitMs = 20_000): Promise<readonly Pushed[]> {
    await waitUntil(`${count} receipts by HTTP`, () => this.pushed.length >= count, limitMs);
    return this.pushed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }
}

function read(method: string, url: string, headers: IncomingHttpHeaders, body: string): Pushed {
  const isForm = headers['content-type'] === 'application/x-www-form-urlencoded' && method === 'POST';
  const query = isForm ? body : (url.split('?')[1] ?? '');
  const isJson = headers['content-type'] === 'application/json';
  return {
    method,
    url,
    headers,
    body,
    fields: Object.fromEntries(new URLSearchParams(query)),
    json: isJson ? (JSON.parse(body) as Record<string, unknown>) : {},
  };
}
