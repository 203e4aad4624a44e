import { createServer, type Server } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { HttpEnv } from './guard.ts';
import { Problem } from './problem.ts';

export interface ApiListenerSettings {
  readonly host: string;
  readonly port: number;
  /** Most connections at once in this worker; more are closed at once. */
  readonly maxConnections: number;
}

/** Requests and answers of a worker, by plain additions. */
export interface ApiCounters {
  requests: number;
  /** Answers by their status: below 400, below 500, the others. */
  answers2xx: number;
  answers4xx: number;
  answers5xx: number;
}

/** From the first octet of a request to the end of its head, and of all of it, ms. */
const HEAD_LIMIT_MS = 5_000;
const REQUEST_LIMIT_MS = 10_000;
/** How often those limits are looked at. */
const LOOK_MS = 1_000;
/** An idle connection is kept for the next request; longer than the idle time of common balancers (60 s). */
const KEEP_ALIVE_MS = 65_000;
const HEAD_OCTETS = 16 * 1024;

/** Takes HTTP connections in this worker. Every worker listens on the same port: the kernel spreads them. */
export class ApiListener {
  readonly #settings: ApiListenerSettings;
  readonly #server: Server;
  readonly #counters: ApiCounters;
  #connections = 0;
  #closing = false;

  constructor(settings: ApiListenerSettings, app: OpenAPIHono<HttpEnv>, counters: ApiCounters) {
    this.#settings = settings;
    this.#counters = counters;
    const answer = getRequestListener((request, env) => app.fetch(request, env), {
      // What cannot be made a request of: no Host, a target that is no URL.
      errorHandler: () => new Problem('bad-request', 'the request line or the Host header is wrong').response(),
    });
    this.#server = createServer(
      {
        headersTimeout: HEAD_LIMIT_MS,
        requestTimeout: REQUEST_LIMIT_MS,
        connectionsCheckingInterval: LOOK_MS,
        keepAliveTimeout: KEEP_ALIVE_MS,
        maxHeaderSize: HEAD_OCTETS,
        noDelay: true,
      },
      (incoming, outgoing) => {
        this.#counters.requests++;
        if (this.#closing) outgoing.setHeader('connection', 'close');
        void answer(incoming, outgoing).then(() => this.#answered(outgoing.statusCode));
      },
    );
    this.#server.maxConnections = settings.maxConnections;
    this.#server.on('connection', socket => {
      this.#connections++;
      socket.once('close', () => this.#connections--);
    });
  }

  get connections(): number {
    return this.#connections;
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

  /** Takes no more connections; those that wait for an answer get it, and end with it. May be called again. */
  close(): void {
    if (!this.#closing) this.#server.close();
    this.#closing = true;
    this.#server.closeIdleConnections();
  }

  #answered(status: number): void {
    if (status < 400) this.#counters.answers2xx++;
    else if (status < 500) this.#counters.answers4xx++;
    else this.#counters.answers5xx++;
  }

  /** Ends every connection. */
  stop(): void {
    this.close();
    this.#server.closeAllConnections();
  }
}
